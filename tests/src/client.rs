//! An independent HTTP/3 client (quinn + h3): the yardstick of tests and benchmarks.
//!
//! Blocking: each client has a runtime of its own, driven by the calling thread.
//! Invariant: every server is verified against the roots given.

use crate::body::{self, BodyDigest};
use crate::certificates::Identity;
use crate::server::{Group, LINGER, Suite};
use bytes::{Buf, Bytes};
use h3_quinn::OpenStreams;
use http::{HeaderMap, Method, Request, StatusCode};
use rustls::pki_types::CertificateDer;
use std::error::Error;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use tokio::runtime::Runtime;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;
type RequestStream = h3::client::RequestStream<h3_quinn::BidiStream<Bytes>, Bytes>;

/// One connection to one server.
pub struct Client {
    runtime: Runtime,
    endpoint: quinn::Endpoint,
    connection: quinn::Connection,
    requests: h3::client::SendRequest<OpenStreams, Bytes>,
    authority: String,
}

/// A response whose body was digested, not kept.
pub struct Reply {
    /// The final status.
    pub status: StatusCode,
    /// The header fields of the final response.
    pub fields: HeaderMap,
    /// The trailer fields, where there were some.
    pub trailers: Option<HeaderMap>,
    /// The body's length in bytes.
    pub length: u64,
    /// The body's SHA-256 in lower-case hexadecimal.
    pub sha256: String,
}

impl Client {
    /// Connects to `address`, whose certificate must be valid for `name` and signed below `root`.
    pub fn connect(address: SocketAddr, name: &str, root: CertificateDer<'static>) -> Result<Self> {
        Self::connect_as(None, address, name, root)
    }

    /// The same with a certificate of the client's own, for a server that asks.
    pub fn connect_as(
        identity: Option<Identity>,
        address: SocketAddr,
        name: &str,
        root: CertificateDer<'static>,
    ) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let config = client_config(identity, root)?;
        let authority = format!("{name}:{}", address.port());
        let (endpoint, connection, requests) = runtime.block_on(async {
            let local: SocketAddr = if address.is_ipv4() {
                (Ipv4Addr::LOCALHOST, 0).into()
            } else {
                (Ipv6Addr::LOCALHOST, 0).into()
            };
            let endpoint = quinn::Endpoint::client(local)?;
            let connection = endpoint.connect_with(config, address, name)?.await?;
            let transport = h3_quinn::Connection::new(connection.clone());
            let (mut driver, requests) = h3::client::new(transport).await?;
            tokio::spawn(async move { std::future::poll_fn(|cx| driver.poll_close(cx)).await });
            Result::Ok((endpoint, connection, requests))
        })?;
        Ok(Self {
            runtime,
            endpoint,
            connection,
            requests,
            authority,
        })
    }

    /// GET `path`.
    pub fn get(&mut self, path: &str) -> Result<Reply> {
        self.fetch(Method::GET, path, 0)
    }

    /// A request with the first `body` bytes of the pattern as its body.
    pub fn fetch(&mut self, method: Method, path: &str, body: u64) -> Result<Reply> {
        let uri = format!("https://{}{path}", self.authority);
        let request = Request::builder().method(method).uri(uri).body(())?;
        let requests = self.requests.clone();
        self.runtime.block_on(exchange(requests, request, body))
    }

    /// GET `path` `count` times at once.
    pub fn get_parallel(&mut self, path: &str, count: usize) -> Result<Vec<Reply>> {
        let uri = format!("https://{}{path}", self.authority);
        let requests = self.requests.clone();
        self.runtime.block_on(async move {
            let mut tasks = tokio::task::JoinSet::new();
            for _ in 0..count {
                let request = Request::get(&uri).body(())?;
                tasks.spawn(exchange(requests.clone(), request, 0));
            }
            tasks.join_all().await.into_iter().collect()
        })
    }

    /// GET `path`, whose body is counted and not looked at: what a benchmark wants.
    pub fn drain(&mut self, path: &str) -> Result<u64> {
        let uri = format!("https://{}{path}", self.authority);
        let requests = self.requests.clone();
        self.runtime.block_on(drain(requests, uri))
    }

    /// The same `count` times, `at_once` of them at a time; returns the bytes of all bodies.
    pub fn drain_many(&mut self, path: &str, count: usize, at_once: usize) -> Result<u64> {
        let uri = format!("https://{}{path}", self.authority);
        let requests = self.requests.clone();
        self.runtime.block_on(async move {
            let mut tasks = tokio::task::JoinSet::new();
            for lane in 0..at_once {
                let (requests, uri) = (requests.clone(), uri.clone());
                tasks.spawn(async move {
                    let mut bytes = 0;
                    for _ in (lane..count).step_by(at_once) {
                        bytes += drain(requests.clone(), uri.clone()).await?;
                    }
                    Result::Ok(bytes)
                });
            }
            tasks.join_all().await.into_iter().sum()
        })
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.connection.close(quinn::VarInt::from_u32(0x100), b"");
        self.runtime.block_on(async {
            let _ = tokio::time::timeout(LINGER, self.endpoint.wait_idle()).await;
        });
    }
}

