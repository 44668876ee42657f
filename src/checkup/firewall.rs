//! What this host's own firewall does with our flow, once its rules were listed and followed.

use crate::model::check::{Check, Rating};

/// What the rules of this host say of a flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LocalRules {
    /// Only root may list them.
    NotPermitted,
    /// No tool of the host lists them.
    NoTool,
    /// What was listed is not understood, and why.
    NotUnderstood(String),
    /// There are none, by these tools.
    None(String),
    /// They let it out and the answer in, by these tools.
    Allow(String),
    /// They stop it.
    Block {
        /// The rule as the subject that stops something.
        rule: String,
        /// Commands that let it through.
        commands: Option<String>,
        /// Commands that take that back.
        undoing: Option<String>,
    },
    /// That hangs on these, which the rules do not tell.
    Depend(Vec<String>),
}

/// The check of a new connection and of the answers to it.
pub fn check(rules: LocalRules) -> Check {
    let note = |finding: &str| (Rating::Note, finding.to_owned());
    let (standing, finding) = match rules {
        LocalRules::NotPermitted => note("not read: only root may list its rules"),
        LocalRules::NoTool => note("not read: no iptables-save or nft here, or they failed"),
        LocalRules::NotUnderstood(reason) => note(&format!("not understood: {reason}")),
        LocalRules::None(tools) => (Rating::Good, format!("has no rules, by {tools}")),
        LocalRules::Allow(tools) => (
            Rating::Good,
            format!(
                "lets the SYN out and the SYN-ACK in, by {tools}; resets and ICMP errors were not \
                 followed"
            ),
        ),
        LocalRules::Block {
            rule,
            commands,
            undoing,
        } => return blocked(&rule, commands, undoing.as_deref()),
        LocalRules::Depend(unknown) => (
            Rating::Doubtful,
            format!(
                "whether it lets this flow through hangs on: {}",
                unknown.join("; ")
            ),
        ),
    };
    Check::new(NAME, standing, finding)
}

const NAME: &str = "local firewall";

fn blocked(rule: &str, commands: Option<String>, undoing: Option<&str>) -> Check {
    let remedy = undoing.map_or_else(
        || "Let it through.".to_owned(),
        |undoing| format!("Let it through; this takes it back: {undoing}"),
    );
    Check {
        command: commands,
        ..Check::new(NAME, Rating::Bad, format!("{rule} this very flow")).with_remedy(remedy)
    }
}
