//! The JSON form: one line a document.

use std::fmt::Write as _;

use serde::Serialize;

use super::visible::acts;

/// Any document of this crate as one line of JSON, without the line feed.
///
/// # Errors
///
/// None that this crate's own types can cause; `serde_json`'s signature allows them.
pub fn document(value: &impl Serialize) -> serde_json::Result<String> {
    serde_json::to_string(value).map(escape)
}

/// JSON leaves DEL, C1 and the marks that reorder text as they are. They stand inside strings only
/// (JSON's own syntax is ASCII), so escaping them keeps the value and spares the terminal.
fn escape(json: String) -> String {
    if !json.contains(acts) {
        return json;
    }
    let mut escaped = String::with_capacity(json.len() + 8);
    for character in json.chars() {
        if acts(character) {
            // As UTF-16 (RFC 8259 section 7): beyond the basic plane that takes two escapes.
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Writing to a string cannot fail.
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        } else {
            escaped.push(character);
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::document;

    #[test]
    fn what_acts_on_a_terminal_is_escaped_and_reads_back() {
        let text = "a\u{9b}31m\u{202e}\x7f\u{e0041}\n\"";
        let json = document(&text).expect("a string is written");
        assert_eq!(json, r#""a\u009b31m\u202e\u007f\udb40\udc41\n\"""#);
        let back: String = serde_json::from_str(&json).expect("valid JSON");
        assert_eq!(back, text);
    }
}
