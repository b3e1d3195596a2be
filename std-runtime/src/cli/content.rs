//! What the request sends: the values of `-d` or `--json`, read from wherever they are.
//!
//! Invariant: the whole body is in memory, so that a redirect can send it again.

use std::io::Read;
use std::path::Path;

use super::arguments::Arguments;
use super::exit::Exit;
use super::problem::Problem;

/// A body and what it is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Content {
    pub bytes: Vec<u8>,
    pub kind: Kind,
}

/// What a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Form,
    Json,
}

impl Kind {
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Form => "application/x-www-form-urlencoded",
            Self::Json => "application/json",
        }
    }
}

impl Content {
    /// The body that the arguments ask for; `None` if they ask for none.
    pub fn read(arguments: &Arguments, input: &mut dyn Read) -> Result<Option<Self>, Problem> {
        let (pieces, kind) = match (&arguments.data[..], &arguments.json[..]) {
            ([], []) => return Ok(None),
            ([], json) => (json, Kind::Json),
            (data, _) => (data, Kind::Form),
        };
        let mut bytes = Vec::new();
        for (index, piece) in pieces.iter().enumerate() {
            if index > 0 && kind == Kind::Form {
                bytes.push(b'&');
            }
            match piece.strip_prefix('@') {
                None => bytes.extend_from_slice(piece.as_bytes()),
                Some(path) => {
                    let mut read = read_file(Path::new(path), input)?;
                    if kind == Kind::Form {
                        read.retain(|byte| !matches!(byte, b'\r' | b'\n' | 0));
                    }
                    bytes.append(&mut read);
                }
            }
        }
        Ok(Some(Self { bytes, kind }))
    }
}

fn read_file(path: &Path, input: &mut dyn Read) -> Result<Vec<u8>, Problem> {
    let read = if path == Path::new("-") {
        let mut bytes = Vec::new();
        input.read_to_end(&mut bytes).map(|_| bytes)
    } else {
        std::fs::read(path)
    };
    read.map_err(|error| Problem::file(Exit::Read, path, error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;

    fn content(args: &[&str], mut input: &[u8]) -> Result<Option<Content>, Exit> {
        let program = std::iter::once(&"quicpro");
        let arguments = Arguments::try_parse_from(program.chain(args)).unwrap();
        Content::read(&arguments, &mut input).map_err(|problem| problem.exit)
    }

    #[test]
    fn forms_are_joined_and_json_is_not() {
        let form = content(&["-d", "a=1", "-d", "@-", "u"], b"b=\r\n2\n")
            .unwrap()
            .unwrap();
        assert_eq!((&form.bytes[..], form.kind), (&b"a=1&b=2"[..], Kind::Form));
        let json = content(&["--json", "[", "--json", "@-", "u"], b"1\n]")
            .unwrap()
            .unwrap();
        assert_eq!((&json.bytes[..], json.kind), (&b"[1\n]"[..], Kind::Json));
        assert_eq!(content(&["u"], b"ignored").unwrap(), None);
    }

    #[test]
    fn a_missing_file_is_a_read_error() {
        assert_eq!(
            content(&["-d", "@/no/such/file", "u"], b"").unwrap_err(),
            Exit::Read
        );
    }
}
