//! Whose a piece of the image is: a layer of ours, a crate, or the compiler's library.
//!
//! Invariant: the source file decides where there is one; a symbol's name only where the compiler left no file.

use std::fmt;

/// The name under which all of core and alloc is listed.
pub const LIBRARY: &str = "core";
/// Helpers of the compiler: memory copies, arithmetic that the processor lacks.
pub const BUILTINS: &str = "compiler_builtins";
/// Our engine's package.
pub const ENGINE: &str = "quicpro-core";
/// Everything that is neither a crate of a registry nor the engine: the program itself.
pub const PROGRAM: &str = "the program";

/// The crates of the firmware.
const FIRMWARE: &[&str] = &["quicpro_firmware", "request", "echo"];

/// A crate, with the layer for ours.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Owner {
    pub package: String,
    /// The module of `core/src`, empty for other crates.
    pub layer: String,
}

impl Owner {
    pub fn package(name: &str) -> Self {
        Self {
            package: name.to_owned(),
            layer: String::new(),
        }
    }

    fn engine(layer: &str) -> Self {
        Self {
            package: ENGINE.to_owned(),
            layer: layer.to_owned(),
        }
    }

    /// Whose the source file is.
    pub fn of_file(path: &str) -> Self {
        if let Some(name) = registry_package(path) {
            return Self::package(name);
        }
        if path.contains("/compiler-builtins/") || path.contains("compiler_builtins") {
            return Self::package(BUILTINS);
        }
        if is_library(path) {
            return Self::package(LIBRARY);
        }
        match path.split_once("core/src/") {
            Some((before, module)) if before.is_empty() || before.ends_with('/') => {
                Self::engine(layer(module))
            }
            _ => Self::package(PROGRAM),
        }
    }

    /// Whose a function without a source file is, by its demangled name.
    pub fn of_symbol(name: &str) -> Self {
        let path = name.trim_start_matches(['<', '&', '[', '(', '*']);
        let path = path.strip_prefix("mut ").unwrap_or(path);
        let path = path.split([' ', ',', '(']).next().unwrap_or(path);
        if name.starts_with('<') && !path.contains("::") {
            // A type that every program has, with a trait of the library.
            return Self::package(LIBRARY);
        }
        let mut segments = path.split("::");
        let first = segments.next().unwrap_or_default();
        match first {
            "core" | "alloc" => Self::package(LIBRARY),
            "compiler_builtins" => Self::package(BUILTINS),
            "webpki" => Self::package("rustls-webpki"),
            "quicpro_core" => {
                let is_module = |name: &&str| name.starts_with(|c: char| c.is_ascii_lowercase());
                Self::engine(segments.next().filter(is_module).unwrap_or("lib"))
            }
            name if FIRMWARE.contains(&name) => Self::package(PROGRAM),
            _ if segments.next().is_none() => Self::of_plain_symbol(name),
            _ => Self::package(&first.replace('_', "-")),
        }
    }

    /// Whose a function of the library is that was compiled for a type: `next<der::Reader>` is der's.
    pub fn of_instance(name: &str) -> Self {
        let types = name.split_once('<').map_or("", |(_, types)| types);
        let first = types.trim_start_matches('&');
        let first = first.strip_prefix("mut ").unwrap_or(first);
        let first = first.split([',', '>', '(', ' ']).next().unwrap_or(first);
        if first.contains("::") {
            Self::of_symbol(first)
        } else {
            Self::package(LIBRARY)
        }
    }

    /// A name that was not mangled: C's helpers and the interrupt vectors.
    fn of_plain_symbol(name: &str) -> Self {
        let helper = name.starts_with("__aeabi_") || name.starts_with("mem");
        Self::package(if helper { BUILTINS } else { PROGRAM })
    }

    pub fn is_library(&self) -> bool {
        self.package == LIBRARY
    }

    pub fn is_engine(&self) -> bool {
        self.package == ENGINE
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.package)?;
        if !self.layer.is_empty() {
            write!(f, "/{}", self.layer)?;
        }
        Ok(())
    }
}

/// `NAME` of `…/registry/src/INDEX/NAME-1.2.3/…`.
fn registry_package(path: &str) -> Option<&str> {
    let (_, below) = path.split_once("/registry/src/")?;
    let folder = below.split('/').nth(1)?;
    let version = folder
        .match_indices('-')
        .find(|(at, _)| is_version(&folder[at + 1..]))?;
    Some(&folder[..version.0])
}

