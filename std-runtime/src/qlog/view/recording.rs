//! What a qlog file tells of a connection, as series over time.
//!
//! Invariant: times are finite milliseconds in the order of the file; everything else may be empty.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

/// Streams that are told apart; further ones are counted only.
const STREAMS_MAX: usize = 10_000;

/// Bytes of a stream's name.
const NAME_MAX: usize = 60;

/// A value at a time in milliseconds.
pub type Point = (f64, f64);

/// One connection.
#[derive(Clone, Debug, Default)]
pub struct Recording {
    /// What it is called.
    pub title: String,
    /// What its writer calls it; empty if it has no word for it.
    pub told: String,
    /// Time of the first event, milliseconds.
    pub start: f64,
    /// Time of the last event, milliseconds.
    pub end: f64,
    /// Events in all.
    pub events: usize,
    /// Congestion window, bytes.
    pub window: Vec<Point>,
    /// Bytes in flight.
    pub in_flight: Vec<Point>,
    /// Slow start threshold, bytes.
    pub threshold: Vec<Point>,
    /// Latest round-trip time, milliseconds.
    pub rtt_latest: Vec<Point>,
    /// Smoothed round-trip time, milliseconds.
    pub rtt_smoothed: Vec<Point>,
    /// Smallest round-trip time, milliseconds.
    pub rtt_min: Vec<Point>,
    /// When packets were declared lost, probes of the path's MTU apart.
    pub losses: Vec<f64>,
    /// Probes of the path's MTU that were lost: how a search for it ends, and no sign of congestion.
    pub probes_lost: usize,
    /// Bytes of packets sent, all of them so far.
    pub sent: Vec<Point>,
    /// Bytes of packets that were acknowledged, so far.
    pub acknowledged: Vec<Point>,
    /// Bytes of packets received, so far.
    pub received: Vec<Point>,
    /// When the congestion controller changed its phase, and to which.
    pub phases: Vec<(f64, String)>,
    /// By number.
    pub streams: BTreeMap<u64, Stream>,
    /// The last record was torn.
    pub is_cut: bool,
    pub(super) sizes: HashMap<(Box<str>, u64), f64>,
    pub(super) has_acknowledged: bool,
}

/// One stream.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stream {
    /// What it is for.
    pub name: String,
    /// Times of the first and the last STREAM frame that was sent.
    pub sent: Option<(f64, f64)>,
    /// Times of the first and the last STREAM frame that was received.
    pub received: Option<(f64, f64)>,
    /// Bytes sent, repeated ones included.
    pub sent_bytes: f64,
    /// Bytes received, repeated ones included.
    pub received_bytes: f64,
}

impl Recording {
    /// Takes in an event; what is not drawn is ignored.
    pub(super) fn event(&mut self, time: f64, name: &str, data: &Value) {
        if self.events == 0 {
            (self.start, self.end) = (time, time);
        }
        self.events += 1;
        self.start = self.start.min(time);
        self.end = self.end.max(time);
        // Older drafts have other namespaces, but the same words.
        let name = name.rsplit(':').next().unwrap_or(name);
        match name {
            "packet_sent" => self.packet(time, data, true),
            "packet_received" => self.packet(time, data, false),
            "packets_acked" => self.acknowledged(time, data),
            "packet_lost" if data["is_mtu_probe_packet"] == true => self.probes_lost += 1,
            "packet_lost" => self.losses.push(time),
            "recovery_metrics_updated" | "metrics_updated" => self.metrics(time, data),
            "congestion_state_updated" => {
                let phase = data["new"].as_str().unwrap_or_default();
                self.phases.push((time, short(phase)));
            }
            "stream_type_set" => {
                let kind = data["stream_type"].as_str().unwrap_or_default();
                if let Some(stream) = self.stream(data["stream_id"].as_u64())
                    && stream.name.is_empty()
                {
                    stream.name = short(&kind.replace('_', " "));
                }
            }
            "frame_created" => self.request(data),
            _ => {}
        }
    }

    fn stream(&mut self, id: Option<u64>) -> Option<&mut Stream> {
        let id = id?;
        if self.streams.len() >= STREAMS_MAX && !self.streams.contains_key(&id) {
            return None;
        }
        Some(self.streams.entry(id).or_default())
    }

    fn packet(&mut self, time: f64, data: &Value, is_sent: bool) {
        let size = data["raw"]["length"].as_f64().unwrap_or(0.0);
        let series = if is_sent {
            &mut self.sent
        } else {
            &mut self.received
        };
        add(series, time, size);
        let header = &data["header"];
        if let (true, Some(kind), Some(number)) = (
            is_sent,
            header["packet_type"].as_str(),
            header["packet_number"].as_u64(),
        ) {
            self.sizes.insert((space(kind).into(), number), size);
        }
        let frames = data["frames"].as_array().map_or(&[][..], Vec::as_slice);
        for frame in frames {
            match frame["frame_type"].as_str() {
                Some("stream") => self.stream_frame(time, frame, is_sent),
                Some("ack") if !is_sent => self.ack_frame(time, header, frame),
                _ => {}
            }
        }
    }

