//! The summary of a sweep: what its text, its pages and its metrics are views of.

use serde::Serialize;
use serde::ser::SerializeStruct as _;

use super::brief::Standing;
use super::facts::Facts;
use super::group::ResultGroup;
use super::tally::Tally;
use super::tree::Tree;
use crate::model::verdict::State;

/// The name and version of the document.
pub const SCHEMA: &str = "synquest/sweep/1";

/// What all results of a sweep come to.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// What the sweep was.
    pub facts: Facts,
    /// How many results there are of each kind.
    pub tally: Tally,
    /// Results with the same cause at the same place, what to look at first first.
    pub groups: Vec<ResultGroup>,
    /// The paths.
    pub tree: Tree,
}

impl Summary {
    /// What it comes to, as one sentence.
    pub fn headline(&self) -> String {
        let total = self.tally.endpoints;
        let (first, rest) = self.groups.split_at(self.groups.len().min(MOST_CLAUSES));
        // Those that are well are not among those that are otherwise ill.
        let (well, others): (Vec<&ResultGroup>, Vec<&ResultGroup>) =
            rest.iter().partition(|group| group.state == State::Open);
        let named = first.iter().chain(well.iter().copied());
        let mut clauses: Vec<String> = named
            .map(|group| format!("{} {}", group.endpoints, group.fate))
            .collect();
        let others: u64 = others.iter().map(|group| group.endpoints).sum();
        if others > 0 {
            clauses.push(format!("{others} in other ways"));
        }
        match self.groups.as_slice() {
            [] => "No endpoint was tested.".to_owned(),
            [all] if total == 1 => format!("The one endpoint {}.", all.fate),
            [all] => format!("All {total} endpoints {}.", all.fate),
            _ => format!("{total} endpoints: {}.", clauses.join("; ")),
        }
    }

    /// How the results compare with what the list expects, as one sentence; `None` when it expects
    /// nothing.
    pub fn judgement(&self) -> Option<String> {
        let judged = self.tally.judged;
        let unexpected = self.tally.standing(Standing::Unexpected);
        match (judged, unexpected) {
            (0, _) => None,
            (_, 0) => Some(format!(
                "All {judged} that the list expects something of are as expected."
            )),
            _ => {
                let verb = if unexpected == 1 { "is" } else { "are" };
                Some(format!(
                    "{unexpected} of {judged} {verb} not as the list expects."
                ))
            }
        }
    }

    /// How many endpoints have no result, where it is known how many there should be.
    pub fn missing(&self) -> u64 {
        let wanted = self.facts.endpoints.unwrap_or(0);
        wanted.saturating_sub(self.tally.endpoints)
    }
}

/// Most groups that the headline names.
const MOST_CLAUSES: usize = 3;

/// Kinds are keys, which JSON has no form for: they are written as rows.
impl Serialize for Summary {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct KindCount<'a> {
            #[serde(flatten)]
            kind: &'a super::tally::VerdictWords,
            endpoints: u64,
        }
        let kinds = self.tally.kinds.iter();
        let kinds: Vec<KindCount<'_>> = kinds
            .map(|(kind, &endpoints)| KindCount { kind, endpoints })
            .collect();
        let mut document = serializer.serialize_struct("Summary", 8)?;
        document.serialize_field("schema", self.schema)?;
        document.serialize_field("run", &self.facts)?;
        document.serialize_field("endpoints", &self.tally.endpoints)?;
        document.serialize_field("unexpected", &self.tally.standing(Standing::Unexpected))?;
        document.serialize_field("expecting", &self.tally.judged)?;
        document.serialize_field("kinds", &kinds)?;
        document.serialize_field("groups", &self.groups)?;
        document.serialize_field("paths", &self.tree.stops)?;
        document.end()
    }
}
