//! Loss detection and congestion control (RFC 9002).

mod token;

pub use token::Token;
