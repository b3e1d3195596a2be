//! The file of a real download against the drafts' own schema.
//!
//! `schema.cddl` is what the drafts say, and the whole file is held to it: its records to the framing of RFC 7464, the
//! first to `QlogFileSeq`, all others to `Event`, and, because that accepts any event's data under any name, the data of
//! each to the rule of its own name. Two things are written otherwise for the validator, which neither takes `time` for
//! a key (it is a type of CDDL's prelude) nor unwraps `~LogFile`: [`schema`] does that by the letter.

use super::download::{Folder, download, records};
use super::simulated::{Shared, moving};
use cddl::validator::Validator;
use cddl::validator::json::JSONValidator;
use quicpro::qlog::Writer;
use quicpro_core::Instant;
use quicpro_core::trace::{Event, Sink};
use quicpro_core::wire::packet::Version;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;

const SCHEMA: &str = include_str!("schema.cddl");

/// The rule for each event that can be in a file of ours.
const RULES: &[(&str, &str)] = &[
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

/// What an event of ours must have been seen in a download.
const EXPECTED: &[&str] = &[
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

/// The drafts' rules, with `root` as the one that a document is held to.
fn schema(root: &str) -> cddl::ast::CDDL<'static> {
    let (_, rest) = SCHEMA.split_once("\nLogFile = {").expect("the rule");
    let (log_file, _) = rest.split_once('}').expect("its end");
    let text = SCHEMA.replace("    ~LogFile\n", log_file);
    let text = text.replace("\n    time: float64\n", "\n    \"time\": float64\n");
    assert!(!text.contains('~') && text.contains("\"time\""));
    // It is parsed a few times in all.
    let text: &'static str = format!("root = {root}\n{text}").leak();
    cddl::cddl_from_str(text, true).expect("the schema is CDDL")
}

fn is_legal(schema: &cddl::ast::CDDL<'_>, document: &Value) -> bool {
    JSONValidator::new(schema, document.clone(), None)
        .validate()
        .is_ok()
}

/// Holds each of these pairs of a name and its data to the rule of its name; gives the first that breaks it.
fn broken(events: &[(String, Value)]) -> Option<String> {
    let choices: Vec<_> = RULES
        .iter()
        .map(|(name, rule)| format!("{{ \"{name}\": {rule} }}"))
        .collect();
    let schema = schema(&choices.join(" / "));
    for (name, data) in events {
        assert!(
            RULES.iter().any(|rule| rule.0 == name),
            "no rule for {name}"
        );
        if !is_legal(&schema, &json!({ name: data })) {
            return Some(format!("{name}: {data}"));
        }
    }
    None
}

/// Whether all names in it are lower case (main schema §11.2), but those of custom fields' values.
fn has_lowercase_names(value: &Value) -> bool {
    match value {
        Value::Object(object) => object
            .iter()
            .all(|(name, value)| *name == name.to_lowercase() && has_lowercase_names(value)),
        Value::Array(values) => values.iter().all(has_lowercase_names),
        _ => true,
    }
}

/// What is illegal about a file as a whole, its first breach; `None` if it is a QlogFileSeq as the drafts have it.
fn illegal(bytes: &[u8]) -> Option<String> {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return Some("not UTF-8".to_owned());
    };
    let mut records = text.split('\x1e');
    if records.next() != Some("") {
        return Some("no separator comes first".to_owned());
    }
    let (head, event) = (schema("QlogFileSeq"), schema("Event"));
    let (mut number, mut last, mut events) = (0, f64::NEG_INFINITY, Vec::new());
    for record in records {
        number += 1;
        let Some(json) = record.strip_suffix('\n') else {
            return Some(format!("record {number} does not end with a line feed"));
        };
        let Ok(value) = serde_json::from_str::<Value>(json) else {
            return Some(format!("record {number} is not one JSON text"));
        };
        if !has_lowercase_names(&value) {
            return Some(format!("record {number} has a name in upper case"));
        }
        let rule = if number == 1 { &head } else { &event };
        if !is_legal(rule, &value) {
            return Some(format!("record {number} breaks its rule: {value}"));
        }
        if number == 1 {
            if value["file_schema"] != "urn:ietf:params:qlog:file:sequential" {
                return Some("another file's schema".to_owned());
            }
            let format = value["serialization_format"].as_str().unwrap_or_default();
            if !format.eq_ignore_ascii_case("application/qlog+json-seq") {
                return Some("another serialization".to_owned());
            }
            continue;
        }
        let time = value["time"].as_f64().unwrap_or(f64::NAN);
        if time
            .partial_cmp(&last)
            .is_none_or(std::cmp::Ordering::is_lt)
        {
            return Some(format!("record {number} is earlier than the one before"));
        }
        last = time;
        events.push((
            value["name"].as_str().unwrap_or_default().to_owned(),
            value["data"].clone(),
        ));
    }
    if number == 0 {
        return Some("no record".to_owned());
    }
    broken(&events)
}

