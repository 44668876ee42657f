//! Rules as they are given: the contents of several files, one after the other, in any of the forms
//! that list a host's rules or a cloud's.

use super::cloud::found::Found;
use super::cloud::split;
use super::input::{self, MOST_BYTES};
use super::ruleset::{Family, Ruleset};
use super::unreadable::Unreadable;

/// The rules in the files.
#[derive(Clone, Debug, Default)]
pub struct Given {
    /// What the files are called.
    names: Vec<String>,
    /// Those of clouds.
    pub found: Found,
    /// The host's own, one file after the other.
    text: String,
}

/// A file that holds something else than rules.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot read {name}: {reason}")]
pub struct NotRules {
    /// What the file is called.
    pub name: String,
    /// Where and why.
    pub reason: Unreadable,
}

impl Given {
    /// Adds the contents of a file.
    ///
    /// # Errors
    ///
    /// When it holds a document of no cloud that is known here.
    pub fn add(&mut self, name: String, bytes: &[u8]) -> Result<(), NotRules> {
        let left = if bytes.len() > MOST_BYTES {
            // It is refused for its size.
            text(bytes)
        } else {
            split::split(&text(bytes), &mut self.found).map_err(|reason| NotRules {
                name: name.clone(),
                reason,
            })?
        };
        // Whether the last one ends tells whether it is whole.
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.push('\n');
        }
        self.text.push_str(&left);
        self.names.push(name);
        Ok(())
    }

    /// The same, once the last file was added.
    #[must_use]
    pub fn settled(mut self) -> Self {
        self.found.settle();
        self
    }

    /// The host's own rules; `None` where the rules of clouds are all that was given.
    ///
    /// # Errors
    ///
    /// When what is not a cloud's is no host's either.
    pub fn host(&self, assumed: Family) -> Result<Option<Ruleset>, NotRules> {
        if !self.found.is_empty() && self.text.trim().is_empty() {
            return Ok(None);
        }
        match input::read(&self.text, assumed) {
            Ok(ruleset) => Ok(Some(ruleset)),
            // What stands round the documents of a cloud is what a shell or a person says.
            Err(_) if !self.found.is_empty() && !input::may_hold_rules(&self.text) => Ok(None),
            Err(reason) => Err(NotRules {
                name: match self.names.as_slice() {
                    [only] => only.clone(),
                    _ => "the files, one after the other,".to_owned(),
                },
                reason,
            }),
        }
    }
}

/// The text of a file; a shell of Windows writes UTF-16, which begins with its byte order mark.
fn text(bytes: &[u8]) -> String {
    let units = |rest: &[u8], unit: fn([u8; 2]) -> u16| {
        let (pairs, _) = rest.as_chunks();
        String::from_utf16_lossy(&pairs.iter().copied().map(unit).collect::<Vec<u16>>())
    };
    match bytes {
        // It is refused for its size, which decoding would halve.
        _ if bytes.len() > MOST_BYTES => String::from_utf8_lossy(bytes).into_owned(),
        [0xFF, 0xFE, rest @ ..] => units(rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => units(rest, u16::from_be_bytes),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_order_mark_tells_how_the_text_is_written() {
        let told = "-P INPUT DROP\n–";
        let units = || told.encode_utf16();
        let little: Vec<u8> = units().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = units().flat_map(u16::to_be_bytes).collect();
        for bytes in [
            told.as_bytes().to_vec(),
            [&[0xFF, 0xFE], little.as_slice()].concat(),
            [&[0xFE, 0xFF], big.as_slice()].concat(),
        ] {
            assert_eq!(text(&bytes), told, "{bytes:?}");
        }
    }
}
