//! The AEADs of the cipher suites, in place and with the tag apart (RFC 9001 §5.3).
//!
//! Invariant: what does not open is not left behind as plaintext, and what could not be sealed is not left behind at
//! all.

use aes_gcm::Aes128Gcm;
#[cfg(feature = "aes256")]
use aes_gcm::Aes256Gcm;
#[cfg(feature = "chacha20")]
use aes_gcm::KeyInit;
use aes_gcm::aead::AeadInOut;
#[cfg(feature = "chacha20")]
use chacha20poly1305::ChaCha20Poly1305;

use super::aes_key::AesKey;
#[cfg(feature = "alloc")]
use super::external::BoxedPacketKey;
use super::external::Provider;
use super::suite::Suite;

/// Bytes that sealing adds, the same in every suite.
pub const TAG_LENGTH: usize = 16;

/// Bytes of the nonce of every suite.
pub const NONCE_LENGTH: usize = 12;

/// The packet was not sealed with this key, or was changed on its way, or is too short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenError;

/// One AEAD with its key, chosen when the key is made.
pub(super) enum Aead {
    Aes128(AesKey<Aes128Gcm>),
    #[cfg(feature = "aes256")]
    Aes256(AesKey<Aes256Gcm>),
    #[cfg(feature = "chacha20")]
    ChaCha20(ChaCha20Poly1305),
    #[cfg(feature = "alloc")]
    External(BoxedPacketKey),
}

/// What is encrypted, and the tag behind it.
fn split_tag(payload: &mut [u8]) -> Option<(&mut [u8], &mut [u8; TAG_LENGTH])> {
    let middle = payload.len().checked_sub(TAG_LENGTH)?;
    let (text, tag) = payload.split_at_mut_checked(middle)?;
    Some((text, tag.try_into().ok()?))
}

impl Aead {
    /// `key` has the suite's key length.
    pub(super) fn new(suite: Suite, key: &[u8], provider: Option<&dyn Provider>) -> Self {
        #[cfg(feature = "alloc")]
        if let Some(external) = provider.and_then(|provider| provider.packet_key(suite, key)) {
            return Self::External(external);
        }
        #[cfg(not(feature = "alloc"))]
        let _ = provider;
        match suite {
            Suite::Aes128GcmSha256 => Self::Aes128(AesKey::new(key)),
            #[cfg(feature = "aes256")]
            Suite::Aes256GcmSha384 => Self::Aes256(AesKey::new(key)),
            #[cfg(feature = "chacha20")]
            Suite::ChaCha20Poly1305Sha256 => Self::ChaCha20(
                ChaCha20Poly1305::new_from_slice(key)
                    .expect("a key is as long as its suite asks for"),
            ),
        }
    }

    /// Encrypts `payload` without its last 16 bytes, and puts the tag there. A payload that cannot be sealed is wiped:
    /// its packet gets lost, and nothing leaks.
    pub(super) fn seal(&self, nonce: &[u8; NONCE_LENGTH], header: &[u8], payload: &mut [u8]) {
        if self.try_seal(nonce, header, payload).is_none() {
            payload.fill(0);
        }
    }

    fn try_seal(
        &self,
        nonce: &[u8; NONCE_LENGTH],
        header: &[u8],
        payload: &mut [u8],
    ) -> Option<()> {
        let (text, tag) = split_tag(payload)?;
        *tag = match self {
            Self::Aes128(key) => key.with(|key| seal_with(key, nonce, header, text))?,
            #[cfg(feature = "aes256")]
            Self::Aes256(key) => key.with(|key| seal_with(key, nonce, header, text))?,
            #[cfg(feature = "chacha20")]
            Self::ChaCha20(key) => seal_with(key, nonce, header, text)?,
            #[cfg(feature = "alloc")]
            Self::External(key) => key.seal(nonce, header, text)?,
        };
        Some(())
    }

    /// Decrypts `payload`, ciphertext and tag, in place; returns how many bytes of it are plaintext.
    pub(super) fn open(
        &self,
        nonce: &[u8; NONCE_LENGTH],
        header: &[u8],
        payload: &mut [u8],
    ) -> Result<usize, OpenError> {
        let (text, tag) = split_tag(payload).ok_or(OpenError)?;
        match self {
            Self::Aes128(key) => key.with(|key| open_with(key, nonce, header, text, tag))?,
            #[cfg(feature = "aes256")]
            Self::Aes256(key) => key.with(|key| open_with(key, nonce, header, text, tag))?,
            #[cfg(feature = "chacha20")]
            Self::ChaCha20(key) => open_with(key, nonce, header, text, tag)?,
            #[cfg(feature = "alloc")]
            Self::External(key) => {
                let opened = key.open(nonce, header, payload);
                if opened.is_err() {
                    payload.fill(0);
                }
                opened?;
            }
        }
        Ok(payload.len() - TAG_LENGTH)
    }
}

fn seal_with<A>(
    key: &A,
    nonce: &[u8; NONCE_LENGTH],
    header: &[u8],
    text: &mut [u8],
) -> Option<[u8; TAG_LENGTH]>
where
    A: AeadInOut<NonceSize = aes_gcm::aead::consts::U12, TagSize = aes_gcm::aead::consts::U16>,
{
    key.encrypt_inout_detached(nonce.into(), header, text.into())
        .ok()
        .map(Into::into)
}

/// The tag is checked before anything is decrypted.
fn open_with<A>(
    key: &A,
    nonce: &[u8; NONCE_LENGTH],
    header: &[u8],
    text: &mut [u8],
    tag: &[u8; TAG_LENGTH],
) -> Result<(), OpenError>
where
    A: AeadInOut<NonceSize = aes_gcm::aead::consts::U12, TagSize = aes_gcm::aead::consts::U16>,
{
    key.decrypt_inout_detached(nonce.into(), header, text.into(), tag.into())
        .map_err(|_| OpenError)
}