#[test]
fn a_real_download_is_legal_by_the_drafts() {
    let folder = Folder::new();
    let path = download(&folder, 100_000);
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.expect("a plain name").to_owned();
    let bytes = fs::read(path).expect("a file");
    assert_eq!(illegal(&bytes), None);

    let text = String::from_utf8(bytes).expect("text");
    let start = &text[..256];
    assert!(start.contains("urn:ietf:params:qlog:file:sequential"));
    assert!(start.contains("application/qlog+json-seq"));
    let records = records(&text);
    let odcid = records[0]["trace"]["common_fields"]["group_id"].as_str();
    assert_eq!(name, format!("{}_client.sqlog", odcid.expect("an ID")));
    let names = records.iter().filter_map(|record| record["name"].as_str());
    let seen: BTreeSet<_> = names.collect();
    for expected in EXPECTED {
        assert!(seen.contains(expected), "{expected} is missing");
    }
}

/// The smallest legal file: a head and an event.
fn smallest() -> (Value, Value) {
    let trace = json!({ "event_schemas": ["urn:ietf:params:qlog:events:quic-13"] });
    let head = json!({
        "file_schema": "urn:ietf:params:qlog:file:sequential",
        "serialization_format": "application/qlog+json-seq",
        "trace": trace,
    });
    let data = json!({ "header": { "packet_type": "1RTT", "packet_number": 1 } });
    (
        head,
        json!({ "time": 0.5, "name": "quic:packet_sent", "data": data }),
    )
}

fn file(head: &Value, event: &Value) -> String {
    format!("\x1e{head}\n\x1e{event}\n")
}

#[test]
fn records_are_framed() {
    let (head, event) = smallest();
    let legal = file(&head, &event);
    assert_eq!(illegal(legal.as_bytes()), None);
    let pretty = serde_json::to_string_pretty(&event).expect("JSON");
    let pretty = format!("\x1e{head}\n\x1e{pretty}\n");
    assert_eq!(illegal(pretty.as_bytes()), None, "a record may have lines");

    for (text, why) in [
        (String::new(), "no record"),
        (legal[1..].to_owned(), "no separator"),
        (format!("\n{legal}"), "no separator"),
        (legal[..legal.len() - 1].to_owned(), "line feed"),
        (legal.replacen("\n\x1e", "\x1e", 1), "record 1 does not end"),
        (legal.replacen("\n\x1e", "\n", 1), "record 1 is not one"),
        (format!("\x1e{event}\n\x1e{head}\n"), "record 1 breaks"),
        (format!("{legal}\x1e{head}\n"), "record 3 breaks"),
    ] {
        let found = illegal(text.as_bytes()).unwrap_or_else(|| panic!("{text:?} is legal"));
        assert!(found.contains(why), "{found}");
    }
    let mut latin = legal.clone().into_bytes();
    latin[3] = 0xe9;
    assert_eq!(illegal(&latin).as_deref(), Some("not UTF-8"));

    let mut earlier = event.clone();
    earlier["time"] = json!(0.25);
    let backwards = format!("{legal}\x1e{earlier}\n");
    assert!(
        illegal(backwards.as_bytes())
            .expect("a breach")
            .contains("earlier")
    );
}

