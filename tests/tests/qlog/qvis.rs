//! What qvis asks of a file, held against a real download's.
//!
//! Its loader takes a JSON text sequence whose head has `qlog_version` 0.3 (among older ones), `qlog_format` and `trace`;
//! its pictures look events up by a category and a name, and take lengths from frames.

use super::download::{Folder, download, records};
use super::program::{plain, quicpro};
use serde_json::Value;
use std::fs;

/// What qvis draws from: congestion, sequence, packetization, multiplexing and statistics.
const LOOKED_UP: [&str; 8] = [
    "transport:packet_sent",
    "transport:packet_received",
    "transport:parameters_set",
    "recovery:metrics_updated",
    "recovery:congestion_state_updated",
    "connectivity:connection_state_updated",
    "http:frame_created",
    "http:frame_parsed",
];

fn number(value: &Value) -> f64 {
    value
        .as_f64()
        .unwrap_or_else(|| panic!("a number, not {value}"))
}

/// Looks at an event as qvis does; bytes of the response's stream that it brought.
fn check(event: &Value) -> f64 {
    let name = event["name"].as_str().expect("a name");
    let is_new = name.starts_with("quic:") || name.starts_with("http3:");
    assert!(!is_new, "{name} has no old name");
    let (data, mut streamed) = (&event["data"], 0.0);
    if name == "transport:packet_sent" || name == "transport:packet_received" {
        assert!(number(&data["raw"]["length"]) > 0.0);
        for frame in data["frames"].as_array().expect("frames") {
            if frame["frame_type"] == "stream" {
                assert!(frame["offset"].is_u64() && frame["stream_id"].is_u64());
                let is_body = name.ends_with("received") && frame["stream_id"] == 0;
                streamed += if is_body {
                    number(&frame["length"])
                } else {
                    0.0
                };
            }
        }
    }
    if name.starts_with("http:frame_") && data["frame"]["frame_type"] == "data" {
        assert!(number(&data["length"]) > 0.0);
    }
    streamed
}

#[test]
fn a_download_can_be_read_by_qvis() {
    let folder = Folder::new();
    let path = download(&folder, 100_000);
    let (code, named, errors) = quicpro(&["qlog", "qvis", plain(&path)]);
    assert_eq!((code, errors.as_str()), (0, ""));
    let older = path.with_extension("qvis.sqlog");
    assert_eq!(named.trim_end(), plain(&older));

    let new = records(&fs::read_to_string(&path).expect("text"));
    let old = records(&fs::read_to_string(&older).expect("text"));
    assert_eq!(old.len(), new.len(), "no event is lost");
    let head = &old[0];
    assert_eq!(
        (&head["qlog_version"], &head["qlog_format"]),
        (&"0.3".into(), &"JSON-SEQ".into())
    );
    let fields = &head["trace"]["common_fields"];
    assert_eq!(fields["time_format"], "relative");
    assert!(
        number(&fields["reference_time"]) > 1.7e12,
        "milliseconds since 1970"
    );
    assert_eq!(head["trace"]["vantage_point"]["type"], "client");

    let mut streamed = 0.0;
    for (old, new) in old.iter().zip(&new).skip(1) {
        assert_eq!(old["time"], new["time"]);
        streamed += check(old);
    }
    assert!(streamed >= 100_000.0, "{streamed}");
    for name in LOOKED_UP {
        assert!(
            old.iter().any(|event| event["name"] == name),
            "{name} is missing"
        );
    }
    let remote = |event: &&Value| event["data"]["owner"] == "remote";
    let set = old
        .iter()
        .filter(|event| event["name"] == "transport:parameters_set");
    let set: Vec<_> = set.filter(remote).collect();
    assert!(
        set.iter()
            .any(|event| number(&event["data"]["initial_max_data"]) > 0.0)
    );
}
