//! The Certificate message, read as its bytes come, and the few certificates of it that are kept (RFC 8446 §4.4.2).
//!
//! ```text
//! context (empty) │ length of list │ { length, certificate │ length, { type, length, data }* }*
//! ```
//!
//! A chain may be longer than any buffer: certificates are copied into the caller's memory piece by piece, and the
//! ones that cannot help are dropped again or not copied at all.
//!
//! Invariant: what is kept starts with the server's own certificate, whole; all lies inside the caller's memory.

use core::ops::Range;

use heapless::Vec;

use super::super::error::{Error, PeerMisbehaved};
use super::super::message::{ExtensionType, MessageType, StatusRequest};
use crate::codec::{DecodeError, Reader};

/// Certificates that are kept at most: the server's own, and one more issuer than rustls-webpki follows.
pub const CERTIFICATES_MAX: usize = 8;

/// Extensions of one certificate that are read: only one kind is ever asked for.
const STATUS_OCSP: u8 = 1;

/// Which issuers are worth keeping.
pub trait Selection {
    /// Whether an issuer follows that is not known already: the subject of the last certificate kept has to be
    /// verified with a key that only a further certificate can bring.
    fn wants(&self, last: &[u8], candidate: &[u8]) -> bool;
}

/// Where the certificates kept lie in the caller's memory.
#[derive(Clone, Debug)]
pub struct Kept {
    certificates: Vec<Range<u32>, CERTIFICATES_MAX>,
    ocsp: Range<u32>,
    used: u32,
    /// Bytes of the longest issuer that would have been looked at had there been room.
    missed: u32,
}

impl Kept {
    /// Nothing is kept.
    pub const EMPTY: Self = Self {
        certificates: Vec::new(),
        ocsp: 0..0,
        used: 0,
        missed: 0,
    };

    /// The server's own certificate, then issuers; none before the message was read.
    pub fn certificates<'s>(&self, store: &'s [u8]) -> impl Iterator<Item = &'s [u8]> {
        self.certificates
            .iter()
            .filter_map(move |range| slice(store, range))
    }

    /// The server's own certificate.
    pub fn leaf<'s>(&self, store: &'s [u8]) -> Option<&'s [u8]> {
        self.certificates(store).next()
    }

    /// The stapled OCSP response, empty if there is none.
    pub fn ocsp<'s>(&self, store: &'s [u8]) -> &'s [u8] {
        slice(store, &self.ocsp).unwrap_or_default()
    }

    /// Bytes of an issuer that may have been needed and did not fit.
    pub fn missed(&self) -> Option<u32> {
        (self.missed > 0).then_some(self.missed)
    }

    fn room(&self, store: &[u8]) -> u32 {
        u32::try_from(store.len())
            .unwrap_or(u32::MAX)
            .saturating_sub(self.used)
    }
}

fn slice<'s>(store: &'s [u8], range: &Range<u32>) -> Option<&'s [u8]> {
    store.get(usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?)
}

/// A Certificate message in the middle of being read.
#[derive(Debug)]
pub struct CertificateReader {
    /// Bytes of the message that were not read yet.
    message: u32,
    /// Bytes of the list, or of the current certificate's extensions, that were not read yet.
    extensions: u32,
    step: Step,
    status_request: StatusRequest,
    /// The OCSP response of the current certificate was seen.
    stapled: bool,
    index: u32,
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Context and length of the list.
    Start,
    /// Length of a certificate, or the end of the list.
    Entry,
    /// So many more bytes of a certificate.
    Certificate { left: u32, from: u32, keep: Keep },
    /// Length of a certificate's extensions.
    Extensions,
    /// Type and length of an extension, or the end of them.
    Extension,
    /// Head of an OCSP response.
    Status { length: u32 },
    /// So many more bytes of an OCSP response.
    Response { left: u32, from: u32, keep: Keep },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keep {
    Copy,
    Skip,
}

/// How far one call came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes that were used.
    pub used: usize,
    /// The message is read to its end.
    pub done: bool,
}

