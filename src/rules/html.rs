//! Lines of a web page as its browser shows them.

/// Whether a text is of a web page: what its browser shows is written otherwise there.
pub(super) fn is_page(text: &str) -> bool {
    let signs = [
        "&gt;", "&lt;", "&amp;", "&quot;", "&nbsp;", "&#", "<pre", "<code", "<br", "<p>", "<div",
    ];
    signs.iter().any(|sign| text.contains(sign))
}

/// The lines that a browser makes of a line.
pub(super) fn shown(line: &str) -> Vec<String> {
    const BREAKS: [&str; 6] = ["br", "p", "div", "tr", "li", "pre"];
    const OTHERS: [&str; 17] = [
        "code",
        "span",
        "td",
        "th",
        "table",
        "tbody",
        "ul",
        "ol",
        "b",
        "i",
        "strong",
        "em",
        "font",
        "html",
        "body",
        "blockquote",
        "samp",
    ];
    let mut lines = vec![String::with_capacity(line.len())];
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('<') {
        push(&mut lines, before);
        let inner = after.split('>').next().unwrap_or_default();
        let name = inner.trim_matches('/').split([' ', '/']).next();
        let name = name.unwrap_or_default().to_ascii_lowercase();
        let breaks = BREAKS.contains(&name.as_str());
        if after.contains('>') && (breaks || OTHERS.contains(&name.as_str())) {
            rest = after.get(inner.len() + 1..).unwrap_or_default();
            let ends = inner.starts_with('/') || name == "br";
            if breaks && ends && !rest.trim().is_empty() {
                lines.push(String::new());
            }
        } else {
            push(&mut lines, "<");
            rest = after;
        }
    }
    push(&mut lines, rest);
    lines.iter().map(|line| resolved(line)).collect()
}

fn push(lines: &mut [String], text: &str) {
    if let Some(last) = lines.last_mut() {
        last.push_str(text);
    }
}

/// A text with its entities as the characters that they stand for.
fn resolved(text: &str) -> String {
    const LONGEST: usize = 10;
    let mut found = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        found.push_str(before);
        let entity = after
            .split_once(';')
            .filter(|(name, _)| name.len() <= LONGEST);
        match entity.and_then(|(name, behind)| Some((character(name)?, behind))) {
            Some((character, behind)) => {
                found.push(character);
                rest = behind;
            }
            None => {
                found.push('&');
                rest = after;
            }
        }
    }
    found.push_str(rest);
    found
}

/// The character that an entity stands for, by its number or its name.
fn character(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let hex = number.strip_prefix(['x', 'X']);
        let code = match hex {
            Some(hex) => u32::from_str_radix(hex, 16),
            None => number.parse(),
        };
        // A space that does not break is one all the same.
        return char::from_u32(code.ok()?).map(|one| if one == '\u{a0}' { ' ' } else { one });
    }
    Some(match name {
        "gt" => '>',
        "lt" => '<',
        "amp" => '&',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" | "ensp" | "emsp" | "thinsp" => ' ',
        "ndash" => '–',
        "mdash" => '—',
        "minus" | "dash" | "hyphen" => '-',
        "ldquo" => '“',
        "rdquo" => '”',
        "lsquo" | "rsquo" => '\'',
        "hellip" => '…',
        "ast" => '*',
        "colon" => ':',
        "lbrack" | "lsqb" => '[',
        "rbrack" | "rsqb" => ']',
        "lbrace" | "lcub" => '{',
        "rbrace" | "rcub" => '}',
        "sol" => '/',
        "excl" => '!',
        "num" => '#',
        "dollar" => '$',
        "comma" => ',',
        "period" => '.',
        "Tab" => '\t',
        _ => return None,
    })
}
