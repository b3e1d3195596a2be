//! The QPACK working group's offline interoperation files: what other encoders have made, decoded here.
//!
//! They lie beside the project, in `../shared/vectors/qpack`; without them these tests say so and check
//! nothing, but in CI they must be there.

use quicpro_core::qpack::{Cursor, Encoder, Error, Field, Section, Source, instruction};
use std::fs;
use std::path::{Path, PathBuf};

type FieldList = Vec<(String, String)>;

/// Room for the longest line of the files.
const SCRATCH: usize = 16 * 1024;

/// Bytes in pieces, as a stream's chunks hold them.
struct Pieces<'a> {
    bytes: &'a [u8],
    piece: usize,
}

impl Source for Pieces<'_> {
    fn chunk(&self, offset: usize) -> &[u8] {
        let end = (offset / self.piece + 1) * self.piece;
        self.bytes
            .get(offset..end.min(self.bytes.len()))
            .unwrap_or_default()
    }
}

/// A stream's bytes in an encoded file: stream 0 is the encoder's, each other one a field section.
struct Block {
    stream: u64,
    bytes: Vec<u8>,
}

fn folder() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/vectors/qpack");
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(
        std::env::var_os("CI").is_none(),
        "{} is missing",
        folder.display()
    );
    println!("{} is missing: nothing is checked", folder.display());
    None
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries =
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = entries
        .map(|entry| entry.expect("a readable entry").path())
        .collect();
    files.sort();
    files
}

fn name(path: &Path) -> String {
    path.file_name()
        .expect("a file")
        .to_string_lossy()
        .into_owned()
}

/// Stream ID in 8 bytes, length in 4, then the bytes; over and over.
fn blocks(file: &Path) -> Vec<Block> {
    let bytes = fs::read(file).expect("a readable file");
    let mut rest = bytes.as_slice();
    let mut blocks = Vec::new();
    while let Some((head, tail)) = rest.split_first_chunk::<12>() {
        let (stream, length) = head.split_first_chunk::<8>().expect("8 of 12 bytes");
        let length = u32::from_be_bytes(length.try_into().expect("4 bytes")) as usize;
        let (bytes, after) = tail.split_at(length);
        blocks.push(Block {
            stream: u64::from_be_bytes(*stream),
            bytes: bytes.to_vec(),
        });
        rest = after;
    }
    assert!(
        rest.is_empty(),
        "{}: half a block at the end",
        file.display()
    );
    blocks
}

/// The lists of a plain file: a line for each field, name and value with a tab between; lists end with an empty line.
fn lists(file: &Path) -> Vec<FieldList> {
    let text = fs::read_to_string(file).expect("a readable file");
    let text = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .collect::<Vec<_>>();
    let lists = text
        .split(|line| line.is_empty())
        .filter(|list| !list.is_empty());
    let field = |line: &&str| {
        let (name, value) = line.split_once('\t').expect("a tab between name and value");
        (name.to_owned(), value.to_owned())
    };
    lists.map(|list| list.iter().map(field).collect()).collect()
}

/// Decodes a section that lies in pieces of `piece` bytes.
fn decode(bytes: &[u8], piece: usize) -> Result<FieldList, Error> {
    let source = Pieces { bytes, piece };
    let mut section = Section::open(&source, 0, bytes.len())?;
    let mut scratch = [0; SCRATCH];
    let mut list = Vec::new();
    while let Some(line) = section.next(&source, &mut scratch)? {
        assert!(
            line.is_whole(),
            "a line of {} bytes",
            line.name_length + line.value_length
        );
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("the files hold text");
        list.push((text(line.name), text(line.value)));
    }
    Ok(list)
}

/// Reads all instructions of the encoder's stream.
fn read_instructions(bytes: &[u8]) -> Result<(), Error> {
    let mut cursor = Cursor::new(&bytes, 0, bytes.len());
    while instruction::read_encoder(&mut cursor)? {}
    assert_eq!(cursor.remaining(), 0, "half an instruction at the end");
    Ok(())
}

