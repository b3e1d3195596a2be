//! The place of a path among those that recovery knows: what a packet remembers of the path it left on.
//!
//! Invariant: a build without migration has one path, and a slot takes no room in it.

/// Paths at a time: the one in use, one that is tried, and one that was left while packets of it are in flight.
pub const PATHS_MAX: usize = if cfg!(feature = "migration") { 3 } else { 1 };

/// The place of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    #[cfg(feature = "migration")]
    index: u8,
}

impl Slot {
    /// Where the path of the handshake is.
    pub const FIRST: Self = Self::new(0);

    /// Every place.
    #[cfg(feature = "migration")]
    pub const ALL: [Self; PATHS_MAX] = [Self::new(0), Self::new(1), Self::new(2)];

    /// Every place.
    #[cfg(not(feature = "migration"))]
    pub const ALL: [Self; PATHS_MAX] = [Self::FIRST];

    /// Of packets whose path was forgotten.
    #[cfg(feature = "migration")]
    pub(super) const GONE: Self = Self::new(PATHS_MAX as u8); // three

    #[cfg_attr(not(feature = "migration"), expect(unused_variables))]
    const fn new(index: u8) -> Self {
        Self {
            #[cfg(feature = "migration")]
            index,
        }
    }

    pub(super) const fn index(self) -> usize {
        #[cfg(feature = "migration")]
        return self.index as usize; // wider; `From` is not const
        #[cfg(not(feature = "migration"))]
        return 0;
    }

    /// Two bits of a record.
    pub(super) const fn from_bits(bits: u8) -> Self {
        Self::new(bits & 3)
    }

    pub(super) const fn bits(self) -> u8 {
        self.index() as u8 // it was made of one
    }
}
