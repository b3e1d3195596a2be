//! The body of a request: bytes in memory, or a reader of known or unknown length.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::sync::Mutex;

use bytes::Bytes;
use quicpro_core::codec::to_u64;

/// What a request sends after its head.
///
/// Bytes in memory can be sent again, after a redirect or on another connection; a reader cannot.
pub struct Body(pub(crate) Content);

pub(crate) enum Content {
    Bytes(Bytes),
    Reader(Source),
}

pub(crate) struct Source {
    /// Locked by nobody: the mutex lets a request be shared that carries a reader which cannot be.
    pub reader: Mutex<Box<dyn Read + Send>>,
    pub length: Option<u64>,
}

impl Body {
    /// A body read to its end, of unknown length.
    pub fn new(reader: impl Read + Send + 'static) -> Self {
        Self(Content::Reader(Source {
            reader: Mutex::new(Box::new(reader)),
            length: None,
        }))
    }

    /// A body of exactly `length` bytes; a reader that ends before is an error, what it has beyond is not read.
    pub fn sized(reader: impl Read + Send + 'static, length: u64) -> Self {
        Self(Content::Reader(Source {
            reader: Mutex::new(Box::new(reader.take(length))),
            length: Some(length),
        }))
    }

    /// The bytes, if the body is in memory.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match &self.0 {
            Content::Bytes(bytes) => Some(bytes),
            Content::Reader(_) => None,
        }
    }

    /// How many bytes will be sent, if that is known.
    pub fn length(&self) -> Option<u64> {
        match &self.0 {
            Content::Bytes(bytes) => Some(to_u64(bytes.len())),
            Content::Reader(source) => source.length,
        }
    }

    pub(crate) fn try_clone(&self) -> Option<Self> {
        match &self.0 {
            Content::Bytes(bytes) => Some(Self(Content::Bytes(bytes.clone()))),
            Content::Reader(_) => None,
        }
    }
}

impl Default for Body {
    fn default() -> Self {
        Self(Content::Bytes(Bytes::new()))
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self(Content::Bytes(bytes))
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes::from(bytes).into()
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Bytes::from(text).into()
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Self {
        Bytes::from_static(text.as_bytes()).into()
    }
}

impl From<&'static [u8]> for Body {
    fn from(bytes: &'static [u8]) -> Self {
        Bytes::from_static(bytes).into()
    }
}

impl From<File> for Body {
    /// The rest of the file; its length is announced when it is a regular file read from the start.
    fn from(file: File) -> Self {
        let length = file
            .metadata()
            .ok()
            .filter(std::fs::Metadata::is_file)
            .map(|m| m.len());
        let at_start =
            std::io::Seek::stream_position(&mut &file).is_ok_and(|position| position == 0);
        match length {
            Some(length) if at_start => Self::sized(file, length),
            _ => Self::new(file),
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body")
            .field("length", &self.length())
            .finish()
    }
}
