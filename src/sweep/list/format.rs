//! The formats of a list, and which of them its first line shows.

use std::fmt;

/// The format of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One `HOST:PORT` a line, and what else stands on the line is its label.
    Text,
    /// A header that names the columns, and fields separated by this octet.
    Csv(u8),
    /// One JSON object a line.
    Ndjson,
}

/// What separates the fields of a CSV list, the most usual first.
const SEPARATORS: [u8; 3] = [b',', b';', b'\t'];

impl Format {
    /// The format that the first line with any content shows. A CSV header is one that names a column
    /// `host` or `endpoint`.
    pub(super) fn of(line: &[u8]) -> Self {
        if line.trim_ascii_start().starts_with(b"{") {
            return Self::Ndjson;
        }
        let header = |separator: &u8| {
            let mut names = line.split(|octet| octet == separator).map(name);
            line.contains(separator) && names.any(|name| matches!(&*name, b"host" | b"endpoint"))
        };
        SEPARATORS
            .into_iter()
            .find(header)
            .map_or(Self::Text, Self::Csv)
    }

    /// This format as `line`, its header, spells it: the separator is the one that is there.
    pub(super) fn fitted(self, line: &[u8]) -> Self {
        match (self, Self::of(line)) {
            (Self::Csv(_), found @ Self::Csv(_)) => found,
            (given, _) => given,
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Text => "text",
            Self::Csv(_) => "csv",
            Self::Ndjson => "ndjson",
        })
    }
}

fn name(field: &[u8]) -> Vec<u8> {
    let field = field.trim_ascii();
    let bare = field
        .strip_prefix(b"\"")
        .and_then(|rest| rest.strip_suffix(b"\""));
    bare.unwrap_or(field).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::Format;

    #[test]
    fn the_first_line_shows_the_format() {
        let check = |line: &str, format| assert_eq!(Format::of(line.as_bytes()), format, "{line}");
        check("db:3306", Format::Text);
        check("db:3306 host, of orders", Format::Text);
        check("10.0.0.0/24:3306,5432", Format::Text);
        check("host,port", Format::Csv(b','));
        check(" Label; \"Host\" ;port", Format::Csv(b';'));
        check("port\thost", Format::Csv(b'\t'));
        check("endpoint,expect", Format::Csv(b','));
        check("  {\"host\":\"a\"}", Format::Ndjson);
    }

    #[test]
    fn a_format_that_is_forced_still_learns_its_separator() {
        assert_eq!(Format::Csv(b',').fitted(b"host;port"), Format::Csv(b';'));
        assert_eq!(Format::Csv(b',').fitted(b"db:1"), Format::Csv(b','));
        assert_eq!(Format::Text.fitted(b"host;port"), Format::Text);
    }
}
