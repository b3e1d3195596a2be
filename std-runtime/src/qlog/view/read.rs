//! From a qlog file to a recording: JSON text sequences, lines of JSON, and whole JSON files of any draft.
//!
//! Invariant: memory is proportional to the file; a record that is broken is named by its number, and only the last may
//! be torn, as a program that was stopped leaves it.

use std::fmt;

use serde_json::Value;

use super::recording::{Recording, short};

/// Times beyond this are no times: 300 years in milliseconds.
const TIME_MAX: f64 = 1e13;

/// Why a file cannot be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadError {
    /// It is not text.
    NotText,
    /// It does not begin as a qlog file does.
    NotQlog,
    /// A record is no JSON, or no event. Records count from 1, the file's head included.
    Record {
        /// Which.
        number: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// It has no events.
    Empty,
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotText => f.write_str("not a qlog file: it is not text"),
            Self::NotQlog => f.write_str(
                "not a qlog file: neither \"file_schema\" nor \"qlog_version\" stands at its beginning",
            ),
            Self::Record { number, problem } => write!(f, "record {number} is broken: {problem}"),
            Self::Empty => f.write_str("the qlog file has no events"),
        }
    }
}

impl std::error::Error for ReadError {}

/// Reads the first connection of a qlog file, which is to be called `name`.
pub fn read(bytes: &[u8], name: &str) -> Result<Recording, ReadError> {
    // A file may end within a character, as it may within a record.
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return Err(ReadError::NotText),
    };
    let mut recording = Recording {
        title: short(name),
        ..Recording::default()
    };
    let mut clock = Clock::default();
    // Separated by RFC 7464's character, or, by older writers, by lines.
    let separator = if text.contains('\x1e') { '\x1e' } else { '\n' };
    let whole = serde_json::from_str::<Value>(text.trim_start_matches('\x1e'));
    if let Ok(file) = whole
        && let Some(trace) = file["traces"].get(0)
    {
        check_head(&file)?;
        recording.told = title(&file, trace);
        clock.format(trace);
        let events = trace["events"].as_array();
        for (at, event) in events.into_iter().flatten().enumerate() {
            add(&mut recording, &mut clock, event, at + 1)?;
        }
    } else {
        let mut records = text.split(separator).map(str::trim);
        let mut records = records.by_ref().filter(|record| !record.is_empty());
        let head = records.next().ok_or(ReadError::NotQlog)?;
        let head: Value = serde_json::from_str(head).map_err(|_| ReadError::NotQlog)?;
        check_head(&head)?;
        recording.told = title(&head, &head["trace"]);
        clock.format(&head["trace"]);
        let mut records = records.enumerate().peekable();
        while let Some((at, record)) = records.next() {
            match serde_json::from_str(record) {
                Ok(event) => add(&mut recording, &mut clock, &event, at + 2)?,
                Err(error) if records.peek().is_none() && error.is_eof() => {
                    recording.is_cut = true;
                }
                Err(error) => return Err(broken(at + 2, error)),
            }
        }
    }
    if recording.events == 0 {
        return Err(ReadError::Empty);
    }
    Ok(recording)
}

/// The trace's own title, or else the file's.
fn title(file: &Value, trace: &Value) -> String {
    let title = trace["title"].as_str().or_else(|| file["title"].as_str());
    short(title.unwrap_or_default())
}

fn check_head(head: &Value) -> Result<(), ReadError> {
    let is_qlog = head["file_schema"].is_string() || head["qlog_version"].is_string();
    if is_qlog {
        Ok(())
    } else {
        Err(ReadError::NotQlog)
    }
}

/// What the times of events count from.
#[derive(Default)]
struct Clock {
    is_relative_to_previous: bool,
    now: f64,
}

impl Clock {
    fn format(&mut self, trace: &Value) {
        let format = &trace["common_fields"]["time_format"];
        self.is_relative_to_previous = format == "relative_to_previous_event" || format == "delta";
    }

    fn time(&mut self, time: f64) -> Option<f64> {
        self.now = if self.is_relative_to_previous {
            self.now + time
        } else {
            time
        };
        (self.now.abs() <= TIME_MAX).then_some(self.now)
    }
}

