//! An HTTP/3 server of canned bytes, for orders of events that h3 cannot produce.
//!
//! Invariant: what is sent is legal HTTP/3; only its timing is odd.

use super::count;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

/// HEADERS with `:status: 200` from the static table, then DATA with `late`.
const RESPONSE: &[u8] = b"\x01\x03\x00\x00\xd9\x00\x04late";
/// Stream type "control", then an empty SETTINGS frame.
const CONTROL: &[u8] = b"\x00\x04\x00";
/// A request longer than this is none of ours.
const REQUEST_MAX: usize = 64 * 1024;

/// Answers requests; opens the control stream only `delay` after the first answer. No QPACK streams at all.
pub(super) async fn late_settings(
    connection: &quinn::Connection,
    requests: &AtomicUsize,
    delay: Duration,
) {
    let mut control = None;
    while let Ok((send, receive)) = connection.accept_bi().await {
        count(requests);
        if answer(send, receive).await.is_err() {
            continue;
        }
        if control.is_none() {
            tokio::time::sleep(delay).await;
            let Ok(mut stream) = connection.open_uni().await else {
                return;
            };
            if stream.write_all(CONTROL).await.is_err() {
                return;
            }
            control = Some(stream);
        }
    }
}

async fn answer(
    mut send: quinn::SendStream,
    mut receive: quinn::RecvStream,
) -> Result<(), std::io::Error> {
    receive
        .read_to_end(REQUEST_MAX)
        .await
        .map_err(std::io::Error::other)?;
    send.write_all(RESPONSE).await?;
    send.finish()?;
    Ok(())
}
