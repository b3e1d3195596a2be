//! Calls that end in a panic, each at the line that would be to blame.
//!
//! Invariant: a small function of the compiler's library that only checks and panics (an index, a copy between
//! slices) stands for its callers; it is they who could be wrong.

use std::collections::{BTreeMap, BTreeSet};

use crate::frames::{Frames, Place};
use crate::image::Image;
use crate::owner::Owner;
use crate::thumb::{Meaning, meanings};

/// Bytes of a library function up to which it is only a check.
const CHECK_MAX: u64 = 64;

/// A call that may panic.
#[derive(Debug)]
pub struct Site {
    pub place: Place,
    /// The last parts of the name of what is called.
    pub called: String,
}

/// All sites of an image.
pub fn sites(image: &Image) -> Result<Vec<Site>, String> {
    let frames = Frames::of(image)?;
    let branches = branches(image);
    let mut panics: BTreeSet<u64> = image
        .functions
        .iter()
        .filter(|function| is_panic(&function.name))
        .map(|function| function.range.start)
        .collect();
    let mut calls = calls(image, &branches, &panics);
    loop {
        let checks = calls.iter().filter_map(|call| check(image, call.from));
        let before = panics.len();
        panics.extend(checks);
        if panics.len() == before {
            break;
        }
        calls = self::calls(image, &branches, &panics);
    }
    let sites = calls
        .iter()
        .filter(|call| check(image, call.from).is_none());
    Ok(sites.map(|call| site(image, &frames, call)).collect())
}

/// How many sites each owner has.
pub fn by_owner(sites: &[Site]) -> BTreeMap<Owner, usize> {
    let mut counts = BTreeMap::new();
    for site in sites {
        *counts.entry(site.place.owner.clone()).or_default() += 1;
    }
    counts
}

#[derive(Clone, Copy, Debug)]
struct Call {
    from: u64,
    to: u64,
}

fn site(image: &Image, frames: &Frames<'_>, call: &Call) -> Site {
    let name = image.function_at(call.to).map_or("", |f| f.name.as_str());
    Site {
        place: frames.place(call.from),
        called: name.rsplit("::").next().unwrap_or(name).to_owned(),
    }
}

/// Functions of the library that do not return.
pub fn is_panic(name: &str) -> bool {
    let name = name.trim_start_matches('<');
    (name.starts_with("core::") || name.starts_with("alloc::"))
        && ["::panicking::", "_failed", "_fail", "::panic_"]
            .iter()
            .any(|mark| name.contains(mark))
}

/// The start of the small library function that the address is in.
fn check(image: &Image, address: u64) -> Option<u64> {
    let function = image.function_at(address)?;
    let is_small = function.range.end - function.range.start <= CHECK_MAX;
    let is_library = Owner::of_symbol(&function.name).is_library();
    (is_small && is_library).then_some(function.range.start)
}

/// Branches to one of the functions, from outside of them.
fn calls(image: &Image, branches: &[Call], panics: &BTreeSet<u64>) -> Vec<Call> {
    let leads_to_panic = |call: &&Call| {
        let from = image.function_at(call.from).map(|f| f.range.start);
        panics.contains(&call.to) && from.is_none_or(|from| !panics.contains(&from))
    };
    branches.iter().filter(leads_to_panic).copied().collect()
}

/// Every call and jump of the image.
fn branches(image: &Image) -> Vec<Call> {
    let all = image
        .instructions
        .iter()
        .flat_map(|range| meanings(image, range.clone()));
    let branch = |(from, meaning)| match meaning {
        Meaning::Call(to) | Meaning::Jump(to) => Some(Call { from, to }),
        _ => None,
    };
    all.filter_map(branch).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_that_panic_are_known_by_name() {
        assert!(is_panic("core::panicking::panic_bounds_check"));
        assert!(is_panic("core::option::unwrap_failed"));
        assert!(is_panic("core::slice::index::slice_index_fail"));
        assert!(is_panic(
            "core::slice::copy_from_slice_impl::len_mismatch_fail"
        ));
        assert!(!is_panic("core::slice::copy_from_slice_impl"));
        assert!(!is_panic("quicpro_core::connection::close::on_failed"));
    }
}