/// Digits, then a dot.
fn is_version(text: &str) -> bool {
    text.split_once('.')
        .is_some_and(|(major, _)| !major.is_empty() && major.bytes().all(|b| b.is_ascii_digit()))
}

fn is_library(path: &str) -> bool {
    path.starts_with("/rustc/")
        || [
            "/library/core/",
            "/library/alloc/",
            "/library/portable-simd/",
        ]
        .iter()
        .any(|folder| path.contains(folder))
}

/// The top module of a path below `core/src`.
fn layer(module: &str) -> &str {
    let top = module.split('/').next().unwrap_or(module);
    top.strip_suffix(".rs").unwrap_or(top)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str) -> String {
        Owner::of_file(path).to_string()
    }

    fn symbol(name: &str) -> String {
        Owner::of_symbol(name).to_string()
    }

    #[test]
    fn a_file_of_a_registry_names_its_crate_without_the_version() {
        let at = |folder: &str| file(&format!("/x/registry/src/index-1f/{folder}/src/lib.rs"));
        assert_eq!(at("curve25519-dalek-5.0.0-rc.1"), "curve25519-dalek");
        assert_eq!(at("sha2-0.11.1"), "sha2");
        assert_eq!(at("rustls-webpki-0.103.17"), "rustls-webpki");
        assert_eq!(at("cortex-m-rt-0.7.5"), "cortex-m-rt");
        assert_eq!(at("md-5-0.10.6"), "md-5");
    }

    #[test]
    fn a_file_of_ours_names_its_layer() {
        assert_eq!(file("/a/core/src/tls/client.rs"), "quicpro-core/tls");
        assert_eq!(file("/a/core/src/storage.rs"), "quicpro-core/storage");
        assert_eq!(file("core/src/lib.rs"), "quicpro-core/lib");
    }

    #[test]
    fn the_compilers_library_is_not_our_core() {
        assert_eq!(file("/x/rust/library/core/src/slice/mod.rs"), LIBRARY);
        assert_eq!(file("/rustc/0a1b/library/core/src/fmt/mod.rs"), LIBRARY);
        let builtins = "/x/rust/library/compiler-builtins/compiler-builtins/src/mem/mod.rs";
        assert_eq!(file(builtins), BUILTINS);
    }

    #[test]
    fn any_other_file_is_the_programs() {
        assert_eq!(file("src/bin/request.rs"), PROGRAM);
        assert_eq!(file("/a/encore/src/main.rs"), PROGRAM);
    }

    #[test]
    fn an_instance_of_a_library_function_is_its_types() {
        let instance = |name: &str| Owner::of_instance(name).to_string();
        assert_eq!(instance("drop_in_place<aes::Aes128>"), "aes");
        assert_eq!(
            instance("next<&mut quicpro_core::mem::Chain>"),
            "quicpro-core/mem"
        );
        assert_eq!(instance("call_once<fn(der::Reader) -> u8, u8>"), LIBRARY);
        assert_eq!(instance("next<u8, quicpro_core::mem::Chain>"), LIBRARY);
        assert_eq!(instance("memchr"), LIBRARY);
    }

    #[test]
    fn a_symbol_speaks_where_there_is_no_file() {
        assert_eq!(
            symbol("quicpro_core::stream::send::Send::new"),
            "quicpro-core/stream"
        );
        assert_eq!(
            symbol("<quicpro_core::wire::Frame as X>::encode"),
            "quicpro-core/wire"
        );
        assert_eq!(
            symbol("<quicpro_core::Client>::request"),
            "quicpro-core/lib"
        );
        assert_eq!(symbol("<&mut core::fmt::Formatter as X>::f"), LIBRARY);
        assert_eq!(
            symbol("<usize as core::slice::SliceIndex<[T]>>::index"),
            LIBRARY
        );
        assert_eq!(symbol("crypto_bigint::uint::Uint::add"), "crypto-bigint");
        assert_eq!(symbol("webpki::verify_cert::f"), "rustls-webpki");
        assert_eq!(symbol("__aeabi_memcpy"), BUILTINS);
        assert_eq!(symbol("Reset"), PROGRAM);
        assert_eq!(symbol("<quicpro_firmware::Failure as X>::from"), PROGRAM);
    }
}
