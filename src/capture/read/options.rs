//! The options of pcapng blocks, read where they lie.

use std::borrow::Cow;

use super::bytes::Order;

/// The option that ends the list (pcapng §3.5).
const END: u16 = 0;
/// `opt_comment` (pcapng §3.5.1).
const COMMENT: u16 = 1;

/// The options of a block: their octets, in the byte order of the section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Options<'a> {
    rest: &'a [u8],
    order: Order,
}

impl<'a> Options<'a> {
    /// No options.
    pub(super) const NONE: Options<'static> = Options {
        rest: &[],
        order: Order::Little,
    };

    /// The options in `octets`.
    pub(super) const fn new(octets: &'a [u8], order: Order) -> Self {
        Self {
            rest: octets,
            order,
        }
    }

    /// The value of the first option `code`.
    pub(super) fn value(self, code: u16) -> Option<&'a [u8]> {
        let mut options = self;
        options
            .find(|(found, _)| *found == code)
            .map(|(_, value)| value)
    }

    /// The first option `code`, as text.
    pub(super) fn text(self, code: u16) -> Option<Cow<'a, str>> {
        self.value(code).map(text)
    }

    /// The first option `code`, as a number of 64 bits.
    pub(super) fn number64(self, code: u16) -> Option<u64> {
        self.order.number64(self.value(code)?, 0)
    }

    /// Whether every option lies within the block.
    pub(super) fn are_whole(mut self) -> bool {
        self.by_ref().for_each(drop);
        self.rest.is_empty()
    }
}

impl<'a> Iterator for Options<'a> {
    type Item = (u16, &'a [u8]);

    /// The next option; leaves the rest where it is when an option runs past the end.
    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let code = self.order.number16(self.rest, 0)?;
        let length = usize::from(self.order.number16(self.rest, 2)?);
        if code == END {
            self.rest = &[];
            return None;
        }
        let value = self.rest.get(4..4_usize.saturating_add(length))?;
        let padded = length.next_multiple_of(4).saturating_add(4);
        self.rest = self.rest.get(padded..)?;
        Some((code, value))
    }
}

/// What an option says as text; octets that are no UTF-8 are replaced.
///
/// Some writers count a closing zero in the length; it is no part of the text.
pub(super) fn text(octets: &[u8]) -> Cow<'_, str> {
    let end = octets
        .iter()
        .position(|octet| *octet == 0)
        .unwrap_or(octets.len());
    String::from_utf8_lossy(octets.get(..end).unwrap_or(octets))
}

/// The comments on a block, in the order in which they stand; read only when asked for.
///
/// They are as the file has them: whoever shows them makes them harmless first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Comments<'a>(Options<'a>);

impl<'a> Comments<'a> {
    pub(super) const fn of(options: Options<'a>) -> Self {
        Self(options)
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0.value(COMMENT).is_none()
    }
}

impl<'a> Iterator for Comments<'a> {
    type Item = Cow<'a, str>;

    fn next(&mut self) -> Option<Self::Item> {
        let (_, value) = self.0.find(|(code, _)| *code == COMMENT)?;
        Some(text(value))
    }
}
