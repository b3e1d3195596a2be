//! Who sends: our client or quinn's, each with one of its congestion controllers.
//!
//! Invariant: no limit but the congestion controller binds: windows and tables hold far more than the network.

use clap::ValueEnum;
use quicpro_core::congestion::Congestion;
use quicpro_core::mem::Object;
use quicpro_core::trace::Sink;
use quicpro_core::{ClientConfig, Instant, Limits};
use quicpro_tests::pair::ours::{self, Ours};
use quicpro_tests::pair::pattern::{self, Plan};
use quicpro_tests::pair::quinn::{self, Options, Quinn};
use quicpro_tests::pair::{Exchanger, our_pattern};
use quinn_proto::congestion::{BbrConfig, CubicConfig, NewRenoConfig};
use quinn_proto::{MtuDiscoveryConfig, TransportConfig, VarInt};
use std::sync::Arc;

/// Bytes that may be in flight or unread: 50 times what network and queue hold.
const WINDOW: u32 = 64 << 20;

/// A sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Sender {
    NewReno,
    Cubic,
    Bbr,
    QuinnNewReno,
    QuinnCubic,
    QuinnBbr,
}

/// Our client's configuration with a congestion controller; `None` where it has no such one.
fn config(sender: Sender) -> Option<ClientConfig<'static>> {
    let config = ours::config();
    match sender {
        Sender::NewReno => Some(config.congestion(Congestion::NewReno)),
        Sender::Cubic => Some(config.congestion(Congestion::Cubic)),
        Sender::Bbr => Some(config.congestion(Congestion::Bbr)),
        _ => None,
    }
}

impl Sender {
    /// Ours and theirs of the same kind.
    pub const RIVALS: [[Self; 2]; 3] = [
        [Self::NewReno, Self::QuinnNewReno],
        [Self::Cubic, Self::QuinnCubic],
        [Self::Bbr, Self::QuinnBbr],
    ];

    /// Those that can run.
    pub fn available() -> Vec<Self> {
        let all = Self::value_variants().iter().copied();
        all.filter(|sender| sender.is_theirs() || config(*sender).is_some())
            .collect()
    }

    /// Whether quinn plays it.
    pub fn is_theirs(self) -> bool {
        matches!(self, Self::QuinnNewReno | Self::QuinnCubic | Self::QuinnBbr)
    }

    /// For readers.
    pub fn title(self) -> &'static str {
        match self {
            Self::NewReno => "NewReno",
            Self::Cubic => "CUBIC",
            Self::Bbr => "BBRv3",
            Self::QuinnNewReno => "quinn NewReno",
            Self::QuinnCubic => "quinn CUBIC",
            Self::QuinnBbr => "quinn BBR",
        }
    }

    /// A client that uploads `bytes`, and asks for one byte in return.
    pub fn client(self, now: Instant, seed: u64, bytes: u64, mtu: u16) -> Box<dyn Exchanger> {
        self.client_with(now, seed, bytes, mtu, None)
    }

    /// As [`client`](Self::client); a client of ours tells `sink` what it does.
    pub fn client_with(
        self,
        now: Instant,
        seed: u64,
        bytes: u64,
        mtu: u16,
        sink: Option<Object<'static, dyn Sink>>,
    ) -> Box<dyn Exchanger> {
        let plans = [Plan { up: bytes, down: 1 }];
        if self.is_theirs() {
            let options = Options {
                transport: self.transport(mtu),
                ..Options::default()
            };
            let application = pattern::Client::new(&plans);
            let root = quinn::root();
            return Box::new(Quinn::client_at(now, seed, options, root, application));
        }
        let config = config(self).expect("the sender is available");
        let limits = Limits::DESKTOP
            .send_window(32 << 20)
            .packets_in_flight(32_000);
        let application = our_pattern::Client::new(&plans, 1000);
        let mut client = Ours::at(now, seed, limits, &config, application);
        if let Some(sink) = sink {
            client.connection.set_sink(sink);
        }
        Box::new(client)
    }

    fn transport(self, mtu: u16) -> TransportConfig {
        let mut transport = transport(mtu);
        match self {
            Self::QuinnNewReno => {
                transport.congestion_controller_factory(Arc::new(NewRenoConfig::default()))
            }
            Self::QuinnBbr => {
                transport.congestion_controller_factory(Arc::new(BbrConfig::default()))
            }
            _ => transport.congestion_controller_factory(Arc::new(CubicConfig::default())),
        };
        transport
    }
}

/// A receiver that holds nobody back.
pub fn server(seed: u64, mtu: u16) -> Quinn<pattern::Server> {
    let options = Options {
        transport: transport(mtu),
        ..Options::default()
    };
    Quinn::server(seed, options, pattern::Server::default())
}

fn transport(mtu: u16) -> TransportConfig {
    let mut transport = TransportConfig::default();
    let discovery = (mtu > 1200).then(MtuDiscoveryConfig::default);
    transport
        .stream_receive_window(VarInt::from_u32(WINDOW))
        .receive_window(VarInt::from_u32(WINDOW))
        .send_window(WINDOW.into())
        .mtu_discovery_config(discovery);
    transport
}
