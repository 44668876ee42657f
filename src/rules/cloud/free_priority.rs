//! Room for a rule where the priority of each is its own.

use super::model::Rule;

/// Most rules that are moved for it.
const MOST: usize = 5;

/// Moves of rules, each by its name, its old and its new priority, in the order in which they can be
/// made, that leave the priority of `blocker` free and all rules in their order. `None` where there
/// are too many, or one has no name.
pub(super) fn behind(rules: &[Rule], blocker: &Rule, last: i64) -> Option<Vec<(String, i64, i64)>> {
    let mut moves = Vec::new();
    let mut order = blocker.order;
    loop {
        let mut here = rules.iter().filter(|rule| rule.order == order);
        let Some(rule) = here.next() else {
            break;
        };
        let next = order.checked_add(1).filter(|next| *next <= last)?;
        if here.next().is_some() || moves.len() >= MOST {
            return None;
        }
        moves.push((rule.id.clone()?, order, next));
        order = next;
    }
    moves.reverse();
    Some(moves)
}
