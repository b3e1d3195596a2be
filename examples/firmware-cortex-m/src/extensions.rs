//! What the engine's optional features do here. Without them nothing of it is in the image.

#[cfg(any(feature = "cubic", feature = "bbr"))]
use quicpro_core::congestion::Congestion;
use quicpro_core::{Client, ClientConfig, Instant, Limits};

use crate::exit::Failure;
use crate::network::{EngineSocket, Network};

/// Bytes of memory that those which are on may need beside a client's without them. Each of the three paths that
/// `migration` has room for keeps a congestion controller of its own.
pub const RAM_MAX: usize = bytes(cfg!(feature = "migration"), 1024)
    + bytes(cfg!(feature = "bbr"), 1024) * if cfg!(feature = "migration") { 3 } else { 1 }
    + bytes(cfg!(feature = "datagrams"), 640)
    + bytes(cfg!(feature = "pmtud"), 512);

const fn bytes(is_on: bool, bytes: usize) -> usize {
    if is_on { bytes } else { 0 }
}

/// Where they need other limits.
pub const fn limits(limits: Limits) -> Limits {
    #[cfg(feature = "datagrams")]
    let limits = limits.datagrams(256);
    // What an Ethernet frame carries. The engine looks for what the path does.
    #[cfg(feature = "pmtud")]
    let limits = limits.datagram(1472);
    limits
}

/// The configuration with what they can do turned on.
pub fn configured(config: ClientConfig<'_>) -> ClientConfig<'_> {
    #[cfg(feature = "cubic")]
    let config = config.congestion(Congestion::Cubic);
    #[cfg(feature = "bbr")]
    let config = config.congestion(Congestion::Bbr);
    #[cfg(feature = "ack-frequency")]
    let config = config.fewer_acknowledgements(true);
    config
}

/// Before a connection begins.
pub fn prepare(client: &mut Client<'static>) {
    // Without features nothing is left to do with it.
    let _ = &client;
    #[cfg(feature = "records")]
    ring::attach(client);
}

/// The server is verified.
pub fn connected(client: &mut Client<'_>) {
    let _ = &client;
    #[cfg(feature = "datagrams")]
    {
        // A reading that nobody misses if it is lost.
        let sent = client.transport_mut().send_datagram(b"21.5");
        defmt::info!("datagram sent: {=bool}", sent.is_ok());
    }
}

/// After the exchange.
pub fn tell() {
    #[cfg(feature = "records")]
    ring::tell();
}

/// Goes on from another port, once, as if the device had changed its network.
#[derive(Default)]
pub struct Wanderer {
    #[cfg(feature = "migration")]
    has_moved: bool,
}

impl Wanderer {
    /// Gives the socket that is to be used from now on: without `migration`, the same.
    pub fn follow<'n>(
        &mut self,
        client: &mut Client<'_>,
        network: &'n Network,
        socket: EngineSocket<'n>,
        now: Instant,
    ) -> Result<EngineSocket<'n>, Failure> {
        let _ = (&client, network, now);
        #[cfg(feature = "migration")]
        if !core::mem::replace(&mut self.has_moved, true) {
            socket.close()?;
            let transport = client.transport_mut();
            let moved = transport.migrate_at_once(now, network.next_address());
            defmt::info!("moved: {=bool}", moved.is_ok());
            return Ok(network.engine_socket(transport.remote())?);
        }
        Ok(socket)
    }
}

/// The latest events, in memory.
#[cfg(feature = "records")]
mod ring {
    use core::sync::atomic::AtomicU32;

    use quicpro_core::trace::record::{Recorder, dump, ring_words};
    use quicpro_core::{Client, trace::Sink};
    use static_cell::StaticCell;

    /// 4 KB of the latest events.
    const RECORDS: usize = 128;

    static RING: [AtomicU32; ring_words(RECORDS)] =
        [const { AtomicU32::new(0) }; ring_words(RECORDS)];
    static RECORDER: StaticCell<Recorder<'static>> = StaticCell::new();

    pub fn attach(client: &mut Client<'static>) {
        let recorder = RECORDER.init_with(|| Recorder::new(&RING));
        let transport = client.transport_mut();
        transport.set_sink((recorder as &mut dyn Sink).into());
    }

    /// Prints it for whoever decodes it elsewhere.
    pub fn tell() {
        dump(&RING, |word| defmt::info!("ring {=[u8; 4]:02x}", word));
    }
}
