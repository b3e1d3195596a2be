//! Memory for a fixed number of entries: borrowed from the caller, or allocated once.
//!
//! Invariant: the length never changes.

use core::ops::{Deref, DerefMut};

/// A slice of `T` that is either borrowed for `'m` or owned.
pub enum Table<'m, T> {
    /// The caller's memory, typically a static.
    Borrowed(&'m mut [T]),
    /// Allocated once, when the table was made.
    #[cfg(feature = "alloc")]
    Owned(alloc::boxed::Box<[T]>),
}

impl<T> Table<'_, T> {
    /// A table without entries.
    pub const fn empty() -> Self {
        Self::Borrowed(&mut [])
    }
}

#[cfg(feature = "alloc")]
impl<T: Clone> Table<'_, T> {
    /// `length` entries of `value` on the heap. Zeros of an integer type are committed lazily where the
    /// operating system does that.
    pub fn boxed(length: usize, value: T) -> Self {
        Self::Owned(alloc::vec![value; length].into_boxed_slice())
    }
}

impl<T> Deref for Table<'_, T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        match self {
            Self::Borrowed(entries) => entries,
            #[cfg(feature = "alloc")]
            Self::Owned(entries) => entries,
        }
    }
}

impl<T> DerefMut for Table<'_, T> {
    fn deref_mut(&mut self) -> &mut [T] {
        match self {
            Self::Borrowed(entries) => entries,
            #[cfg(feature = "alloc")]
            Self::Owned(entries) => entries,
        }
    }
}

impl<T> Default for Table<'_, T> {
    fn default() -> Self {
        Self::empty()
    }
}

impl<'m, T> From<&'m mut [T]> for Table<'m, T> {
    fn from(entries: &'m mut [T]) -> Self {
        Self::Borrowed(entries)
    }
}

/// Only the length: the contents may be a peer's bytes.
impl<T> core::fmt::Debug for Table<'_, T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Table({})", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_borrowed_table_writes_through() {
        let mut memory = [0_u32; 3];
        let mut table = Table::from(&mut memory[..]);
        table[1] = 7;
        assert_eq!(memory, [0, 7, 0]);
        assert!(Table::<u8>::empty().is_empty());
    }

    #[cfg(feature = "alloc")]
    #[test]
    fn a_boxed_table_has_the_asked_length() {
        let table: Table<'static, u16> = Table::boxed(5, 9);
        assert_eq!(&table[..], &[9; 5]);
    }
}