impl CertificateReader {
    /// A reader of a body of `length` bytes.
    pub const fn new(length: u32, status_request: StatusRequest) -> Self {
        Self {
            message: length,
            extensions: 0,
            step: Step::Start,
            status_request,
            stapled: false,
            index: 0,
        }
    }

    /// Reads as much of `bytes` as it can: all but less than 8 bytes at the end that are a number in two pieces.
    pub fn read(
        &mut self,
        bytes: &[u8],
        store: &mut [u8],
        kept: &mut Kept,
        selection: &dyn Selection,
    ) -> Result<Progress, Error> {
        let limit = usize::try_from(self.message).unwrap_or(usize::MAX);
        let whole = bytes.len() >= limit;
        let mut reader = Reader::new(&bytes[..bytes.len().min(limit)]);
        loop {
            let before = reader.position();
            match self.step(&mut reader, store, kept, selection) {
                Ok(()) if reader.position() == before => break,
                Ok(()) => {}
                // What is missing may still come, unless the message ends here.
                Err(Stop::Decode(DecodeError::UnexpectedEnd)) if !whole => break,
                Err(Stop::Decode(_)) => return Err(INVALID),
                Err(Stop::Error(error)) => return Err(error),
            }
        }
        let used = reader.position();
        let passed = u32::try_from(used).unwrap_or(u32::MAX);
        self.message = self.message.saturating_sub(passed);
        let done = self.message == 0;
        if done && self.step != Step::Entry {
            return Err(INVALID);
        }
        //= rfc8446#4.4.2.4
        if done && kept.certificates.is_empty() {
            return Err(PeerMisbehaved::NoCertificate.into());
        }
        Ok(Progress { used, done })
    }

    /// Reads one piece; reads nothing at the end of the list.
    fn step(
        &mut self,
        reader: &mut Reader<'_>,
        store: &mut [u8],
        kept: &mut Kept,
        selection: &dyn Selection,
    ) -> Result<(), Stop> {
        match self.step {
            Step::Start => self.start(reader),
            Step::Entry if reader.is_empty() => Ok(()),
            Step::Entry => self.entry(reader, store, kept),
            Step::Certificate { left, from, keep } => {
                let left = copy(reader, store, kept, left, keep);
                self.step = Step::Certificate { left, from, keep };
                if left == 0 {
                    if keep == Keep::Copy {
                        self.select(store, kept, from, selection);
                    }
                    self.step = Step::Extensions;
                }
                Ok(())
            }
            Step::Extensions => {
                self.extensions = u32::from(reader.u16()?);
                self.stapled = false;
                self.step = Step::Extension;
                self.end_of_extensions();
                Ok(())
            }
            Step::Extension => self.extension(reader),
            Step::Status { length } => self.status(reader, length, store, kept),
            Step::Response { left, from, keep } => {
                let left = copy(reader, store, kept, left, keep);
                self.step = Step::Response { left, from, keep };
                if left == 0 {
                    if keep == Keep::Copy {
                        kept.ocsp = from..kept.used;
                    }
                    self.step = Step::Extension;
                    self.end_of_extensions();
                }
                Ok(())
            }
        }
    }

    fn start(&mut self, reader: &mut Reader<'_>) -> Result<(), Stop> {
        let mut ahead = *reader;
        if ahead.u8()? != 0 {
            return Err(PeerMisbehaved::RequestContext.into());
        }
        // The list is all of the message but the four bytes of this head.
        if ahead.u24()?.checked_add(4) != Some(self.message) {
            return Err(Stop::Decode(DecodeError::Invalid));
        }
        *reader = ahead;
        self.step = Step::Entry;
        Ok(())
    }

    fn entry(
        &mut self,
        reader: &mut Reader<'_>,
        store: &[u8],
        kept: &mut Kept,
    ) -> Result<(), Stop> {
        let length = reader.u24()?;
        if length == 0 {
            return Err(Stop::Decode(DecodeError::Invalid));
        }
        let fits = length <= kept.room(store);
        let is_leaf = self.index == 0;
        if is_leaf && !fits {
            return Err(Stop::Error(Error::TooLarge {
                message: MessageType::CERTIFICATE,
                length,
            }));
        }
        let mut keep = Keep::Copy;
        if kept.certificates.is_full() || !fits {
            kept.missed = kept.missed.max(length);
            keep = Keep::Skip;
        }
        self.index = self.index.saturating_add(1);
        self.step = Step::Certificate {
            left: length,
            from: kept.used,
            keep,
        };
        Ok(())
    }

