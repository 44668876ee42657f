//! The options of a rule: what iptables-save writes after `-A CHAIN`, made into statements.

use super::conntrack;
use super::matches::{self, Module};
use super::option_words::{Words, is_known, is_option};
use super::target;
use super::words::Word;
use crate::rules::condition::{Condition, Field, Key, Pattern};
use crate::rules::ipset::bounds;
use crate::rules::names;
use crate::rules::ruleset::{Family, Statement};
use crate::rules::unreadable::{Fault, Unreadable};

/// The statements that the words of a rule mean: its matches, then its target, wherever that stands.
pub(super) fn statements(
    words: &[Word],
    line: usize,
    family: Family,
) -> Result<Vec<Statement>, Unreadable> {
    let mut words = Words::new(words, line);
    let mut statements = Vec::new();
    let mut module = Module::None;
    let mut protocol = Protocol::Any;
    let mut negated = false;
    let mut target = Vec::new();
    // Where the statements of the match extension being read begin.
    let mut own = 0;
    // An option of no match, which may be a target that is not read.
    let mut unread = None;
    while let Some(word) = words.next() {
        let option = word.text.as_str();
        if option == "!" && !word.quoted {
            negated = true;
            continue;
        }
        if !is_option(word) {
            return Err(words.fault(word, Fault::Word(word.text.clone())));
        }
        let not = std::mem::take(&mut negated);
        match option {
            "-s" | "--source" | "--src" | "-d" | "--destination" | "--dst" => {
                let (value, old) = words.value(word)?;
                let source = matches!(option, "-s" | "--source" | "--src");
                statements.extend(address(value, source, family, not != old));
            }
            "-p" | "--protocol" => {
                let (value, old) = words.value(word)?;
                protocol = Protocol::of(&value.text);
                statements.extend(protocol.condition(&value.text, not != old));
            }
            "-i" | "--in-interface" | "-o" | "--out-interface" => {
                let (value, old) = words.value(word)?;
                let incoming = matches!(option, "-i" | "--in-interface");
                statements.extend(interface(&value.text, incoming, not != old));
            }
            "-f" | "--fragment" => statements.push(fragment(not)),
            "-4" | "--ipv4" if family == Family::Ip6 => {
                statements.push(Statement::Match(Condition::Never))
            }
            "-6" | "--ipv6" if family == Family::Ip => {
                statements.push(Statement::Match(Condition::Never))
            }
            "-4" | "--ipv4" | "-6" | "--ipv6" => {}
            "-c" | "--set-counters" => {
                words.value(word)?;
                words.values();
            }
            "-m" | "--match" => {
                let (value, _) = words.value(word)?;
                conntrack::settle(statements.get_mut(own..).unwrap_or_default());
                own = statements.len();
                module = Module::named(&value.text);
                if module == Module::Opaque {
                    statements.extend(matches::whole(&value.text, &mut words, protocol.number()));
                }
            }
            "-j" | "--jump" | "-g" | "--goto" => {
                let (value, _) = words.value(word)?;
                let goto = matches!(option, "-g" | "--goto");
                conntrack::settle(statements.get_mut(own..).unwrap_or_default());
                own = statements.len();
                target.extend(target::statements(value, goto, &mut words, family)?);
            }
            _ => {
                unread = unread.or((!is_known(option)).then_some(option));
                let condition =
                    matches::option(word, not, &mut words, module, protocol.number(), family)?;
                statements.extend(condition.map(Statement::Match));
            }
        }
    }
    conntrack::settle(statements.get_mut(own..).unwrap_or_default());
    if let Some(option) = unread.filter(|_| target.is_empty()) {
        target.push(Statement::Handover {
            target: option.to_owned(),
            to: format!("{option}, which is not understood,"),
        });
    }
    statements.extend(target);
    statements.shrink_to_fit();
    Ok(statements)
}

/// The protocol a rule asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    Any,
    Number(u8),
    Unknown,
}

impl Protocol {
    fn of(text: &str) -> Self {
        match text {
            "all" | "0" => Self::Any,
            _ => names::protocol(&text.to_ascii_lowercase()).map_or(Self::Unknown, Self::Number),
        }
    }

    const fn number(self) -> u8 {
        match self {
            Self::Number(number) => number,
            Self::Any | Self::Unknown => 0,
        }
    }

    fn condition(self, text: &str, negated: bool) -> Option<Statement> {
        let pattern = match self {
            Self::Any if negated => return Some(Statement::Match(Condition::Never)),
            Self::Any => return None,
            Self::Number(number) => Pattern::exactly(number.into()),
            Self::Unknown => Pattern::Opaque(text.to_owned()),
        };
        let key = Key::whole(Field::Protocol);
        let condition =
            Condition::one_of(key, [pattern], negated, format!("the protocol is {text}"));
        Some(Statement::Match(condition))
    }
}

/// The condition of `-s` or `-d`.
fn address(value: &Word, source: bool, family: Family, negated: bool) -> Option<Statement> {
    let field = matches::side_field(source, family);
    let side = if source { "source" } else { "destination" };
    let mut conditions = Vec::new();
    for text in value.text.split(',') {
        let (key, pattern) = match matches::network(text, family) {
            Some((_, 0)) if !negated => return None,
            // A network is compared as a span, which tells what is in it and what is not.
            Some((address, mask)) if is_prefix(mask, family) => {
                (Key::whole(field.clone()), bounds(address, mask, family))
            }
            Some((address, mask)) => (
                Key {
                    field: field.clone(),
                    mask,
                },
                Pattern::exactly(address & mask),
            ),
            None => (Key::whole(field.clone()), Pattern::Opaque(text.to_owned())),
        };
        let words = format!("the {side} is {text}");
        conditions.push(Condition::one_of(key, [pattern], false, words));
    }
    let condition = matches::single(conditions, negated);
    Some(Statement::Match(condition))
}

/// Whether the bits of a mask stand at its beginning alone.
fn is_prefix(mask: u128, family: Family) -> bool {
    let all = if family == Family::Ip6 {
        u128::MAX
    } else {
        u32::MAX.into()
    };
    let free = !mask & all;
    free & free.wrapping_add(1) == 0
}

/// The condition of `-i` or `-o`.
fn interface(name: &str, incoming: bool, negated: bool) -> Option<Statement> {
    let pattern = match name.strip_suffix('+') {
        Some("") if negated => return Some(Statement::Match(Condition::Never)),
        Some("") => return None,
        Some(start) => Pattern::Prefix(start.to_owned()),
        None => Pattern::Name(name.to_owned()),
    };
    let (field, way) = if incoming {
        (Field::InInterface, "comes in")
    } else {
        (Field::OutInterface, "goes out")
    };
    let text = format!("the packet {way} by {name}");
    Some(Statement::Match(Condition::one_of(
        Key::whole(field),
        [pattern],
        negated,
        text,
    )))
}

/// The condition of `-f`: a fragment other than the first.
fn fragment(negated: bool) -> Statement {
    let key = Key {
        field: Field::FragmentOffset,
        mask: 0x1fff,
    };
    let text = "the packet is a fragment, but not the first";
    Statement::Match(Condition::one_of(
        key,
        [Pattern::Range(1, 0x1fff)],
        negated,
        text,
    ))
}
