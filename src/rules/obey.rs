//! What a rule does to a packet on its way.

use std::net::IpAddr;

use super::flow::Flow;
use super::landscape::Landscape;
use super::matcher::{Fact, Found};
use super::packet::Journey;
use super::part::Part;
use super::place::{ChainAt, Place};
use super::ruleset::{Base, Hook, Kind, MarkChange, Rule, Shown, Statement, Translation, Verdict};
use super::walk::{Block, End, Frame, Walk, Walker, chain_at, label};

/// Deepest nesting of chains that is followed; the kernel bounds it lower, or by their number.
const DEEPEST: usize = 1024;

impl Walker {
    /// Carries out `rule`.
    pub(super) fn obey(&mut self, rule: &Rule, place: Place, walk: &mut Walk<'_>) -> Option<End> {
        let does = |statement: &Statement| !matches!(statement, Statement::Match(_));
        if !rule.statements.iter().any(does) {
            return None;
        }
        let (table, chain) = chain_at(walk.ruleset, place.at)?;
        let asked_by = || format!("{} {}", label(table, chain), rule.number);
        for statement in &rule.statements {
            match statement {
                Statement::Match(condition) => {
                    if !self.holds(condition, place, walk) {
                        return None;
                    }
                }
                Statement::End(verdict) => return self.go(verdict, rule, place, walk),
                Statement::Dispatch { .. } => return self.dispatch(statement, rule, place, walk),
                Statement::Mark { connection, change } => {
                    if !self.mark(*connection, *change) {
                        return None;
                    }
                    self.way.push(format!("{} sets the mark", asked_by()));
                }
                Statement::Rewrite(part) => {
                    self.rewrite(*part);
                    self.flow.forget(*part);
                    self.way.push(format!("{} rewrites the packet", asked_by()));
                }
                // What it does to the set is not followed: nobody can tell what is in it.
                Statement::Update { .. } => {}
                Statement::Untrack => {
                    if !self.flow.tracked {
                        self.flow.untracked = true;
                    }
                }
                Statement::Source => {
                    self.rewrite(Part::Source);
                    self.flow.source_settled = true;
                    self.flow.from = None;
                    self.flow.source_port = None;
                    self.way
                        .push(format!("{} translates the source", asked_by()));
                    self.frames.clear();
                    return None;
                }
                Statement::Destination(translation) => {
                    self.rewrite(Part::Destination);
                    self.flow.translate(translation);
                    self.flow.locate(&walk.ruleset.landscape);
                    self.way.push(format!(
                        "{} translates to {}",
                        asked_by(),
                        self.flow.destination()
                    ));
                    self.frames.clear();
                    return None;
                }
                Statement::Handover { target, to } => {
                    return self.hand_over(target, to, rule, place, walk);
                }
            }
        }
        None
    }

    /// Sets a mark; says whether the rule goes on.
    fn mark(&mut self, connection: bool, change: MarkChange) -> bool {
        if !self.flow.tracked {
            if connection {
                // No connection, no mark of it.
                return true;
            }
            if matches!(change, MarkChange::Copy { .. }) {
                return false;
            }
        }
        let (mark, connection_mark) = (self.flow.mark, self.flow.connection_mark);
        if connection {
            self.rewrite(Part::ConnectionMark);
            self.flow.connection_mark = changed(connection_mark, mark, change);
        } else {
            self.rewrite(Part::Mark);
            self.flow.mark = changed(mark, connection_mark, change);
        }
        true
    }

    /// Looks the verdict up; where several may be found, every one is a way.
    fn dispatch(
        &mut self,
        statement: &Statement,
        rule: &Rule,
        place: Place,
        walk: &mut Walk<'_>,
    ) -> Option<End> {
        let Statement::Dispatch {
            keys,
            elements,
            text,
        } = statement
        else {
            return None;
        };
        let knowledge = self.knowledge(walk.ruleset, place);
        let verdict = match knowledge.lookup(keys, elements) {
            None | Some(Found::Nothing) => return None,
            Some(Found::Element(element)) => element.verdict.clone()?,
            Some(Found::Hangs) => {
                let candidates: Vec<(String, Verdict)> = knowledge
                    .candidates(keys, elements)
                    .into_iter()
                    .map(|(element, verdict)| (element.text.clone(), verdict.clone()))
                    .collect();
                let listed = knowledge.lists(elements);
                let mut rest = candidates.len();
                let covered = knowledge.covers(keys, elements);
                for (element, verdict) in candidates {
                    rest -= 1;
                    if rest == 0 && covered {
                        // One of them is found, and it is none of the others.
                        return self.go(&verdict, rule, place, walk);
                    }
                    let fact = Fact::at(place, format!("{text} finds {element}"));
                    match self.known(&fact) {
                        Some(true) => return self.go(&verdict, rule, place, walk),
                        Some(false) => {}
                        None => {
                            walk.open
                                .push(self.with(&[(&fact, true)]).next(place, verdict));
                            self.assume(&fact, false);
                        }
                    }
                }
                if listed {
                    return None;
                }
                let to = format!("{text} finds what the input does not show and");
                return self.hand_over("vmap", &to, rule, place, walk);
            }
        };
        self.go(&verdict, rule, place, walk)
    }