    /// Decides about the certificate that was copied last.
    fn select(&self, store: &[u8], kept: &mut Kept, from: u32, selection: &dyn Selection) {
        let range = from..kept.used;
        let wanted = self.index == 1 || {
            let last = kept.certificates.last().and_then(|last| slice(store, last));
            match (last, slice(store, &range)) {
                (Some(last), Some(candidate)) => selection.wants(last, candidate),
                _ => false,
            }
        };
        if !wanted || kept.certificates.push(range).is_err() {
            kept.used = from;
        }
    }

    fn extension(&mut self, reader: &mut Reader<'_>) -> Result<(), Stop> {
        let mut ahead = *reader;
        let kind = ahead.u16()?;
        let length = u32::from(ahead.u16()?);
        let left = self.extensions.checked_sub(4 + length);
        self.extensions = left.ok_or(Stop::Decode(DecodeError::Invalid))?;
        let is_asked_for =
            self.status_request == StatusRequest::Asked && kind == ExtensionType::STATUS_REQUEST.0;
        //= rfc8446#4.4.2
        if !is_asked_for {
            return Err(PeerMisbehaved::UnsolicitedExtension(kind).into());
        }
        if self.stapled {
            return Err(PeerMisbehaved::DuplicateExtension(kind).into());
        }
        self.stapled = true;
        *reader = ahead;
        self.step = Step::Status { length };
        Ok(())
    }

    fn status(
        &mut self,
        reader: &mut Reader<'_>,
        length: u32,
        store: &[u8],
        kept: &Kept,
    ) -> Result<(), Stop> {
        let mut ahead = *reader;
        let kind = ahead.u8()?;
        let left = ahead.u24()?;
        if kind != STATUS_OCSP || left == 0 || left.checked_add(4) != Some(length) {
            return Err(Stop::Decode(DecodeError::Invalid));
        }
        *reader = ahead;
        // A response that has no room is as good as none: whether one is needed is the verifier's decision.
        let keep = if self.index == 1 && left <= kept.room(store) {
            Keep::Copy
        } else {
            Keep::Skip
        };
        self.step = Step::Response {
            left,
            from: kept.used,
            keep,
        };
        Ok(())
    }

    fn end_of_extensions(&mut self) {
        if self.extensions == 0 {
            self.step = Step::Entry;
        }
    }
}

const INVALID: Error = Error::InvalidMessage(MessageType::CERTIFICATE);

/// Takes up to `left` bytes and returns how many are still to come.
fn copy(reader: &mut Reader<'_>, store: &mut [u8], kept: &mut Kept, left: u32, keep: Keep) -> u32 {
    let wanted = usize::try_from(left).unwrap_or(usize::MAX);
    let length = reader.remaining().min(wanted);
    let Ok(bytes) = reader.take(length) else {
        return left;
    };
    if keep == Keep::Copy {
        let start = usize::try_from(kept.used).unwrap_or(usize::MAX);
        if let Some(space) = store
            .get_mut(start..)
            .and_then(|rest| rest.get_mut(..length))
        {
            crate::codec::copy(space, bytes);
            kept.used += length as u32; // no more than `left`
        }
    }
    left - length as u32 // no more than it
}

/// Why a piece was not read.
enum Stop {
    Decode(DecodeError),
    Error(Error),
}

impl From<DecodeError> for Stop {
    fn from(error: DecodeError) -> Self {
        Self::Decode(error)
    }
}

