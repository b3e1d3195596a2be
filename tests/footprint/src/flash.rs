//! Who takes the flash: every byte of code and constants has an owner.
//!
//! Code is given out by line tables, two bytes at a time, the size of the shortest instruction. Constants have an
//! owner by their symbol; those without one are cut where code or another constant points, and belong to whoever
//! points there first. Invariant: the pieces add up to the image.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::frames::{Frames, Place};
use crate::image::{Image, Kind, Section};
use crate::owner::Owner;
use crate::thumb::{Meaning, meanings};

/// The length of the shortest instruction.
const STEP: u64 = 2;

/// What an owner takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bytes {
    pub code: i64,
    pub constants: i64,
}

impl Bytes {
    pub fn sum(self) -> i64 {
        self.code + self.constants
    }
}

/// What the flash of an image holds.
#[derive(Debug, Default)]
pub struct Flash {
    pub owners: BTreeMap<Owner, Bytes>,
    /// Code alone, by owner, file and name; the library's inlined code is included.
    pub functions: BTreeMap<(Owner, String, String), i64>,
}

impl Flash {
    pub fn of(image: &Image) -> Result<Self, String> {
        let frames = Frames::of(image)?;
        let mut flash = Self::default();
        for section in &image.sections {
            if section.kind == Kind::Code {
                flash.add_code(&frames, section);
            }
        }
        flash.add_constants(image, &frames);
        if flash.sum() != image.flash() as i64 {
            return Err(format!(
                "{} bytes of flash have no owner",
                image.flash() as i64 - flash.sum()
            ));
        }
        Ok(flash)
    }

    fn add_code(&mut self, frames: &Frames<'_>, section: &Section) {
        let mut address = section.range.start;
        while address < section.range.end {
            let bytes = STEP.min(section.range.end - address) as i64;
            let Place {
                owner,
                function,
                file,
                ..
            } = frames.place(address);
            self.owners.entry(owner.clone()).or_default().code += bytes;
            *self.functions.entry((owner, file, function)).or_default() += bytes;
            address += STEP;
        }
    }

    fn add_constants(&mut self, image: &Image, frames: &Frames<'_>) {
        let constants = Constants::of(image, frames);
        for (owner, bytes) in constants.by_owner(image) {
            self.owners.entry(owner).or_default().constants += bytes;
        }
    }

    /// Bytes of all owners.
    pub fn sum(&self) -> i64 {
        self.owners.values().map(|bytes| bytes.sum()).sum()
    }

    /// What this image has and the other has not.
    pub fn without(&self, other: &Self) -> BTreeMap<Owner, Bytes> {
        let mut left = self.owners.clone();
        for (owner, bytes) in &other.owners {
            let mine = left.entry(owner.clone()).or_default();
            mine.code -= bytes.code;
            mine.constants -= bytes.constants;
        }
        left
    }
}

/// Where constants begin, and whose each is.
#[derive(Debug, Default)]
struct Constants {
    starts: BTreeMap<u64, Owner>,
}

impl Constants {
    fn of(image: &Image, frames: &Frames<'_>) -> Self {
        let mut constants = Self::default();
        for object in image
            .objects
            .iter()
            .filter(|o| is_constant(image, o.range.start))
        {
            constants.claim(object.range.start, &Owner::of_symbol(&object.name));
        }
        for (target, user) in references(image) {
            if is_constant(image, target) && !within_object(image, target) {
                constants.claim(target, &frames.place(user).owner);
            }
        }
        constants.follow(image);
        constants
    }

    /// The first who asks has it.
    fn claim(&mut self, address: u64, owner: &Owner) {
        let entry = self.starts.entry(address);
        entry.or_insert_with(|| owner.clone());
    }

    /// What a constant points to has the same owner, if nobody else named it.
    fn follow(&mut self, image: &Image) {
        let mut seen = BTreeSet::new();
        loop {
            let known: Vec<(u64, Owner)> = self.pointers(image);
            let fresh: Vec<_> = known
                .into_iter()
                .filter(|(at, _)| seen.insert(*at))
                .collect();
            if fresh.is_empty() {
                return;
            }
            for (target, owner) in fresh {
                self.claim(target, &owner);
            }
        }
    }

    /// Words among the constants that look like pointers to constants, with the owner of the word.
    fn pointers(&self, image: &Image) -> Vec<(u64, Owner)> {
        let mut found = Vec::new();
        for section in image.sections.iter().filter(|s| holds_constants(s)) {
            for address in section.range.clone().step_by(4) {
                let target = image.word(address).map(u64::from);
                let target = target.filter(|t| is_constant(image, *t) && !within_object(image, *t));
                if let (Some(target), Some((_, owner))) =
                    (target, self.starts.range(..=address).next_back())
                {
                    found.push((target, owner.clone()));
                }
            }
        }
        found
    }

    /// The bytes of each owner. What lies before the first start, and what the linker put there, is the program's.
    fn by_owner(&self, image: &Image) -> Vec<(Owner, i64)> {
        let program = Owner::package(crate::owner::PROGRAM);
        let mut found = Vec::new();
        for section in image.sections.iter().filter(|s| holds_constants(s)) {
            let mut start = section.range.start;
            let mut owner = &program;
            for (next, next_owner) in self.starts.range(section.range.clone()) {
                found.push((owner.clone(), (next - start) as i64));
                (start, owner) = (*next, next_owner);
            }
            found.push((owner.clone(), (section.range.end - start) as i64));
        }
        found
    }
}

fn holds_constants(section: &Section) -> bool {
    matches!(section.kind, Kind::Constants | Kind::Data)
}

fn is_constant(image: &Image, address: u64) -> bool {
    image.section_at(address).is_some_and(holds_constants)
}

/// Behind the first byte of something that has a name.
fn within_object(image: &Image, address: u64) -> bool {
    let after = image.objects.partition_point(|o| o.range.start < address);
    after > 0 && image.objects[after - 1].range.contains(&address)
}

/// Every address that code names, as a word behind it or as two halves, and where it is named.
fn references(image: &Image) -> Vec<(u64, u64)> {
    let mut found = Vec::new();
    for range in &image.instructions {
        halves(image, range.clone(), &mut found);
    }
    let gaps = image.instructions.windows(2);
    for gap in gaps.map(|pair| pair[0].end..pair[1].start) {
        for address in (gap.start.next_multiple_of(4)..gap.end).step_by(4) {
            // A pool of words belongs to the function before it.
            found.extend(
                image
                    .word(address)
                    .map(|word| (u64::from(word), gap.start - STEP)),
            );
        }
    }
    found
}

/// Addresses that are put together in a register.
fn halves(image: &Image, range: Range<u64>, found: &mut Vec<(u64, u64)>) {
    let mut low = [None; 16];
    for (address, meaning) in meanings(image, range) {
        match meaning {
            Meaning::Low { register, half } => low[usize::from(register)] = Some(half),
            Meaning::High { register, half } => {
                if let Some(low) = low[usize::from(register)] {
                    found.push((u64::from(half) << 16 | u64::from(low), address));
                }
            }
            _ => {}
        }
    }
}
