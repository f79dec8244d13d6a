//! The gzip format without compression: enough to find out whether a client can unpack it.

use super::exchange::{Reply, Request};

/// Packs a reply for who says `gzip` both in what it accepts and in its own name, as Google wants it.
pub(crate) fn pack(request: &Request, reply: Reply) -> Reply {
    let says_gzip = |name| {
        request
            .header(name)
            .is_some_and(|value| value.contains("gzip"))
    };
    if reply.body.is_empty() || !says_gzip("accept-encoding") || !says_gzip("user-agent") {
        return reply;
    }
    let body = gzip(&reply.body);
    Reply { body, ..reply }.with("content-encoding", "gzip")
}

/// Wraps bytes as a gzip file of stored blocks (RFC 1951, 3.2.4; RFC 1952).
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let mut blocks = bytes.chunks(0xffff).peekable();
    if blocks.peek().is_none() {
        out.extend([1, 0, 0, 0xff, 0xff]);
    }
    while let Some(block) = blocks.next() {
        let length = u16::try_from(block.len()).unwrap();
        out.push(u8::from(blocks.peek().is_none()));
        out.extend(length.to_le_bytes());
        out.extend((!length).to_le_bytes());
        out.extend(block);
    }
    out.extend(crc32(bytes).to_le_bytes());
    out.extend(u32::try_from(bytes.len()).unwrap().to_le_bytes());
    out
}

fn crc32(bytes: &[u8]) -> u32 {
    let table = table();
    let crc = bytes.iter().fold(u32::MAX, |crc, byte| {
        let [low, ..] = crc.to_le_bytes();
        (crc >> 8) ^ table[usize::from(low ^ byte)]
    });
    !crc
}

/// What each byte does to the checksum. Some answers are tens of megabytes, which bit by bit would take seconds.
fn table() -> [u32; 256] {
    let mut table = [0; 256];
    for (crc, byte) in table.iter_mut().zip(0_u32..) {
        *crc = (0..8).fold(byte, |crc, _| match crc & 1 {
            1 => (crc >> 1) ^ 0xedb8_8320,
            _ => crc >> 1,
        });
    }
    table
}

#[test]
fn the_checksum_is_the_one_that_everybody_uses() {
    assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
}