impl From<PeerMisbehaved> for Stop {
    fn from(error: PeerMisbehaved) -> Self {
        Self::Error(error.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Takes no issuer.
    struct Nobody;

    impl Selection for Nobody {
        fn wants(&self, _: &[u8], _: &[u8]) -> bool {
            false
        }
    }

    type Outcome = Result<(std::vec::Vec<std::vec::Vec<u8>>, std::vec::Vec<u8>), Error>;

    /// Reads `body` in pieces of at most `size` bytes, what was not used being offered again.
    fn read(body: &[u8], size: usize, room: usize) -> Outcome {
        let mut store = std::vec![0; room];
        let mut kept = Kept::EMPTY;
        let mut reader = CertificateReader::new(body.len() as u32, StatusRequest::Asked);
        let (mut start, mut end) = (0, 0);
        loop {
            end = (end + size).min(body.len());
            let bytes = &body[start..end];
            let progress = reader.read(bytes, &mut store, &mut kept, &Nobody)?;
            start += progress.used;
            assert!(end - start < 8);
            if progress.done {
                let certificates = kept.certificates(&store).map(<[u8]>::to_vec);
                return Ok((certificates.collect(), kept.ocsp(&store).to_vec()));
            }
            assert!(end < body.len(), "the end is always noticed");
        }
    }

    fn vector(size: usize, body: &[u8]) -> std::vec::Vec<u8> {
        let length = (body.len() as u64).to_be_bytes();
        [&length[8 - size..], body].concat()
    }

    fn message(entries: &[(std::vec::Vec<u8>, std::vec::Vec<u8>)]) -> std::vec::Vec<u8> {
        let list: std::vec::Vec<u8> = entries
            .iter()
            .flat_map(|(der, response)| {
                let mut extensions = std::vec::Vec::new();
                if !response.is_empty() {
                    let status = [&[STATUS_OCSP][..], &vector(3, response)].concat();
                    extensions = [&[0, 5][..], &vector(2, &status)].concat();
                }
                [vector(3, der), vector(2, &extensions)].concat()
            })
            .collect();
        [&[0][..], &vector(3, &list)].concat()
    }

    fn entries() -> impl Strategy<Value = std::vec::Vec<(std::vec::Vec<u8>, std::vec::Vec<u8>)>> {
        let bytes = |min| proptest::collection::vec(any::<u8>(), min..40);
        proptest::collection::vec((bytes(1), bytes(0)), 1..6)
    }

    proptest! {
        #[test]
        fn pieces_do_not_change_what_is_read(entries in entries(), size in 1_usize..50, room in 0_usize..120) {
            let body = message(&entries);
            let outcome = read(&body, size, room);
            prop_assert_eq!(&outcome, &read(&body, body.len(), room));
            let (leaf, response) = &entries[0];
            if leaf.len() > room {
                prop_assert!(outcome.is_err());
            } else {
                let fits = leaf.len() + response.len() <= room;
                // Only the first is kept.
                let expected = if fits { response.clone() } else { std::vec::Vec::new() };
                prop_assert_eq!(outcome, Ok((std::vec![leaf.clone()], expected)));
            }
        }

        #[test]
        fn changed_bytes_never_panic(
            entries in entries(), size in 1_usize..50, at in any::<prop::sample::Index>(), change: u8,
        ) {
            let mut body = message(&entries);
            let at = at.index(body.len());
            body[at] ^= change;
            prop_assert_eq!(read(&body, size, 100).is_ok(), read(&body, 1000, 100).is_ok());
        }
    }

    #[test]
    fn a_message_that_ends_inside_a_certificate_is_invalid() {
        let body = message(&[(std::vec![1; 20], std::vec![2; 10])]);
        for cut in 0..body.len() {
            let mut reader = CertificateReader::new(cut as u32, StatusRequest::Asked);
            let mut store = [0; 100];
            let mut kept = Kept::EMPTY;
            let result = reader.read(&body[..cut], &mut store, &mut kept, &Nobody);
            assert_eq!(result, Err(INVALID), "cut at {cut}");
        }
    }

    //= rfc8446#4.4.2.4 test
    #[test]
    fn an_empty_list_is_no_certificate() {
        assert_eq!(
            read(&message(&[]), 9, 100),
            Err(PeerMisbehaved::NoCertificate.into())
        );
    }
}
