//! The input as people have it: outputs of several tools one after the other, with the prompt
//! lines between them that a terminal leaves.

mod between;
mod prompts;
mod unread;

use std::collections::VecDeque;
use std::sync::Arc;

use super::blocks::{built_in, built_in_block, family_shown};
use super::formats;
use super::ipset;
use super::iptables::list::Listing;
use super::iptables::place::{self, Section};
use super::lines::{self, LEGACY_WARNING, Line, is_command, unwrapped};
use super::merge::merge_tables;
use super::nft;
use super::nft::script::{self, Variables};
use super::ruleset::{Caveat, Chain, Family, Policy, Ruleset};
use super::sets;
use super::unreadable::{Fault, Unreadable};

/// Most bytes that are read.
pub const MOST_BYTES: usize = 64 << 20;

/// How many places are named at which lines were left out.
const MOST_GAPS: usize = 3;

/// How much of a line is shown that cannot be read.
const SHOWN: usize = 60;

/// How many lines are named that are not understood; one is enough to decide nothing.
const MOST_UNREAD: usize = 5;

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
        last_line: if text.ends_with('\n') {
            LastLine::Ends
        } else {
            LastLine::Open
        },
        ruleset: Ruleset::default(),
        section: Section::default(),
        assumed,
        listing: None,
        form: Form::Listings,
        table_named: TableNamed::ByNothing,
        family: None,
        last_built_in: None,
        asked: Asked::Nothing,
        queue: VecDeque::new(),
        fault: None,
        unread_rules: 0,
        unmade: Vec::new(),
    };
    for line in left_out.into_iter().take(MOST_GAPS) {
        reader.note(Caveat::LeftOut(line));
    }
    let read = reader.read().map_err(|fault| cut(fault, text));
    reader.note_unmade();
    let mut ruleset = std::mem::take(&mut reader.ruleset);
    if let Some(fault) = refused(text, &ruleset) {
        return Err(fault);
    }
    read?;
    let understood = is_understood(&ruleset, reader.unread_rules);
    if let Some(fault) = reader.fault.filter(|_| !understood) {
        return Err(fault);
    }
    if ruleset.tables.is_empty() && reader.asked == Asked::Iptables {
        ruleset.caveats.push(Caveat::OnlyIptables);
    } else if ruleset.tables.is_empty() && reader.asked == Asked::Nothing {
        let line = text
            .lines()
            .position(|line| !line.trim().is_empty())
            .unwrap_or(0);
        return Err(Unreadable::at(line + 1, 1, Fault::NoRules));
    }
    nft::text::note_unhooked(&mut ruleset);
    merge_tables(&mut ruleset);
    sets::settle(&mut ruleset);
    Ok(ruleset)
}

/// What a text is that is refused, whatever was read of it.
fn refused(text: &str, ruleset: &Ruleset) -> Option<Unreadable> {
    let others = || lines::summary(text).or_else(|| formats::other(text));
    let other = ruleset.tables.is_empty().then(others).flatten();
    other.or_else(|| formats::misleading(text))
}

/// Whether there is any rule that can be read, or a policy.
fn is_understood(ruleset: &Ruleset, unread_rules: usize) -> bool {
    let chains = || ruleset.tables.iter().flat_map(|table| &table.chains);
    let rules: usize = chains().map(|chain| chain.rules.len()).sum();
    let tells = |chain: &Arc<Chain>| {
        let base = chain.base.as_ref();
        base.is_some_and(|base| base.policy != Policy::Unknown)
    };
    rules > unread_rules || chains().any(tells)
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

/// Whether the text ends with the end of a line; where it does not, it may be cut off there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LastLine {
    Ends,
    Open,
}

/// Between which lines the reader is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// Listings one after the other, prompts between them.
    Listings,
    /// From `*table` to `COMMIT` of iptables-save, which says what its table is, so that rules may
    /// stand alone.
    SavedTable,
}

/// What has said of which table the listings are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TableNamed {
    ByNothing,
    ByCommand,
}

/// Which tool was asked for all of its rules, so that there may be none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Nothing,
    Nft,
    Iptables,
}

