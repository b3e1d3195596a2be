//! A file in the words of qlog 0.3, which are those that qvis reads: newer files it refuses.
//!
//! Invariant: every event of the file stays, at its time and in its order; what qvis has no word for keeps its own.

use std::fmt;

use serde_json::{Value, json};

use super::names::Object;

/// Why a file has no older form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OlderError {
    /// It is not a JSON text sequence that begins with the head of a qlog file by the newest schema.
    NotQlog,
    /// A record is no JSON, or no event. Records count from 1, the file's head included.
    Record(usize),
    /// It has no events.
    Empty,
}

impl fmt::Display for OlderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotQlog => {
                f.write_str("not a qlog file as a JSON text sequence with a \"file_schema\"")
            }
            Self::Record(number) => write!(f, "record {number} is broken"),
            Self::Empty => f.write_str("the qlog file has no events"),
        }
    }
}

impl std::error::Error for OlderError {}

/// The JSON text sequence `bytes`, as [`Writer`](super::Writer) makes it, in qlog 0.3.
///
/// A last record that is torn, as a program that was stopped leaves it, is left out.
pub fn older(bytes: &[u8]) -> Result<Vec<u8>, OlderError> {
    let mut records = bytes.split(|&byte| byte == 0x1e).enumerate().peekable();
    // A separator comes first.
    let before = records.next().map(|(_, before)| before);
    let (_, first) = records.next().ok_or(OlderError::NotQlog)?;
    let first: Value = serde_json::from_slice(first).map_err(|_| OlderError::NotQlog)?;
    if before != Some(&[]) || !first["file_schema"].is_string() || !first["trace"].is_object() {
        return Err(OlderError::NotQlog);
    }
    let mut text = Vec::with_capacity(bytes.len());
    put(&mut text, &head(&first));
    let mut events = 0;
    while let Some((number, record)) = records.next() {
        let mut record: Value = match serde_json::from_slice(record) {
            Ok(record) => record,
            Err(error) if error.is_eof() && records.peek().is_none() => break,
            Err(_) => return Err(OlderError::Record(number)),
        };
        event(&mut record).ok_or(OlderError::Record(number))?;
        put(&mut text, &record);
        events += 1;
    }
    if events == 0 {
        return Err(OlderError::Empty);
    }
    Ok(text)
}

fn put(text: &mut Vec<u8>, record: &Value) {
    text.push(0x1e);
    text.extend_from_slice(record.to_string().as_bytes());
    text.push(b'\n');
}

fn head(new: &Value) -> Value {
    let mut trace = new["trace"].clone();
    let reference = &new["trace"]["common_fields"]["reference_time"]["wall_clock_time"];
    let since_1970 = reference
        .as_str()
        .and_then(|text| humantime::parse_rfc3339(text).ok());
    let since_1970 = since_1970.and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    let fields = &mut trace["common_fields"];
    if !fields.is_object() {
        *fields = json!({});
    }
    fields["time_format"] = "relative".into();
    fields["reference_time"] = since_1970
        .map_or(0.0, |time| time.as_secs_f64() * 1_000.0)
        .into();
    fields["protocol_type"] = json!(["QUIC", "HTTP3"]);
    let mut old = json!({ "qlog_version": "0.3", "qlog_format": "JSON-SEQ", "trace": trace });
    for name in ["title", "description"] {
        if let Some(text) = new.get(name) {
            old[name] = text.clone();
        }
    }
    old
}

