//! A header field as `-H` takes it.
//!
//! Invariant: the name is one that HTTP allows; the value is checked with the request it becomes part of.

use std::str::FromStr;

use http::{HeaderMap, HeaderName, HeaderValue};

/// What one `-H` asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum HeaderLine {
    /// `Name: value` and `Name;`.
    Set(HeaderName, HeaderValue),
    /// `Name:`.
    Remove(HeaderName),
}

impl FromStr for HeaderLine {
    type Err = String;

    fn from_str(line: &str) -> Result<Self, String> {
        let name = |text: &str| {
            HeaderName::from_bytes(text.trim().as_bytes())
                .map_err(|_| format!("{text:?} is no header name"))
        };
        let Some((before, after)) = line.split_once(':') else {
            let Some(before) = line.strip_suffix(';') else {
                return Err("it needs a colon, as in \"Name: value\"".to_owned());
            };
            return Ok(Self::Set(name(before)?, HeaderValue::from_static("")));
        };
        let value = after.trim();
        if value.is_empty() {
            return Ok(Self::Remove(name(before)?));
        }
        let value =
            HeaderValue::from_str(value).map_err(|_| "the value is not allowed".to_owned())?;
        Ok(Self::Set(name(before)?, value))
    }
}

/// Changes the command's own fields by what the lines ask for: a name that is set replaces the command's, and is sent
/// as often as it is given.
pub(super) fn apply(lines: &[HeaderLine], fields: &mut HeaderMap) {
    for line in lines {
        let (HeaderLine::Set(name, _) | HeaderLine::Remove(name)) = line;
        fields.remove(name);
    }
    for line in lines {
        if let HeaderLine::Set(name, value) = line {
            fields.append(name.clone(), value.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::header::{ACCEPT, USER_AGENT};

    #[test]
    fn fields_replace_remove_and_repeat() {
        let lines: Vec<HeaderLine> = ["Accept: a", "accept:b:c", "User-Agent:", "x-empty;"]
            .iter()
            .map(|line| line.parse().unwrap())
            .collect();
        let mut fields = HeaderMap::from_iter([
            (ACCEPT, HeaderValue::from_static("*/*")),
            (USER_AGENT, HeaderValue::from_static("quicpro")),
        ]);
        apply(&lines, &mut fields);
        let accepts: Vec<_> = fields.get_all(ACCEPT).iter().collect();
        assert_eq!(accepts, ["a", "b:c"]);
        assert_eq!(fields["x-empty"], "");
        assert_eq!(fields.get(USER_AGENT), None);
    }

    #[test]
    fn what_is_no_field_is_refused() {
        for line in ["", "name", ": value", "na me: v", "name: a\nb"] {
            assert!(line.parse::<HeaderLine>().is_err(), "{line:?}");
        }
    }
}
