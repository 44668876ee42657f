//! What is told of one step of a packet through a cloud.

use std::collections::BTreeSet;

use crate::rules::cloud::judge::{Assumed, Ending};
use crate::rules::cloud::trace::Step;
use crate::rules::decision::Ruling;
use crate::rules::document::{OutcomeRecord, RuleRecord};

impl Step {
    /// The ending that is told first.
    pub(super) fn chief(&self) -> Option<&Ending> {
        let wanted = self.ruling == Ruling::Allowed;
        let of_kind = self
            .endings
            .iter()
            .filter(|ending| ending.allowed == wanted);
        // What a rule does by its own words says more than what is left when none matches, and
        // what is probable more than what is not.
        of_kind.min_by_key(|ending| {
            let improbable = ending.assumed.iter().any(Assumed::is_improbable);
            (improbable, ending.rule.is_none(), ending.assumed.len())
        })
    }

    /// The group that is named where no rule decides.
    fn group_title(&self) -> String {
        let names: Vec<&str> = self
            .stage
            .groups
            .iter()
            .map(|group| group.id.as_str())
            .collect();
        /// Most that are written out.
        const MOST: usize = 5;
        match names.get(..MOST) {
            Some(first) if names.len() > MOST => {
                format!(
                    "{} and {} more",
                    first.join(", "),
                    names.len().saturating_sub(MOST)
                )
            }
            _ => names.join(", "),
        }
    }

    pub(super) fn record(&self, ending: &Ending) -> RuleRecord {
        let rule = ending.rule.as_ref();
        let group = rule.map_or_else(|| self.group_title(), |rule| rule.group.clone());
        RuleRecord {
            family: "",
            table: String::new(),
            chain: String::new(),
            number: None,
            handle: None,
            target: if ending.allowed { "ALLOW" } else { "DENY" }.to_owned(),
            reject_with: None,
            text: rule.map_or_else(|| self.default_text(), |rule| rule.text.clone()),
            layer: self.stage.layer.word(),
            provider: Some(self.stage.provider.word()),
            group: Some(group),
            rule_id: rule.and_then(|rule| rule.id.clone()),
            answers: self.answers,
        }
    }

    fn default_text(&self) -> String {
        let side = self
            .stage
            .variants
            .first()
            .map(|variant| variant.side(self.inbound));
        side.map_or_else(String::new, |side| side.default_text.clone())
    }

    pub(super) fn way(&self) -> String {
        let does = match self.ruling {
            Ruling::Allowed => "let through",
            Ruling::Blocked => "blocked",
            Ruling::Depends => "depends",
        };
        let packet = if self.answers { "the answer: " } else { "" };
        let rule = self.chief().map_or_else(String::new, |ending| {
            let record = self.record(ending);
            format!(" {}: {}", record.group.unwrap_or_default(), record.text)
        });
        format!(
            "{packet}{} {}{rule} → {does}",
            self.stage.provider.word(),
            self.stage.layer.word()
        )
    }

    /// Every fact it hangs on, once.
    pub(super) fn unknown(&self) -> Vec<String> {
        let mut facts: Vec<String> = Vec::new();
        if self.ruling != Ruling::Depends {
            return facts;
        }
        let mut told = BTreeSet::new();
        for assumed in self.endings.iter().flat_map(|ending| &ending.assumed) {
            if told.insert(assumed.fact.text.as_str()) {
                facts.push(match &assumed.fact.command {
                    Some(command) => format!("whether {} ({command})", assumed.fact.text),
                    None => format!("whether {}", assumed.fact.text),
                });
            }
        }
        let partly = |ending: &Ending| ending.allowed && ending.ports != self.asked;
        if self.endings.iter().any(partly) {
            let whose = if self.answers {
                "the client's port"
            } else {
                "the port"
            };
            facts.push(format!("which {whose} is"));
        }
        if self.cut_short {
            facts.push("more ways than are followed".to_owned());
        }
        facts
    }

    pub(super) fn outcome(&self, ending: &Ending) -> OutcomeRecord {
        OutcomeRecord {
            decision: if ending.allowed {
                Ruling::Allowed
            } else {
                Ruling::Blocked
            },
            rule: Some(self.record(ending)),
            way: Vec::new(),
            conditions: self.conditions(ending),
        }
    }

    fn conditions(&self, ending: &Ending) -> Vec<String> {
        let mut conditions: Vec<String> = ending
            .assumed
            .iter()
            .map(|assumed| match assumed.holds {
                true => assumed.fact.text.clone(),
                false => format!("not: {}", assumed.fact.text),
            })
            .collect();
        if ending.ports != self.asked {
            let whose = if self.answers {
                "the client's port"
            } else {
                "the port"
            };
            conditions.push(format!("{whose} is {}", ending.ports.words()));
        }
        conditions
    }
}
