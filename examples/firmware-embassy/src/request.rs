//! What a product writes for embassy: the client in a task, awaited.

use core::future::pending;
use core::net::SocketAddr;

use embassy_executor::task;
use embassy_net::udp::{PacketMetadata, SendError, UdpSocket};
use embassy_net::{IpEndpoint, Stack};
use embassy_time::Timer;
use embedded_io_async::ErrorKind;
use embedded_nal_async::ConnectedUdp;
use quicpro_core::io::nal_async::drive;
use quicpro_core::io::{Clock, Entropy};
use quicpro_core::{Client, Instant, Storage};
use quicpro_firmware::arguments::Arguments;
use quicpro_firmware::client::{ClientStorage, Datagram, Exchange, LIMITS};
use quicpro_firmware::entropy::Seed;
use quicpro_firmware::exit::{Failure, end};
use quicpro_firmware::{network, trust};
use static_cell::{ConstStaticCell, StaticCell};

static STORAGE: ConstStaticCell<ClientStorage> = ConstStaticCell::new(Storage::new());
static CLIENT: StaticCell<Client<'static>> = StaticCell::new();
static DATAGRAM: ConstStaticCell<Datagram> = ConstStaticCell::new([0; LIMITS.datagram]);
/// One datagram in, one out.
static BUFFERS: ConstStaticCell<[Datagram; 2]> = ConstStaticCell::new([[0; LIMITS.datagram]; 2]);

#[task]
pub async fn run(stack: Stack<'static>, arguments: Arguments<'static>) {
    end(exchange(stack, &arguments).await)
}

async fn exchange(stack: Stack<'static>, arguments: &Arguments<'static>) -> Result<(), Failure> {
    let [received, sent] = BUFFERS.take();
    let (mut incoming, mut outgoing) = ([PacketMetadata::EMPTY], [PacketMetadata::EMPTY]);
    let mut socket = UdpSocket::new(stack, &mut incoming, received, &mut outgoing, sent);
    socket.bind(0).map_err(|_| network::Error::NoSocket)?;
    let SocketAddr::V4(server) = arguments.server else {
        return Err(network::Error::Address.into());
    };
    let mut socket = Connected {
        socket,
        remote: server.into(),
    };

    let client = connect(arguments)?;
    let mut exchange = Exchange::new(arguments.get, arguments.post);
    let datagram = DATAGRAM.take();
    let patience = EmbassyTime.now() + arguments.patience;
    while !exchange.is_complete() {
        if EmbassyTime.now() >= patience {
            return Err(Failure::TimedOut);
        }
        turn(client, &mut socket, arguments.server, datagram, patience).await?;
        exchange.follow(client)?;
    }
    client.close(EmbassyTime.now());
    turn(
        client,
        &mut socket,
        arguments.server,
        datagram,
        EmbassyTime.now(),
    )
    .await
}

/// Sends what there is to send, and waits for a datagram or for time to pass.
async fn turn(
    client: &mut Client<'static>,
    socket: &mut Connected<'_>,
    server: SocketAddr,
    datagram: &mut Datagram,
    until: Instant,
) -> Result<(), Failure> {
    drive(
        client,
        socket,
        server,
        &EmbassyTime,
        sleep,
        datagram,
        Some(until),
    )
    .await
    .map_err(|NotSent| network::Error::Address)?;
    Ok(())
}

/// Puts a new client into its place. Not inlined: what it needs of the stack is free again afterwards.
#[inline(never)]
fn connect(arguments: &Arguments<'static>) -> Result<&'static mut Client<'static>, Failure> {
    let mut entropy = [0; 32];
    let Ok(()) = Seed::new(arguments.seed).fill(&mut entropy);
    let config = trust::config(arguments.date)?.server_name(arguments.name);
    let memory = STORAGE.take().memory();
    let client = CLIENT.init_with(|| Client::new(memory));
    client.start(&config, arguments.server, EmbassyTime.now(), entropy)?;
    Ok(client)
}

/// embassy's time is the engine's.
struct EmbassyTime;

impl Clock for EmbassyTime {
    fn now(&self) -> Instant {
        Instant::from_micros(embassy_time::Instant::now().as_micros())
    }
}

async fn sleep(until: Option<Instant>) {
    match until {
        Some(until) => Timer::at(embassy_time::Instant::from_micros(until.as_micros())).await,
        None => pending().await,
    }
}

/// embassy-net's socket, and the only address that it talks to.
struct Connected<'a> {
    socket: UdpSocket<'a>,
    remote: IpEndpoint,
}

/// The network has no way to the server.
#[derive(Debug)]
struct NotSent;

impl core::fmt::Display for NotSent {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("no way to the server")
    }
}

impl core::error::Error for NotSent {}

impl embedded_io_async::Error for NotSent {
    fn kind(&self) -> ErrorKind {
        ErrorKind::NotConnected
    }
}

impl ConnectedUdp for Connected<'_> {
    type Error = NotSent;

    async fn send(&mut self, data: &[u8]) -> Result<(), NotSent> {
        match self.socket.send_to(data, self.remote).await {
            Err(SendError::NoRoute) => Err(NotSent),
            _ => Ok(()),
        }
    }

    async fn receive_into(&mut self, buffer: &mut [u8]) -> Result<usize, NotSent> {
        loop {
            // Others' datagrams, and those that are too long, are none of this connection.
            if let Ok((length, from)) = self.socket.recv_from(buffer).await
                && from.endpoint == self.remote
            {
                return Ok(length);
            }
        }
    }
}
