//! `iptables -L`: the tables it prints for people, as they are pasted.
//!
//! A line that a terminal has wrapped is put together again. What the table hides is not guessed:
//! without `-v` it does not show interfaces, so every rule hangs on them.

use super::options;
use super::place::{self, Section};
use super::row::{self, Line, Row};
use super::words;
use crate::rules::condition::Condition;
use crate::rules::odds::{Odds, varies};
use crate::rules::ruleset::{Caveat, Family, Policy, Recipe, Rule, Ruleset, Shown, Statement};
use crate::rules::unreadable::{Fault, Unreadable};

/// The columns of a listing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::rules) struct Columns {
    /// `--line-numbers`.
    pub(in crate::rules) number: bool,
    /// `-v`.
    pub(in crate::rules) verbose: bool,
}

/// A chain whose listing is being read.
#[derive(Debug)]
pub(in crate::rules) struct Listing {
    section: Section,
    chain: String,
    /// What was read of the header, without its spaces.
    header: String,
    columns: Option<Columns>,
    /// Whether a better listing of the same chain was read before.
    superseded: bool,
    /// Whether rows may be missing, which is said.
    pub(in crate::rules) may_skip: bool,
    /// The line of its heading.
    pub(in crate::rules) line: usize,
    /// Lines before which rows are missing.
    gaps: Vec<usize>,
    /// Which of the rows cannot be read.
    unread: Vec<usize>,
    /// The rows with their line numbers; wrapped ones are put together.
    rows: Vec<(usize, String)>,
    /// Columns of the longest line: where a terminal wraps.
    widest: usize,
    /// Columns of the line read last.
    last_width: usize,
}

impl Listing {
    /// Begins at the line `Chain INPUT (policy DROP 3 packets, 180 bytes)`; `None` if it is none.
    pub(in crate::rules) fn begin(
        text: &str,
        section: &Section,
        ruleset: &mut Ruleset,
        assumed: Family,
    ) -> Option<Self> {
        let rest = text.strip_prefix("Chain ")?;
        let (name, rest) = rest.split_once(" (")?;
        let policy =
            rest.strip_prefix("policy ")
                .map(|policy| match policy.split([' ', ')']).next() {
                    Some("ACCEPT") => Policy::Accept,
                    Some("DROP") => Policy::Drop,
                    Some(_) | None => Policy::Unknown,
                });
        if policy.is_none() && !rest.contains("references") {
            return None;
        }
        let base = policy.and_then(|policy| place::base(&section.table, name, policy));
        let chain = section.table(ruleset, assumed).chain(name);
        let superseded = chain.shown == Shown::Exactly;
        if !superseded {
            chain.base = base;
        }
        Some(Self::new(section, name, superseded, None))
    }

    fn new(section: &Section, chain: &str, superseded: bool, columns: Option<Columns>) -> Self {
        Self {
            section: section.clone(),
            chain: chain.to_owned(),
            header: String::new(),
            columns,
            superseded,
            may_skip: false,
            line: 1,
            gaps: Vec::new(),
            unread: Vec::new(),
            rows: Vec::new(),
            widest: 0,
            last_width: 0,
        }
    }

    /// Begins at a line that is not the heading: the listing is taken for that of INPUT.
    pub(in crate::rules) fn headless(
        columns: Option<Columns>,
        section: &Section,
        ruleset: &mut Ruleset,
        assumed: Family,
    ) -> Self {
        let base = place::base("filter", "INPUT", Policy::Unknown);
        let chain = section.table(ruleset, assumed).chain("INPUT");
        let superseded = chain.shown == Shown::Exactly;
        if !superseded {
            chain.base = base;
        }
        Self::new(section, "INPUT", superseded, columns)
    }

    /// Takes a line; says whether it belongs here.
    pub(in crate::rules) fn take(&mut self, text: &str, line: usize) -> bool {
        let Some(columns) = self.columns else {
            self.widest = self.widest.max(text.chars().count());
            return self.take_header(text);
        };
        let width = text.chars().count();
        let last = self.rows.last().map(|(_, text)| text.as_str());
        match row::kind(text, columns, last, self.last_width >= self.widest) {
            Line::Row(number) => {
                let expected = u32::try_from(self.rows.len() + 1).unwrap_or(u32::MAX);
                if !self.may_skip && number.is_some_and(|number| number != expected) {
                    self.gaps.push(line);
                    self.may_skip = true;
                }
                self.rows.push((line, text.to_owned()));
            }
            Line::Said => return false,
            Line::Unread => {
                self.unread.push(self.rows.len());
                self.rows.push((line, text.to_owned()));
            }
            Line::Rest => match self.rows.last_mut().filter(|_| !row::is_prompt(text)) {
                Some((_, last)) => {
                    // A terminal breaks at its width; a break before that swallowed a space.
                    if last.chars().count() < self.widest.max(width) {
                        last.push(' ');
                    }
                    last.push_str(text);
                }
                None => return false,
            },
        }
        self.widest = self.widest.max(width);
        self.last_width = width;
        true
    }