    /// Follows a verdict.
    pub(super) fn go(
        &mut self,
        verdict: &Verdict,
        rule: &Rule,
        place: Place,
        walk: &mut Walk<'_>,
    ) -> Option<End> {
        let (table, chain) = chain_at(walk.ruleset, place.at)?;
        let here = format!("{} {}", label(table, chain), rule.number);
        // Behind a goto another chain stands alone, whose rules are not the base chain's.
        let in_base = self.frames.len() == 1 && place.at == self.base;
        match verdict {
            Verdict::Continue => {}
            Verdict::Accept => {
                self.way.push(format!("{here} ACCEPT"));
                let base = chain_at(walk.ruleset, self.base)?.1.base.as_ref();
                if base.is_none_or(|base| base.kind == Kind::Filter) {
                    self.accepted = Some(place);
                }
                self.frames.clear();
            }
            Verdict::Drop => {
                self.way.push(format!("{here} DROP"));
                return Some(blocked(rule, place, "DROP", None));
            }
            Verdict::Reject(with) => {
                let Some(with) = with else {
                    self.way.push(format!("{here} REJECT"));
                    return Some(blocked(rule, place, "REJECT", None));
                };
                let with = for_version(with, self.flow.is_ipv4());
                self.way.push(format!("{here} REJECT with {with}"));
                return Some(blocked(rule, place, "REJECT", Some(with)));
            }
            Verdict::Return => {
                if in_base {
                    self.left_by = place.rule;
                }
                self.frames.pop();
                return self.policy_if_over(walk);
            }
            Verdict::Jump(name) | Verdict::Goto(name) => {
                self.way.push(format!("{here} → {name}"));
                let inner = table.position(name);
                let shown = inner.and_then(|index| table.chains.get(index));
                if shown.is_none_or(|chain| chain.shown == Shown::Not) {
                    return self.unseen(name, rule, place, walk);
                }
                if self.frames.len() >= DEEPEST {
                    return Some(End::TooLong);
                }
                if matches!(verdict, Verdict::Goto(_)) {
                    if in_base {
                        self.left_by = place.rule;
                    }
                    self.frames.pop();
                }
                let chain = inner?;
                self.entered.push(ChainAt {
                    table: place.at.table,
                    chain,
                });
                self.frames.push(Frame { chain, next: 0 });
            }
        }
        None
    }

    /// The packet enters a chain that the input does not show.
    fn unseen(
        &mut self,
        name: &str,
        rule: &Rule,
        place: Place,
        walk: &mut Walk<'_>,
    ) -> Option<End> {
        let to = format!("chain {name}, which the input does not show,");
        let base = chain_at(walk.ruleset, self.base)?.1.base.as_ref();
        let translates = |base: &Base| {
            base.kind == Kind::Nat && matches!(base.hook, Hook::Prerouting | Hook::Output)
        };
        if base.is_some_and(translates) {
            let fact = Fact::at(place, format!("{to} leads it to another destination"));
            if self.supposes(&fact, walk) {
                self.rewrite(Part::Destination);
                self.rewrite(Part::Mark);
                self.flow.lead_away();
                self.frames.clear();
                return None;
            }
        }
        self.hand_over(name, &to, rule, place, walk)
    }

    /// The packet enters what may stop it, accept it, or give it back to the rule after this one.
    fn hand_over(
        &mut self,
        target: &str,
        to: &str,
        rule: &Rule,
        place: Place,
        walk: &mut Walk<'_>,
    ) -> Option<End> {
        let stops = Fact::at(place, format!("{to} stops it"));
        let accepts = Fact::at(place, format!("{to} accepts it"));
        match (self.known(&stops), self.known(&accepts)) {
            (Some(false), Some(true)) => return self.go(&Verdict::Accept, rule, place, walk),
            (Some(false), _) => return None,
            (Some(true), _) => {}
            (None, _) => {
                let accepted = self.with(&[(&stops, false), (&accepts, true)]);
                walk.open.push(accepted.next(place, Verdict::Accept));
                walk.open
                    .push(self.with(&[(&stops, false), (&accepts, false)]));
                self.assume(&stops, true);
            }
        }
        let (table, chain) = chain_at(walk.ruleset, place.at)?;
        let here = format!("{} {}", label(table, chain), rule.number);
        self.way.push(format!("{here} {target}"));
        Some(blocked(rule, place, target, None))
    }
}

