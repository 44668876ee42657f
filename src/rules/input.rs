//! The input as people have it: outputs of several tools one after the other, with the prompt
//! lines between them that a terminal leaves.

mod heard;
mod odd;

use std::collections::VecDeque;
use std::sync::Arc;

use super::blocks::{built_in, built_in_block, family_shown};
use super::edits;
use super::ipset;
use super::iptables::list::{self, Listing};
use super::iptables::place::{self, Section};
use super::iptables::save;
use super::lines::{self, LEGACY_WARNING, Line, is_command, unwrapped};
use super::nft;
use super::nft::script::{self, Variables};
use super::ruleset::{Chain, Doubt, Family, Policy, Ruleset};
use super::sets;
use super::unite::unite;
use super::unreadable::{Fault, Unreadable};

/// Most bytes that are read.
pub const MOST_BYTES: usize = 64 << 20;

/// How many places are named at which lines were left out.
const MOST_GAPS: usize = 3;

/// How much of a line is shown that cannot be read.
const SHOWN: usize = 60;

/// How many lines are named that are not understood; one is enough to decide nothing.
const MOST_ODD: usize = 5;

/// Reads every rule set in `text`; `assumed` is the IP version where the input does not say.
///
/// # Errors
///
/// The first line that belongs to no form, or a rule that cannot be read.
pub fn read(text: &str, assumed: Family) -> Result<Ruleset, Unreadable> {
    if text.len() > MOST_BYTES {
        return Err(Unreadable::at(1, 1, Fault::TooLarge(MOST_BYTES)));
    }
    let (lines, left_out) = lines::joined(text);
    let mut reader = Reader {
        lines,
        has_gaps: !left_out.is_empty(),
        ends: text.ends_with('\n'),
        ruleset: Ruleset::default(),
        section: Section::default(),
        assumed,
        listing: None,
        sure: false,
        told: false,
        family: None,
        last_built_in: None,
        knows_empty: false,
        asked_iptables: false,
        queue: VecDeque::new(),
        fault: None,
        odd: 0,
    };
    for line in left_out.into_iter().take(MOST_GAPS) {
        reader.note(Doubt::LeftOut(line));
    }
    let read = reader.read().map_err(|fault| cut(fault, text));
    let mut ruleset = std::mem::take(&mut reader.ruleset);
    if ruleset.tables.is_empty()
        && let Some(fault) = lines::summary(text)
    {
        return Err(fault);
    }
    read?;
    let chains = || ruleset.tables.iter().flat_map(|table| &table.chains);
    let rules: usize = chains().map(|chain| chain.rules.len()).sum();
    let tells = |chain: &Arc<Chain>| {
        let base = chain.base.as_ref();
        base.is_some_and(|base| base.policy != Policy::Unknown)
    };
    let understood = rules > reader.odd || chains().any(tells);
    if let Some(fault) = reader.fault.filter(|_| !understood) {
        return Err(fault);
    }
    if ruleset.tables.is_empty() && reader.asked_iptables {
        ruleset.doubts.push(Doubt::OnlyIptables);
    } else if ruleset.tables.is_empty() && !reader.knows_empty {
        let line = text
            .lines()
            .position(|line| !line.trim().is_empty())
            .unwrap_or(0);
        return Err(Unreadable::at(line + 1, 1, Fault::NoRules));
    }
    nft::text::doubt_unhooked(&mut ruleset);
    unite(&mut ruleset);
    sets::settle(&mut ruleset);
    Ok(ruleset)
}

/// Whether a text, which cannot be read, has any line that begins as those of rules do.
pub fn may_hold_rules(text: &str) -> bool {
    let starts = [
        "-A ", "-I ", "-P ", "-N ", "*", ":", "table ", "chain ", "Chain ", "create ", "add ",
        "Name: ", "{", "[{", "target ", "pkts ", "num ",
    ];
    let begins = |line: &str| {
        let line = line.trim_start();
        starts.iter().any(|start| line.starts_with(start)) || lines::is_tool_line(line)
    };
    text.lines().any(begins)
}

/// A fault in the last line, where that does not end, is that the text was cut off there.
fn cut(fault: Unreadable, text: &str) -> Unreadable {
    let last = text.lines().count();
    if fault.line == last && !text.ends_with('\n') && fault.fault != Fault::CutOff(last) {
        return Unreadable::at(last, fault.column, Fault::CutOff(last));
    }
    fault
}

struct Reader<'a> {
    lines: Vec<Line<'a>>,
    /// Whether lines were left out.
    has_gaps: bool,
    /// Whether the last line ends.
    ends: bool,
    ruleset: Ruleset,
    section: Section,
    assumed: Family,
    listing: Option<Listing>,
    /// Whether the section's form says what its table is, so that its rules may stand alone.
    sure: bool,
    /// Whether a command said what the table is.
    told: bool,
    /// The IP version that the last command or comment said.
    family: Option<Family>,
    /// The place among the built-in chains of the one declared last.
    last_built_in: Option<usize>,
    /// Whether a tool has answered that there are no rules.
    knows_empty: bool,
    /// Whether iptables was asked for all of its rules.
    asked_iptables: bool,
    /// What commands behind the first of a line say of the listings to come.
    queue: VecDeque<Section>,
    /// What is wrong with the first line that cannot be read.
    fault: Option<Unreadable>,
    /// How many rules cannot be read.
    odd: usize,
}