    /// Whether it has no row.
    pub(in crate::rules) const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Whether the text, which ends in this line, ends within a row.
    pub(in crate::rules) fn is_cut_in(&self, text: &str) -> bool {
        let last = self.rows.last().map(|(_, text)| text.as_str());
        let full = self.last_width >= self.widest;
        self.columns.is_some_and(|columns| {
            !full && matches!(row::kind(text, columns, last, full), Line::Rest)
        })
    }

    /// Whether its columns are known.
    pub(in crate::rules) const fn has_header(&self) -> bool {
        self.columns.is_some()
    }

    /// Whether a line after an empty one goes on with this listing.
    pub(in crate::rules) fn goes_on(&self, text: &str) -> bool {
        let last = self.rows.last().map(|(_, text)| text.as_str());
        match self.columns {
            None => self.with_header(text).is_some(),
            Some(columns) => matches!(row::kind(text, columns, last, false), Line::Row(_)),
        }
    }

    /// Takes a part of the header, which a terminal may have broken anywhere.
    pub(in crate::rules) fn take_header(&mut self, text: &str) -> bool {
        let Some((header, columns)) = self.with_header(text) else {
            return false;
        };
        self.header = header;
        self.columns = columns;
        true
    }

    /// The header with one more part, and the columns once it is whole.
    fn with_header(&self, text: &str) -> Option<(String, Option<Columns>)> {
        let squeezed: String = text.split_whitespace().collect();
        let header = format!("{}{squeezed}", self.header);
        let (number, rest) = match header.strip_prefix("num") {
            Some(rest) => (true, rest),
            None => (false, header.as_str()),
        };
        let plain = "targetprotoptsourcedestination";
        let verbose = "pktsbytestargetprotoptinoutsourcedestination";
        if squeezed.is_empty() || !(plain.starts_with(rest) || verbose.starts_with(rest)) {
            return None;
        }
        let whole = rest == plain || rest == verbose;
        let columns = Columns {
            number,
            verbose: rest == verbose,
        };
        Some((header, whole.then_some(columns)))
    }

    /// Puts what was read into the rule set; says what is wrong with the first row that cannot be
    /// read, and how many there are. Where the last line does not end, it is cut off.
    ///
    /// # Errors
    ///
    /// When the last row is cut off.
    pub(in crate::rules) fn finish(
        self,
        ruleset: &mut Ruleset,
        assumed: Family,
        ends: bool,
    ) -> Result<Option<(Unreadable, usize)>, Unreadable> {
        let columns = self.columns.unwrap_or_default();
        let family = self.section.family.unwrap_or(assumed);
        let shown = if columns.verbose {
            Shown::ForPeople
        } else {
            Shown::WithoutInterfaces
        };
        let missing = self.columns.is_none().then_some(self.line);
        for line in missing.iter().chain(&self.gaps) {
            note(ruleset, Caveat::LeftOut(*line));
        }
        let mut rules = Vec::new();
        let mut fault: Option<(Unreadable, usize)> = None;
        for (index, (line, text)) in self.rows.iter().enumerate() {
            let read = if self.unread.contains(&index) {
                Err(Unreadable::at(*line, 1, Fault::Row))
            } else {
                self.row(text, columns, *line, index, family)
            };
            match read {
                Ok((rule, has_names)) => {
                    let number = rule.number;
                    rules.push(rule);
                    if !ends && index + 1 == self.rows.len() {
                        maybe_cut(&mut rules, number, *line);
                    }
                    if has_names {
                        note(ruleset, Caveat::NamesShown);
                    }
                }
                Err(reason) if !ends && index + 1 == self.rows.len() => return Err(reason),
                Err(reason) => {
                    let number = u32::try_from(index + 1).unwrap_or(u32::MAX);
                    let text = format!("-A {} {}", self.chain, text.trim());
                    rules.push(Rule::unread(number, text, self.section.table != "filter"));
                    fault.get_or_insert((reason, 0)).1 += 1;
                }
            }
        }
        if !columns.verbose && !rules.is_empty() && !self.superseded {
            note(ruleset, Caveat::InterfacesHidden);
        }
        let chain = self.section.table(ruleset, assumed).chain(&self.chain);
        if chain.shown <= shown {
            chain.rules = rules;
            chain.shown = shown;
        }
        Ok(fault)
    }

