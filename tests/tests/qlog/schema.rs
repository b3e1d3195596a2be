//! The file of a real download against the drafts' own schema.
//!
//! `schema.cddl` is what the drafts say. The schema's `Event` accepts any event's data under any name, so each event is
//! held to the rule of its own name; its envelope, and the head of the file, are checked by rules written here, because
//! the validator neither takes `time` for a key (it is a type of CDDL's prelude) nor unwraps `~LogFile`.

use super::download::{Folder, download, records};
use cddl::validator::Validator;
use cddl::validator::json::JSONValidator;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;

const SCHEMA: &str = include_str!("schema.cddl");

/// The rule for each event that can be in a file of ours.
const RULES: &[(&str, &str)] = &[
    ("head", "Head"),
    ("quic:connection_started", "QUICConnectionStarted"),
    ("quic:connection_closed", "QUICConnectionClosed"),
    (
        "quic:connection_state_updated",
        "QUICConnectionStateUpdated",
    ),
    ("quic:version_information", "QUICVersionInformation"),
    ("quic:alpn_information", "QUICALPNInformation"),
    ("quic:parameters_set", "QUICParametersSet"),
    ("quic:packet_sent", "QUICPacketSent"),
    ("quic:packet_received", "QUICPacketReceived"),
    ("quic:packet_dropped", "QUICPacketDropped"),
    ("quic:packets_acked", "QUICPacketsAcked"),
    ("quic:packet_lost", "QUICPacketLost"),
    ("quic:stream_state_updated", "QUICStreamStateUpdated"),
    ("quic:migration_state_updated", "QUICMigrationStateUpdated"),
    ("quic:mtu_updated", "QUICMTUUpdated"),
    ("quic:key_updated", "QUICKeyUpdated"),
    ("quic:key_discarded", "QUICKeyDiscarded"),
    (
        "quic:recovery_metrics_updated",
        "QUICRecoveryMetricsUpdated",
    ),
    (
        "quic:congestion_state_updated",
        "QUICCongestionStateUpdated",
    ),
    ("http3:parameters_set", "HTTP3ParametersSet"),
    ("http3:stream_type_set", "HTTP3StreamTypeSet"),
    ("http3:frame_created", "HTTP3FrameCreated"),
    ("http3:frame_parsed", "HTTP3FrameParsed"),
];

/// The head of the file, with what it unwraps in its place.
const HEAD: &str = "Head = { file_schema: text, serialization_format: text, ? title: text, ? description: text, trace: TraceSeq }";

/// What an event of ours must have been seen in a download.
const EXPECTED: &[&str] = &[
    "head",
    "quic:connection_started",
    "quic:connection_closed",
    "quic:connection_state_updated",
    "quic:version_information",
    "quic:alpn_information",
    "quic:parameters_set",
    "quic:packet_sent",
    "quic:packet_received",
    "quic:packets_acked",
    "quic:stream_state_updated",
    "quic:key_updated",
    "quic:key_discarded",
    "quic:recovery_metrics_updated",
    "quic:congestion_state_updated",
    "http3:parameters_set",
    "http3:stream_type_set",
    "http3:frame_created",
    "http3:frame_parsed",
];

/// Holds each of these pairs of a name and its data to the rule of its name; gives the first that breaks it.
fn broken(events: &[(String, Value)]) -> Option<String> {
    let choices: Vec<_> = RULES
        .iter()
        .map(|(name, rule)| format!("{{ \"{name}\": {rule} }}"))
        .collect();
    let text = format!("root = {}\n{HEAD}\n{SCHEMA}", choices.join(" / "));
    let schema = cddl::cddl_from_str(&text, true).expect("the schema is CDDL");
    for (name, data) in events {
        assert!(
            RULES.iter().any(|rule| rule.0 == name),
            "no rule for {name}"
        );
        let document = json!({ name: data });
        let mut validator = JSONValidator::new(&schema, document, None);
        if validator.validate().is_err() {
            return Some(format!("{name}: {data}"));
        }
    }
    None
}

/// The file's head and its events.
fn events(text: &str) -> Vec<(String, Value)> {
    let mut records = records(text).into_iter();
    let head = records.next().expect("a head");
    let mut events = vec![("head".to_owned(), head)];
    let mut last = 0.0;
    for event in records {
        let time = event["time"].as_f64().expect("a time");
        assert!(time >= last, "time goes forwards");
        last = time;
        let name = event["name"].as_str().expect("a name").to_owned();
        assert_eq!(event.as_object().map(serde_json::Map::len), Some(3));
        events.push((name, event["data"].clone()));
    }
    events
}

#[test]
fn a_real_download_is_legal_by_the_drafts() {
    let folder = Folder::new();
    let path = download(&folder, 100_000);
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.expect("a plain name").to_owned();
    let text = fs::read_to_string(path).expect("text");
    let events = events(&text);

    let head = &events[0].1;
    assert_eq!(head["file_schema"], "urn:ietf:params:qlog:file:sequential");
    assert_eq!(head["serialization_format"], "application/qlog+json-seq");
    let odcid = head["trace"]["common_fields"]["group_id"].as_str();
    assert_eq!(name, format!("{}_client.sqlog", odcid.expect("an ID")));

    let seen: BTreeSet<_> = events.iter().map(|event| event.0.as_str()).collect();
    for expected in EXPECTED {
        assert!(seen.contains(expected), "{expected} is missing");
    }
    assert_eq!(broken(&events), None);
}

#[test]
fn what_is_illegal_by_the_drafts_is_found() {
    let sent = |frame: Value| {
        let header = json!({ "packet_type": "1RTT", "packet_number": 1 });
        let data = json!({ "header": header, "frames": [frame] });
        vec![("quic:packet_sent".to_owned(), data)]
    };
    assert_eq!(broken(&sent(json!({ "frame_type": "ping" }))), None);
    for illegal in [
        json!({ "frame_type": "pong" }),
        json!({ "frame_type": "max_data" }),
        json!({ "frame_type": "max_data", "maximum": -1 }),
        json!({ "frame_type": "ping", "more": 1 }),
    ] {
        assert!(broken(&sent(illegal)).is_some());
    }
}