impl Reader<'_> {
    fn read(&mut self) -> Result<(), Unreadable> {
        let lines = std::mem::take(&mut self.lines);
        let mut next = 0;
        let mut variables = Variables::default();
        while let Some((line, text)) = lines.get(next) {
            let rest = lines.get(next..).unwrap_or_default();
            let begun = text.trim_start();
            if begun.starts_with("table ") && !text.contains("is managed by") {
                self.end_listing()?;
                next += nft::text::read(rest, &variables, &mut self.ruleset)?;
            } else if !self.sure && script::defines(begun) {
                next += script::define(rest, &mut variables)?;
            } else if !self.sure && script::is_followed(begun, &self.ruleset) {
                self.end_listing()?;
                next += script::read(rest, &variables, &mut self.ruleset)?;
                if !self.ends && next >= lines.len() {
                    let last = lines.last().map_or(1, |(line, _)| *line);
                    return Err(Unreadable::at(last, 1, Fault::CutOff(last)));
                }
            } else if text.trim_start().starts_with('{') {
                self.end_listing()?;
                next += nft::json::read(rest, &mut self.ruleset)?;
                self.knows_empty = true;
            } else if ipset::begins(text.trim_start(), &self.ruleset) {
                self.end_listing()?;
                next += ipset::read(rest, &mut self.ruleset)?;
            } else {
                next += self.line(text, *line, rest)?;
            }
        }
        if self.sure {
            let mut told = lines.iter().rev();
            let last = told.find(|(_, text)| !text.trim().is_empty());
            self.note(Doubt::CutOff(last.map_or(1, |(line, _)| *line)));
        }
        let ends = self.ends;
        match self.listing.take() {
            Some(listing) if !listing.has_header() || (listing.is_empty() && !ends) => {
                let mut told = lines.iter().rev();
                let last = told.find(|(_, text)| !text.trim().is_empty());
                let last = last.map_or(1, |(line, _)| *line);
                Err(Unreadable::at(last, 1, Fault::CutOff(last)))
            }
            Some(listing) => self.finish(listing, ends),
            None => Ok(()),
        }
    }

    /// What follows may be of another table than what was before, and of the same name.
    fn begin_block(&mut self) {
        self.section.since = self.ruleset.tables.len();
        self.last_built_in = None;
    }

    /// Notices that a built-in chain begins the listing of another table: every table lists those it
    /// has in one order.
    fn block(&mut self, text: &str, rest: &[Line<'_>]) {
        let Some(order) = built_in(text).and_then(place::order) else {
            return;
        };
        let begins = self.last_built_in.is_none_or(|last| order <= last);
        if begins && !self.sure {
            let chains = built_in_block(rest);
            // A command names the table of its first listing, and a chain alone tells none.
            let told = self.told && self.last_built_in.is_none();
            let next = if told { None } else { self.queue.pop_front() };
            if let Some(section) = next {
                self.begin_block();
                self.family = section.family;
                self.section = Section {
                    since: self.section.since,
                    ..section
                };
            } else if !told {
                let alone = place::base(&self.section.table, chains[0], Policy::Unknown);
                if chains.len() > 1 || alone.is_none() {
                    place::table_of(&chains).clone_into(&mut self.section.table);
                }
                self.begin_block();
            }
            self.section.family = self.family.or_else(|| family_shown(rest));
        }
        self.last_built_in = Some(order);
    }

    /// Reads one line, and those that a terminal has cut off it; says how many.
    fn line(&mut self, text: &str, line: usize, rest: &[Line<'_>]) -> Result<usize, Unreadable> {
        if text == LEGACY_WARNING {
            self.note(Doubt::LegacyTablesNotShown);
            return Ok(1);
        }
        let trimmed = text.trim();
        if let Some(table) = lines::incompatible(trimmed) {
            self.note(Doubt::TablesIncompatible(table.to_owned()));
            return Ok(1);
        }
        let indent = text.len() - text.trim_start().len();
        if self.is_cut_off(trimmed, rest) {
            return Err(Unreadable::at(line, indent + 1, Fault::CutOff(line)));
        }
        self.block(trimmed, rest);
        if let Some(mut listing) =
            Listing::begin(trimmed, &self.section, &mut self.ruleset, self.assumed)
        {
            self.end_listing()?;
            listing.line = line;
            listing.may_skip |= self.has_gaps;
            self.listing = Some(listing);
            return Ok(1);
        }
        if trimmed.is_empty() {
            let mut all = rest.iter();
            let empty = all.position(|(_, text)| !text.trim().is_empty());
            let next = empty.and_then(|at| rest.get(at));
            let goes_on = |listing: &Listing| next.is_some_and(|(_, text)| listing.goes_on(text));
            if !self.listing.as_ref().is_some_and(goes_on) {
                self.end_listing()?;
            }
            return Ok(empty.unwrap_or(rest.len()));
        }
        if is_command(trimmed) {
            self.end_listing()?;
            let (whole, lines) = unwrapped(text, rest);
            let is_last = lines == rest.len();
            let last = rest.last().filter(|_| is_last && lines > 1);
            if let Some((line, text)) = last.filter(|(_, text)| self.is_cut_off(text.trim(), &[])) {
                return Err(Unreadable::at(*line, text.len(), Fault::CutOff(*line)));
            }
            let ends_in = rest.last().map_or(line, |(line, _)| *line);
            let cut = |fault: Unreadable| {
                if matches!(fault.fault, Fault::CutOff(_)) {
                    return Unreadable::at(ends_in, fault.column, Fault::CutOff(ends_in));
                }
                fault
            };
            let read = self.command(whole.trim(), (line, indent + 1), is_last);
            read.map_err(cut)?;
            return Ok(lines);
        }
        if let Some(listing) = &mut self.listing {
            if !self.ends && rest.len() == 1 && listing.is_cut_in(text) {
                return Err(Unreadable::at(line, indent + 1, Fault::CutOff(line)));
            }
            if listing.take(text, line) {
                return Ok(1);
            }
        }
        self.end_listing()?;
        if trimmed.starts_with('#') {
            self.comment(trimmed);
        } else if let Some(table) = trimmed.strip_prefix('*') {
            self.sure = true;
            self.begin_block();
            table.trim().clone_into(&mut self.section.table);
        } else if trimmed.starts_with(':') && self.sure {
            save::chain(
                trimmed,
                line,
                &self.section,
                &mut self.ruleset,
                self.assumed,
            )?;
        } else if trimmed == "COMMIT" {
            self.sure = false;
            "filter".clone_into(&mut self.section.table);
        } else if let Some(command) = self.prompt(trimmed) {
            let at = (line, text.len().saturating_sub(command.len()) + 1);
            let typed = script::typed(trimmed);
            if is_command(&command) {
                self.command(&command, at, rest.len() == 1)?;
            } else if self.ruleset.tables.is_empty() && ipset::fills(&command, &self.ruleset) {
                ipset::read(&[(line, command.into())], &mut self.ruleset)?;
            } else if !self.ends && rest.len() == 1 && typed.is_some() && self.has_read() {
                return Err(Unreadable::at(line, indent + 1, Fault::CutOff(line)));
            } else if typed
                .as_ref()
                .is_some_and(|typed| script::is_followed(typed, &self.ruleset))
            {
                let command = [(line, typed.unwrap_or_default().into())];
                script::read(&command, &Variables::default(), &mut self.ruleset)?;
            } else if edits::changes(&command) && self.has_read() {
                self.note(Doubt::Changed(trimmed.to_owned()));
            }
        } else if !self.sure && edits::is_of_nft(trimmed) {
            // What comes before the tables, they are told after.
            if self.has_read() || edits::includes(trimmed) {
                self.note(Doubt::Changed(trimmed.to_owned()));
            }
        } else if !self.sure
            && let Some(columns) = list::headless(trimmed)
        {
            self.note(Doubt::HeadingMissing);
            let section = &self.section;
            let mut listing = Listing::headless(columns, section, &mut self.ruleset, self.assumed);
            listing.may_skip |= self.has_gaps;
            if columns.is_some() {
                listing.take(text, line);
            } else {
                listing.take_header(text);
            }
            self.listing = Some(listing);
        } else if lines::is_shell_error(trimmed) {
            self.note(Doubt::PassedOver(line, trimmed.to_owned()));
        } else if lines::is_border(trimmed) {
            // Nothing is said by it.
        } else if !self.sure && lines::is_prose(trimmed) {
            if !lines::is_usual(trimmed) {
                self.note(Doubt::PassedOver(line, trimmed.to_owned()));
            }
        } else {
            let begins: String = trimmed.chars().take(SHOWN).collect();
            let fault = Unreadable::at(line, indent + 1, Fault::Foreign(begins.clone()));
            self.odd_line(fault, begins, rest.len() == 1)?;
        }
        Ok(1)
    }

    /// Whether anything was read that a command may change.
    fn has_read(&self) -> bool {
        !self.ruleset.tables.is_empty() || !self.ruleset.ipsets.is_empty()
    }

    fn end_listing(&mut self) -> Result<(), Unreadable> {
        match self.listing.take() {
            Some(listing) => self.finish(listing, true),
            None => Ok(()),
        }
    }

    /// Puts a listing into the rule set; `ends` says whether its last line does.
    fn finish(&mut self, listing: Listing, ends: bool) -> Result<(), Unreadable> {
        let fault = listing.finish(&mut self.ruleset, self.assumed, ends)?;
        if let Some((fault, rows)) = fault {
            self.odd += rows;
            self.fault.get_or_insert(fault);
        }
        Ok(())
    }

    fn note(&mut self, doubt: Doubt) {
        if !self.ruleset.doubts.contains(&doubt) {
            self.ruleset.doubts.push(doubt);
        }
    }
}