impl Flow {
    /// Nobody can tell any more what a part of the packet is.
    fn forget(&mut self, part: Part) {
        match part {
            Part::Source => (self.from, self.source_port) = (None, None),
            Part::Destination => {
                (self.to, self.port) = (None, None);
                self.to_here = self.led_elsewhere();
            }
            Part::Mark => self.mark = None,
            Part::ConnectionMark => self.connection_mark = None,
            Part::Other => {}
        }
    }

    /// Whether a new destination, which is not known, is one of this host's addresses.
    fn led_elsewhere(&self) -> Option<bool> {
        let forwarded = self.asked().out_interface.is_some();
        (forwarded || self.journey != Journey::Inbound).then_some(false)
    }

    /// Rewrites the destination.
    fn translate(&mut self, translation: &Translation) {
        self.destination_settled = true;
        self.translated = self.changes(translation);
        if let Some(port) = translation.port {
            self.port = Some(port);
        }
        if translation.varied {
            self.to = None;
            self.port = None;
        }
        if translation.redirect {
            self.to = None;
            self.to_here = Some(true);
        } else if let Some(address) = translation.address {
            let same = Some(address) == self.to;
            self.to = Some(address);
            self.to_here = match (same, address) {
                (true, _) => self.to_here,
                (false, IpAddr::V4(_) | IpAddr::V6(_)) if address.is_loopback() => Some(true),
                (false, _) => self.led_elsewhere(),
            };
        } else if translation.varied {
            self.to_here = self.led_elsewhere();
        }
    }

    /// Where the rules tell it, whether the destination is an address of this host.
    fn locate(&mut self, landscape: &Landscape) {
        if self.to_here.is_none() {
            self.to_here = self.to.and_then(|to| landscape.is_here(to));
        }
    }

    /// It is led to a destination that nobody can tell.
    pub(super) fn lead_away(&mut self) {
        self.destination_settled = true;
        self.translated = Some(true);
        (self.to, self.port, self.mark) = (None, None, None);
        self.to_here = Some(false);
    }

    /// Whether it leads to another destination: to the same one, the kernel translates nothing.
    fn changes(&self, translation: &Translation) -> Option<bool> {
        if translation.varied {
            return None;
        }
        let port = match (translation.port, self.port) {
            (None, _) => Some(false),
            (Some(new), Some(old)) => Some(new != old),
            (Some(_), None) => None,
        };
        let address = match (translation.address, self.to) {
            // To the first address of the interface, which the input does not show.
            _ if translation.redirect => None,
            (None, _) => Some(false),
            (Some(new), Some(old)) => Some(new != old),
            (Some(_), None) => None,
        };
        if port == Some(true) || address == Some(true) {
            Some(true)
        } else {
            port.and(address)
        }
    }

    /// The destination in words.
    fn destination(&self) -> String {
        let address = self
            .to
            .map_or_else(|| "this host".to_owned(), |address| address.to_string());
        match self.port {
            Some(port) if address.contains(':') => format!("[{address}]:{port}"),
            Some(port) => format!("{address}:{port}"),
            None => address,
        }
    }
}

fn blocked(rule: &Rule, place: Place, target: &str, reject_with: Option<String>) -> End {
    End::Blocked(Block {
        place,
        target: target.to_owned(),
        reject_with,
        number: Some(rule.number),
        left_by: None,
    })
}

/// A refusal that names no IP version (`icmpx`) in the words of the packet's own.
fn for_version(with: &str, four: bool) -> String {
    let Some(kind) = with.strip_prefix("icmpx-") else {
        return with.to_owned();
    };
    match (four, kind) {
        (true, "no-route") => "icmp-net-unreachable".to_owned(),
        (true, _) => format!("icmp-{kind}"),
        (false, "admin-prohibited") => "icmp6-adm-prohibited".to_owned(),
        (false, "host-unreachable") => "icmp6-addr-unreachable".to_owned(),
        (false, _) => format!("icmp6-{kind}"),
    }
}

fn changed(own: Option<u32>, other: Option<u32>, change: MarkChange) -> Option<u32> {
    match change {
        MarkChange::Set { and: 0, xor } => Some(xor),
        MarkChange::Set { and, xor } => own.map(|mark| (mark & and) ^ xor),
        MarkChange::Copy { and, take } => Some((own? & and) ^ (other? & take)),
        MarkChange::Unknown => None,
    }
}