    fn stream_frame(&mut self, time: f64, frame: &Value, is_sent: bool) {
        let raw = &frame["raw"];
        let length = raw["payload_length"].as_f64();
        // Older drafts have it elsewhere.
        let length = length.or_else(|| frame["length"].as_f64()).unwrap_or(0.0);
        let Some(stream) = self.stream(frame["stream_id"].as_u64()) else {
            return;
        };
        let (span, bytes) = if is_sent {
            (&mut stream.sent, &mut stream.sent_bytes)
        } else {
            (&mut stream.received, &mut stream.received_bytes)
        };
        let first = span.map_or(time, |span| span.0);
        *span = Some((first, time));
        *bytes += length;
    }

    /// Files whose writer does not tell of acknowledged packets still have the frames. Ranges are wide when a peer
    /// lies, so the packets are looked through, not the ranges.
    fn ack_frame(&mut self, time: f64, header: &Value, frame: &Value) {
        if self.has_acknowledged {
            return;
        }
        let space = space(header["packet_type"].as_str().unwrap_or_default());
        let ranges = frame["acked_ranges"].as_array();
        let ranges: Vec<_> = ranges
            .into_iter()
            .flatten()
            .filter_map(|range| {
                let from = range.get(0)?.as_u64()?;
                Some(from..=range.get(1).and_then(Value::as_u64).unwrap_or(from))
            })
            .collect();
        let mut bytes = 0.0;
        self.sizes.retain(|(of, number), size| {
            let hit = **of == *space && ranges.iter().any(|range| range.contains(number));
            bytes += if hit { *size } else { 0.0 };
            !hit
        });
        if bytes > 0.0 {
            add(&mut self.acknowledged, time, bytes);
        }
    }

    fn acknowledged(&mut self, time: f64, data: &Value) {
        self.has_acknowledged = true;
        let space = space(data["packet_number_space"].as_str().unwrap_or_default());
        let numbers = data["packet_numbers"].as_array();
        let numbers = numbers.into_iter().flatten().filter_map(Value::as_u64);
        let bytes: f64 = numbers
            .filter_map(|number| self.sizes.remove(&(space.into(), number)))
            .sum();
        if bytes > 0.0 {
            add(&mut self.acknowledged, time, bytes);
        }
    }

    fn metrics(&mut self, time: f64, data: &Value) {
        for (key, series) in [
            ("congestion_window", &mut self.window),
            ("bytes_in_flight", &mut self.in_flight),
            ("ssthresh", &mut self.threshold),
            ("latest_rtt", &mut self.rtt_latest),
            ("smoothed_rtt", &mut self.rtt_smoothed),
            ("min_rtt", &mut self.rtt_min),
        ] {
            let value = data[key].as_f64();
            // Zero stands for a round-trip time that was not measured yet.
            let is_told = |value: &f64| *value > 0.0 || key == "bytes_in_flight";
            if let Some(value) = value.filter(is_told) {
                series.push((time, value));
            }
        }
    }

    fn request(&mut self, data: &Value) {
        let frame = &data["frame"];
        if frame["frame_type"] != "headers" {
            return;
        }
        let lines = frame["headers"].as_array().map_or(&[][..], Vec::as_slice);
        let value = |name: &str| {
            let line = lines.iter().find(|line| line["name"] == name)?;
            line["value"].as_str()
        };
        let (Some(method), Some(path)) = (value(":method"), value(":path")) else {
            return;
        };
        let name = short(&format!("{method} {path}"));
        if let Some(stream) = self.stream(data["stream_id"].as_u64()) {
            stream.name = name;
        }
    }
}

/// Adds to what there was so far.
fn add(series: &mut Vec<Point>, time: f64, more: f64) {
    let so_far = series.last().map_or(0.0, |last| last.1);
    series.push((time, so_far + more));
}

/// The number space, whatever it is called.
fn space(name: &str) -> &'static str {
    match name {
        "initial" => "initial",
        "handshake" => "handshake",
        _ => "application_data",
    }
}

/// A name of a length that can be shown, without control characters.
pub(super) fn short(text: &str) -> String {
    let shown = text.chars().filter(|letter| !letter.is_control());
    let mut name: String = shown.clone().take(NAME_MAX).collect();
    if shown.count() > NAME_MAX {
        name.push('…');
    }
    name
}
