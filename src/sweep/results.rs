//! The results of a sweep: a file of documents, one a line, to which whole lines are added and from
//! which a sweep continues.
//!
//! A document is written by one write, behind the last one. Whatever ends the process, the file holds
//! whole lines and at most one torn one at its end, which [`survey`] finds. When a write fails the
//! file is cut back to its last whole line.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write as _};
use std::ops::Range;

/// The longest document that is read back, in octets. The largest known one, of a diagnosis with the
/// most probes there can be, is a hundredth of it.
pub const LONGEST: usize = 64 << 20;

/// Documents between two that are forced to the disk: what a power cut may cost.
const SYNCED_AFTER: u32 = 256;

/// A file of results that is being written.
#[derive(Debug)]
pub struct Results {
    file: File,
    /// Octets of whole lines.
    length: u64,
    unsynced: u32,
}

impl Results {
    /// Goes on behind the `length` octets of whole lines that `file`, opened to append, holds; cuts
    /// off what stands behind them.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn append_to(file: File, length: u64) -> io::Result<Self> {
        if file.metadata()?.len() > length {
            file.set_len(length)?;
        }
        Ok(Self {
            file,
            length,
            unsynced: 0,
        })
    }

    /// Adds one document, which holds no line feed.
    ///
    /// # Errors
    ///
    /// What the system says; the file holds whole lines all the same.
    pub fn add(&mut self, document: &str) -> io::Result<()> {
        let line = format!("{document}\n");
        if let Err(error) = self.file.write_all(line.as_bytes()) {
            // Where even that fails, the next survey finds the torn line.
            let _ = self.file.set_len(self.length);
            return Err(error);
        }
        self.length += u64::try_from(line.len()).unwrap_or(u64::MAX);
        self.unsynced += 1;
        if self.unsynced >= SYNCED_AFTER {
            self.sync()?;
        }
        Ok(())
    }

    /// Forces all that was added to the disk.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn sync(&mut self) -> io::Result<()> {
        self.unsynced = 0;
        self.file.sync_data()
    }
}

/// What to do with a line of results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// It is a result: it stays.
    Keep,
    /// It is none, or one to be found anew: it goes.
    Drop,
}

/// What a file of results holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// Where the lines to keep stand; neighbours as one range.
    pub kept: Vec<Range<u64>>,
    /// How many lines are dropped, a torn one at the end included.
    pub dropped: u64,
}

impl Survey {
    /// Where the file ends when all that is dropped stands behind all that is kept; `None` when
    /// something to keep stands behind something to drop.
    pub fn end(&self) -> Option<u64> {
        match self.kept.as_slice() {
            [] => Some(0),
            [whole] if whole.start == 0 => Some(whole.end),
            _ => None,
        }
    }

    fn keep(&mut self, range: Range<u64>) {
        match self.kept.last_mut() {
            Some(last) if last.end == range.start => last.end = range.end,
            _ => self.kept.push(range),
        }
    }
}

/// Reads results line by line and asks `judge` what to do with each, by its number from 1. What is no
/// text, longer than [`LONGEST`], or has no line end is dropped unasked.
///
/// # Errors
///
/// When the file cannot be read, or `judge` fails.
pub fn survey<E: From<io::Error>>(
    file: impl io::Read,
    judge: &mut dyn FnMut(u64, &str) -> Result<Judgement, E>,
) -> Result<Survey, E> {
    let mut reader = BufReader::new(file);
    let mut survey = Survey::default();
    let (mut line, mut start, mut number) = (Vec::new(), 0_u64, 0_u64);
    loop {
        line.clear();
        let taken = take_line(&mut reader, &mut line)?;
        if taken == 0 {
            return Ok(survey);
        }
        number += 1;
        let range = start..start + taken;
        start = range.end;
        let text = line
            .strip_suffix(b"\n")
            .and_then(|whole| std::str::from_utf8(whole).ok());
        match text.map_or(Ok(Judgement::Drop), |text| judge(number, text))? {
            Judgement::Keep => survey.keep(range),
            Judgement::Drop => survey.dropped += 1,
        }
    }
}

