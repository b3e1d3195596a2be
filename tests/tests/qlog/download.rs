//! A real download, and the file about it.

use quicpro::Client;
use quicpro_tests::body;
use quicpro_tests::server::{Options, Server};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// A folder that goes when the test ends.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("quicpro-qlog-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).expect("a folder of its own");
        Self(path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// The only file in it.
    fn file(&self) -> PathBuf {
        let mut files = fs::read_dir(&self.0).expect("the folder is there");
        let file = files.next().expect("a file").expect("a file");
        assert!(files.next().is_none(), "one file for one connection");
        file.path()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A client that trusts `server` and writes to `folder`.
fn client(server: &Server, folder: &Path) -> Client {
    let pem = server.authority().pem();
    let authority = quicpro::Certificate::from_pem(pem.as_bytes()).expect("an authority");
    Client::builder()
        .tls_certs_only([authority])
        .qlog_dir(folder)
        .build()
        .expect("a client")
}

/// Fetches `bytes` bytes with secrets in the request, and gives the file about it.
pub(super) fn download(folder: &Folder, bytes: usize) -> PathBuf {
    let server = Server::start(Options::default());
    let client = client(&server, folder.path());
    let response = client
        .get(server.url(&format!("/gen/{bytes}")))
        .header("authorization", "Bearer do-not-write-me")
        .header("cookie", "session=do-not-write-me")
        .send()
        .expect("a response");
    let stats = response.connection_stats();
    assert!(
        stats.handshake.is_some() && stats.packets_received > 0,
        "{stats}"
    );
    assert_eq!(response.bytes().expect("a body"), body::pattern(bytes));
    client.close();
    drop(client);
    folder.file()
}

/// The records of a JSON text sequence.
pub(super) fn records(text: &str) -> Vec<Value> {
    let mut records = text.split('\x1e');
    assert_eq!(records.next(), Some(""), "a separator comes first");
    records
        .map(|record| {
            assert!(record.ends_with('\n') && record.matches('\n').count() == 1);
            serde_json::from_str(record).expect("a JSON text")
        })
        .collect()
}

#[test]
fn a_download_leaves_a_file_without_secrets() {
    let folder = Folder::new();
    let text = fs::read_to_string(download(&folder, 50_000)).expect("text");
    let names: Vec<_> = records(&text)
        .iter()
        .filter_map(|record| Some(record["name"].as_str()?.to_owned()))
        .collect();
    assert_eq!(
        names.first().map(String::as_str),
        Some("quic:connection_started")
    );
    assert!(names.iter().any(|name| name == "http3:frame_parsed"));
    assert!(names.iter().any(|name| name == "quic:connection_closed"));
    assert!(!text.contains("do-not-write-me"), "a secret was written");
    assert!(text.contains("authorization"), "but not that there was one");
}
