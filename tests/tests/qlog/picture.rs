//! `quicpro qlog`: pictures of what was downloaded, and clear words about files that are broken.

use super::download::{Folder, download};
use super::program::{plain, quicpro};
use std::fs;

#[test]
fn a_download_becomes_a_picture() {
    let folder = Folder::new();
    let file = download(&folder, 2_000_000);
    let (code, output, errors) = quicpro(&["qlog", "view", plain(&file)]);
    assert_eq!((code, errors.as_str()), (0, ""));
    let picture = file.with_extension("svg");
    assert_eq!(output.trim_end(), plain(&picture));
    let svg = fs::read_to_string(&picture).expect("an SVG document");
    assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
    for shown in [
        "congestion window",
        "bytes in flight",
        "smoothed",
        "smallest",
        "acknowledged",
        "GET /gen/2000000",
        "2 MB received",
    ] {
        assert!(svg.contains(shown), "{shown} is missing");
    }
    // Window, bytes in flight, two kinds of round-trip time, three kinds of data.
    assert!(svg.matches("<polyline").count() >= 7);

    let png = folder.path().join("both.png");
    let (code, _, errors) = quicpro(&[
        "qlog",
        "view",
        plain(&file),
        plain(&file),
        "-o",
        plain(&png),
    ]);
    assert_eq!((code, errors.as_str()), (0, ""));
    let png = fs::read(png).expect("a PNG");
    assert!(png.starts_with(b"\x89PNG\r\n") && png.len() > 20_000);
}

#[test]
fn broken_files_are_named_with_what_is_wrong() {
    let folder = Folder::new();
    let path = folder.path().join("broken.sqlog");
    for (content, why) in [
        (&b"\x00\xff"[..], "it is not text"),
        (b"{}", "not a qlog file"),
        (b"\x1e{\"file_schema\":\"x\"}\n", "has no events"),
        (
            b"\x1e{\"file_schema\":\"x\"}\n\x1e{]\n\x1e{}\n",
            "record 2 is broken",
        ),
    ] {
        fs::write(&path, content).expect("a file");
        let (code, output, errors) = quicpro(&["qlog", "view", plain(&path)]);
        assert_eq!((code, output.as_str()), (26, ""));
        assert!(
            errors.contains(why) && errors.contains("broken.sqlog"),
            "{errors}"
        );
    }
    let (code, _, errors) = quicpro(&["qlog", "decode", plain(&path)]);
    assert!(
        code == 26 && errors.contains("not the dump of a ring"),
        "{errors}"
    );
    assert_eq!(quicpro(&["qlog", "view"]).0, 2);
}
