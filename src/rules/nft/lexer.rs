//! The tokens of an nft listing, made line by line as they are asked for.

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A word, number, address or range.
    Word,
    /// Text in quotes.
    Quoted,
    /// Punctuation.
    Mark,
    /// The end of a line.
    Newline,
    /// `# handle N`.
    Handle,
    /// `# xt_NAME`: an extension of iptables, which nft without its libraries cannot print.
    Hidden,
}

/// A token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token<'a> {
    /// What it is.
    pub(super) kind: Kind,
    /// Its text without quotes; the number of a handle, the name of an extension.
    pub(super) text: &'a str,
    /// Which of the lines it stands in, from 0.
    pub(super) row: usize,
    /// Its first byte in that line.
    pub(super) at: usize,
}

/// Two-character marks.
const LONG: [&str; 6] = ["==", "!=", "<=", ">=", "<<", ">>"];

/// The column, from 1, of the byte `at` of `text`.
pub(super) fn column(text: &str, at: usize) -> usize {
    text.get(..at).unwrap_or(text).chars().count() + 1
}

/// Appends the tokens of the line `text`, its end included. `row` is its place among the lines read.
pub(super) fn tokens<'a>(text: &'a str, row: usize, found: &mut Vec<Token<'a>>) {
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let start = at;
        let token = |kind, text| Token {
            kind,
            text,
            row,
            at: start,
        };
        let first = rest.chars().next().unwrap_or(' ');
        if first == '\\' && rest.trim_end() == "\\" {
            // The next line goes on with it.
            return;
        }
        if first.is_whitespace() {
            at += first.len_utf8();
        } else if let Some(inner) = rest.strip_prefix('"') {
            let Some(length) = inner.find('"') else {
                // What it was part of is not understood.
                found.push(token(Kind::Mark, rest));
                break;
            };
            found.push(token(Kind::Quoted, inner.get(..length).unwrap_or("")));
            at += length + 2;
        } else if first == '#' {
            if let Some(hidden) = rest.strip_prefix("# xt_") {
                let length = hidden.find(char::is_whitespace).unwrap_or(hidden.len());
                found.push(token(Kind::Hidden, hidden.get(..length).unwrap_or("")));
                at += "# xt_".len() + length;
                continue;
            }
            if let Some(handle) = rest.strip_prefix("# handle ") {
                found.push(token(Kind::Handle, handle.trim()));
            }
            break;
        } else if is_word(first) || (first == '.' && rest.chars().nth(1).is_some_and(is_word)) {
            let ends = |other: char| !is_word(other) && other != '.';
            let body = rest.get(..rest.find(ends).unwrap_or(rest.len()));
            let body = body.unwrap_or(rest);
            at += body.len();
            // `22: accept` is written by people, `22 : accept` by nft.
            match body.strip_suffix(':') {
                Some(key) if !key.is_empty() && !key.ends_with(':') => {
                    found.push(token(Kind::Word, key));
                    found.push(token(Kind::Word, ":"));
                }
                Some(_) | None => found.push(token(Kind::Word, body)),
            }
        } else {
            let pair = rest.get(..2).filter(|pair| LONG.contains(pair));
            let mark = pair.or_else(|| rest.get(..first.len_utf8()));
            let mark = mark.unwrap_or(rest);
            at += mark.len();
            found.push(token(Kind::Mark, mark));
        }
    }
    found.push(Token {
        kind: Kind::Newline,
        text: "",
        row,
        at: text.len(),
    });
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || "_:/*-+@[]%$\\~".contains(character)
}
