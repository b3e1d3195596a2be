//! Events become lines of JSON.
//!
//! Invariant: a line is one JSON text between a record separator and a line feed (RFC 7464), and is legal by the
//! drafts' schema.

use std::io::Write;
use std::net::SocketAddr;
use std::time::SystemTime;

use quicpro_core::Instant;
use quicpro_core::trace::{
    Closure, Discard, Event, LossTrigger, Metrics, MigrationState, Owner, Packet, Sink, StreamSide,
    StreamState,
};
use quicpro_core::wire::packet::{Kind, Space, Version};
use quicpro_core::wire::{Direction, Side, TransportParameters};
use serde_json::{Value, json};

use super::http3::{self, Lines, initiator};
use super::names::{self, Object};
use super::probes::Probes;
use super::{frames, parameters, text};

/// In front of every JSON text of a sequence.
const RECORD_SEPARATOR: u8 = 0x1e;

/// Acknowledged packets that are told in one event.
const ACKNOWLEDGED_MAX: usize = 256;

/// Versions that are told in one event.
const VERSIONS_MAX: usize = 16;

/// The ack_delay_exponent of a side that has said nothing (RFC 9000 §18.2).
const EXPONENT: u32 = 3;

/// Writes the events of one connection as a JSON text sequence.
///
/// ```
/// use quicpro::qlog::Writer;
/// use quicpro_core::{Instant, trace::{Event, Sink}, wire::packet::Space};
/// let mut file = Vec::new();
/// let mut writer = Writer::new(&mut file, "0123456789abcdef");
/// writer.event(Instant::from_micros(1_500), &Event::KeysDiscarded { space: Space::Initial });
/// drop(writer);
/// let text = String::from_utf8(file).unwrap();
/// assert!(text.lines().nth(1).unwrap().contains(r#""name":"quic:key_discarded","time":1.5"#));
/// ```
#[derive(Debug)]
pub struct Writer<W: Write> {
    /// `None` once writing has failed.
    out: Option<W>,
    lines: Lines,
    metrics: Option<Metrics>,
    state: Option<String>,
    phase: Option<String>,
    /// ack_delay_exponent of ours and of the peer.
    exponents: [u32; 2],
    settings: [Vec<(&'static str, u64)>; 2],
    acknowledged: Acknowledged,
    probes: Probes,
}

/// Acknowledgements of the same time and space, to be told together.
#[derive(Debug, Default)]
struct Acknowledged {
    at: Option<(Instant, Space)>,
    numbers: Vec<u64>,
}

impl<W: Write> Writer<W> {
    /// Begins a file about the connection whose original destination connection ID is `name`.
    pub fn new(out: W, name: &str) -> Self {
        Self::begin(out, name, Some(SystemTime::now()))
    }

    /// As [`new`](Self::new), for times that are nobody's wall clock: simulations, and rings from devices.
    pub fn without_wall_clock(out: W, name: &str) -> Self {
        Self::begin(out, name, None)
    }

    fn begin(out: W, name: &str, wall_clock: Option<SystemTime>) -> Self {
        let mut writer = Self {
            out: Some(out),
            lines: Lines::default(),
            metrics: None,
            state: None,
            phase: None,
            exponents: [EXPONENT; 2],
            settings: [Vec::new(), Vec::new()],
            acknowledged: Acknowledged::default(),
            probes: Probes::default(),
        };
        let mut reference = json!({ "clock_type": "monotonic", "epoch": "unknown" });
        if let Some(now) = wall_clock {
            let now = humantime::format_rfc3339_millis(now).to_string();
            reference["wall_clock_time"] = now.into();
        }
        writer.line(&json!({
            "file_schema": "urn:ietf:params:qlog:file:sequential",
            "serialization_format": "application/qlog+json-seq",
            "title": format!("quicpro {name}"),
            "trace": {
                "common_fields": {
                    "group_id": name,
                    "time_format": "relative_to_epoch",
                    "reference_time": reference,
                },
                "vantage_point": {
                    "name": concat!("quicpro/", env!("CARGO_PKG_VERSION")),
                    "type": "client",
                },
                "event_schemas": [
                    "urn:ietf:params:qlog:events:quic-13",
                    "urn:ietf:params:qlog:events:http3-13",
                ],
            },
        }));
        writer
    }

    /// Writes out what was collected. Dropping does it, too.
    pub fn flush(&mut self) {
        self.tell_acknowledged();
        let flushed = self.out.as_mut().map_or(Ok(()), Write::flush);
        self.note(flushed);
    }

    fn line(&mut self, value: &Value) {
        let Some(out) = &mut self.out else { return };
        let mut written = out.write_all(&[RECORD_SEPARATOR]);
        written =
            written.and_then(|()| serde_json::to_writer(&mut *out, value).map_err(Into::into));
        written = written.and_then(|()| out.write_all(b"\n"));
        self.note(written);
    }

    /// After a failure nothing is written any more.
    fn note(&mut self, result: std::io::Result<()>) {
        if let Err(error) = result {
            log::warn!("the rest of a qlog is lost: {error}");
            self.out = None;
        }
    }

    fn tell(&mut self, now: Instant, name: &str, data: Value) {
        let time = now.as_micros() as f64 / 1_000.0;
        self.line(&json!({ "time": time, "name": name, "data": data }));
    }

    fn tell_acknowledged(&mut self) {
        let Some((now, space)) = self.acknowledged.at.take() else {
            return;
        };
        let numbers = std::mem::take(&mut self.acknowledged.numbers);
        let space = names::space(space);
        let data = json!({ "packet_number_space": space, "packet_numbers": numbers });
        self.tell(now, "quic:packets_acked", data);
    }

    fn on_acknowledged(&mut self, now: Instant, space: Space, number: u64) {
        let full = self.acknowledged.numbers.len() >= ACKNOWLEDGED_MAX;
        if full || self.acknowledged.at != Some((now, space)) {
            self.tell_acknowledged();
        }
        self.acknowledged.at = Some((now, space));
        self.acknowledged.numbers.push(number);
    }

    /// What the transport reports but packets.
    fn transport(&mut self, now: Instant, event: &Event<'_>) {
        let (name, data) = match *event {
            Event::ConnectionStarted {
                remote,
                source,
                destination,
            } => {
                let mut server = parameters::address(remote);
                let ids = json!([text::hex(destination.as_slice())]);
                server.insert("connection_ids".into(), ids);
                let local = json!({ "connection_ids": [text::hex(source.as_slice())] });
                let data = json!({ "local": local, "remote": server });
                ("quic:connection_started", data)
            }
            Event::Versions {
                client,
                server,
                chosen,
            } => ("quic:version_information", versions(client, server, chosen)),
            Event::ProtocolChosen { protocol } => {
                let mut chosen = Object::new();
                let bytes = text::bytes(protocol, text::SHORT_MAX);
                chosen.insert("byte_value".into(), bytes);
                if let Some(text) = text::text(protocol, text::SHORT_MAX) {
                    chosen.insert("string_value".into(), text);
                }
                ("quic:alpn_information", json!({ "chosen_alpn": chosen }))
            }
            Event::MtuUpdated { old, new } => {
                self.probes.on_datagram_size(new);
                ("quic:mtu_updated", json!({ "old": old, "new": new }))
            }
            Event::Discarded { reason, size } => ("quic:packet_dropped", dropped(reason, size)),
            Event::Migration {
                state,
                local,
                remote,
            } => (
                "quic:migration_state_updated",
                migration(state, local, remote),
            ),
            Event::Closed(closure) => ("quic:connection_closed", closed(&closure)),
            _ => return self.fates(now, event),
        };
        self.tell(now, name, data);
    }

    /// What became of a packet or a stream.
    fn fates(&mut self, now: Instant, event: &Event<'_>) {
        let (name, data) = match *event {
            Event::PacketLost {
                space,
                number,
                trigger,
            } => {
                let kind = names::packet_type(space.kind());
                let trigger = match trigger {
                    LossTrigger::Reordering => "reordering_threshold",
                    LossTrigger::Time => "time_threshold",
                };
                let header = json!({ "packet_type": kind, "packet_number": number });
                let mut data = json!({ "header": header, "trigger": trigger });
                if space == Space::Application && self.probes.is_lost(number) {
                    data["is_mtu_probe_packet"] = true.into();
                }
                ("quic:packet_lost", data)
            }
            Event::StreamUpdated {
                id,
                side,
                state,
                owner,
            } => {
                let data = json!({
                    "stream_id": id.get(),
                    "stream_type": match id.direction() {
                        Direction::Bidirectional => "bidirectional",
                        Direction::Unidirectional => "unidirectional",
                    },
                    "new": stream_state(state),
                    "stream_side": match side {
                        StreamSide::Sending => "sending",
                        StreamSide::Receiving => "receiving",
                    },
                    "trigger": initiator(owner),
                });
                ("quic:stream_state_updated", data)
            }
            _ => return self.remembered(now, event),
        };
        self.tell(now, name, data);
    }

    /// Events that are told as a change from the one before, or that later ones depend on.
    fn remembered(&mut self, now: Instant, event: &Event<'_>) {
        match *event {
            Event::StateUpdated { state } => {
                let data = change(&mut self.state, state);
                self.tell(now, "quic:connection_state_updated", data);
            }
            Event::CongestionPhase { phase } => {
                let data = change(&mut self.phase, phase);
                self.tell(now, "quic:congestion_state_updated", data);
            }
            Event::MetricsUpdated(metrics) => {
                let data = changed(self.metrics.as_ref(), &metrics);
                self.metrics = Some(metrics);
                self.tell(now, "quic:recovery_metrics_updated", data);
            }
            Event::ParametersSet {
                owner,
                encoded,
                suite,
            } => {
                let from = match owner {
                    Owner::Local => Side::Client,
                    Owner::Remote => Side::Server,
                };
                if let Ok(said) = TransportParameters::decode(encoded, from) {
                    // At most 20, as it was decoded.
                    self.exponents[place(owner)] = said.ack_delay_exponent as u32;
                }
                let mut data = Object::new();
                data.insert("initiator".into(), initiator(owner).into());
                if let Some(suite) = suite {
                    let name = match suite.code() {
                        0x1301 => "AES_128_GCM_SHA256",
                        0x1302 => "AES_256_GCM_SHA384",
                        _ => "CHACHA20_POLY1305_SHA256",
                    };
                    data.insert("tls_cipher".into(), name.into());
                }
                parameters::parameters(encoded, from, &mut data);
                self.tell(now, "quic:parameters_set", Value::Object(data));
            }
            _ => self.keys(now, event),
        }
    }

    fn keys(&mut self, now: Instant, event: &Event<'_>) {
        let (name, space, phase) = match *event {
            Event::KeysInstalled { space } => ("quic:key_updated", space, None),
            Event::KeysDiscarded { space } => ("quic:key_discarded", space, None),
            Event::KeyUpdated { updates } => {
                ("quic:key_updated", Space::Application, Some(updates))
            }
            _ => return self.http3(now, event),
        };
        for key in names::keys(space) {
            let mut data = json!({ "key_type": key });
            match phase {
                Some(phase) => data["key_phase"] = phase.into(),
                None => data["trigger"] = "tls".into(),
            }
            self.tell(now, name, data);
        }
    }

    fn http3(&mut self, now: Instant, event: &Event<'_>) {
        match *event {
            Event::Http3Settings {
                owner,
                max_field_section_size,
                max_table_capacity,
                blocked_streams,
                extended_connect,
                datagram,
            } => {
                let mut data = json!({
                    "initiator": initiator(owner),
                    "max_table_capacity": max_table_capacity,
                    "blocked_streams_count": blocked_streams,
                    "extended_connect": u8::from(extended_connect),
                    "h3_datagram": u8::from(datagram),
                });
                let settings = &mut self.settings[place(owner)];
                settings.clear();
                if let Some(size) = max_field_section_size {
                    data["max_field_section_size"] = size.into();
                    settings.push(("settings_max_field_section_size", size));
                }
                settings.extend([
                    ("settings_qpack_max_table_capacity", max_table_capacity),
                    ("settings_qpack_blocked_streams", blocked_streams),
                    ("settings_enable_connect_protocol", extended_connect.into()),
                    ("settings_h3_datagram", datagram.into()),
                ]);
                // Those that are 0 are not said.
                settings.retain(|setting| setting.1 != 0);
                self.tell(now, "http3:parameters_set", data);
            }
            Event::Http3Stream { owner, id, kind } => {
                let data = http3::stream(owner, id, kind);
                self.tell(now, "http3:stream_type_set", data);
            }
            Event::Http3Field {
                owner,
                id,
                name,
                value,
            } => self.lines.push(owner, id, name, value),
            Event::Http3Frame {
                owner,
                id,
                ref frame,
            } => {
                let settings = &self.settings[place(owner)];
                let data = http3::frame(owner, id, frame, &mut self.lines, settings);
                let name = match owner {
                    Owner::Local => "http3:frame_created",
                    Owner::Remote => "http3:frame_parsed",
                };
                self.tell(now, name, data);
            }
            _ => {}
        }
    }
}

impl<W: Write + Send> Sink for Writer<W> {
    fn event(&mut self, now: Instant, event: &Event<'_>) {
        if self.out.is_none() {
            return;
        }
        if let Event::PacketAcknowledged { space, number } = *event {
            return self.on_acknowledged(now, space, number);
        }
        self.tell_acknowledged();
        match event {
            Event::PacketSent(sent) => {
                let mut data = packet(sent, self.exponents[place(Owner::Local)]);
                if sent.kind == Kind::Short && self.probes.is_sent(sent.number, sent.size) {
                    data["is_mtu_probe_packet"] = true.into();
                }
                self.tell(now, "quic:packet_sent", data);
            }
            Event::PacketReceived(received) => {
                let data = packet(received, self.exponents[place(Owner::Remote)]);
                self.tell(now, "quic:packet_received", data);
            }
            _ => self.transport(now, event),
        }
        if matches!(event, Event::Closed(_)) {
            self.flush();
        }
    }
}

impl<W: Write> Drop for Writer<W> {
    fn drop(&mut self) {
        self.flush();
    }
}

/// Where one of two things stands: ours, or the peer's.
const fn place(owner: Owner) -> usize {
    match owner {
        Owner::Local => 0,
        Owner::Remote => 1,
    }
}

fn packet(packet: &Packet<'_>, exponent: u32) -> Value {
    let mut header = json!({ "packet_type": names::packet_type(packet.kind) });
    if packet.kind.space().is_some() {
        header["packet_number"] = packet.number.into();
    }
    if frames::has_long_header(packet.kind) {
        header["version"] = version(packet.version);
        header["dcil"] = packet.destination.len().into();
        header["dcid"] = text::hex(packet.destination.as_slice()).into();
        header["scil"] = packet.source.len().into();
        header["scid"] = text::hex(packet.source.as_slice()).into();
    }
    if packet.token_length > 0 {
        header["token"] = json!({ "raw": { "length": packet.token_length } });
    }
    let frames = packet.frames().flatten();
    let frames: Vec<_> = frames.map(|one| frames::frame(&one, exponent)).collect();
    json!({
        "header": header,
        "frames": frames,
        "raw": { "length": packet.size, "payload_length": packet.payload.len() },
    })
}

fn version(version: Version) -> Value {
    format!("{:08x}", version.0).into()
}

fn versions(client: &[Version], server: &[Version], chosen: Option<Version>) -> Value {
    let mut data = Object::new();
    for (name, offered) in [("client_versions", client), ("server_versions", server)] {
        let offered: Vec<_> = offered.iter().take(VERSIONS_MAX).copied().collect();
        if !offered.is_empty() {
            data.insert(name.into(), offered.into_iter().map(version).collect());
        }
    }
    if let Some(chosen) = chosen {
        data.insert("chosen_version".into(), version(chosen));
    }
    Value::Object(data)
}

fn dropped(reason: Discard, size: usize) -> Value {
    let trigger = match reason {
        Discard::Malformed => "invalid",
        Discard::WrongAddress | Discard::Unexpected | Discard::CryptoBeyondWindow => "rejected",
        Discard::UnknownConnectionId => "connection_unknown",
        Discard::WrongVersion => "unsupported",
        Discard::NoKeys => "key_unavailable",
        Discard::Undecryptable => "decryption_failure",
        Discard::Duplicate => "duplicate",
        Discard::Closed => "general",
    };
    json!({
        "raw": { "length": size },
        "trigger": trigger,
        "details": { "reason": reason.name() },
    })
}

/// From what was remembered to `new`, which is remembered now.
fn change(old: &mut Option<String>, new: &str) -> Value {
    let mut data = json!({ "new": new });
    if let Some(old) = old.replace(new.to_owned()) {
        data["old"] = old.into();
    }
    data
}

/// qlog's name of an estimate, and where it stands.
type Estimate<T> = (&'static str, fn(&Metrics) -> T);

/// The estimates that differ from those before.
fn changed(old: Option<&Metrics>, new: &Metrics) -> Value {
    let mut data = Object::new();
    let mut put = |name: &str, old: Option<Value>, new: Value| {
        if old.as_ref() != Some(&new) {
            data.insert(name.into(), new);
        }
    };
    let times: [Estimate<u32>; 4] = [
        ("latest_rtt", |metrics| metrics.rtt_latest_us),
        ("smoothed_rtt", |metrics| metrics.rtt_us),
        ("min_rtt", |metrics| metrics.rtt_min_us),
        ("rtt_variance", |metrics| metrics.rtt_variation_us),
    ];
    let is_measured = new.rtt_latest_us > 0;
    for (name, of) in times.into_iter().filter(|_| is_measured) {
        let milliseconds = |metrics| f64::from(of(metrics)) / 1_000.0;
        put(
            name,
            old.map(milliseconds).map(Into::into),
            milliseconds(new).into(),
        );
    }
    let numbers: [Estimate<u64>; 4] = [
        ("pto_count", |metrics| metrics.pto_count.into()),
        ("congestion_window", |metrics| metrics.window.into()),
        ("bytes_in_flight", |metrics| metrics.in_flight.into()),
        // In bits.
        ("pacing_rate", |metrics| {
            metrics.pacing_rate.saturating_mul(8)
        }),
    ];
    for (name, of) in numbers {
        put(name, old.map(of).map(Into::into), of(new).into());
    }
    if let Some(threshold) = new.threshold {
        let old = old.and_then(|old| old.threshold);
        put("ssthresh", old.map(Into::into), threshold.into());
    }
    Value::Object(data)
}

fn migration(state: MigrationState, local: Option<SocketAddr>, remote: SocketAddr) -> Value {
    let new = match state {
        MigrationState::ProbingStarted => "probing_started",
        MigrationState::ProbingAbandoned => "probing_abandoned",
        MigrationState::ProbingSuccessful => "probing_successful",
        MigrationState::MigrationStarted => "migration_started",
        MigrationState::MigrationAbandoned => "migration_abandoned",
        MigrationState::MigrationComplete => "migration_complete",
    };
    let mut data = json!({ "new": new, "tuple_remote": parameters::address(remote) });
    if let Some(local) = local {
        data["tuple_local"] = Value::Object(parameters::address(local));
    }
    data
}

const fn stream_state(state: StreamState) -> &'static str {
    match state {
        StreamState::Open => "open",
        StreamState::DataReceived => "data_received",
        StreamState::ResetReceived => "reset_received",
        StreamState::Stopped => "reset_sent",
    }
}

fn closed(closure: &Closure<'_>) -> Value {
    let mut data = Object::new();
    let trigger = match *closure {
        Closure::IdleTimeout => "idle_timeout",
        Closure::StatelessReset => "stateless_reset",
        Closure::VersionMismatch => "version_mismatch",
        Closure::Transport {
            owner,
            code,
            reason,
        } => {
            data.insert("initiator".into(), initiator(owner).into());
            names::transport_error(&mut data, "connection_error", code);
            names::reason(&mut data, reason);
            "error"
        }
        Closure::Application {
            owner,
            code,
            reason,
        } => {
            data.insert("initiator".into(), initiator(owner).into());
            names::application_error(&mut data, "application_error", code);
            names::reason(&mut data, reason);
            "application"
        }
    };
    data.insert("trigger".into(), trigger.into());
    Value::Object(data)
}