#[test]
fn the_head_is_held_to_its_rule() {
    let (head, event) = smallest();
    for (pointer, value) in [
        ("/file_schema", json!("urn:ietf:params:qlog:file:contained")),
        ("/file_schema", json!(1)),
        ("/serialization_format", json!("application/qlog+json")),
        ("/trace", json!([])),
        ("/trace", json!({})),
        ("/trace/event_schemas", json!([])),
        ("/trace/event_schemas", json!("urn:x")),
        ("/title", json!(1)),
        ("/traces", json!([])),
        ("/trace/vantage_point", json!({ "type": "middle" })),
        ("/trace/common_fields", json!([])),
    ] {
        let mut broken = head.clone();
        let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
        broken.pointer_mut(parent).expect("a place")[name] = value;
        let found = illegal(file(&broken, &event).as_bytes());
        assert!(found.is_some(), "legal: {broken}");
    }
}

#[test]
fn events_are_held_to_theirs() {
    let (head, event) = smallest();
    for (name, value) in [
        ("time", json!("0.5")),
        ("name", json!(7)),
        ("group_id", json!(7)),
        ("Upper", json!(7)),
    ] {
        let mut broken = event.clone();
        broken[name] = value;
        let found = illegal(file(&head, &broken).as_bytes());
        assert!(found.is_some(), "legal: {broken}");
    }
    for name in ["time", "name", "data"] {
        let mut broken = event.clone();
        broken.as_object_mut().expect("an object").remove(name);
        assert!(illegal(file(&head, &broken).as_bytes()).is_some());
    }
    let mut custom = event.clone();
    custom["of_our_own"] = json!([1, "two"]);
    assert_eq!(illegal(file(&head, &custom).as_bytes()), None);
}

/// A client that uploads and moves in the middle, and what can be said of versions.
#[test]
fn moves_and_versions_are_legal_by_the_drafts() {
    let text = moving(9, |pair, elsewhere| {
        let now = pair.now();
        let moved = pair.client.connection.migrate(now, elsewhere);
        moved.expect("a spare connection ID");
    });
    assert_eq!(illegal(text.as_bytes()), None);
    let moved = records(&text);
    let states = |records: &[Value]| {
        let moves = records.iter().filter(|record| {
            let name = record["name"].as_str();
            name == Some("quic:migration_state_updated")
        });
        let states = moves.map(|record| {
            let state = record["data"]["new"].as_str();
            state.expect("a state").to_owned()
        });
        states.collect::<Vec<_>>()
    };
    assert_eq!(
        states(&moved),
        [
            "probing_started",
            "probing_successful",
            "migration_started",
            "migration_complete"
        ]
    );
    let text = moving(10, |pair, elsewhere| {
        let now = pair.now();
        let moved = pair.client.connection.migrate_at_once(now, elsewhere);
        moved.expect("a spare connection ID");
    });
    assert_eq!(illegal(text.as_bytes()), None);
    let moved = records(&text);
    assert_eq!(
        states(&moved),
        ["probing_started", "migration_started", "migration_complete"]
    );

    let file = Shared::default();
    let mut writer = Writer::without_wall_clock(file.clone(), "versions");
    let (ours, theirs) = (
        [Version::V2, Version::V1],
        [Version(0x0a1a_2a3a), Version::V2],
    );
    for (client, server, chosen) in [
        (&ours[..], &[][..], None),
        (&ours, &theirs, None),
        (&[], &[], Some(Version::V2)),
    ] {
        let event = Event::Versions {
            client,
            server,
            chosen,
        };
        writer.event(Instant::ZERO, &event);
    }
    drop(writer);
    let text = file.text();
    assert_eq!(illegal(text.as_bytes()), None);
    let told = records(&text);
    assert_eq!(told.len(), 4);
    let theirs = json!(["0a1a2a3a", "6b3343cf"]);
    assert_eq!(told[2]["data"]["server_versions"], theirs);
    assert_eq!(told[3]["data"]["chosen_version"], "6b3343cf");
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