fn client_config(
    identity: Option<Identity>,
    root: CertificateDer<'static>,
) -> Result<quinn::ClientConfig> {
    use crate::server::{initial_suite, provider};
    let all = provider(
        &[Suite::Aes128Gcm, Suite::ChaCha20Poly1305, Suite::Aes256Gcm],
        &[Group::X25519, Group::P256],
    );
    let mut roots = rustls::RootCertStore::empty();
    roots.add(root)?;
    let builder = rustls::ClientConfig::builder_with_provider(Arc::new(all))
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_root_certificates(roots);
    let mut tls = match identity {
        None => builder.with_no_client_auth(),
        Some(identity) => builder.with_client_auth_cert(identity.chain, identity.key)?,
    };
    tls.alpn_protocols = vec![b"h3".to_vec()];
    let crypto =
        quinn::crypto::rustls::QuicClientConfig::with_initial(Arc::new(tls), initial_suite())?;
    Ok(quinn::ClientConfig::new(Arc::new(crypto)))
}

async fn exchange(
    mut requests: h3::client::SendRequest<OpenStreams, Bytes>,
    request: Request<()>,
    body: u64,
) -> Result<Reply> {
    let mut stream = requests.send_request(request).await?;
    for piece in body::pieces(body) {
        stream.send_data(piece).await?;
    }
    stream.finish().await?;
    let mut response = stream.recv_response().await?;
    while response.status().is_informational() {
        response = stream.recv_response().await?;
    }
    let (length, sha256) = read_body(&mut stream).await?;
    let trailers = stream.recv_trailers().await?;
    let (head, ()) = response.into_parts();
    Ok(Reply {
        status: head.status,
        fields: head.headers,
        trailers,
        length,
        sha256,
    })
}

async fn drain(
    mut requests: h3::client::SendRequest<OpenStreams, Bytes>,
    uri: String,
) -> Result<u64> {
    let mut stream = requests.send_request(Request::get(uri).body(())?).await?;
    stream.finish().await?;
    let response = stream.recv_response().await?;
    if response.status() != StatusCode::OK {
        return Err(format!("status {}", response.status()).into());
    }
    let mut bytes = 0;
    while let Some(mut piece) = stream.recv_data().await? {
        bytes += piece.remaining() as u64;
        piece.advance(piece.remaining());
    }
    Ok(bytes)
}

async fn read_body(stream: &mut RequestStream) -> Result<(u64, String)> {
    let mut digest = BodyDigest::default();
    while let Some(mut piece) = stream.recv_data().await? {
        while piece.has_remaining() {
            let len = piece.chunk().len();
            digest.update(piece.chunk());
            piece.advance(len);
        }
    }
    Ok((digest.len(), digest.finish()))
}
