//! Tests of the devices themselves, against what Linux does (PROBES.md where it was measured).

mod here;
mod host;
mod path;

use synquest::model::endpoint::Family::{self, V4, V6};

const BOTH: [Family; 2] = [V4, V6];

/// The database port refused by a rule at `node`.
fn rejecting(node: &str, with: &str) -> String {
    format!(
        "[[rule]]\nat = \"{node}\"\nhook = \"{}\"\naction = \"reject\"\nwith = \"{with}\"\n",
        if node == "target" { "input" } else { "forward" },
    )
}

/// The database port dropped by a rule at `node`.
fn dropping(node: &str, hook: &str) -> String {
    format!("[[rule]]\nat = \"{node}\"\nhook = \"{hook}\"\naction = \"drop\"\n")
}
