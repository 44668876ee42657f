//! The options of `-m conntrack` and `-m state`.

use super::matches::{Operands, network, single};
use super::option_words::Words;
use crate::rules::condition::{Condition, Field, Key, Pattern};
use crate::rules::packet::{
    DESTINATION_TRANSLATED, INVALID, SOURCE_TRANSLATED, UNTRACKED, state_named,
};
use crate::rules::ruleset::{Family, Statement};
use crate::rules::unreadable::Unreadable;

/// `--ctstate`, `--state`.
pub(super) fn states(operands: &Operands<'_>, words: &Words<'_>) -> Result<Condition, Unreadable> {
    let value = operands.value(0);
    let mut conditions = Vec::new();
    let mut patterns = Vec::new();
    for name in value.split(',') {
        let status = match name {
            "SNAT" => SOURCE_TRANSLATED,
            "DNAT" => DESTINATION_TRANSLATED,
            _ => {
                let bit = state_named(&name.to_ascii_lowercase());
                patterns.push(Pattern::exactly(bit.ok_or_else(|| operands.bad(0, words))?));
                continue;
            }
        };
        let key = Key {
            field: Field::ConnectionStatus,
            mask: status,
        };
        let text = format!("the connection is translated by {name}");
        conditions.push(Condition::one_of(
            key,
            [Pattern::exactly(status)],
            false,
            text,
        ));
    }
    if !patterns.is_empty() {
        let text = format!("the connection's state is {value}");
        let key = Key::whole(Field::ConnectionState);
        conditions.push(Condition::one_of(key, patterns, false, text));
    }
    Ok(single(conditions, operands.negated))
}

/// `--ctorigsrc`, `--ctorigdst`.
pub(super) fn original(
    operands: &Operands<'_>,
    words: &Words<'_>,
    source: bool,
) -> Result<Condition, Unreadable> {
    let Some((address, mask)) = network(operands.value(0), operands.family) else {
        return Err(operands.bad(0, words));
    };
    let field = match (source, operands.family == Family::Ip6) {
        (true, false) => Field::OriginalSource4,
        (true, true) => Field::OriginalSource6,
        (false, false) => Field::OriginalDestination4,
        (false, true) => Field::OriginalDestination6,
    };
    let option = operands.option.text.trim_start_matches('-');
    let text = format!("{option} is {}", operands.value(0));
    let key = Key { field, mask };
    let pattern = [Pattern::exactly(address & mask)];
    Ok(Condition::one_of(key, pattern, operands.negated, text))
}

/// Gives the conditions of one `-m conntrack` the meaning they have together: of a packet without a
/// connection its code asks the state alone, where that is asked.
pub(super) fn settle(statements: &mut [Statement]) {
    let mut all = statements.iter();
    if !all.any(|statement| matches!(statement, Statement::Match(own) if asks(own, is_state))) {
        return;
    }
    for statement in statements {
        if let Statement::Match(condition) = statement
            && asks(condition, |field| {
                is_of_connection(field) && !is_state(field)
            })
            && !asks(condition, is_state)
        {
            let states = [Pattern::exactly(INVALID), Pattern::exactly(UNTRACKED)];
            let key = Key::whole(Field::ConnectionState);
            let without = Condition::one_of(key, states, false, "there is no connection");
            let asked = std::mem::replace(condition, Condition::Never);
            *condition = Condition::Either {
                conditions: vec![without, asked],
                negated: false,
            };
        }
    }
}

/// Whether `condition` asks of a field that is `such`.
fn asks(condition: &Condition, such: fn(&Field) -> bool) -> bool {
    match condition {
        Condition::Within { keys, .. } => keys.iter().any(|key| such(&key.field)),
        Condition::Either { conditions, .. } => {
            conditions.iter().any(|condition| asks(condition, such))
        }
        Condition::Opaque { .. } | Condition::Never => false,
    }
}

const fn is_state(field: &Field) -> bool {
    matches!(field, Field::ConnectionState)
}

const fn is_of_connection(field: &Field) -> bool {
    matches!(
        field,
        Field::ConnectionState
            | Field::ConnectionDirection
            | Field::ConnectionStatus
            | Field::OriginalSource4
            | Field::OriginalSource6
            | Field::OriginalDestination4
            | Field::OriginalDestination6
            | Field::OriginalDestinationPort
    )
}
