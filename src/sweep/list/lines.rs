//! Lines of bounded length out of a stream: whatever comes, memory holds one of them.

use std::io::{self, BufRead};

use sha2::{Digest as _, Sha256};

/// The longest line, in octets.
pub(super) const LONGEST: usize = 64 << 10;

/// One line, without its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RawLine<'a> {
    /// Its number, from 1.
    pub(super) number: u64,
    /// Its octets, at most [`LONGEST`] of them.
    pub(super) octets: &'a [u8],
    /// Whether there were more, which are left out.
    pub(super) cut: bool,
}

impl RawLine<'_> {
    /// Whether it says nothing: blank, or a comment.
    pub(super) fn is_idle(&self) -> bool {
        let text = self.octets.trim_ascii_start();
        text.is_empty() || text.starts_with(b"#")
    }
}

/// The lines of a stream, and the digest of all that was read.
pub(super) struct Lines<R> {
    input: R,
    held: Vec<u8>,
    cut: bool,
    number: u64,
    again: bool,
    digest: Sha256,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(input: R) -> Self {
        Self {
            input,
            held: Vec::new(),
            cut: false,
            number: 0,
            again: false,
            digest: Sha256::new(),
        }
    }

    /// The next line; `None` at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<RawLine<'_>>> {
        if !std::mem::take(&mut self.again) && !self.read()? {
            return Ok(None);
        }
        Ok(Some(RawLine {
            number: self.number,
            octets: &self.held,
            cut: self.cut,
        }))
    }

    /// Gives the last line once more.
    pub(super) const fn again(&mut self) {
        self.again = true;
    }

    /// The SHA-256 of what was read, in hexadecimal: of the whole stream, once it ended.
    pub(super) fn digest(self) -> String {
        let octets = self.digest.finalize();
        octets.iter().map(|octet| format!("{octet:02x}")).collect()
    }

    fn read(&mut self) -> io::Result<bool> {
        self.held.clear();
        self.cut = false;
        let mut any = false;
        loop {
            let chunk = match self.input.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                chunk => chunk?,
            };
            let end = chunk.iter().position(|octet| *octet == b'\n');
            let (piece, taken) = match end {
                Some(end) => (&chunk[..end], end + 1),
                None => (chunk, chunk.len()),
            };
            any |= taken > 0;
            let room = LONGEST - self.held.len();
            self.cut |= piece.len() > room;
            self.held.extend_from_slice(&piece[..piece.len().min(room)]);
            self.digest.update(&chunk[..taken]);
            self.input.consume(taken);
            if end.is_some() || taken == 0 {
                break;
            }
        }
        if any {
            self.number += 1;
            if self.number == 1 && self.held.starts_with(b"\xef\xbb\xbf") {
                // A byte-order mark says nothing here.
                self.held.drain(..3);
            }
            if self.held.last() == Some(&b'\r') {
                self.held.pop();
            }
        }
        Ok(any)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &[u8]) -> Vec<(u64, Vec<u8>, bool)> {
        let mut lines = Lines::new(text);
        let mut found = Vec::new();
        while let Some(line) = lines.next().expect("memory") {
            found.push((line.number, line.octets.to_vec(), line.cut));
        }
        found
    }

    #[test]
    fn lines_end_as_on_any_system_and_the_last_one_need_not() {
        let plain = |lines: &[&str]| -> Vec<(u64, Vec<u8>, bool)> {
            let numbered = (1..).zip(lines);
            numbered
                .map(|(number, line)| (number, line.as_bytes().to_vec(), false))
                .collect()
        };
        assert_eq!(all(b""), plain(&[]));
        assert_eq!(all(b"\n"), plain(&[""]));
        assert_eq!(all(b"a\nb\r\n\nc"), plain(&["a", "b", "", "c"]));
        assert_eq!(all(b"\xef\xbb\xbfa\n"), plain(&["a"]));
    }

    #[test]
    fn a_long_line_is_cut_and_the_next_one_is_whole() {
        let text = [&[b'x'; LONGEST + 1][..], b"\nb\n"].concat();
        let found = all(&text);
        assert_eq!(found[0], (1, vec![b'x'; LONGEST], true));
        assert_eq!(found[1], (2, b"b".to_vec(), false));
        assert!(!all(&[b'x'; LONGEST])[0].2);
    }

    #[test]
    fn the_digest_is_that_of_the_octets() {
        let mut lines = Lines::new(&b"abc"[..]);
        while lines.next().expect("memory").is_some() {}
        // FIPS 180-2 appendix B.1.
        let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(lines.digest(), known);
    }
}
