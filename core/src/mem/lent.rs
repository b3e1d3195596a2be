//! What a configuration lends to a connection: by reference, or (feature `alloc`) owned.
//!
//! Invariant: whatever is behind it outlives `'m`, so a connection never borrows its configuration.

use core::ops::{Deref, DerefMut};

/// Something immutable that several may use.
pub enum Shared<'m, T: ?Sized> {
    /// The caller's, typically a static.
    Borrowed(&'m T),
    /// Counted.
    #[cfg(feature = "alloc")]
    Owned(alloc::sync::Arc<T>),
}

impl<T: ?Sized> Deref for Shared<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        match self {
            Self::Borrowed(value) => value,
            #[cfg(feature = "alloc")]
            Self::Owned(value) => value,
        }
    }
}

impl<T: ?Sized> Clone for Shared<'_, T> {
    fn clone(&self) -> Self {
        match self {
            Self::Borrowed(value) => Self::Borrowed(value),
            #[cfg(feature = "alloc")]
            Self::Owned(value) => Self::Owned(value.clone()),
        }
    }
}

impl<'m, T: ?Sized> From<&'m T> for Shared<'m, T> {
    fn from(value: &'m T) -> Self {
        Self::Borrowed(value)
    }
}

impl<T: ?Sized + core::fmt::Debug> core::fmt::Debug for Shared<'_, T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        (**self).fmt(f)
    }
}

/// Something with a state of its own that one connection uses alone.
pub enum Object<'m, T: ?Sized> {
    /// The caller's.
    Borrowed(&'m mut T),
    /// Given away.
    #[cfg(feature = "alloc")]
    Owned(alloc::boxed::Box<T>),
}

impl<T: ?Sized> Deref for Object<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        match self {
            Self::Borrowed(value) => value,
            #[cfg(feature = "alloc")]
            Self::Owned(value) => value,
        }
    }
}

impl<T: ?Sized> DerefMut for Object<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        match self {
            Self::Borrowed(value) => value,
            #[cfg(feature = "alloc")]
            Self::Owned(value) => value,
        }
    }
}

impl<'m, T: ?Sized> From<&'m mut T> for Object<'m, T> {
    fn from(value: &'m mut T) -> Self {
        Self::Borrowed(value)
    }
}

impl<T: ?Sized + core::fmt::Debug> core::fmt::Debug for Object<'_, T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        (**self).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_clones_point_to_the_same() {
        let text: Shared<'_, str> = Shared::from("anchor");
        assert_eq!(text.clone().as_ptr(), text.as_ptr());
    }

    #[cfg(feature = "alloc")]
    #[test]
    fn owned_objects_need_no_lifetime() {
        let mut object: Object<'static, [u8]> = Object::Owned(alloc::boxed::Box::new([1, 2]));
        object[0] = 5;
        assert_eq!(&object[..], &[5, 2]);
        let shared: Shared<'static, str> = Shared::Owned("x".into());
        assert_eq!(&*shared, "x");
    }
}