/// Decodes every section of a file, in the order of their streams.
fn decode_file(file: &Path, piece: usize) -> Result<Vec<FieldList>, Error> {
    let mut sections = Vec::new();
    for block in blocks(file) {
        if block.stream == 0 {
            read_instructions(&block.bytes)?;
        } else {
            sections.push((block.stream, decode(&block.bytes, piece)?));
        }
    }
    sections.sort_by_key(|(stream, _)| *stream);
    Ok(sections.into_iter().map(|(_, list)| list).collect())
}

/// The encoded files, each with its plain one.
fn encoded(folder: &Path) -> Vec<(PathBuf, PathBuf)> {
    let encoders = files(&folder.join("encoded"));
    let encoded = encoders.iter().flat_map(|encoder| files(encoder));
    let plain = |file: &PathBuf| {
        let name = name(file);
        folder.join("qifs").join(format!(
            "{}.qif",
            name.split(".out.").next().expect("a name")
        ))
    };
    encoded.map(|file| (file.clone(), plain(&file))).collect()
}

#[test]
fn sections_of_other_encoders_without_a_dynamic_table_are_decoded() {
    let Some(folder) = folder() else { return };
    let mut checked = 0;
    for (file, plain) in encoded(&folder)
        .iter()
        .filter(|(file, _)| name(file).contains(".out.0."))
    {
        let expected = lists(plain);
        for piece in [1, 61, usize::MAX / 2] {
            let decoded = decode_file(file, piece)
                .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            assert!(
                decoded == expected,
                "{} in pieces of {piece}",
                file.display()
            );
        }
        checked += 1;
    }
    assert!(checked >= 16, "{checked} files");
}

#[test]
fn sections_that_use_a_dynamic_table_are_refused_and_never_misread() {
    let Some(folder) = folder() else { return };
    let mut refused = 0;
    for (file, plain) in encoded(&folder) {
        match decode_file(&file, usize::MAX / 2) {
            Ok(decoded) => assert!(decoded == lists(&plain), "{}", file.display()),
            Err(_) => refused += 1,
        }
    }
    assert!(refused > 20, "{refused} files refused");
}

/// Two of the broken files refer to static entries 0 and 62, which the drafts of their time did not have and
/// RFC 9204's appendix A has.
const LEGAL_SINCE_THE_RFC: [(&str, &str, &str); 2] = [
    ("err9", ":authority", ""),
    ("err10", "x-xss-protection", "1; mode=block"),
];

#[test]
fn broken_files_are_refused() {
    let Some(folder) = folder() else { return };
    let broken = files(&folder.join("errors"));
    assert!(broken.len() >= 12);
    for file in broken {
        let decoded = decode_file(&file, 3);
        match LEGAL_SINCE_THE_RFC
            .iter()
            .find(|(legal, ..)| name(&file) == *legal)
        {
            None => assert!(decoded.is_err(), "{}: {decoded:?}", file.display()),
            Some((_, name, value)) => {
                assert_eq!(
                    decoded,
                    Ok(vec![vec![((*name).to_owned(), (*value).to_owned())]])
                );
            }
        }
    }
}

#[test]
fn what_is_encoded_here_is_decoded_here() {
    let Some(folder) = folder() else { return };
    let mut plain_bytes = 0;
    let mut encoded_bytes = 0;
    for list in files(&folder.join("qifs"))
        .iter()
        .flat_map(|file| lists(file))
    {
        let mut bytes = Vec::new();
        let mut flush = |piece: &[u8]| bytes.extend_from_slice(piece);
        let mut encoder = Encoder::new(Some(&mut flush));
        encoder.bytes(&[0, 0]);
        for (name, value) in &list {
            encoder.field(&Field::new(name, value));
            plain_bytes += name.len() + value.len();
        }
        encoder.finish();
        encoded_bytes += bytes.len();
        assert_eq!(decode(&bytes, 5).as_ref(), Ok(&list));
    }
    assert!(
        encoded_bytes * 10 < plain_bytes * 9,
        "{encoded_bytes} of {plain_bytes} bytes"
    );
}
