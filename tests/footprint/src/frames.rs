//! Which functions an address is in, inlined ones included, as DWARF's line tables have it.
//!
//! Invariant: an address is given to the innermost frame outside the compiler's library, because a loop, a copy or
//! a check of the library that was inlined is paid for by whoever wrote the call.

use addr2line::{FunctionName, Loader};

use crate::image::{Image, demangled};
use crate::owner::Owner;

/// Where an address belongs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub owner: Owner,
    /// Without its types: one function, however often it was compiled.
    pub function: String,
    /// The part of the path below `src`, where known.
    pub file: String,
    /// 0 where the compiler joined several.
    pub line: u32,
}

/// One function of those that an address is in.
#[derive(Clone, Debug)]
pub struct Frame {
    pub function: String,
    pub file: String,
    pub line: u32,
}

impl Frame {
    fn place(&self, owner: Owner) -> Place {
        Place {
            owner,
            function: without_types(&self.function).to_owned(),
            file: below_source(&self.file).to_owned(),
            line: self.line,
        }
    }
}

/// Asks one image's debug information.
pub struct Frames<'i> {
    image: &'i Image,
    loader: Loader,
}

impl<'i> Frames<'i> {
    pub fn of(image: &'i Image) -> Result<Self, String> {
        let loader = Loader::new(&image.path)
            .map_err(|error| format!("{}: {error}", image.path.display()))?;
        Ok(Self { image, loader })
    }

    /// Whose the instruction at the address is.
    pub fn place(&self, address: u64) -> Place {
        let symbol = self.image.function_at(address);
        innermost(
            &self.frames(address),
            symbol.map_or("", |symbol| &symbol.name),
        )
    }

    /// Innermost first.
    fn frames(&self, address: u64) -> Vec<Frame> {
        let mut found = Vec::new();
        let Ok(mut frames) = self.loader.find_frames(address) else {
            return found;
        };
        while let Ok(Some(frame)) = frames.next() {
            let name = frame.function.as_ref().map(FunctionName::raw_name);
            let location = frame.location.as_ref();
            found.push(Frame {
                function: demangled(&name.and_then(Result::ok).unwrap_or_default()),
                file: location.and_then(|l| l.file).unwrap_or_default().to_owned(),
                line: location.and_then(|l| l.line).unwrap_or_default(),
            });
        }
        found
    }
}

/// The innermost frame outside the library. Without one the function's symbol is asked; if that is of the library,
/// too, the code belongs to the type that it was compiled for.
fn innermost(frames: &[Frame], symbol: &str) -> Place {
    let mut known = frames.iter().filter(|frame| !frame.file.is_empty());
    let outside = |frame: &&Frame| !Owner::of_file(&frame.file).is_library();
    let outermost = known.clone().next_back();
    if let Some(frame) = known.find(outside) {
        return frame.place(Owner::of_file(&frame.file));
    }
    match (outermost, Owner::of_symbol(symbol)) {
        (Some(frame), owner) if owner.is_library() => {
            frame.place(Owner::of_instance(&frame.function))
        }
        (_, owner) => Place {
            owner,
            function: symbol.to_owned(),
            file: String::new(),
            line: 0,
        },
    }
}

/// `next` of `next<u8>`. A name that starts with a type keeps it.
fn without_types(function: &str) -> &str {
    match function.find('<') {
        Some(start) if start > 0 => &function[..start],
        _ => function,
    }
}

/// `tls/client.rs` of `/a/core/src/tls/client.rs`.
fn below_source(path: &str) -> &str {
    path.rsplit_once("/src/").map_or(path, |(_, below)| below)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(function: &str, file: &str) -> Frame {
        Frame {
            function: function.to_owned(),
            file: file.to_owned(),
            line: 7,
        }
    }

    #[test]
    fn what_the_library_does_is_its_callers() {
        let frames = [
            frame("core::ptr::write", "/x/library/core/src/ptr/mod.rs"),
            frame("f<u8>", "/a/core/src/tls/client.rs"),
            frame("quicpro_core::Client::g", "/a/core/src/http3/mod.rs"),
        ];
        let place = innermost(&frames, "core::ptr::write");
        assert_eq!(place.owner.to_string(), "quicpro-core/tls");
        assert_eq!(place.function, "f");
        assert_eq!(place.file, "tls/client.rs");
        assert_eq!(place.line, 7);
    }

    #[test]
    fn what_the_library_does_for_itself_is_its_own() {
        let frames = [
            frame("a", "/x/library/core/src/a.rs"),
            frame("b", "/x/library/core/src/b.rs"),
        ];
        let place = innermost(&frames, "core::b");
        assert!(place.owner.is_library());
        assert_eq!(place.function, "b");
    }

    #[test]
    fn what_the_library_does_for_a_type_is_the_types_crates() {
        let frames = [frame(
            "drop<quicpro_core::path::P>",
            "/x/library/core/src/ptr.rs",
        )];
        let place = innermost(&frames, "core::ptr::drop");
        assert_eq!(place.owner.to_string(), "quicpro-core/path");
    }

    #[test]
    fn the_symbol_speaks_where_the_frames_do_not() {
        let library = [frame("read", "/x/library/core/src/result.rs")];
        for frames in [&library[..], &[frame("f", "")], &[]] {
            let place = innermost(frames, "quicpro_core::tls::read");
            assert_eq!(place.owner.to_string(), "quicpro-core/tls");
            assert_eq!(place.function, "quicpro_core::tls::read");
        }
    }
}
