//! What the server answers on each of its paths; [`super::Server`] has the table.
//!
//! Invariant: a path that is not there to misbehave reads its request to the end, so that only `/stop`
//! makes quinn send STOP_SENDING.

use crate::body::{self, BodyDigest};
use bytes::{Buf, Bytes};
use h3::error::StreamError;
use h3_quinn::BidiStream;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use std::fmt::Write;
use std::time::Duration;

type Stream = h3::server::RequestStream<BidiStream<Bytes>, Bytes>;

/// One request and the way back.
pub(super) struct Exchange {
    pub(super) request: Request<()>,
    pub(super) stream: Stream,
    pub(super) connection: quinn::Connection,
}

/// How an answer ends.
enum End {
    /// The stream is finished and the rest of the request is read.
    Finish,
    /// The stream is finished; dropping it unread then sends STOP_SENDING(0).
    FinishUnread,
    /// The path has ended the stream or the connection itself.
    Ended,
}

/// A promised body of 2,000 bytes of which half is sent.
const PROMISED: u64 = 2000;
/// Time for the client to get the first half before things go wrong.
const BREATH: Duration = Duration::from_millis(50);
/// Time for a complete answer to arrive and be acknowledged on loopback.
const ARRIVAL: Duration = Duration::from_millis(100);

/// Answers; an error means that the client went away, which its own side of the test knows.
pub(super) async fn answer(mut exchange: Exchange) {
    let Ok(end) = route(&mut exchange).await else {
        return;
    };
    match end {
        End::Finish => drop(exchange.finish_and_drain().await),
        End::FinishUnread => {
            if exchange.stream.finish().await.is_ok() {
                tokio::time::sleep(ARRIVAL).await;
            }
        }
        End::Ended => {}
    }
}

async fn route(exchange: &mut Exchange) -> Result<End, StreamError> {
    let path = exchange.request.uri().path().to_owned();
    let mut parts = path.trim_start_matches('/').split('/');
    let name = parts.next().unwrap_or_default();
    let number: u64 = parts.next().and_then(|part| part.parse().ok()).unwrap_or(0);
    match name {
        "gen" => exchange.generate(number).await?,
        "echo" => exchange.echo().await?,
        "sink" => exchange.sink().await?,
        "request" => exchange.describe_request().await?,
        "status" => exchange.head(response(number, Some(0))).await?,
        "redirect" => exchange.redirect(number).await?,
        "trailers" => exchange.trailers().await?,
        "early" => exchange.early().await?,
        "headers" => exchange.many_fields(number).await?,
        "slow" => exchange.slow(Duration::from_millis(number)).await?,
        "keyupdate" => exchange.key_updates().await?,
        "certificate" => exchange.client_certificate().await?,
        "goaway" => exchange.text("goaway").await?,
        "short" => exchange.half().await?,
        "stop" => {
            exchange.text("stop").await?;
            return Ok(End::FinishUnread);
        }
        "reset" => {
            exchange.half().await?;
            exchange
                .stream
                .stop_stream(h3::error::Code::H3_INTERNAL_ERROR);
            return Ok(End::Ended);
        }
        "close" => {
            exchange.half().await?;
            exchange
                .connection
                .close(quinn::VarInt::from_u32(0x102), b"asked to close");
            return Ok(End::Ended);
        }
        "hang" => {
            exchange.half().await?;
            exchange.connection.closed().await;
            return Ok(End::Ended);
        }
        _ => exchange.head(response(404, Some(0))).await?,
    }
    Ok(End::Finish)
}

fn response(status: u64, content_length: Option<u64>) -> Response<()> {
    let mut response = Response::new(());
    let status = u16::try_from(status)
        .ok()
        .and_then(|status| StatusCode::from_u16(status).ok());
    *response.status_mut() = status.unwrap_or(StatusCode::BAD_REQUEST);
    let fields = response.headers_mut();
    fields.insert(header::SERVER, HeaderValue::from_static("quinn-h3"));
    fields.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    if let Some(length) = content_length {
        fields.insert(header::CONTENT_LENGTH, length.into());
    }
    response
}

impl Exchange {
    async fn head(&mut self, response: Response<()>) -> Result<(), StreamError> {
        self.stream.send_response(response).await
    }

    async fn data(&mut self, data: impl Into<Bytes>) -> Result<(), StreamError> {
        self.stream.send_data(data.into()).await
    }

    async fn text(&mut self, text: impl Into<Bytes>) -> Result<(), StreamError> {
        let text = text.into();
        self.head(response(200, Some(text.len() as u64))).await?;
        self.data(text).await
    }

