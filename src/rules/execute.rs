//! What a rule does to a packet on its way.

use super::matcher::{Fact, Found};
use super::part::Part;
use super::place::{ChainAt, Place};
use super::ruleset::{Base, Hook, Kind, MarkChange, Rule, Shown, Statement, Translation, Verdict};
use super::walk::{Block, Call, End, Walk, Walker, chain_at, label};

/// Deepest nesting of chains that is followed; the kernel bounds it lower, or by their number.
const DEEPEST: usize = 1024;

/// Most destinations of one map that are told apart.
const MOST_DESTINATIONS: usize = 16;

impl Walker {
    /// Carries out `rule`.
    pub(super) fn execute(
        &mut self,
        rule: &Rule,
        place: Place,
        walk: &mut Walk<'_>,
    ) -> Option<End> {
        let does = |statement: &Statement| !matches!(statement, Statement::Match(_));
        if !rule.statements.iter().any(does) {
            return None;
        }
        let rewrites = |statement: &Statement| matches!(statement, Statement::Rewrite(_));
        let before = rule.statements.iter().any(rewrites);
        let before = before.then(|| self.flow.clone());
        let end = self.carry_out(rule, place, walk);
        // A rule that lets the packet in stands before this one, and sees it as it was.
        if let (Some(before), Some(End::Blocked(_))) = (before, &end) {
            self.flow = before;
        }
        end
    }

    fn carry_out(&mut self, rule: &Rule, place: Place, walk: &mut Walk<'_>) -> Option<End> {
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
                    let told = format!("{} rewrites the packet", asked_by());
                    if self.way.last() != Some(&told) {
                        self.way.push(told);
                    }
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
                    self.calls.clear();
                    return None;
                }
                Statement::Destination(translation) => {
                    return self.translate(translation, rule, place, walk);
                }
                Statement::Handover { target, to } => {
                    return self.hand_over(target, to, rule, place, walk);
                }
            }
        }
        None
    }

    /// Leads the packet to another destination.
    fn translate(
        &mut self,
        translation: &Translation,
        rule: &Rule,
        place: Place,
        walk: &Walk<'_>,
    ) -> Option<End> {
        let (table, chain) = chain_at(walk.ruleset, place.at)?;
        self.rewrite(Part::Destination);
        self.flow.translate(translation);
        self.flow.locate(&walk.ruleset.host_facts);
        self.way.push(format!(
            "{} {} translates to {}",
            label(table, chain),
            rule.number,
            self.flow.destination()
        ));
        self.calls.clear();
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
            translates,
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
                let too_many = *translates && candidates.len() > MOST_DESTINATIONS;
                let candidates = if too_many { Vec::new() } else { candidates };
                let listed = knowledge.lists(elements) && !too_many;
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
                return self.unlisted(text, *translates, rule, place, walk);
            }
        };
        self.go(&verdict, rule, place, walk)
    }

    /// A lookup finds what the input does not show.
    fn unlisted(
        &mut self,
        text: &str,
        translates: bool,
        rule: &Rule,
        place: Place,
        walk: &mut Walk<'_>,
    ) -> Option<End> {
        if translates {
            let fact = Fact::at(place, format!("{text} finds another destination"));
            self.leads_away(&fact, walk);
            return None;
        }
        let to = format!("{text} finds what the input does not show and");
        self.hand_over("vmap", &to, rule, place, walk)
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
        let in_base = self.calls.len() == 1 && place.at == self.base;
        match verdict {
            Verdict::Continue => {}
            Verdict::Translate(translation) => {
                return self.translate(translation, rule, place, walk);
            }
            Verdict::Accept => {
                self.way.push(format!("{here} ACCEPT"));
                let base = chain_at(walk.ruleset, self.base)?.1.base.as_ref();
                if base.is_none_or(|base| base.kind == Kind::Filter) {
                    self.accepted = Some(place);
                }
                self.calls.clear();
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
                self.calls.pop();
                return self.policy_if_over(walk);
            }
            Verdict::Jump(name) | Verdict::Goto(name) => {
                self.way.push(format!("{here} → {name}"));
                let inner = table.position(name);
                let goes = matches!(verdict, Verdict::Goto(_));
                let shown = inner.and_then(|index| table.chains.get(index));
                match inner.filter(|_| shown.is_some_and(|chain| chain.shown != Shown::Not)) {
                    Some(chain) => return self.call(chain, goes, place),
                    None => return self.unseen(name, rule, place, walk),
                }
            }
        }
        None
    }

    /// The packet enters a chain; `goes` says that it does not come back to the one before.
    fn call(&mut self, chain: usize, goes: bool, place: Place) -> Option<End> {
        if self.calls.len() >= DEEPEST {
            return Some(End::TooLong);
        }
        if goes {
            // Behind a goto another chain stands alone, whose rules are not the base chain's.
            if self.calls.len() == 1 && place.at == self.base {
                self.left_by = place.rule;
            }
            self.calls.pop();
        }
        self.entered.push(ChainAt {
            table: place.at.table,
            chain,
        });
        self.calls.push(Call { chain, next: 0 });
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
            if self.leads_away(&fact, walk) {
                return None;
            }
        }
        self.hand_over(name, &to, rule, place, walk)
    }

    /// Leads the packet to a destination that nobody can tell, where `fact` holds on this way.
    fn leads_away(&mut self, fact: &Fact, walk: &mut Walk<'_>) -> bool {
        let leads = self.supposes(fact, walk);
        if leads {
            self.rewrite(Part::Destination);
            self.rewrite(Part::Mark);
            self.flow.lead_away();
            self.calls.clear();
        }
        leads
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
