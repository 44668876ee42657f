//! Numbers that an editor, `cat -n` or `grep -n` has put before the lines of a listing.

/// How many digits such a number has at most.
const MOST_DIGITS: usize = 7;

/// The numbers before the lines of a text.
#[derive(Debug)]
pub(super) struct Numbers {
    last: usize,
}

impl Numbers {
    /// Those of `text`; `None` where its lines begin without.
    pub(super) fn of(text: &str) -> Option<Self> {
        let mut numbered = 0_usize;
        let mut last = 0;
        for line in text.lines() {
            if is_sure(line.trim_start()) {
                return None;
            }
            if let Some((number, _)) = split(line).filter(|(_, rest)| is_sure(rest)) {
                if number <= last {
                    return None;
                }
                last = number;
                numbered += 1;
            }
        }
        (numbered > 0).then_some(Self { last: 0 })
    }

    /// A line without its number, and whether lines before it are missing.
    pub(super) fn without<'a>(&mut self, line: &'a str) -> (&'a str, bool) {
        let next = self.last + 1;
        let fits =
            |(number, rest): &(usize, &str)| *number == next || (*number > next && is_sure(rest));
        match split(line).filter(fits) {
            Some((number, rest)) => {
                self.last = number;
                (rest, number > next)
            }
            None => (line, false),
        }
    }
}

/// The number that a line begins with, and what is behind it.
fn split(line: &str) -> Option<(usize, &str)> {
    let line = line.trim_start();
    let behind = line.trim_start_matches(|letter: char| letter.is_ascii_digit());
    let digits = line.get(..line.len() - behind.len())?;
    if digits.len() > MOST_DIGITS {
        return None;
    }
    let number = digits.parse().ok()?;
    let marked = behind.strip_prefix([':', ')', '|', '│', '-']);
    let spaced = behind.is_empty() || behind.starts_with([' ', '\t']);
    let rest = marked.or_else(|| spaced.then_some(behind))?;
    Some((number, rest.trim_start()))
}

/// Whether a line begins as those of listings alone do.
fn is_sure(line: &str) -> bool {
    let starts = [
        "-A ",
        "-P ",
        "-N ",
        "-I ",
        "*filter",
        "*nat",
        "*mangle",
        "*raw",
        "table ",
        "Chain ",
        "create ",
        ":INPUT ",
        ":PREROUTING ",
    ];
    starts.iter().any(|start| line.starts_with(start))
}