    async fn finish_and_drain(&mut self) -> Result<(), StreamError> {
        self.stream.finish().await?;
        while self.stream.recv_data().await?.is_some() {}
        Ok(())
    }

    async fn generate(&mut self, length: u64) -> Result<(), StreamError> {
        self.head(response(200, Some(length))).await?;
        if self.request.method() == Method::HEAD {
            return Ok(());
        }
        for piece in body::pieces(length) {
            self.data(piece).await?;
        }
        Ok(())
    }

    async fn echo(&mut self) -> Result<(), StreamError> {
        self.head(response(200, None)).await?;
        while let Some(mut piece) = self.stream.recv_data().await? {
            let piece = piece.copy_to_bytes(piece.remaining());
            self.stream.send_data(piece).await?;
        }
        Ok(())
    }

    async fn sink(&mut self) -> Result<(), StreamError> {
        let mut digest = BodyDigest::default();
        while let Some(mut piece) = self.stream.recv_data().await? {
            digest.update(&piece.copy_to_bytes(piece.remaining()));
        }
        let length = digest.len();
        let text = digest.finish();
        let mut head = response(200, Some(text.len() as u64));
        head.headers_mut().insert("x-length", length.into());
        self.head(head).await?;
        self.data(text).await
    }

    async fn describe_request(&mut self) -> Result<(), StreamError> {
        let mut text = format!("{} {}\n", self.request.method(), self.request.uri());
        for (name, value) in self.request.headers() {
            let value = String::from_utf8_lossy(value.as_bytes());
            writeln!(text, "{name}: {value}").expect("a String takes everything");
        }
        self.text(text).await
    }

    async fn redirect(&mut self, status: u64) -> Result<(), StreamError> {
        let mut head = response(status, Some(0));
        let location = self
            .request
            .uri()
            .query()
            .and_then(|query| HeaderValue::from_str(query).ok());
        head.headers_mut()
            .extend(location.map(|location| (header::LOCATION, location)));
        self.head(head).await
    }

    async fn trailers(&mut self) -> Result<(), StreamError> {
        self.head(response(200, None)).await?;
        self.data("body-before-trailers\n").await?;
        let mut fields = HeaderMap::new();
        fields.insert("x-checksum", HeaderValue::from_static("abc123"));
        fields.insert("grpc-status", HeaderValue::from_static("0"));
        self.stream.send_trailers(fields).await
    }

    async fn early(&mut self) -> Result<(), StreamError> {
        let mut early = Response::new(());
        *early.status_mut() = StatusCode::EARLY_HINTS;
        early.headers_mut().insert(
            header::LINK,
            HeaderValue::from_static("</a.css>; rel=preload"),
        );
        self.head(early).await?;
        self.text("ok").await
    }

    async fn many_fields(&mut self, count: u64) -> Result<(), StreamError> {
        let mut head = response(200, Some(0));
        for n in 0..count {
            let name = HeaderName::from_bytes(format!("x-field-{n}").as_bytes())
                .expect("letters, digits, hyphens");
            head.headers_mut().insert(
                name,
                HeaderValue::from_str(&"v".repeat(100)).expect("letters"),
            );
        }
        self.head(head).await
    }

    async fn slow(&mut self, pause: Duration) -> Result<(), StreamError> {
        self.head(response(200, Some(10_000))).await?;
        for n in 0..10 {
            self.data(body::piece(n * 1000, 1000)).await?;
            tokio::time::sleep(pause).await;
        }
        Ok(())
    }

    async fn key_updates(&mut self) -> Result<(), StreamError> {
        const PIECE: u64 = 32 * 1024;
        self.head(response(200, Some(8 * PIECE))).await?;
        for n in 0..8 {
            self.connection.force_key_update();
            self.data(body::piece(n * PIECE, PIECE)).await?;
            tokio::time::sleep(BREATH).await;
        }
        Ok(())
    }

    async fn client_certificate(&mut self) -> Result<(), StreamError> {
        let identity = self.connection.peer_identity();
        let chain = identity.and_then(|identity| {
            identity
                .downcast::<Vec<rustls::pki_types::CertificateDer>>()
                .ok()
        });
        self.text(chain.map_or(0, |chain| chain.len()).to_string())
            .await
    }

    /// Half of what the content-length promises.
    async fn half(&mut self) -> Result<(), StreamError> {
        self.head(response(200, Some(PROMISED))).await?;
        self.data(body::piece(0, PROMISED / 2)).await?;
        tokio::time::sleep(BREATH).await;
        Ok(())
    }
}