    /// The rule of a row, and whether the row shows names for addresses.
    fn row(
        &self,
        text: &str,
        columns: Columns,
        line: usize,
        index: usize,
        family: Family,
    ) -> Result<(Rule, bool), Unreadable> {
        let row = Row::read(text, columns, line)?;
        Ok((self.rule(&row, index, line, family)?, row.has_names))
    }

    fn rule(
        &self,
        row: &Row,
        index: usize,
        line: usize,
        family: Family,
    ) -> Result<Rule, Unreadable> {
        let number = row
            .number
            .unwrap_or_else(|| u32::try_from(index + 1).unwrap_or(u32::MAX));
        let specification = words::split(&row.specification, line, 1)?;
        let target = specification
            .iter()
            .position(|word| word.text == "-j" || word.text == "-g");
        let mut statements = options::statements(&specification, line, family)?;
        let mut hidden: Vec<Statement> = Vec::new();
        for unread in &row.unread {
            let odds = Odds::of(unread);
            hidden.push(opaque(unread.clone(), !varies(unread), odds));
        }
        if row.hides_interfaces {
            let text = "the rule is for the packet's interface, which a listing without -v hides";
            // What lets everything in before other rules is for the loopback interface.
            let lets_all = matches!(target_of(&specification), Some("ACCEPT"))
                && specification.len() == 2
                && index + 1 < self.rows.len();
            hidden.push(opaque(text.to_owned(), false, Odds::Usually(!lets_all)));
        }
        let complete = hidden.is_empty();
        // What was not read comes before the target.
        let at = if target.is_some() {
            statements.len().saturating_sub(1)
        } else {
            statements.len()
        };
        statements.splice(at..at, hidden);
        Ok(Rule {
            number,
            handle: None,
            text: format!("-A {} {}", self.chain, row.specification)
                .trim_end()
                .to_owned(),
            statements,
            recipe: if complete {
                Recipe::Same
            } else {
                Recipe::Incomplete
            },
        })
    }
}

/// The last row, where its line does not end, may not be whole: then nobody knows what it asks for,
/// and what comes behind it.
fn maybe_cut(rules: &mut Vec<Rule>, number: u32, line: usize) {
    let whole = |negated| {
        Statement::Match(Condition::Opaque {
            text: format!("line {line}, the last one, which does not end, is whole"),
            stable: true,
            negated,
            odds: Odds::Usually(true),
        })
    };
    let Some(rule) = rules.last_mut() else {
        return;
    };
    let mut other = Rule::unread(number, rule.text.clone(), false);
    rule.statements.insert(0, whole(false));
    if let Some(first) = other.statements.first_mut() {
        *first = whole(true);
    }
    rules.push(other);
}

fn opaque(text: String, stable: bool, odds: Odds) -> Statement {
    Statement::Match(Condition::Opaque {
        text,
        stable,
        negated: false,
        odds,
    })
}

/// Whether a line is the header of a listing, or its first row, of which the columns are given back,
/// where the heading before it is missing.
pub(in crate::rules) fn headless(text: &str) -> Option<Option<Columns>> {
    let squeezed: String = text.split_whitespace().collect();
    let plain = squeezed.strip_prefix("num").unwrap_or(&squeezed);
    if matches!(
        plain,
        "targetprotoptsourcedestination" | "pktsbytestargetprotoptinoutsourcedestination"
    ) {
        return Some(None);
    }
    for (number, verbose) in [(false, false), (true, false), (false, true), (true, true)] {
        let columns = Columns { number, verbose };
        let is_row = matches!(row::kind(text, columns, None, false), Line::Row(_));
        if is_row && Row::read(text, columns, 0).is_ok() && row::shows_addresses(text) {
            return Some(Some(columns));
        }
    }
    None
}

/// The target of a rule.
fn target_of(specification: &[words::Word]) -> Option<&str> {
    let at = specification.iter().position(|word| word.text == "-j")?;
    specification.get(at + 1).map(|word| word.text.as_str())
}

fn note(ruleset: &mut Ruleset, caveat: Caveat) {
    if !ruleset.caveats.contains(&caveat) {
        ruleset.caveats.push(caveat);
    }
}