/// Reads up to and with the next line feed and returns how many octets that were; of a line that is
/// too long, `line` gets no more than the beginning.
fn take_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<u64> {
    let mut taken = 0;
    loop {
        let chunk = match reader.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            chunk => chunk?,
        };
        let end = chunk.iter().position(|octet| *octet == b'\n');
        let length = end.map_or(chunk.len(), |end| end + 1);
        if line.len() + length <= LONGEST {
            line.extend_from_slice(chunk.get(..length).unwrap_or_default());
        }
        reader.consume(length);
        taken += u64::try_from(length).unwrap_or(u64::MAX);
        if end.is_some() || length == 0 {
            return Ok(taken);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn surveyed(text: &[u8]) -> (Survey, Vec<String>) {
        let mut told = Vec::new();
        let survey = survey::<io::Error>(text, &mut |number, line| {
            told.push(format!("{number} {line}"));
            Ok(if line.starts_with('{') {
                Judgement::Keep
            } else {
                Judgement::Drop
            })
        });
        (survey.expect("memory"), told)
    }

    #[test]
    fn whole_lines_are_judged_and_a_torn_one_goes() {
        let check = |text: &[u8], kept: &[(u64, u64)], dropped: u64, end: Option<u64>| {
            let (survey, _) = surveyed(text);
            let ranges = survey.kept.iter().map(|range| (range.start, range.end));
            assert_eq!(ranges.collect::<Vec<_>>(), kept);
            assert_eq!(survey.dropped, dropped);
            assert_eq!(survey.end(), end);
        };
        check(b"", &[], 0, Some(0));
        check(b"{}\n{}\n", &[(0, 6)], 0, Some(6));
        check(b"{}\n{\"a", &[(0, 3)], 1, Some(3));
        check(b"{}\n\0\0\0\0", &[(0, 3)], 1, Some(3));
        check(b"{\"a", &[], 1, Some(0));
        check(b"{}\nx\n{}\n{", &[(0, 3), (5, 8)], 2, None);
        check(b"x\n{}\n", &[(2, 5)], 1, None);
        check(b"{}\n\xff{}\n", &[(0, 3)], 1, Some(3));
        assert_eq!(surveyed(b"{}\nx\n").1, ["1 {}", "2 x"]);
    }

    #[test]
    fn what_is_added_stands_behind_what_was_kept() {
        let path = std::env::temp_dir().join(format!("synquest-results-{}", std::process::id()));
        std::fs::write(&path, "{}\n{\"torn").expect("a file");
        let file = std::fs::OpenOptions::new().append(true).open(&path);
        let mut results = Results::append_to(file.expect("it"), 3).expect("it");
        results.add("{\"b\":1}").expect("room");
        results.sync().expect("a disk");
        let found = std::fs::read_to_string(&path);
        std::fs::remove_file(&path).expect("it");
        assert_eq!(found.expect("text"), "{}\n{\"b\":1}\n");
    }

    proptest! {
        #[test]
        fn of_documents_cut_anywhere_the_whole_ones_are_kept(
            lengths in proptest::collection::vec(0_usize..40, 0..20),
            cut in 0_usize..900,
        ) {
            let text: String = lengths.iter().map(|length| format!("{{{}\n", "x".repeat(*length))).collect();
            let cut = cut.min(text.len());
            let (survey, told) = surveyed(&text.as_bytes()[..cut]);
            let whole = text[..cut].rfind('\n').map_or(0, |at| at + 1);
            prop_assert_eq!(survey.end(), Some(whole as u64));
            prop_assert_eq!(told.len(), text[..cut].matches('\n').count());
            prop_assert_eq!(survey.dropped, u64::from(whole != cut));
        }
    }
}
