//! What a dialer says in multistream-select, by the byte.

/// The first line of either side.
pub const HEADER: &str = "/multistream/1.0.0";

/// Appends a line as a frame: its length as a varint, the line, a line feed.
pub fn line(bytes: &mut Vec<u8>, line: &str) {
    length(bytes, line.len() + 1);
    bytes.extend_from_slice(line.as_bytes());
    bytes.push(b'\n');
}

/// Appends the length of a frame, of two bytes at most: it is below 16 KiB.
pub fn length(bytes: &mut Vec<u8>, length: usize) {
    if length >= 0x80 {
        bytes.push(length as u8 | 0x80);
        bytes.push((length >> 7) as u8);
    } else {
        bytes.push(length as u8);
    }
}

/// A header and one proposal, as one who does not wait for answers sends them.
pub fn proposal(protocol: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    line(&mut bytes, HEADER);
    line(&mut bytes, protocol);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_framed_by_their_length() {
        assert_eq!(proposal("/a"), b"\x13/multistream/1.0.0\n\x03/a\n");
        let mut long = Vec::new();
        line(&mut long, &"x".repeat(299));
        assert_eq!(long[..2], [0b1010_1100, 0b10]);
        assert_eq!(long.len(), 302);
    }
}
