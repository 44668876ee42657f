//! The options of a rule: what iptables-save writes after `-A CHAIN`, made into statements.

use super::conntrack;
use super::matches::{self, Module, Operands};
use super::option_words::{Words, is_option};
use super::specs::{self, General, Meaning, OptionSpec};
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
    let mut rule = RuleReader {
        family,
        statements: Vec::new(),
        target: Vec::new(),
        module: Module::None,
        protocol: Protocol::Any,
        module_begins: 0,
    };
    let mut negation: Option<&Word> = None;
    // An option of no match, which may be a target that is not read.
    let mut unread = None;
    while let Some(word) = words.next() {
        if word.text == "!" && !word.quoted {
            negation = Some(word);
            continue;
        }
        if !is_option(word) {
            return Err(words.fault(word, Fault::Word(word.text.clone())));
        }
        let negation = negation.take();
        match specs::spec(&word.text) {
            Some(spec) => {
                if let Some(not) = negation.filter(|_| !spec.negatable) {
                    return Err(words.fault(not, Fault::Word(not.text.clone())));
                }
                rule.option(word, spec, negation.is_some(), &mut words)?;
            }
            // A command of another rule, whose line has lost its beginning.
            None if begins_command(&word.text) => {
                return Err(words.fault(word, Fault::Word(word.text.clone())));
            }
            None => {
                unread = unread.or(Some(word.text.as_str()));
                let condition = matches::unknown(word, negation.is_some(), rule.module, &mut words);
                rule.statements.push(Statement::Match(condition));
            }
        }
    }
    rule.end_module();
    if let Some(option) = unread.filter(|_| rule.target.is_empty()) {
        rule.target.push(Statement::Handover {
            target: option.to_owned(),
            to: format!("{option}, which is not understood,"),
        });
    }
    let mut statements = rule.statements;
    statements.extend(rule.target);
    statements.shrink_to_fit();
    Ok(statements)
}

/// Whether a word is a command of iptables, as `-A`.
fn begins_command(text: &str) -> bool {
    let mut letters = text.chars().skip(1);
    !text.starts_with("--")
        && letters
            .next()
            .is_some_and(|letter| letter.is_ascii_uppercase())
}

/// A rule as far as its words were read.
struct RuleReader {
    family: Family,
    statements: Vec<Statement>,
    target: Vec<Statement>,
    module: Module,
    protocol: Protocol,
    /// Where the statements of the match extension being read begin.
    module_begins: usize,
}

impl RuleReader {
    /// Gives the conditions of one match extension the meaning they have together.
    fn end_module(&mut self) {
        let own = self.statements.get_mut(self.module_begins..);
        conntrack::settle(own.unwrap_or_default());
        self.module_begins = self.statements.len();
    }

    fn option<'a>(
        &mut self,
        word: &Word,
        spec: &OptionSpec,
        negated: bool,
        words: &mut Words<'a>,
    ) -> Result<(), Unreadable> {
        let (values, old) = words.operands(word, spec.values)?;
        let meaning = match spec.meaning {
            Meaning::General(meaning) => meaning,
            Meaning::Of(meaning) => {
                let operands = Operands {
                    option: word,
                    values: &values,
                    negated: negated != old,
                    module: self.module,
                    protocol: self.protocol.number(),
                    family: self.family,
                };
                let condition = matches::option(meaning, &operands, words)?;
                self.statements.extend(condition.map(Statement::Match));
                return Ok(());
            }
        };
        self.general(meaning, values.first().copied(), negated != old, words)
    }

    fn general(
        &mut self,
        meaning: General,
        value: Option<&Word>,
        not: bool,
        words: &mut Words<'_>,
    ) -> Result<(), Unreadable> {
        let family = self.family;
        match (meaning, value) {
            (General::Source | General::Destination, Some(value)) => {
                let source = meaning == General::Source;
                self.statements.extend(address(value, source, family, not));
            }
            (General::Protocol, Some(value)) => {
                self.protocol = Protocol::of(&value.text);
                self.statements
                    .extend(self.protocol.condition(&value.text, not));
            }
            (General::InInterface | General::OutInterface, Some(value)) => {
                let incoming = meaning == General::InInterface;
                self.statements
                    .extend(interface(&value.text, incoming, not));
            }
            (General::Fragment, _) => self.statements.push(fragment(not)),
            (General::Version4, _) if family == Family::Ip6 => {
                self.statements.push(Statement::Match(Condition::Never));
            }
            (General::Version6, _) if family == Family::Ip => {
                self.statements.push(Statement::Match(Condition::Never));
            }
            // Two numbers, or one word that holds both.
            (General::Counters, _) => {
                words.values();
            }
            (General::MatchModule, Some(value)) => {
                self.end_module();
                self.module = Module::named(&value.text);
                if self.module == Module::Opaque {
                    let whole = matches::whole(&value.text, words, self.protocol.number());
                    self.statements.extend(whole);
                }
            }
            (General::Jump | General::Goto, Some(value)) => {
                self.end_module();
                let goto = meaning == General::Goto;
                self.target
                    .extend(target::statements(value, goto, words, family)?);
            }
            (_, _) => {}
        }
        Ok(())
    }
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
