//! Lists as CSV (RFC 4180): a header names the columns; fields may be quoted and hold line ends.

use std::io::{self, BufRead};

use csv_core::{ReadRecordResult, Reader, ReaderBuilder, Terminator};

use super::fault::Fault;
use super::lines::{LONGEST, Lines};
use super::spelt::{At, Spelt, Text};

/// The most fields of a record.
const MOST_FIELDS: usize = 1024;

/// One record, its fields without their quotation marks.
#[derive(Debug)]
pub(super) struct CsvRecord {
    /// The line it begins on.
    pub(super) line: u64,
    /// Its fields, or what is wrong with it.
    pub(super) fields: Result<Vec<Text>, At>,
}

/// Takes the octets of lines apart into records.
pub(super) struct Records {
    core: Reader,
    separator: u8,
    fields: Vec<u8>,
    ends: Vec<usize>,
}

impl Records {
    pub(super) fn new(separator: u8) -> Self {
        Self {
            core: ReaderBuilder::new()
                .delimiter(separator)
                .terminator(Terminator::Any(b'\n'))
                .build(),
            separator,
            fields: vec![0; LONGEST],
            ends: vec![0; MOST_FIELDS],
        }
    }

    /// The next record; `None` at the end of the list. A record that is not complete within bounds
    /// is given up, and the line after the one it begins on begins anew.
    pub(super) fn next<R: BufRead>(
        &mut self,
        lines: &mut Lines<R>,
    ) -> io::Result<Option<CsvRecord>> {
        let first = loop {
            match lines.next()? {
                None => return Ok(None),
                Some(line) if line.is_idle() => {}
                Some(line) => break line,
            }
        };
        let line = first.number;
        let fault = |column, fault| {
            Ok(Some(CsvRecord {
                line,
                fields: Err((column, fault)),
            }))
        };
        if first.cut {
            return fault(1, Fault::TooLong);
        }
        let mut raw = first.octets.to_vec();
        let (mut written, mut ended) = (0, 0);
        let mut fed = 0;
        self.core.reset();
        loop {
            raw.push(b'\n');
            let input = raw.get(fed..).unwrap_or_default();
            let (result, _, wrote, ends) = self.core.read_record(
                input,
                self.fields.get_mut(written..).unwrap_or_default(),
                self.ends.get_mut(ended..).unwrap_or_default(),
            );
            fed = raw.len();
            (written, ended) = (written + wrote, ended + ends);
            match result {
                ReadRecordResult::Record => break,
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::End
                | ReadRecordResult::OutputFull
                | ReadRecordResult::OutputEndsFull => return fault(1, Fault::TooLong),
            }
            let open = open_quote(&raw, self.separator);
            match lines.next()? {
                Some(next) if !next.cut && raw.len() + next.octets.len() < LONGEST => {
                    raw.extend_from_slice(next.octets);
                }
                _ => return fault(open, Fault::OpenQuote),
            }
        }
        Ok(Some(CsvRecord {
            line,
            fields: self.texts(&raw, ended),
        }))
    }

    /// The `count` fields of the record that was read last, from `raw`.
    fn texts(&self, raw: &[u8], count: usize) -> Result<Vec<Text>, (usize, Fault)> {
        let columns = columns(raw, self.separator);
        let mut fields = Vec::with_capacity(count);
        let mut start = 0;
        for (index, end) in self.ends.iter().take(count).enumerate() {
            let octets = self.fields.get(start..*end).unwrap_or_default();
            start = *end;
            let column = columns.get(index).copied().unwrap_or(1);
            match std::str::from_utf8(octets) {
                Ok(text) => fields.push(Text {
                    text: text.trim().to_owned(),
                    column,
                }),
                Err(_) => return Err((column, Fault::NotUtf8)),
            }
        }
        Ok(fields)
    }
}

/// The columns, from 1, in which the fields of a record begin.
fn columns(raw: &[u8], separator: u8) -> Vec<usize> {
    let mut found = vec![1];
    let mut quoted = false;
    for (index, octet) in raw.iter().enumerate() {
        quoted ^= *octet == b'"';
        if *octet == separator && !quoted {
            found.push(index + 2);
        }
    }
    found
}

/// The column of the field that is still open at the end of `raw`.
fn open_quote(raw: &[u8], separator: u8) -> usize {
    columns(raw, separator).pop().unwrap_or(1)
}

