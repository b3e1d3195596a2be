//! The client's defaults, each with its reason.

use core::time::Duration;

use quicpro_core::Limits;

/// From the name lookup to a verified handshake.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A first flight unanswered for this long is given up, and the name's next address tried: three times the first probe
/// timeout of RFC 9002 §6.2.2, 999 ms.
pub const NO_ANSWER: Duration = Duration::from_millis(3 * 999);

/// How long a server may be silent during a request; a body may take as long as it likes while bytes arrive.
pub const READ_IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// After this much silence a connection counts as dead.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// What `bytes` and `text` read at most, so that a server cannot fill the memory: 16 MiB.
pub const BODY_LIMIT: usize = 16 << 20;

/// Connections without a request that are kept, the youngest.
pub const IDLE_CONNECTIONS: usize = 4;

/// The memory of a connection: one request at a time, a quarter of a megabyte under way, and handshakes with RSA
/// chains.
pub const LIMITS: Limits = Limits::SMALL
    .requests(1)
    .draining(3)
    .receive_window(256 * 1024)
    .receive_chunk(2048)
    .send_window(64 * 1024)
    .send_chunk(1024)
    .packets_in_flight(256)
    .handshake(16 * 1024)
    .field_section(16 * 1024)
    .field_line(8 * 1024);

const _: () = assert!(LIMITS.problem().is_none());

/// What a request carries unless the caller sets it.
pub(crate) const USER_AGENT: &str = concat!("quicpro/", env!("CARGO_PKG_VERSION"));
