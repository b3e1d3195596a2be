//! The client's defaults, each with its reason.

use std::time::Duration;

/// From the first packet to a verified handshake, name lookup included.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a response may be silent; a body may take as long as it likes while bytes arrive.
pub const READ_IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// What `bytes`, `text` and `json` read at most, so that a server cannot fill the memory: 16 MiB.
pub const BODY_LIMIT: usize = 16 << 20;

/// Redirects followed by default.
pub const REDIRECTS: usize = 10;

/// Workers of the client's event loop by default.
pub const EVENT_LOOP_WORKERS: usize = 4;

/// Requests that may wait on one connection for the server to allow further streams.
pub const QUEUED_REQUESTS: usize = 4_096;

/// An address that has not answered gets company after this long (RFC 8305 §8: 250 ms).
pub const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// A first flight unanswered for this long is given up: three times the first probe timeout of RFC 9002 §6.2.2,
/// 999 ms.
pub const NO_ANSWER: Duration = Duration::from_millis(3 * 999);

/// What a request carries unless the caller sets it.
pub(crate) const USER_AGENT: &str = concat!("quicpro/", env!("CARGO_PKG_VERSION"));

/// After this much silence a connection counts as dead.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// A connection that speaks again after this much silence does so to another connection ID of the server (RFC 9000
/// §9.5): in the meantime a translator may have forgotten it, or the machine may have moved, and nobody on the way shall
/// know it again. Translators keep UDP for half a minute at least, mostly (RFC 4787 §4.3 asks for two).
pub const ROTATE_AFTER_SILENCE: Duration = Duration::from_secs(10);

/// A connection without requests is closed after this long.
pub const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(90);