/// What a namespace and a name of today were, where they were others.
fn renamed(name: &str) -> Option<&'static str> {
    Some(match name {
        "quic:connection_started" => "connectivity:connection_started",
        "quic:connection_closed" => "connectivity:connection_closed",
        "quic:connection_state_updated" => "connectivity:connection_state_updated",
        "quic:migration_state_updated" => "connectivity:path_updated",
        "quic:mtu_updated" => "connectivity:mtu_updated",
        "quic:version_information" => "transport:version_information",
        "quic:alpn_information" => "transport:alpn_information",
        "quic:parameters_set" => "transport:parameters_set",
        "quic:packet_sent" => "transport:packet_sent",
        "quic:packet_received" => "transport:packet_received",
        "quic:packet_dropped" => "transport:packet_dropped",
        "quic:packets_acked" => "transport:packets_acked",
        "quic:stream_state_updated" => "transport:stream_state_updated",
        "quic:key_updated" => "security:key_updated",
        "quic:key_discarded" => "security:key_discarded",
        "quic:packet_lost" => "recovery:packet_lost",
        "quic:recovery_metrics_updated" => "recovery:metrics_updated",
        "quic:congestion_state_updated" => "recovery:congestion_state_updated",
        "http3:parameters_set" => "http:parameters_set",
        "http3:stream_type_set" => "http:stream_type_set",
        "http3:frame_created" => "http:frame_created",
        "http3:frame_parsed" => "http:frame_parsed",
        _ => return None,
    })
}

/// `None` for what is no event.
fn event(event: &mut Value) -> Option<()> {
    event["time"].as_f64()?;
    let name = event["name"].as_str()?;
    let old = renamed(name);
    let data = event.get_mut("data")?.as_object_mut()?;
    match old {
        Some("connectivity:connection_started") => *data = started(data),
        Some("transport:packet_sent" | "transport:packet_received") => {
            let frames = data.get_mut("frames").and_then(Value::as_array_mut);
            for frame in frames.into_iter().flatten() {
                quic_frame(frame);
            }
        }
        Some("transport:parameters_set" | "http:parameters_set" | "http:stream_type_set") => {
            rename(data, "initiator", "owner");
            rename(data, "max_field_section_size", "max_header_list_size");
            rename(data, "stream_type", "new");
        }
        Some("http:frame_created" | "http:frame_parsed") => http_frame(data),
        _ => {}
    }
    if let Some(old) = old {
        event["name"] = old.into();
    }
    Some(())
}

fn rename(object: &mut Object, from: &str, to: &str) {
    if let Some(value) = object.remove(from) {
        object.insert(to.to_owned(), value);
    }
}

fn started(data: &Object) -> Object {
    let mut old = Object::new();
    for (side, short) in [("local", "src"), ("remote", "dst")] {
        let Some(side) = data.get(side) else { continue };
        for (version, ip, port) in [("v4", "ip_v4", "port_v4"), ("v6", "ip_v6", "port_v6")] {
            if let (Some(ip), Some(port)) = (side.get(ip), side.get(port)) {
                old.insert("ip_version".to_owned(), version.into());
                old.insert(format!("{short}_ip"), ip.clone());
                old.insert(format!("{short}_port"), port.clone());
            }
        }
        if let Some(id) = side["connection_ids"].get(0) {
            old.insert(format!("{short}_cid"), id.clone());
        }
    }
    old.insert("protocol".to_owned(), "QUIC".into());
    old
}

/// Lengths stood beside the offset.
fn quic_frame(frame: &mut Value) {
    if let Some(length) = frame["raw"].get("payload_length") {
        frame["length"] = length.clone();
    }
    if let Some(code) = frame.get("error") {
        frame["error_code"] = code.clone();
    }
}

