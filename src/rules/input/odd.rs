//! Lines that cannot be read: of a rule that it may do anything, of others that they may be anything.

use super::{MOST_ODD, Reader, SHOWN};
use crate::rules::iptables::save;
use crate::rules::lines::Line;
use crate::rules::ruleset::{Doubt, Origin};
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
        if self.ends {
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
        if is_last && !self.ends && !self.sure && self.lacks_target(text) {
            return Err(Unreadable::at(at.0, at.1, Fault::CutOff(at.0)));
        }
        let (section, assumed) = (&self.section, self.assumed);
        let Err(fault) = save::command(text, at, section, &mut self.ruleset, assumed) else {
            return Ok(());
        };
        if is_last && !self.ends {
            return Err(fault);
        }
        if save::unread(text, section, &mut self.ruleset, assumed) {
            self.odd += 1;
            self.fault.get_or_insert(fault);
            return Ok(());
        }
        self.odd_line(fault, text.chars().take(SHOWN).collect(), is_last)
    }

    /// A line of no form that is known may be anything, unless the text is cut off in it.
    pub(super) fn odd_line(
        &mut self,
        fault: Unreadable,
        begins: String,
        is_last: bool,
    ) -> Result<(), Unreadable> {
        if is_last && !self.ends {
            return Err(fault);
        }
        self.fault.get_or_insert(fault);
        let odd = |doubt: &&Doubt| matches!(doubt, Doubt::NotUnderstood(_));
        if self.ruleset.doubts.iter().filter(odd).count() < MOST_ODD {
            self.note(Doubt::NotUnderstood(begins));
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
