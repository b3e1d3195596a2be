//! Reads a request's body reader into the exchange, piece by piece, on a thread that may block.
//!
//! Invariant: two buffers, whatever the length of the body.

use std::io::Read;
use std::sync::{Arc, PoisonError};

use quicpro_core::codec::to_u64;

use crate::body::Source;
use crate::driver::{BUFFER_BYTES, Driver, Exchange, Stopped};
use crate::error::{Cause, Failure, Phase};

/// Reads `source` to its end, or until nobody wants more of it.
pub(crate) fn pump(exchange: &Arc<Exchange>, driver: &Driver, mut source: Source) {
    let end = pump_pieces(exchange, driver, &mut source);
    if let Ok(end) = end
        && exchange.offer_end(end)
    {
        driver.make_room(exchange);
    }
}

fn pump_pieces(
    exchange: &Arc<Exchange>,
    driver: &Driver,
    source: &mut Source,
) -> Result<Result<(), Failure>, Stopped> {
    let reader = source
        .reader
        .get_mut()
        .unwrap_or_else(PoisonError::into_inner);
    let mut sent = 0u64;
    let mut piece = driver.buffer();
    loop {
        piece.clear();
        let mut limited = reader.take(to_u64(BUFFER_BYTES));
        if let Err(error) = limited.read_to_end(&mut piece) {
            let message = format!("cannot read the request's body: {error}");
            return Ok(Err(Failure::new(Phase::Body, Cause::Other, message)));
        }
        if piece.is_empty() {
            break;
        }
        sent += to_u64(piece.len());
        if exchange.offer(&mut piece)? {
            driver.make_room(exchange);
        }
    }
    driver.give_back(piece);
    match source.length {
        Some(length) if sent < length => {
            let message = format!("the request's body ended after {sent} of {length} bytes");
            Ok(Err(Failure::new(Phase::Body, Cause::Other, message)))
        }
        _ => Ok(Ok(())),
    }
}
