//! HTTP/3 against a scripted server: real streams underneath, no packets, no TLS.

mod exchange;
mod hostile;
mod peer;
mod rules;

use peer::{Pair, data, headers, status};
