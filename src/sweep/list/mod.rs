//! Endpoint lists: text, CSV or NDJSON, packed or not, read as a stream.
//!
//! A line that cannot be used is reported with file, line, column and reason, and the next one is
//! read. Memory is bounded by the longest line, whatever the list holds.

mod bad_lines;
mod csv;
mod fault;
mod format;
mod lines;
mod ndjson;
mod pattern;
mod spelt;
mod text;
mod unpack;

#[cfg(test)]
mod tests;

use std::io::{self, BufRead, Read};
use std::net::Ipv4Addr;

pub use self::bad_lines::BadLines;
pub use self::fault::{BadLine, Fault, Unreadable};
pub use self::format::Format;
pub use self::pattern::{Hosts, Pattern};
pub use self::unpack::unpack;

use self::csv::{Header, Records};
use self::lines::{Lines, RawLine};
use self::spelt::{At, Spelt};
use super::expectation::Expectation;
use crate::model::endpoint::Family;
use crate::sweep::target::Service;

/// What a line must fit, and how it is read.
#[derive(Clone, Copy)]
pub struct Fitness<'a> {
    /// Whether a line may stand for several endpoints.
    pub expand: bool,
    /// The IP version asked for.
    pub family: Option<Family>,
    /// The broadcast addresses of this host's links.
    pub broadcasts: &'a [Ipv4Addr],
    /// The ports of service names.
    pub service: Service<'a>,
}

/// What one line of a list asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The line, from 1; of a CSV record, the first of its lines.
    pub line: u64,
    /// The target as spelt.
    pub given: String,
    /// The endpoints it stands for.
    pub pattern: Pattern,
    /// The user's own name for it.
    pub label: Option<String>,
    /// What the user files it under.
    pub group: Option<String>,
    /// What the user expects of it.
    pub expect: Option<Expectation>,
    /// The other columns, in order.
    pub others: Vec<(String, String)>,
}

impl std::fmt::Debug for Fitness<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Fitness")
            .field("expand", &self.expand)
            .field("family", &self.family)
            .finish_non_exhaustive()
    }
}

/// Reads a list from its possibly packed octets. `on_line` is told of each line that says anything,
/// in order: its row, or why there is none; what it objects to in a row is as bad as any other fault.
/// Returns the SHA-256 of the unpacked list, in hexadecimal.
///
/// # Errors
///
/// When the list cannot be read to its end, or has a header of no use.
pub fn read(
    packed: impl Read,
    file: &str,
    format: Option<Format>,
    fitness: &Fitness<'_>,
    on_line: &mut dyn FnMut(Result<Row, BadLine>) -> Result<(), Fault>,
) -> Result<String, Unreadable> {
    let unread = |source| Unreadable::Io {
        file: file.to_owned(),
        source,
    };
    let mut lines = Lines::new(unpack(packed).map_err(unread)?);
    let mut sink = Sink {
        file,
        fitness,
        on_line,
    };
    if let Some(line) = significant(&mut lines).map_err(unread)? {
        let found = format.map_or_else(|| Format::of(line.octets), |it| it.fitted(line.octets));
        lines.again();
        match found {
            Format::Csv(separator) => table(&mut lines, separator, &mut sink)?,
            Format::Text => {
                each(&mut lines, &mut sink, |line| Ok(text::read(line))).map_err(unread)?
            }
            Format::Ndjson => each(&mut lines, &mut sink, ndjson::read).map_err(unread)?,
        }
    }
    Ok(lines.digest())
}

/// One line of a list of bare words, without blanks around it or a comment behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plain<'a> {
    /// The line, from 1.
    pub line: u64,
    /// The column, in octets from 1, of the word.
    pub column: usize,
    /// The word.
    pub text: &'a str,
}

/// Reads a list of one word a line. What is no text is given as far as it is some. Returns the
/// SHA-256 of the unpacked list, in hexadecimal.
///
/// # Errors
///
/// When the list cannot be read to its end.
pub fn plain(
    packed: impl Read,
    file: &str,
    on_word: &mut dyn FnMut(Plain<'_>),
) -> Result<String, Unreadable> {
    let unread = |source| Unreadable::Io {
        file: file.to_owned(),
        source,
    };
    let mut lines = Lines::new(unpack(packed).map_err(unread)?);
    while let Some(line) = significant(&mut lines).map_err(unread)? {
        let text = String::from_utf8_lossy(line.octets);
        let spelt = text::read(&text);
        on_word(Plain {
            line: line.number,
            column: spelt.host.column,
            text: &spelt.host.text,
        });
    }
    Ok(lines.digest())
}

/// Whom the rows are told to.
struct Sink<'a> {
    file: &'a str,
    fitness: &'a Fitness<'a>,
    on_line: &'a mut dyn FnMut(Result<Row, BadLine>) -> Result<(), Fault>,
}

impl Sink<'_> {
    fn tell(&mut self, line: u64, spelt: Result<Spelt, At>) {
        let row = spelt.and_then(|spelt| spelt.understand(line, self.fitness));
        let told = match row {
            Ok(row) => (self.on_line)(Ok(row)).map_err(|fault| (1, fault)),
            Err(at) => Err(at),
        };
        if let Err((column, fault)) = told {
            let bad = BadLine {
                file: self.file.to_owned(),
                line,
                column,
                fault,
            };
            // Who hears of a bad line has nothing to object.
            let _ = (self.on_line)(Err(bad));
        }
    }
}

/// The next line that says anything.
fn significant<R: BufRead>(lines: &mut Lines<R>) -> io::Result<Option<RawLine<'_>>> {
    while let Some(line) = lines.next()? {
        if !line.is_idle() {
            lines.again();
            return lines.next();
        }
    }
    Ok(None)
}

fn each<R: BufRead>(
    lines: &mut Lines<R>,
    sink: &mut Sink<'_>,
    read: impl Fn(&str) -> Result<Spelt, At>,
) -> io::Result<()> {
    while let Some(line) = significant(lines)? {
        let spelt = match std::str::from_utf8(line.octets) {
            _ if line.cut => Err((1, Fault::TooLong)),
            Ok(text) => read(text),
            Err(error) => Err((error.valid_up_to() + 1, Fault::NotUtf8)),
        };
        sink.tell(line.number, spelt);
    }
    Ok(())
}

fn table<R: BufRead>(
    lines: &mut Lines<R>,
    separator: u8,
    sink: &mut Sink<'_>,
) -> Result<(), Unreadable> {
    let mut records = Records::new(separator);
    let mut header = None;
    let file = sink.file.to_owned();
    let unread = |source| Unreadable::Io {
        file: file.clone(),
        source,
    };
    while let Some(record) = records.next(lines).map_err(unread)? {
        let line = record.line;
        match (&header, record.fields) {
            (Some(header), fields) => {
                let header: &Header = header;
                sink.tell(line, fields.and_then(|fields| header.apply(fields)));
            }
            (None, Ok(fields)) => {
                header = Some(Header::read(fields).map_err(|missing| Unreadable::Header {
                    file: file.clone(),
                    line,
                    missing,
                })?);
            }
            (None, Err(_)) => {
                let missing = "host";
                return Err(Unreadable::Header {
                    file,
                    line,
                    missing,
                });
            }
        }
    }
    Ok(())
}
