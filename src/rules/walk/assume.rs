//! What is assumed on a way, and what follows from it.

use super::{Walk, Walker, named};
use crate::rules::condition::Condition;
use crate::rules::matcher::{Fact, Knowledge, Subject, Truth};
use crate::rules::odds::Odds;
use crate::rules::outcome::Assumed;
use crate::rules::part::Part;
use crate::rules::place::Place;
use crate::rules::ruleset::{Ruleset, Verdict};

impl Walker {
    /// Whether `condition` of a rule holds on this way; the other way, if there is one, is left
    /// open, going on after the rule.
    pub(in crate::rules) fn holds(
        &mut self,
        condition: &Condition,
        place: Place,
        walk: &mut Walk<'_>,
    ) -> bool {
        if let Condition::Opaque {
            text,
            odds: Odds::Taken(holds),
            ..
        } = condition
        {
            let not = if *holds { "" } else { "not: " };
            let note = format!("{not}{text} ({})", named(walk.ruleset, place));
            if !self.noted.contains(&note) {
                self.noted.push(note);
            }
        }
        match self.knowledge(walk.ruleset, place).test(condition) {
            Truth::Yes => true,
            Truth::No => false,
            Truth::Hangs(fact) => {
                let mut fact = *fact;
                if matches!(fact.subject, Subject::Rule(..)) {
                    fact.text = format!("{} ({})", fact.text, named(walk.ruleset, place));
                }
                self.supposes(&fact, walk)
            }
        }
    }

    /// What this way knows.
    pub(in crate::rules) fn knowledge<'k>(
        &'k self,
        ruleset: &'k Ruleset,
        place: Place,
    ) -> Knowledge<'k> {
        Knowledge {
            flow: &self.flow,
            place,
            sets: ruleset.tables.get(place.at.table).map(|table| &table.sets),
            ipsets: &ruleset.ipsets,
            host_facts: &ruleset.host_facts,
            learnt: &self.learnt,
        }
    }

    /// Takes the way on which what hangs on `fact` holds, unless the opposite was assumed before,
    /// and leaves the other open.
    pub(in crate::rules) fn supposes(&mut self, fact: &Fact, walk: &mut Walk<'_>) -> bool {
        if let Some(holds) = self.known(fact) {
            return holds != fact.negated;
        }
        walk.open.push(self.with(&[(fact, fact.negated)]));
        self.assume(fact, !fact.negated);
        true
    }

    /// What this way has assumed of a fact.
    pub(in crate::rules) fn known(&self, fact: &Fact) -> Option<bool> {
        let mut assumed = self.assumed.iter();
        let known = assumed.find(|known| known.subject == fact.subject)?;
        Some(known.holds)
    }

    /// Another way, on which more is assumed.
    pub(in crate::rules) fn with(&self, facts: &[(&Fact, bool)]) -> Self {
        let mut other = self.clone();
        for (fact, holds) in facts {
            other.assume(fact, *holds);
        }
        other
    }

    /// The same way, which goes on with the verdict of the rule at `place`.
    pub(in crate::rules) fn next(self, place: Place, verdict: Verdict) -> Self {
        Self {
            pending: Some((place, verdict)),
            ..self
        }
    }

    pub(in crate::rules) fn assume(&mut self, fact: &Fact, holds: bool) {
        self.assumed.push(Assumed {
            fact: fact.text.clone(),
            subject: fact.subject.clone(),
            holds,
            odds: fact.odds,
        });
        let implied = if holds { &fact.if_true } else { &fact.if_false };
        if let Some((field, value)) = implied {
            self.learnt.retain(|(known, _)| known != field);
            self.learnt.push((field.clone(), value.clone()));
        }
    }

    /// A rule writes a part of the packet anew: what was known of it is void.
    pub(in crate::rules) fn rewrite(&mut self, part: Part) {
        self.flow.rewrite(part);
        self.learnt
            .retain(|(field, _)| Part::of(field) != Some(part));
    }
}
