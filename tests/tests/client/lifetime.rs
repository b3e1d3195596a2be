//! Connections that end, and what becomes of the requests; clients that end, and what the server hears.

use super::{PATIENCE, builder, client, pair};
use quicpro_tests::server::{Behaviour, Options, Server};
use std::io::Read;
use std::time::Duration;

fn closed_with(server: &Server) -> Option<u64> {
    match server.next_close(PATIENCE).expect("the connection ends") {
        quinn::ConnectionError::ApplicationClosed(close) => Some(close.error_code.into_inner()),
        _ => None,
    }
}

#[test]
fn dropping_the_last_clone_closes_with_no_error() {
    let (server, client) = pair(Options::default());
    let clone = client.clone();
    assert_eq!(
        client
            .get(server.url("/gen/1"))
            .send()
            .unwrap()
            .bytes()
            .unwrap()
            .len(),
        1
    );
    drop(client);
    assert_eq!(
        clone
            .get(server.url("/gen/1"))
            .send()
            .unwrap()
            .bytes()
            .unwrap()
            .len(),
        1
    );
    drop(clone);
    assert_eq!(closed_with(&server), Some(0x100));
    assert_eq!(server.counts().connections, 1);
}

#[test]
fn a_response_outlives_its_client() {
    let (server, client) = pair(Options::default());
    let mut response = client
        .get(server.url("/gen/5000000"))
        .send()
        .expect("a head");
    drop(client);
    let mut body = Vec::new();
    response.read_to_end(&mut body).expect("the whole body");
    assert_eq!(body.len(), 5_000_000);
    drop(response);
    assert_eq!(closed_with(&server), Some(0x100));
}

#[test]
fn closing_cancels_what_is_under_way_and_what_comes_later() {
    let (server, client) = pair(Options::default());
    let response = client.get(server.url("/hang")).send().expect("a head");
    client.close();
    assert!(response.bytes().expect_err("cancelled").is_cancelled());
    assert!(
        client
            .get(server.url("/gen/1"))
            .send()
            .expect_err("closed")
            .is_cancelled()
    );
    assert_eq!(closed_with(&server), Some(0x100));
}

#[test]
fn a_request_the_server_did_not_look_at_goes_to_a_new_connection() {
    let (server, client) = pair(Options::default());
    let answered = client
        .get(server.url("/goaway"))
        .send()
        .expect("a response");
    assert_eq!(answered.status(), 200);
    answered.bytes().expect("a body");
    for _ in 0..3 {
        assert_eq!(
            client
                .get(server.url("/gen/10"))
                .send()
                .expect("a response")
                .bytes()
                .unwrap()
                .len(),
            10
        );
    }
    assert_eq!(server.counts().connections, 2);
}

/// A connection that the server is leaving carries a response yet, while another origin comes to nothing. It is closed
/// when it is empty.
#[test]
fn what_another_origin_comes_to_does_not_matter() {
    let (server, client) = pair(Options::default());
    let slow = client.get(server.url("/slow/30")).start().expect("a start");
    let going = client
        .get(server.url("/goaway"))
        .send()
        .expect("a response");
    assert_eq!(going.status(), 200);
    drop(going);
    let nowhere = client.get("https://nowhere.invalid/").send();
    assert!(nowhere.expect_err("there is no such name").is_connect());
    let response = slow.wait().expect("a response");
    assert_eq!(response.bytes().expect("a body").len(), 10_000);
    server
        .next_close(PATIENCE)
        .expect("closed when it is empty");
}

#[test]
fn times_may_be_as_long_as_there_are() {
    let server = Server::start(Options::default());
    let client = builder(&server)
        .connect_timeout(Duration::MAX)
        .pool_idle_timeout(Duration::MAX)
        .timeout(Duration::MAX)
        .read_timeout(Duration::MAX)
        .build()
        .unwrap();
    for _ in 0..2 {
        let response = client.get(server.url("/gen/1")).send().expect("a response");
        assert_eq!(response.bytes().expect("a body").len(), 1);
    }
}

#[test]
fn a_connection_that_died_in_the_pool_is_replaced() {
    let server = Server::start(Options::default());
    let address = server.address();
    let client = builder(&server).build().unwrap();
    assert_eq!(
        client
            .get(server.url("/gen/1"))
            .send()
            .expect("a response")
            .status(),
        200
    );
    drop(server);
    let error = client
        .get(format!("https://localhost:{}/", address.port()))
        .send();
    assert!(error.expect_err("nobody listens any more").is_connect());
}

#[test]
fn a_server_that_forgot_an_idle_connection_is_connected_to_again() {
    let (server, client) = pair(Options {
        idle_timeout: Duration::from_millis(300),
        ..Options::default()
    });
    for expected in 1..=2 {
        let response = client.get(server.url("/gen/1")).send().expect("a response");
        assert_eq!(response.bytes().expect("a body").len(), 1);
        assert_eq!(server.counts().connections, expected);
        server.next_close(PATIENCE).expect("idle for 300 ms");
    }
}

#[test]
fn a_request_keeps_its_connection_alive_and_an_unused_one_is_closed() {
    let server = Server::start(Options {
        idle_timeout: Duration::from_millis(400),
        ..Options::default()
    });
    let client = builder(&server)
        .read_timeout(Duration::from_secs(1))
        .pool_idle_timeout(Duration::from_millis(100))
        .build()
        .unwrap();
    let hanging = client.get(server.url("/hang")).send().expect("a head");
    let error = hanging.bytes().expect_err("half a body");
    assert!(error.is_timeout() && !error.is_quic(), "{error:?}");
    assert_eq!(closed_with(&server), Some(0x100));
}

#[test]
fn settings_may_come_late() {
    let (server, client) = pair(Options {
        behaviour: Behaviour::LateSettings(Duration::from_millis(100)),
        ..Options::default()
    });
    for _ in 0..2 {
        let response = client
            .get(server.url("/anything"))
            .send()
            .expect("a response");
        assert_eq!(response.status(), 200);
        response.bytes().expect("a body");
    }
}

#[test]
fn keys_change_under_a_long_response() {
    let (server, client) = pair(Options::default());
    let body = client
        .get(server.url("/keyupdate"))
        .send()
        .expect("a head")
        .bytes()
        .expect("a body");
    assert_eq!(body, quicpro_tests::body::pattern(8 * 32 * 1024));
}

#[test]
fn a_thread_of_an_async_runtime_may_block_in_it() {
    let server = Server::start(Options::default());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let client = client(&server);
        let response = client
            .get(server.url("/gen/100"))
            .send()
            .expect("a response");
        assert_eq!(response.bytes().expect("a body").len(), 100);
        drop(client);
    });
    assert_eq!(closed_with(&server), Some(0x100));
}
