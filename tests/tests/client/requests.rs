//! Heads and small bodies: what a caller asks for is what the server sees, and the other way round.

use super::{builder, pair};
use http::{HeaderMap, HeaderValue};
use quicpro::{PriorityLevel, StatusCode, Version, redirect};
use quicpro_tests::body;
use quicpro_tests::server::{Options, Server};

#[test]
fn a_get_brings_status_fields_and_body() {
    let (server, client) = pair(Options::default());
    let response = client
        .get(server.url("/gen/1000"))
        .send()
        .expect("a response");
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.version(), Version::HTTP_3);
    assert_eq!(response.remote_addr(), server.address());
    assert_eq!(response.url().path(), "/gen/1000");
    assert!(response.trailers().is_none());
    assert_eq!(response.bytes().expect("a body"), body::pattern(1000));
    assert_eq!(server.counts().connections, 1);
}

#[test]
fn the_server_sees_method_path_query_and_fields() {
    let (server, client) = pair(Options::default());
    let response = client
        .put(server.url("/request?a=1"))
        .query(&[("b", "two words")])
        .header("x-mine", "yes")
        .bearer_auth("token")
        .priority(PriorityLevel::High)
        .json(&["x"])
        .send()
        .expect("a response");
    let seen = response.text().expect("text");
    for expected in [
        "PUT",
        "/request?a=1&b=two+words",
        "x-mine: yes",
        "authorization: Bearer token",
        "content-type: application/json",
        "content-length: 5",
        "accept: */*",
        "user-agent: quicpro/",
        "priority: u=0",
    ] {
        assert!(seen.contains(expected), "{expected} is missing in\n{seen}");
    }
}

#[test]
fn errors_of_the_server_are_values_until_asked() {
    let (server, client) = pair(Options::default());
    let response = client
        .get(server.url("/nowhere"))
        .send()
        .expect("a response");
    assert_eq!(response.status(), 404);
    let error = response
        .error_for_status()
        .expect_err("404 is an error here");
    assert!(error.is_status() && error.status() == Some(StatusCode::NOT_FOUND));
    assert!(error.to_string().contains("/nowhere"), "{error}");
    assert!(
        client
            .get(server.url("/status/204"))
            .send()
            .unwrap()
            .error_for_status()
            .is_ok()
    );
}

#[test]
fn head_has_no_body() {
    let (server, client) = pair(Options::default());
    let response = client
        .head(server.url("/gen/1000"))
        .send()
        .expect("a response");
    assert_eq!(response.status(), 200);
    assert_eq!(response.bytes().expect("no body").len(), 0);
}

#[test]
fn trailers_follow_the_body_and_hints_precede_the_head() {
    let (server, client) = pair(Options::default());
    let mut response = client
        .get(server.url("/trailers"))
        .send()
        .expect("a response");
    assert!(response.copy_to(&mut std::io::sink()).expect("a body") > 0);
    assert_eq!(
        response.trailers().expect("trailers")["x-checksum"],
        "abc123"
    );

    let response = client.get(server.url("/early")).send().expect("a response");
    assert_eq!(response.status(), 200);
    let hints = response.interim();
    assert_eq!(hints.len(), 1);
    assert_eq!(hints[0].status, 103);
    assert!(hints[0].headers.contains_key("link"));
}

/// What the client sends with every request is sent to the origin that the caller named, and to no other.
#[test]
fn the_clients_own_credentials_stay_with_the_origin() {
    let server = Server::start(Options::default());
    let mut headers = HeaderMap::new();
    headers.insert("authorization", HeaderValue::from_static("Bearer secret"));
    headers.insert("x-harmless", HeaderValue::from_static("yes"));
    let client = builder(&server).default_headers(headers).build().unwrap();
    let elsewhere = format!("https://127.0.0.1:{}/request", server.address().port());
    for (location, stays) in [("/request".to_owned(), true), (elsewhere, false)] {
        let url = server.url(&format!("/redirect/302?{location}"));
        let response = client.get(url).header("host", "first.test").send();
        let response = response.expect("a response");
        assert_eq!(response.status(), 200, "{location}");
        let seen = response.text().expect("the request");
        assert_eq!(seen.contains("Bearer secret"), stays, "{seen}");
        assert_eq!(seen.contains("first.test"), stays, "{seen}");
        assert!(seen.contains("x-harmless"), "{seen}");
    }
}

