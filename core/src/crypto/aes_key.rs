//! An AES key between packets: what the cipher expands it to (feature `ready-keys`), or its bytes alone, a tenth of
//! that, which are expanded whenever they are used.
//!
//! Invariant: it is wiped when it is dropped, and so is what it was expanded to.

use aes::cipher::KeyInit;
#[cfg(not(feature = "ready-keys"))]
use aes::cipher::{Key, array::Array};

/// A key of the cipher or AEAD `C`.
#[cfg(feature = "ready-keys")]
pub struct AesKey<C>(C);

/// A key of the cipher or AEAD `C`.
#[cfg(not(feature = "ready-keys"))]
pub struct AesKey<C: KeyInit>(Key<C>);

#[cfg(feature = "ready-keys")]
impl<C: KeyInit> AesKey<C> {
    /// `key` has the length that `C` asks for.
    pub fn new(key: &[u8]) -> Self {
        Self(C::new_from_slice(key).expect("a key is as long as its suite asks for"))
    }

    /// Does something with the key.
    pub fn with<T>(&self, use_it: impl FnOnce(&C) -> T) -> T {
        use_it(&self.0)
    }
}

#[cfg(not(feature = "ready-keys"))]
impl<C: KeyInit> AesKey<C> {
    /// `key` has the length that `C` asks for.
    pub fn new(key: &[u8]) -> Self {
        let mut bytes: Key<C> = Array::default();
        bytes.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
        Self(bytes)
    }

    /// Does something with the key.
    pub fn with<T>(&self, use_it: impl FnOnce(&C) -> T) -> T {
        use_it(&C::new(&self.0))
    }
}

#[cfg(not(feature = "ready-keys"))]
impl<C: KeyInit> Drop for AesKey<C> {
    fn drop(&mut self) {
        use zeroize::Zeroize;
        self.0.as_mut_slice().zeroize();
    }
}
