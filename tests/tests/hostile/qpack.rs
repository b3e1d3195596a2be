//! One test for each rule of field sections and of QPACK that a server can break (RFC 9204, RFC 9114 §4.2.2).

use super::http3::{on, request_refuses};
use super::ours::{Ours, Seen, assert_alive, assert_http3_closed, connected, deliver, requested};
use quicpro_core::http3::{Code, MessageError};
use quicpro_tests::scripted::Link;
use quicpro_tests::scripted::http3::{
    DECODER, ENCODER, data, frame, headers, kind, section, status,
};

//= rfc9204#2.2 test
//= rfc9204#3.1 test
//= rfc9204#4.5 test
#[test]
fn field_sections_without_a_meaning() {
    let sections: [&[u8]; 13] = [
        &[],
        &[0],
        // Required Insert Count 1, with a table that was never allowed any entry.
        &[2, 0],
        &[2, 0, 0x80],
        &[
            0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0,
        ],
        // Static index 99, and one with many bytes.
        &[0, 0, 0xff, 36],
        &[
            0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01,
        ],
        // References to the dynamic table: whole, name, behind the base.
        &[0, 0, 0x80],
        &[0, 0, 0x40, 0],
        &[0, 0, 0x10],
        // A literal that ends too early; Huffman code that is no code, padded with zeros.
        &[0, 0, 0x27, 5, b'x'],
        &[0, 0, 0x51, 0x84, 0xff, 0xff, 0xff, 0xff],
        &[0, 0, 0x51, 0x81, 0x00],
    ];
    for section in sections {
        request_refuses(
            &frame(kind::HEADERS, section),
            Code::QPACK_DECOMPRESSION_FAILED,
        );
        let trailers = [status("200"), frame(kind::HEADERS, section)].concat();
        request_refuses(&trailers, Code::QPACK_DECOMPRESSION_FAILED);
    }
}

//= rfc9204#4.1.3 test
//= rfc9204#4.3 test
#[test]
fn encoder_instructions_for_a_table_that_may_not_be() {
    // Capacity 1, capacity 2^20, insert with name reference, with literal name, duplicate.
    let instructions: [&[u8]; 5] = [
        &[0x21],
        &[0x3f, 0xe1, 0xff, 0x3f],
        &[0xc0, 1, b'x'],
        &[0x41, b'x', 1, b'y'],
        &[0x00],
    ];
    for instruction in instructions {
        assert_http3_closed(
            &on(ENCODER, instruction, false),
            Code::QPACK_ENCODER_STREAM_ERROR,
        );
    }
    let mut link = on(ENCODER, &[0x20, 0x20], false);
    assert_alive(&mut link);
}

//= rfc9204#4.4 test
#[test]
fn decoder_instructions_for_what_was_never_sent() {
    // Increment 0, increment 1, acknowledgement of stream 0's section.
    let instructions: [&[u8]; 3] = [&[0x00], &[0x01], &[0x80]];
    for instruction in instructions {
        assert_http3_closed(
            &on(DECODER, instruction, false),
            Code::QPACK_DECODER_STREAM_ERROR,
        );
    }
    // A cancellation needs no entry.
    let mut link = on(DECODER, &[0x40, 0x44], false);
    assert_alive(&mut link);
}

//= rfc9114#4.2.2 test
#[test]
fn field_sections_that_are_too_large_cost_one_request() {
    let limits = connected().client.limits;
    let too_large = |link: &Link<Ours>| {
        let mut seen = link.client.seen.iter();
        seen.any(|seen| matches!(seen, Seen::Failed(0, MessageError::FieldsTooLarge { .. })))
    };
    // Announced longer than what is kept.
    let value = "v".repeat(2 * limits.field_section);
    let mut link = on(
        0,
        &headers(&[(":status", "200"), ("x-a", &value)])[..1000],
        false,
    );
    assert!(too_large(&link), "{:?}", link.client.seen);
    assert_alive(&mut link);
    // Short as encoded, long as counted: every line of the static table counts 32 and more.
    let bomb = [
        &section(&[(":status", "200")])[..],
        // "age: 0".
        &vec![0xc2; limits.field_section / 2],
    ]
    .concat();
    let mut link = on(0, &frame(kind::HEADERS, &bomb), false);
    assert!(too_large(&link), "{:?}", link.client.seen);
    assert_alive(&mut link);
    // Interim responses and trailers that are too large are passed over.
    let interim = headers(&[(":status", "103"), ("x-a", &value)]);
    let mut link = requested();
    deliver(&mut link, 0, &interim, false);
    deliver(
        &mut link,
        0,
        &[status("200"), data(b"after all")].concat(),
        true,
    );
    assert_eq!(link.client.bodies[&0], b"after all");
    assert_alive(&mut link);
}