struct Reader<'a> {
    lines: Vec<Line<'a>>,
    /// Whether lines were left out.
    has_gaps: bool,
    last_line: LastLine,
    ruleset: Ruleset,
    section: Section,
    assumed: Family,
    listing: Option<Listing>,
    form: Form,
    table_named: TableNamed,
    /// The IP version that the last command or comment said.
    family: Option<Family>,
    /// The place among the built-in chains of the one declared last.
    last_built_in: Option<usize>,
    asked: Asked,
    /// What commands behind the first of a line say of the listings to come.
    queue: VecDeque<Section>,
    /// What is wrong with the first line that cannot be read.
    fault: Option<Unreadable>,
    /// How many rules cannot be read.
    unread_rules: usize,
    /// Chains that rules were added to before anything made them: the table, the chain, the rule.
    unmade: Vec<(String, String, String)>,
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
            } else if !self.in_saved_table() && script::defines(begun) {
                next += script::define(rest, &mut variables)?;
            } else if !self.in_saved_table() && script::is_followed(begun, &self.ruleset) {
                self.end_listing()?;
                next += script::read(rest, &variables, &mut self.ruleset)?;
                if self.is_open() && next >= lines.len() {
                    let last = lines.last().map_or(1, |(line, _)| *line);
                    return Err(Unreadable::at(last, 1, Fault::CutOff(last)));
                }
            } else if text.trim_start().starts_with('{') {
                self.end_listing()?;
                next += nft::json::read(rest, &mut self.ruleset)?;
                if self.asked == Asked::Nothing {
                    self.asked = Asked::Nft;
                }
            } else if ipset::begins(text.trim_start(), &self.ruleset) {
                self.end_listing()?;
                next += ipset::read(rest, &mut self.ruleset)?;
            } else {
                next += self.line(text, *line, rest)?;
            }
        }
        if self.in_saved_table() {
            let mut told = lines.iter().rev();
            let last = told.find(|(_, text)| !text.trim().is_empty());
            self.note(Caveat::CutOff(last.map_or(1, |(line, _)| *line)));
        }
        let ends = self.last_line == LastLine::Ends;
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
        if begins && !self.in_saved_table() {
            let chains = built_in_block(rest);
            // A command names the table of its first listing, and a chain alone tells none.
            let told = self.table_named == TableNamed::ByCommand && self.last_built_in.is_none();
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
            self.note(Caveat::LegacyTablesNotShown);
            return Ok(1);
        }
        let trimmed = text.trim();
        if let Some(table) = lines::incompatible(trimmed) {
            self.note(Caveat::TablesIncompatible(table.to_owned()));
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
            return self.empty_lines(rest);
        }
        if is_command(trimmed) {
            return self.wrapped_command(text, line, rest);
        }
        if let Some(listing) = &mut self.listing {
            let open = self.last_line == LastLine::Open;
            if open && rest.len() == 1 && listing.is_cut_in(text) {
                return Err(Unreadable::at(line, indent + 1, Fault::CutOff(line)));
            }
            if listing.take(text, line) {
                return Ok(1);
            }
        }
        self.end_listing()?;
        self.between_rules(text, line, rest)?;
        Ok(1)
    }

    /// Passes empty lines, which end a listing unless it goes on behind them.
    fn empty_lines(&mut self, rest: &[Line<'_>]) -> Result<usize, Unreadable> {
        let mut all = rest.iter();
        let empty = all.position(|(_, text)| !text.trim().is_empty());
        let next = empty.and_then(|at| rest.get(at));
        let goes_on = |listing: &Listing| next.is_some_and(|(_, text)| listing.goes_on(text));
        if !self.listing.as_ref().is_some_and(goes_on) {
            self.end_listing()?;
        }
        Ok(empty.unwrap_or(rest.len()))
    }

    /// Reads a command that adds to a chain, with what a terminal has cut off it.
    fn wrapped_command(
        &mut self,
        text: &str,
        line: usize,
        rest: &[Line<'_>],
    ) -> Result<usize, Unreadable> {
        self.end_listing()?;
        let indent = text.len() - text.trim_start().len();
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
        Ok(lines)
    }

    fn in_saved_table(&self) -> bool {
        self.form == Form::SavedTable
    }

    /// Whether the text may be cut off in its last line.
    fn is_open(&self) -> bool {
        self.last_line == LastLine::Open
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
            self.unread_rules += rows;
            self.fault.get_or_insert(fault);
        }
        Ok(())
    }

    fn note(&mut self, caveat: Caveat) {
        if !self.ruleset.caveats.contains(&caveat) {
            self.ruleset.caveats.push(caveat);
        }
    }
}
