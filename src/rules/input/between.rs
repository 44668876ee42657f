//! Lines between rules: comments, headings, prompts, and what somebody says.

use super::{Form, Reader, SHOWN};
use crate::rules::edits;
use crate::rules::ipset;
use crate::rules::iptables::list::{self, Columns, Listing};
use crate::rules::iptables::save;
use crate::rules::lines::{self, Line, is_command};
use crate::rules::nft::script::{self, Variables};
use crate::rules::ruleset::Caveat;
use crate::rules::unreadable::{Fault, Unreadable};

impl Reader<'_> {
    /// Reads a line that is no rule: a comment, a heading, a prompt, or what somebody says.
    pub(super) fn between_rules(
        &mut self,
        text: &str,
        line: usize,
        rest: &[Line<'_>],
    ) -> Result<(), Unreadable> {
        let trimmed = text.trim();
        let column = text.len() - text.trim_start().len() + 1;
        let saved = self.in_saved_table();
        if trimmed.starts_with('#') {
            self.comment(trimmed);
        } else if let Some(table) = trimmed.strip_prefix('*') {
            self.form = Form::SavedTable;
            self.begin_block();
            table.trim().clone_into(&mut self.section.table);
        } else if trimmed.starts_with(':') && saved {
            let (section, assumed) = (&self.section, self.assumed);
            let read = save::chain(trimmed, line, section, &mut self.ruleset, assumed);
            if let Err(fault) = read {
                let begins = trimmed.chars().take(SHOWN).collect();
                self.unread_line(fault, begins, rest.len() == 1)?;
            }
        } else if trimmed == "COMMIT" {
            self.form = Form::Listings;
            "filter".clone_into(&mut self.section.table);
        } else if let Some(command) = self.prompt(trimmed) {
            let is_last = rest.len() == 1;
            self.typed_command(text, &command, (line, column), is_last)?;
        } else if !saved && edits::is_of_nft(trimmed) {
            // What comes before the tables, they are told after.
            if self.has_read() || edits::includes(trimmed) {
                self.note(Caveat::Changed(trimmed.to_owned()));
            }
        } else if let Some(columns) = list::headless(trimmed).filter(|_| !saved) {
            self.headless_listing(columns, text, line);
        } else if lines::is_shell_error(trimmed) {
            self.note(Caveat::PassedOver(line, trimmed.to_owned()));
        } else if lines::is_border(trimmed) {
            // Nothing is said by it.
        } else if !saved && lines::is_prose(trimmed) && !ipset::resembles(trimmed, &self.ruleset) {
            if !lines::is_usual(trimmed) {
                self.note(Caveat::PassedOver(line, trimmed.to_owned()));
            }
        } else {
            let begins: String = trimmed.chars().take(SHOWN).collect();
            let fault = Unreadable::at(line, column, Fault::Foreign(begins.clone()));
            self.unread_line(fault, begins, rest.len() == 1)?;
        }
        Ok(())
    }

    /// Carries out what was typed at a prompt, where it adds to what was read.
    fn typed_command(
        &mut self,
        text: &str,
        command: &str,
        (line, column): (usize, usize),
        is_last: bool,
    ) -> Result<(), Unreadable> {
        let trimmed = text.trim();
        let at = (line, text.len().saturating_sub(command.len()) + 1);
        let typed = script::typed(trimmed);
        let follows = |typed: &String| script::is_followed(typed, &self.ruleset);
        if is_command(command) {
            self.command(command, at, is_last)?;
        } else if self.ruleset.tables.is_empty() && ipset::fills(command, &self.ruleset) {
            ipset::read(&[(line, command.into())], &mut self.ruleset)?;
        } else if self.is_open() && is_last && typed.is_some() && self.has_read() {
            return Err(Unreadable::at(line, column, Fault::CutOff(line)));
        } else if let Some(typed) = typed.filter(follows) {
            let command = [(line, typed.into())];
            script::read(&command, &Variables::default(), &mut self.ruleset)?;
        } else if edits::changes(command) && self.has_read() {
            self.note(Caveat::Changed(trimmed.to_owned()));
        }
        Ok(())
    }

    /// Begins a listing at a line that is not its heading.
    fn headless_listing(&mut self, columns: Option<Columns>, text: &str, line: usize) {
        self.note(Caveat::HeadingMissing);
        let section = &self.section;
        let mut listing = Listing::headless(columns, section, &mut self.ruleset, self.assumed);
        listing.may_skip |= self.has_gaps;
        if columns.is_some() {
            listing.take(text, line);
        } else {
            listing.take_header(text);
        }
        self.listing = Some(listing);
    }
}