/// What the columns of a list mean.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Header {
    host: usize,
    port: Option<usize>,
    label: Option<usize>,
    group: Option<usize>,
    expect: Option<usize>,
    /// Every other one, by its name.
    others: Vec<(usize, String)>,
    width: usize,
}

impl Header {
    /// The header in these `fields`.
    ///
    /// # Errors
    ///
    /// The name of the column that is not there.
    pub(super) fn read(fields: Vec<Text>) -> Result<Self, &'static str> {
        let find = |name: &str| {
            let mut names = fields.iter();
            names.position(|field| field.text.eq_ignore_ascii_case(name))
        };
        let (host, port) = match (find("host"), find("port"), find("endpoint")) {
            (Some(host), Some(port), _) => (host, Some(port)),
            (_, _, Some(both)) => (both, None),
            (Some(_), None, None) => return Err("port"),
            (None, ..) => return Err("host"),
        };
        let mut header = Self {
            host,
            port,
            label: find("label"),
            group: find("group"),
            expect: find("expect"),
            others: Vec::new(),
            width: fields.len(),
        };
        let known = [Some(host), port, header.label, header.group, header.expect];
        header.others = fields
            .into_iter()
            .enumerate()
            .filter(|(index, _)| !known.contains(&Some(*index)))
            .map(|(index, field)| (index, field.text))
            .collect();
        Ok(header)
    }

    /// What a record under this header says.
    pub(super) fn apply(&self, mut fields: Vec<Text>) -> Result<Spelt, At> {
        if fields.len() != self.width {
            let (found, expected) = (fields.len(), self.width);
            return Err((1, Fault::Fields { found, expected }));
        }
        let mut take = |index: usize| {
            fields
                .get_mut(index)
                .map(std::mem::take)
                .unwrap_or_default()
        };
        let mut maybe = |index: Option<usize>| index.map(&mut take);
        let port = maybe(self.port);
        let label = maybe(self.label).unwrap_or_default().text;
        let group = maybe(self.group).unwrap_or_default().text;
        let expect = maybe(self.expect).unwrap_or_default();
        Ok(Spelt {
            host: take(self.host),
            port,
            label,
            group,
            expect,
            others: self
                .others
                .iter()
                .map(|(index, name)| (name.clone(), take(*index).text))
                .collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(text: &str) -> Vec<CsvRecord> {
        let mut lines = Lines::new(text.as_bytes());
        let mut records = Records::new(b',');
        let mut found = Vec::new();
        while let Some(record) = records.next(&mut lines).expect("memory") {
            found.push(record);
        }
        found
    }

    #[test]
    fn fields_are_quoted_over_lines_and_known_by_their_columns() {
        let check = |text: &str, expected: &[(u64, &[(&str, usize)])]| {
            let found: Vec<(u64, Vec<Text>)> = records(text)
                .into_iter()
                .map(|record| (record.line, record.fields.expect("fields")))
                .collect();
            let expected: Vec<(u64, Vec<Text>)> = expected
                .iter()
                .map(|(line, fields)| {
                    let text = |(text, column): &(&str, usize)| Text {
                        text: (*text).to_owned(),
                        column: *column,
                    };
                    (*line, fields.iter().map(text).collect())
                })
                .collect();
            assert_eq!(found, expected, "{text}");
        };
        check("a,b\n", &[(1, &[("a", 1), ("b", 3)])]);
        check("\n# c\n\na, b", &[(4, &[("a", 1), ("b", 3)])]);
        check(
            "a,\"b,\"\"c\",d\ne",
            &[(1, &[("a", 1), ("b,\"c", 3), ("d", 11)]), (2, &[("e", 1)])],
        );
        check(
            "\"a\nb\",c\nd\n",
            &[(1, &[("a\nb", 1), ("c", 7)]), (3, &[("d", 1)])],
        );
        check("a,\r\n", &[(1, &[("a", 1), ("", 3)])]);
    }

    #[test]
    fn a_quotation_mark_that_is_never_closed_is_found_where_it_stands() {
        let found = records("a,\"b\nc\nd\n");
        assert_eq!(found[0].line, 1);
        assert_eq!(found[0].fields, Err((3, Fault::OpenQuote)));
    }
}