#[test]
fn redirects_are_followed_as_the_policy_says() {
    let (server, client) = pair(Options::default());
    let response = client
        .get(server.url("/redirect/302?/gen/5"))
        .send()
        .expect("a response");
    assert_eq!(response.url().path(), "/gen/5");
    assert_eq!(response.bytes().expect("a body").len(), 5);

    let kept = client
        .post(server.url("/redirect/307?/echo"))
        .body("again")
        .send()
        .expect("a response");
    assert_eq!(kept.text().expect("the echo"), "again");

    let twice = "/redirect/301?/redirect/301?/gen/5";
    let strict = builder(&server)
        .redirect(redirect::Policy::limited(1))
        .build()
        .unwrap();
    assert!(
        strict
            .get(server.url(twice))
            .send()
            .expect_err("two redirects")
            .is_redirect()
    );
    let none = builder(&server)
        .redirect(redirect::Policy::none())
        .build()
        .unwrap();
    assert_eq!(
        none.get(server.url(twice))
            .send()
            .expect("the redirect")
            .status(),
        301
    );
}

#[test]
fn many_started_requests_share_one_connection() {
    let (server, client) = pair(Options::default());
    let pending: Vec<_> = (0..100u64)
        .map(|n| {
            client
                .get(server.url(&format!("/gen/{}", n * 1000)))
                .start()
                .expect("started")
        })
        .collect();
    for (n, pending) in pending.into_iter().enumerate().rev() {
        let body = pending.wait().expect("a response").bytes().expect("a body");
        assert_eq!(body::sha256(&body), body::pattern_sha256(n as u64 * 1000));
    }
    assert_eq!(
        (server.counts().connections, server.counts().requests),
        (1, 100)
    );
}

#[test]
fn what_exceeds_the_servers_limit_waits_its_turn() {
    let (server, client) = pair(Options {
        requests_max: 3,
        ..Options::default()
    });
    let pending: Vec<_> = (0..40)
        .map(|_| {
            client
                .get(server.url("/gen/2000"))
                .start()
                .expect("started")
        })
        .collect();
    for pending in pending {
        assert_eq!(
            pending
                .wait()
                .expect("a response")
                .bytes()
                .expect("a body")
                .len(),
            2000
        );
    }
    assert_eq!(server.counts().connections, 1);
}

#[test]
fn large_heads_arrive_whole() {
    let (server, client) = pair(Options::default());
    let response = client
        .get(server.url("/headers/60"))
        .send()
        .expect("a response");
    let fields = response
        .headers()
        .iter()
        .filter(|(name, _)| name.as_str().starts_with("x-field-"));
    assert_eq!(fields.count(), 60);
}

#[test]
fn threads_share_a_client() {
    let (server, client) = pair(Options::default());
    std::thread::scope(|scope| {
        for n in 1..=8u64 {
            let (client, url) = (client.clone(), server.url(&format!("/gen/{}", n * 10_000)));
            scope.spawn(move || {
                for _ in 0..10 {
                    let body = client
                        .get(&url)
                        .send()
                        .expect("a response")
                        .bytes()
                        .expect("a body");
                    assert_eq!(body.len() as u64, n * 10_000);
                }
            });
        }
    });
    assert_eq!(server.counts().connections, 1);
}

#[test]
fn a_task_of_the_clients_event_loop_may_block_in_a_request() {
    let (server, client) = pair(Options::default());
    let (inner, url) = (client.clone(), server.url("/gen/77"));
    let task = client
        .event_loop()
        .schedule_task(move || inner.get(url).send()?.bytes());
    let length = task
        .then(|body| body.expect("a body").len())
        .result()
        .expect("a value");
    assert_eq!(length, 77);
}
