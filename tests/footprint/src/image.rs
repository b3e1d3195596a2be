//! An image as the linker wrote it: sections, symbols, where its code is code.
//!
//! Invariant: addresses of functions are those of their first instruction; the bit that says "Thumb" is gone.

use object::{Endianness, Object, ObjectSection, ObjectSymbol, SectionFlags, SymbolKind, elf};
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// What is in a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Code,
    Constants,
    /// Memory with first values, which lie in flash, too.
    Data,
    /// Memory without first values.
    Zeros,
}

#[derive(Debug)]
pub struct Section {
    pub kind: Kind,
    pub range: Range<u64>,
    /// Empty for [`Kind::Zeros`].
    pub bytes: Vec<u8>,
}

#[derive(Debug)]
pub struct Symbol {
    /// Demangled, without the hash.
    pub name: String,
    pub range: Range<u64>,
}

#[derive(Debug)]
pub struct Image {
    pub path: PathBuf,
    /// The compiler, as it signed.
    pub compiler: String,
    pub sections: Vec<Section>,
    /// Sorted by address.
    pub functions: Vec<Symbol>,
    /// Sorted by address.
    pub objects: Vec<Symbol>,
    /// Where instructions stand, and not the constants between them; sorted.
    pub instructions: Vec<Range<u64>>,
}

impl Image {
    pub fn read(path: &Path) -> Result<Self, String> {
        let problem = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let bytes = fs::read(path).map_err(|error| problem(&error))?;
        let file = object::File::parse(&*bytes).map_err(|error| problem(&error))?;
        if file.endianness() != Endianness::Little || file.is_64() {
            return Err(problem(&"not an image of a microcontroller"));
        }
        let sections: Vec<Section> = file.sections().filter_map(|s| section(&s)).collect();
        let symbols = |kind| named(&file, kind);
        Ok(Self {
            path: path.to_owned(),
            compiler: compiler(&file),
            instructions: instructions(&file, &sections),
            functions: symbols(SymbolKind::Text),
            objects: symbols(SymbolKind::Data),
            sections,
        })
    }

    /// Bytes of flash: code, constants, first values.
    pub fn flash(&self) -> u64 {
        let lasting = self.sections.iter().filter(|s| s.kind != Kind::Zeros);
        lasting.map(Section::size).sum()
    }

    /// The function whose code the address is in.
    pub fn function_at(&self, address: u64) -> Option<&Symbol> {
        let after = self.functions.partition_point(|f| f.range.start <= address);
        let function = self.functions[..after].last()?;
        function.range.contains(&address).then_some(function)
    }

    /// The section that the address is in.
    pub fn section_at(&self, address: u64) -> Option<&Section> {
        self.sections.iter().find(|s| s.range.contains(&address))
    }

    /// Two bytes at an even address of a section with content.
    pub fn half(&self, address: u64) -> Option<u16> {
        let bytes = self.bytes(address, 2)?;
        Some(u16::from_le_bytes([bytes[0], bytes[1]]))
    }

    pub fn word(&self, address: u64) -> Option<u32> {
        let bytes = self.bytes(address, 4)?;
        Some(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    pub fn bytes(&self, address: u64, length: u64) -> Option<&[u8]> {
        let section = self.section_at(address)?;
        let start = (address - section.range.start) as usize;
        section
            .bytes
            .get(start..start.checked_add(length as usize)?)
    }
}

impl Section {
    pub fn size(&self) -> u64 {
        self.range.end - self.range.start
    }
}

/// The line of rustc among those of the tools that made the file.
fn compiler(file: &object::File<'_>) -> String {
    let comment = file.section_by_name(".comment");
    let text = comment.and_then(|section| section.data().ok());
    let mut lines = text.unwrap_or_default().split(|byte| *byte == 0);
    let line = lines.find(|line| line.starts_with(b"rustc"));
    String::from_utf8_lossy(line.unwrap_or_default()).into_owned()
}

/// A section that takes room on the board.
fn section<'a>(section: &impl ObjectSection<'a>) -> Option<Section> {
    let SectionFlags::Elf { sh_flags } = section.flags() else {
        return None;
    };
    let has = |flag: u32| sh_flags & u64::from(flag) != 0;
    if !has(elf::SHF_ALLOC) || section.size() == 0 {
        return None;
    }
    let bytes = section.data().unwrap_or_default().to_vec();
    let kind = if has(elf::SHF_EXECINSTR) {
        Kind::Code
    } else if !has(elf::SHF_WRITE) {
        Kind::Constants
    } else if bytes.is_empty() {
        Kind::Zeros
    } else {
        Kind::Data
    };
    Some(Section {
        kind,
        range: section.address()..section.address() + section.size(),
        bytes,
    })
}

/// The symbols of a kind that have a size, by address; of several for one place the first.
fn named(file: &object::File<'_>, kind: SymbolKind) -> Vec<Symbol> {
    let of_kind = file.symbols().filter(|s| s.kind() == kind && s.size() > 0);
    let mut symbols: Vec<Symbol> = of_kind
        .map(|symbol| {
            let thumb = u64::from(kind == SymbolKind::Text);
            let start = symbol.address() & !thumb;
            Symbol {
                name: demangled(symbol.name().unwrap_or_default()),
                range: start..start + symbol.size(),
            }
        })
        .collect();
    symbols.sort_by_key(|symbol| symbol.range.start);
    symbols.dedup_by_key(|symbol| symbol.range.start);
    symbols
}

/// A name as the source has it, without the hash.
pub fn demangled(name: &str) -> String {
    let name = without_suffix(name);
    format!("{:#}", rustc_demangle::demangle(name))
}

/// LTO adds `.llvm.NUMBER` to names that it makes local, and `.NUMBER` to the parts of statics that it divides.
fn without_suffix(name: &str) -> &str {
    let name = name.split_once(".llvm.").map_or(name, |(name, _)| name);
    match name.rsplit_once('.') {
        Some((name, part)) if part.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => name,
    }
}

/// The parts of code that ARM's mapping symbols call instructions (`$t`), not data (`$d`).
fn instructions(file: &object::File<'_>, sections: &[Section]) -> Vec<Range<u64>> {
    let mut marks: Vec<(u64, bool)> = file
        .symbols()
        .filter_map(|symbol| {
            let name = symbol.name().ok()?;
            let is_code = name.starts_with("$t");
            (is_code || name.starts_with("$d")).then_some((symbol.address() & !1, is_code))
        })
        .collect();
    marks.sort_unstable();
    marks.dedup_by_key(|mark| mark.0);
    let code = |address: u64| {
        let in_code = |s: &&Section| s.kind == Kind::Code && s.range.contains(&address);
        sections.iter().find(in_code)
    };
    let mut ranges = Vec::new();
    for (place, (start, is_code)) in marks.iter().enumerate() {
        if let (true, Some(section)) = (*is_code, code(*start)) {
            let next = marks.get(place + 1).map_or(u64::MAX, |mark| mark.0);
            ranges.push(*start..next.min(section.range.end));
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_what_the_compiler_adds() {
        assert_eq!(demangled("_ZN3abc3def17h0123456789abcdefE"), "abc::def");
        assert_eq!(
            demangled("_ZN3abc3def17h0123456789abcdefE.llvm.77"),
            "abc::def"
        );
        assert_eq!(without_suffix("clock::TIME.0"), "clock::TIME");
        assert_eq!(without_suffix("__aeabi_memcpy"), "__aeabi_memcpy");
    }
}
