//! The seeds of the fuzz targets, run as tests: each holds the property whose name its folder has. What fuzzing once
//! found stays here as a seed.

use quicpro_core::properties::{ALL, Property};
use quicpro_tests::hostile::connection;
use std::fs;
use std::path::Path;

/// The properties with a fuzz target.
fn properties() -> impl Iterator<Item = (&'static str, Property)> {
    let whole: (&str, Property) = ("connection", connection);
    ALL.iter().copied().chain([whole])
}

/// The seeds of a property, with their names.
fn seeds(name: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/seeds")
        .join(name);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{name}: {error}"));
    let seeds = entries.map(|entry| {
        let path = entry.expect("a readable entry").path();
        let bytes = fs::read(&path).expect("a readable seed");
        (path.display().to_string(), bytes)
    });
    seeds.collect()
}

#[test]
fn hold_as_they_are() {
    for (name, property) in properties() {
        let seeds = seeds(name);
        assert!(!seeds.is_empty(), "{name} has no seed");
        for (path, bytes) in seeds {
            println!("{path}");
            property(&bytes);
        }
    }
}

/// Places of a seed that are tried.
const PLACES_MAX: usize = 100;

/// Near what is legal lies what is not: each seed with one byte changed, and cut.
#[test]
fn hold_when_they_are_changed() {
    for (name, property) in ALL {
        for (_, bytes) in seeds(name) {
            for at in (0..bytes.len()).step_by(bytes.len() / PLACES_MAX + 1) {
                property(&bytes[..at]);
                for change in [1, 0x40, 0x80, 0xff] {
                    let mut changed = bytes.clone();
                    changed[at] ^= change;
                    property(&changed);
                }
            }
        }
    }
}

#[test]
fn every_target_has_a_property_and_the_other_way_round() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/targets");
    let entries = fs::read_dir(folder).expect("the targets");
    let mut targets: Vec<String> = entries
        .map(|entry| {
            let path = entry.expect("a readable entry").path();
            path.file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    targets.sort_unstable();
    let mut names: Vec<_> = properties().map(|(name, _)| name.to_owned()).collect();
    names.sort_unstable();
    assert_eq!(targets, names);
}
