//! What the documents of a text hold, brought together group by group.

use std::collections::BTreeMap;

use super::azure;
use super::model::{Action, Group, Layer, Provider, Rule, Side};

/// A group by whose it is, where it stands and what it is called.
type Key = (Provider, Layer, String);

/// How a group came to be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// In one piece.
    Whole,
    /// Rule by rule.
    Rules,
}

/// Whether a list that comes in pages was given to its end.
#[derive(Clone, Debug, Default)]
struct Pages {
    /// What tells the pages that follow.
    open: Option<&'static str>,
    closed: bool,
}

/// Everything found.
#[derive(Clone, Debug, Default)]
pub struct Found {
    pub(super) groups: Vec<Group>,
    index: BTreeMap<Key, (usize, Form)>,
    pages: BTreeMap<Key, Pages>,
    /// Whether rules told alone are more than those told with their groups.
    pub(super) adding: bool,
    /// Address groups by their ids, as their owner lists them.
    pub(super) address_groups: BTreeMap<String, Vec<String>>,
    /// What a command line said that has not got everything.
    pub(super) partial: Option<String>,
    /// What to know of the whole of it.
    pub(super) notes: Vec<String>,
}

impl Found {
    /// Whether there are any rules of a cloud.
    pub const fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// A group in one piece.
    pub(super) fn add(&mut self, group: Group) {
        let key = (group.provider, group.layer, group.id.clone());
        match self.index.get(&key) {
            None => {
                self.index.insert(key, (self.groups.len(), Form::Whole));
                self.groups.push(group);
            }
            // Rule by rule, more is said of it.
            Some((_, Form::Rules)) => {}
            Some(&(at, Form::Whole)) => {
                if let Some(known) = self.groups.get_mut(at).filter(|known| **known != group) {
                    let words = format!(
                        "which of two descriptions of {} is in force, which differ",
                        group.id
                    );
                    let rules = known.inbound.rules.iter_mut();
                    for rule in rules.chain(&mut known.outbound.rules) {
                        rule.unclear.push(words.clone());
                    }
                    known.lacking.push(words);
                }
            }
        }
    }

    /// The group to which rules are added one by one.
    pub(super) fn group(&mut self, provider: Provider, layer: Layer, id: &str) -> &mut Group {
        let key = (provider, layer, id.to_owned());
        let at = match self.index.get_mut(&key) {
            Some((at, form)) => {
                if *form == Form::Whole && !self.adding {
                    *form = Form::Rules;
                    if let Some(group) = self.groups.get_mut(*at) {
                        group.inbound.rules.clear();
                        group.outbound.rules.clear();
                    }
                }
                *at
            }
            None => {
                let at = self.groups.len();
                self.index.insert(key, (at, Form::Rules));
                self.groups.push(Group::new(provider, layer, id));
                at
            }
        };
        // It was put there, or found there, above.
        #[allow(
            clippy::indexing_slicing,
            reason = "the index holds places of this list alone"
        )]
        &mut self.groups[at]
    }

    /// The group by that name, where there is one.
    pub(super) fn known(
        &mut self,
        provider: Provider,
        layer: Layer,
        id: &str,
    ) -> Option<&mut Group> {
        let (at, _) = self.index.get(&(provider, layer, id.to_owned()))?;
        self.groups.get_mut(*at)
    }

    /// Notes whether a list goes on, `token` being what tells so.
    pub(super) fn page(&mut self, provider: Provider, layer: Layer, token: Option<&'static str>) {
        self.page_of(provider, layer, "", token);
    }

    /// Notes whether the list of one group's rules goes on.
    pub(super) fn page_of(
        &mut self,
        provider: Provider,
        layer: Layer,
        group: &str,
        token: Option<&'static str>,
    ) {
        let key = (provider, layer, group.to_owned());
        let pages = self.pages.entry(key).or_default();
        match token {
            Some(token) => pages.open = Some(token),
            None => pages.closed = true,
        }
    }

    /// Puts every list into its order and says of every group which pages are missing.
    pub fn settle(&mut self) {
        for group in &mut self.groups {
            if group.provider == Provider::Azure {
                azure::locate(group);
            }
            if let Some(said) = self
                .partial
                .as_ref()
                .filter(|_| group.provider == Provider::Gcp)
            {
                group
                    .lacking
                    .push(format!("what a command did not get ({said})"));
            }
            for of in ["", group.id.as_str()] {
                let key = (group.provider, group.layer, of.to_owned());
                let pages = self.pages.get(&key).filter(|pages| !pages.closed);
                if let Some(token) = pages.and_then(|pages| pages.open) {
                    group.lacking.push(format!(
                        "what the pages that follow hold ({token} says that there are more)"
                    ));
                }
            }
            // A list of rules may be of one direction alone.
            let key = (group.provider, group.layer, group.id.clone());
            let known = self.index.get(&key);
            let of_rules = known.is_some_and(|(_, form)| *form == Form::Rules);
            if of_rules
                && group.outbound.rules.is_empty()
                && group.outbound.default == Action::Deny
                && !group.inbound.rules.is_empty()
            {
                group.outbound.default = Action::Unclear(format!(
                    "what {} does with what goes out, which is not in the text,",
                    group.id
                ));
            }
            sort(&mut group.inbound);
            sort(&mut group.outbound);
        }
    }
}

/// Adds a rule, unless the very same is there already.
pub(super) fn put(side: &mut Side, rule: Rule) {
    side.rules.push(rule);
}

/// The order in which rules are asked; among equals those that deny come first, which every
/// provider with priorities says of its own.
pub(super) fn sort(side: &mut Side) {
    side.rules.sort_by_key(|rule| {
        let lenient = rule.action == Action::Allow;
        (rule.segment, rule.order, lenient)
    });
    side.rules
        .dedup_by(|later, rule| rule.id.is_some() && later == rule);
}