fn add(
    recording: &mut Recording,
    clock: &mut Clock,
    event: &Value,
    number: usize,
) -> Result<(), ReadError> {
    let name = event["name"].as_str();
    let name = name.ok_or_else(|| broken(number, "an event without a name"))?;
    let time = event["time"].as_f64().and_then(|time| clock.time(time));
    let time = time.ok_or_else(|| broken(number, "an event without a time"))?;
    recording.event(time, name, &event["data"]);
    Ok(())
}

fn broken(number: usize, problem: impl fmt::Display) -> ReadError {
    let problem = short(&problem.to_string());
    ReadError::Record { number, problem }
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "what is read is small and whole")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HEAD: &str = "\x1e{\"file_schema\":\"urn:ietf:params:qlog:file:sequential\"}\n";

    fn events(records: &[&str]) -> String {
        let records: Vec<_> = records
            .iter()
            .map(|record| format!("\x1e{record}\n"))
            .collect();
        format!("{HEAD}{}", records.concat())
    }

    #[test]
    fn a_torn_end_is_told_and_a_broken_middle_is_an_error() {
        let event = r#"{"time":5,"name":"quic:packet_lost","data":{}}"#;
        let torn = events(&[event, &event[..30]]);
        let recording = read(torn.as_bytes(), "x").unwrap();
        assert!(recording.is_cut && recording.losses == [5.0]);
        let broken = events(&[event, &event[..30], event]);
        let error = read(broken.as_bytes(), "x").unwrap_err();
        assert!(
            error.to_string().starts_with("record 3 is broken"),
            "{error}"
        );
    }

    #[test]
    fn what_is_no_qlog_is_refused() {
        let of = |text: &[u8]| read(text, "x").unwrap_err();
        assert_eq!(of(b""), ReadError::NotQlog);
        assert_eq!(of(b"{\"a\":1}"), ReadError::NotQlog);
        assert_eq!(of(b"\x1e[[[["), ReadError::NotQlog);
        assert_eq!(of(b"\xff\xfe{}"), ReadError::NotText);
        assert_eq!(of(HEAD.as_bytes()), ReadError::Empty);
        let deep = events(&[&"[".repeat(100_000), "{}"]);
        assert!(matches!(
            of(deep.as_bytes()),
            ReadError::Record { number: 2, .. }
        ));
        for event in [
            r#"{"time":1e300,"name":"a"}"#,
            r#"{"name":"a"}"#,
            r#"{"time":1}"#,
            "7",
        ] {
            let error = of(events(&[event]).as_bytes());
            assert!(
                matches!(error, ReadError::Record { number: 2, .. }),
                "{event}"
            );
        }
    }

    #[test]
    fn whole_files_and_times_that_count_from_the_last() {
        let file = r#"{"qlog_version":"0.3","traces":[{"common_fields":{"time_format":"delta"},
            "events":[{"time":1,"name":"recovery:packet_lost","data":{}},
                      {"time":2,"name":"recovery:packet_lost","data":{}}]}]}"#;
        assert_eq!(read(file.as_bytes(), "x").unwrap().losses, [1.0, 3.0]);
    }

    proptest! {
        #[test]
        fn any_mutation_of_a_file_is_read_or_refused(
            at in any::<prop::sample::Index>(),
            with in proptest::collection::vec(any::<u8>(), 0..20),
            cut in any::<prop::sample::Index>(),
        ) {
            let sent = r#"{"time":1,"name":"quic:packet_sent","data":{"header":{"packet_type":"1RTT","packet_number":1},
                "frames":[{"frame_type":"stream","stream_id":0,"raw":{"payload_length":9}}],"raw":{"length":50}}}"#;
            let got = r#"{"time":2,"name":"quic:packet_received","data":{"header":{"packet_type":"1RTT"},
                "frames":[{"frame_type":"ack","acked_ranges":[[0,18446744073709551615]]}],"raw":{"length":1e308}}}"#;
            let metrics = r#"{"time":3,"name":"quic:recovery_metrics_updated","data":{"congestion_window":1e308,"smoothed_rtt":-1}}"#;
            let mut bytes = events(&[sent, got, got, metrics]).into_bytes();
            let at = at.index(bytes.len());
            bytes.splice(at..(at + with.len()).min(bytes.len()), with);
            bytes.truncate(cut.index(bytes.len()) + 1);
            if let Ok(recording) = read(&bytes, "x") {
                prop_assert!(super::super::svg(&[recording]).is_ok());
            }
        }
    }
}
