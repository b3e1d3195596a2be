//! Variable-length integers (RFC 9000 §16). Invariant: a [`VarInt`] is below 2^62.

/// An integer from 0 to 2^62 - 1, encoded in 1, 2, 4 or 8 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct VarInt(u64);

impl VarInt {
    /// The largest value: 2^62 - 1.
    pub const MAX: Self = Self((1 << 62) - 1);

    /// `None` from 2^62 on.
    pub const fn new(value: u64) -> Option<Self> {
        if value <= Self::MAX.0 {
            Some(Self(value))
        } else {
            None
        }
    }

    /// Every 32-bit value fits.
    pub const fn from_u32(value: u32) -> Self {
        // `From` is not const.
        Self(value as u64)
    }

    /// The value.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Bytes of the shortest encoding of `value`; values of 2^62 and more count as 8.
    #[inline(never)]
    pub const fn size(value: u64) -> usize {
        match value {
            0..0x40 => 1,
            0x40..0x4000 => 2,
            0x4000..0x4000_0000 => 4,
            _ => 8,
        }
    }
}

impl From<u32> for VarInt {
    fn from(value: u32) -> Self {
        Self::from_u32(value)
    }
}

impl From<VarInt> for u64 {
    fn from(value: VarInt) -> Self {
        value.0
    }
}
