//! Lines that cannot be read: of a rule that it may do anything, of others that they may be anything.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{MOST_UNREAD, Reader, SHOWN};
use crate::rules::iptables::save;
use crate::rules::lines::Line;
use crate::rules::ruleset::{Caveat, Chain, Origin, Ruleset};
use crate::rules::unreadable::{Fault, Unreadable};

impl Reader<'_> {
    /// Whether the text ends within a line that begins another table of nft, the listing of another
    /// chain, or a command.
    pub(super) fn is_cut_off(&self, text: &str, rest: &[Line<'_>]) -> bool {
        let mut behind = rest.iter().skip(1);
        if text.is_empty() || !behind.all(|(_, text)| text.trim().is_empty()) {
            return false;
        }
        let mut tables = self.ruleset.tables.iter();
        let by_nft = tables.any(|table| table.origin == Origin::Nft);
        if by_nft && "table".starts_with(text) {
            return true;
        }
        if !self.is_open() {
            return false;
        }
        let tools = ["iptables", "ip6tables", "ipset"];
        let words: Vec<&str> = text.split_whitespace().collect();
        match words.as_slice() {
            ["Chain", ..] => !text.contains(')'),
            ["-" | "-A" | "-I" | "-P" | "-N"] => self.has_read(),
            [word] if word.starts_with('$') => self.has_read(),
            [word] => {
                let begins = |tool: &&str| tool.starts_with(word) && *tool != *word;
                word.len() > 1 && self.has_read() && tools.iter().any(begins)
            }
            ["-P", _, policy] => !["ACCEPT", "DROP", "QUEUE", "RETURN"].contains(policy),
            ["-P" | "-A" | "-N", _] => true,
            _ => false,
        }
    }

    /// Reads a command that adds to a chain of iptables. What cannot be read makes the rule unknown,
    /// unless the text is cut off in it.
    pub(super) fn command(
        &mut self,
        text: &str,
        at: (usize, usize),
        is_last: bool,
    ) -> Result<(), Unreadable> {
        if is_last && self.is_open() && !self.in_saved_table() && self.lacks_target(text) {
            return Err(Unreadable::at(at.0, at.1, Fault::CutOff(at.0)));
        }
        let (section, assumed) = (&self.section, self.assumed);
        let chain = save::added_to(text);
        let is_made = |name: &str, ruleset: &mut Ruleset| {
            section.table(ruleset, assumed).position(name).is_some()
        };
        let unmade = chain.filter(|name| !is_made(name, &mut self.ruleset));
        let of_unmade = |name: &str| (section.table.clone(), name.to_owned(), text.to_owned());
        let Err(fault) = save::command(text, at, section, &mut self.ruleset, assumed) else {
            self.unmade.extend(unmade.map(of_unmade));
            return Ok(());
        };
        if is_last && self.is_open() {
            return Err(fault);
        }
        if save::unread(text, section, &mut self.ruleset, assumed) {
            self.unmade.extend(unmade.map(of_unmade));
            // Another rule may have been joined to it.
            let joined = |command: &&str| text.get(1..).is_some_and(|rest| rest.contains(*command));
            if ["-A ", "-I "].iter().any(joined) {
                self.note(Caveat::NotUnderstood(text.chars().take(SHOWN).collect()));
            }
            self.unread_rules += 1;
            self.fault.get_or_insert(fault);
            return Ok(());
        }
        self.unread_line(fault, text.chars().take(SHOWN).collect(), is_last)
    }

    /// Notes the rules of chains that nothing has made, calls or knows, where the table shows others:
    /// their names may be spoilt, so that they are rules of another chain.
    pub(super) fn note_unmade(&mut self) {
        let unmade = std::mem::take(&mut self.unmade);
        let mut spoilt: Vec<String> = Vec::new();
        for table in &self.ruleset.tables {
            let own = || unmade.iter().filter(|(of, ..)| *of == table.name);
            let is_base = |chain: &Arc<Chain>| chain.base.is_some();
            if own().next().is_none() || !table.chains.iter().any(is_base) {
                continue;
            }
            let called: BTreeSet<&str> = table.chains.iter().flat_map(|one| one.called()).collect();
            for (_, name, text) in own() {
                let chain = table.position(name).and_then(|at| table.chains.get(at));
                let stands_alone = chain.is_some_and(|chain| !is_base(chain));
                if stands_alone && !called.contains(name.as_str()) && spoilt.len() < MOST_UNREAD {
                    spoilt.push(text.clone());
                }
            }
        }
        for text in spoilt {
            self.note(Caveat::NotUnderstood(text.chars().take(SHOWN).collect()));
        }
    }

    /// A line of no form that is known may be anything, unless the text is cut off in it.
    pub(super) fn unread_line(
        &mut self,
        fault: Unreadable,
        begins: String,
        is_last: bool,
    ) -> Result<(), Unreadable> {
        if is_last && self.is_open() {
            return Err(fault);
        }
        self.fault.get_or_insert(fault);
        let odd = |caveat: &&Caveat| matches!(caveat, Caveat::NotUnderstood(_));
        if self.ruleset.caveats.iter().filter(odd).count() < MOST_UNREAD {
            self.note(Caveat::NotUnderstood(begins));
        }
        Ok(())
    }

    /// Whether a command that adds a rule does not say what happens to its packets, or ends in what
    /// is the name of no target and of no chain.
    fn lacks_target(&self, text: &str) -> bool {
        const TARGETS: [&str; 22] = [
            "ACCEPT",
            "DROP",
            "REJECT",
            "RETURN",
            "LOG",
            "QUEUE",
            "NFQUEUE",
            "MASQUERADE",
            "DNAT",
            "SNAT",
            "REDIRECT",
            "MARK",
            "CONNMARK",
            "NFLOG",
            "TPROXY",
            "SET",
            "TCPMSS",
            "NOTRACK",
            "CT",
            "TRACE",
            "TARPIT",
            "SYNPROXY",
        ];
        let adds = ["-A ", "-I ", "--append ", "--insert "];
        if !adds.iter().any(|add| text.trim_start().starts_with(add)) {
            return false;
        }
        let leads = |word: &str| ["-j", "-g", "--jump", "--goto"].contains(&word);
        let words: Vec<&str> = text.split_whitespace().collect();
        let Some(at) = words.iter().position(|word| leads(word)) else {
            return true;
        };
        match words.get(at + 1..) {
            Some([target]) => {
                let mut tables = self.ruleset.tables.iter();
                let is_chain = tables.any(|table| table.position(target).is_some());
                !TARGETS.contains(target) && !is_chain
            }
            Some(rest) => rest.is_empty(),
            None => true,
        }
    }
}