fn http_frame(data: &mut Object) {
    let Some(frame) = data.get_mut("frame") else {
        return;
    };
    if frame["frame_type"] == "priority_update" {
        frame["element_id"] = frame["stream_id"].take();
        frame["value"] = frame["priority_field_value"].take();
    }
    if let Some(length) = frame["raw"].get("payload_length").cloned() {
        // The draft's name, and the one before it, which qvis asks for.
        data.insert("length".to_owned(), length.clone());
        data.insert("byte_length".to_owned(), length);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "\x1e{\"file_schema\":\"urn:x\",\"title\":\"t\",\"trace\":{\"common_fields\":{\
        \"time_format\":\"relative_to_epoch\",\"reference_time\":{\"wall_clock_time\":\"1970-01-01T00:00:01.500Z\"}}}}\n";

    fn records(text: &[u8]) -> Vec<Value> {
        let records = text.split(|&byte| byte == 0x1e).skip(1);
        records
            .map(|record| serde_json::from_slice(record).unwrap())
            .collect()
    }

    fn of(events: &str) -> Vec<Value> {
        records(&older(format!("{HEAD}{events}").as_bytes()).unwrap())
    }

    #[test]
    fn names_lengths_and_times_are_as_they_were() {
        let all = of(
            "\x1e{\"time\":1.5,\"name\":\"quic:packet_sent\",\"data\":{\"frames\":[{\"frame_type\":\"stream\",\
             \"raw\":{\"payload_length\":7}}]}}\n\x1e{\"time\":2,\"name\":\"own:name\",\"data\":{}}\n",
        );
        let fields = json!({ "time_format": "relative", "reference_time": 1500.0, "protocol_type": ["QUIC", "HTTP3"] });
        let head = json!({ "qlog_version": "0.3", "qlog_format": "JSON-SEQ", "title": "t", "trace": {"common_fields": fields} });
        assert_eq!(all[0], head);
        assert_eq!(
            (&all[1]["name"], &all[1]["time"]),
            (&json!("transport:packet_sent"), &json!(1.5))
        );
        assert_eq!(all[1]["data"]["frames"][0]["length"], 7);
        assert_eq!(all[2], json!({ "time": 2, "name": "own:name", "data": {} }));
    }

    #[test]
    fn addresses_settings_and_priorities_have_their_old_places() {
        let all = of(
            "\x1e{\"time\":0,\"name\":\"quic:connection_started\",\"data\":{\"local\":{\"connection_ids\":[\"aa\"]},\
             \"remote\":{\"ip_v6\":\"::1\",\"port_v6\":443,\"connection_ids\":[\"bb\"]}}}\n\
             \x1e{\"time\":0,\"name\":\"http3:parameters_set\",\"data\":{\"initiator\":\"local\"}}\n\
             \x1e{\"time\":0,\"name\":\"http3:frame_created\",\"data\":{\"stream_id\":2,\"frame\":{\"frame_type\":\
             \"priority_update\",\"stream_id\":8,\"priority_field_value\":\"u=1\"}}}\n\
             \x1e{\"time\":0,\"name\":\"http3:frame_parsed\",\"data\":{\"frame\":{\"raw\":{\"payload_length\":9}}}}\n",
        );
        let started = json!({
            "ip_version": "v6", "dst_ip": "::1", "dst_port": 443, "src_cid": "aa", "dst_cid": "bb", "protocol": "QUIC",
        });
        assert_eq!(all[1]["data"], started);
        assert_eq!(all[2]["data"], json!({ "owner": "local" }));
        let frame = &all[3]["data"]["frame"];
        assert_eq!(
            (&frame["element_id"], &frame["value"]),
            (&json!(8), &json!("u=1"))
        );
        assert_eq!(
            (&all[4]["data"]["length"], &all[4]["data"]["byte_length"]),
            (&json!(9), &json!(9))
        );
    }

    #[test]
    fn what_is_broken_is_named() {
        let failed = |text: String| older(text.as_bytes()).unwrap_err();
        assert_eq!(failed(String::new()), OlderError::NotQlog);
        assert_eq!(failed("{}".to_owned()), OlderError::NotQlog);
        assert_eq!(
            failed("\x1e{\"qlog_version\":\"0.3\",\"trace\":{}}\n".to_owned()),
            OlderError::NotQlog
        );
        assert_eq!(failed(HEAD.to_owned()), OlderError::Empty);
        assert_eq!(
            failed(format!("{HEAD}\x1e{{]\n\x1e{{}}\n")),
            OlderError::Record(2)
        );
        assert_eq!(failed(format!("{HEAD}\x1e[1]\n")), OlderError::Record(2));
        let whole = "\x1e{\"time\":0,\"name\":\"a\",\"data\":{}}\n";
        assert_eq!(
            of(&format!("{whole}\x1e{{\"time\":")).len(),
            2,
            "a torn end is left out"
        );
    }
}
