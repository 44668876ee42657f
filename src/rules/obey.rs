//! What a rule does to a packet on its way.

use std::net::IpAddr;

use super::matcher::{Fact, Found};
use super::packet::{Flow, Journey};
use super::ruleset::{Kind, MarkChange, Rule, Shown, Statement, Translation, Verdict};
use super::walk::{Block, End, Frame, Place, Walk, Walker, chain_at, label};

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
        let asked_by = format!("{} {}", label(table, chain), rule.number);
        for statement in &rule.statements {
            match statement {
                Statement::Match(condition) => {
                    if !self.holds(condition, place.at.table, &asked_by, walk) {
                        return None;
                    }
                }
                Statement::End(verdict) => return self.go(verdict, rule, place, walk),
                Statement::Dispatch { .. } => return self.dispatch(statement, rule, place, walk),
                Statement::Mark { connection, change } => {
                    let own = if *connection {
                        self.flow.connection_mark
                    } else {
                        self.flow.mark
                    };
                    let other = if *connection {
                        self.flow.mark
                    } else {
                        self.flow.connection_mark
                    };
                    let new = changed(own, other, *change);
                    if *connection {
                        self.flow.connection_mark = new;
                    } else {
                        self.flow.mark = new;
                    }
                    self.way.push(format!("{asked_by} sets the mark"));
                }
                Statement::Untrack => {
                    if !self.flow.tracked {
                        self.flow.untracked = true;
                    }
                }
                Statement::Source => {
                    self.frames.clear();
                    return None;
                }
                Statement::Destination(translation) => {
                    self.flow.translate(translation);
                    self.way.push(format!(
                        "{asked_by} translates to {}",
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

    /// Looks the verdict up; where several may be found, every one is a way.
    fn dispatch(
        &mut self,
        statement: &Statement,
        rule: &Rule,
        place: Place,
        walk: &mut Walk<'_>,
    ) -> Option<End> {
        let (table, chain) = chain_at(walk.ruleset, place.at)?;
        let asked_by = &format!("{} {}", label(table, chain), rule.number);
        let Statement::Dispatch {
            keys,
            elements,
            text,
        } = statement
        else {
            return None;
        };
        let knowledge = self.knowledge(walk.ruleset, place.at.table);
        let verdict = match knowledge.lookup(keys, elements) {
            None | Some(Found::Nothing) => return None,
            Some(Found::Element(element)) => element.verdict.clone()?,
            Some(Found::Hangs) => {
                let candidates: Vec<(String, Verdict)> = knowledge
                    .candidates(keys, elements)
                    .into_iter()
                    .map(|(element, verdict)| (element.text.clone(), verdict.clone()))
                    .collect();
                if candidates.is_empty() && elements.is_listed() {
                    return None;
                }
                for (element, verdict) in candidates {
                    let fact = Fact::of(format!("{text} finds {element}"));
                    if self.supposes(&fact, asked_by, walk) {
                        return self.go(&verdict, rule, place, walk);
                    }
                }
                let fact = Fact::of(format!("{text} finds an element that drops it"));
                if !elements.is_listed() && self.supposes(&fact, asked_by, walk) {
                    return Some(blocked(rule, place, "DROP", None));
                }
                return None;
            }
        };
        self.go(&verdict, rule, place, walk)
    }

    /// Follows a verdict.
    fn go(
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
                let with = for_version(with, self.flow.packet().from.is_ipv4());
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
                self.frames.push(Frame {
                    chain: inner?,
                    next: 0,
                });
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
        let (table, chain) = chain_at(walk.ruleset, place.at)?;
        let here = &format!("{} {}", label(table, chain), rule.number);
        if self.supposes(&Fact::of(format!("{to} stops it")), here, walk) {
            self.way.push(format!("{here} {target}"));
            return Some(blocked(rule, place, target, None));
        }
        if self.supposes(&Fact::of(format!("{to} accepts it")), here, walk) {
            return self.go(&Verdict::Accept, rule, place, walk);
        }
        None
    }
}

impl Flow {
    /// Rewrites the destination.
    fn translate(&mut self, translation: &Translation) {
        self.settled = true;
        self.translated = self.changes(translation);
        if let Some(port) = translation.port {
            self.port = Some(port);
        }
        if translation.varied {
            self.to = None;
            self.port = None;
        }
        let forwarded = self.packet().out_interface.is_some();
        let inbound = self.packet().journey == Journey::Inbound;
        if translation.redirect {
            self.to = None;
            self.to_here = Some(true);
        } else if let Some(address) = translation.address {
            let same = Some(address) == self.to;
            self.to = Some(address);
            self.to_here = match (same, address) {
                (true, _) => self.to_here,
                (false, IpAddr::V4(_) | IpAddr::V6(_)) if address.is_loopback() => Some(true),
                (false, _) if forwarded || !inbound => Some(false),
                (false, _) => None,
            };
        } else if translation.varied {
            self.to_here = if forwarded || !inbound {
                Some(false)
            } else {
                None
            };
        }
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

    /// Does to a later packet of a connection what was done to its first one.
    pub(super) fn follow_translation(&mut self) {
        let Some((address, port)) = self.packet().translated_to else {
            return;
        };
        let translation = Translation {
            address,
            port,
            redirect: address.is_none(),
            varied: false,
        };
        if self.tracked {
            self.translate(&translation);
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
