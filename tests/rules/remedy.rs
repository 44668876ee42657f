//! The remedy carried out: what we print lets the packet in, and its undoing restores the rules.

use std::process::{Command, Stdio};

use synquest::rules::decision::{Ruling, decide};
use synquest::rules::input;
use synquest::rules::packet::Packet;
use synquest::rules::remedy::plan;
use synquest::rules::ruleset::Ruleset;

use super::draw::Knock;
use super::kernel::{Tool, assumed, list, packet};
use super::rig::Rig;

/// What is wrong with the remedy for a blocked packet.
pub(crate) fn hold(rig: &mut Rig, tool: Tool, knock: &Knock, ruleset: &Ruleset) -> Option<String> {
    let before = plain(&list(rig, tool, knock));
    let asked = Packet {
        // A client takes another source port each time.
        source_port: None,
        ..packet(knock)
    };
    let remedy = plan(ruleset, &asked);
    if !remedy.complete {
        return Some(format!("the remedy is not complete: {remedy:?}"));
    }
    let commands: Vec<String> = remedy
        .steps
        .iter()
        .chain(remedy.by_hand.iter().map(|(_, step)| step))
        .filter(|step| !step.command.starts_with("fail2ban-client"))
        .map(|step| step.command.clone())
        .collect();
    for command in &commands {
        if let Err(said) = shell(rig, tool, command) {
            return Some(format!("{command:?} failed: {said}"));
        }
    }
    let again = Knock {
        source_port: rig.fresh_port(),
        ..knock.clone()
    };
    if !rig.passes(&again, |_| false) {
        let text = list(rig, tool, knock);
        return Some(format!(
            "after {commands:#?} the packet was still stopped:\n{text}"
        ));
    }
    let mended = input::read(&list(rig, tool, knock), assumed(knock)).expect("a rule set");
    if decide(&mended, &asked).ruling != Ruling::Allowed {
        return Some(format!("after {commands:#?} we still say blocked"));
    }
    let mut steps: Vec<_> = remedy
        .steps
        .iter()
        .chain(remedy.by_hand.iter().map(|(_, step)| step))
        .filter(|step| !step.command.starts_with("fail2ban-client"))
        .collect();
    steps.reverse();
    for step in steps {
        let Some(undo) = &step.undo else {
            return Some(format!("{:?} cannot be undone", step.command));
        };
        if let Err(said) = shell(rig, tool, undo) {
            return Some(format!("{undo:?} failed: {said}"));
        }
    }
    let after = plain(&list(rig, tool, knock));
    (before != after)
        .then(|| format!("undoing {commands:#?} left another rule set:\n{before}\n-----\n{after}"))
}

/// A listing without what counts and what is numbered anew.
fn plain(listed: &str) -> String {
    let Ok(mut parsed) = serde_json::from_str::<serde_json::Value>(listed) else {
        let lines = listed.lines().filter(|line| !line.starts_with('#'));
        return lines
            .map(|line| line.split(" [").next().unwrap_or(line))
            .collect::<Vec<_>>()
            .join("\n");
    };
    strip(&mut parsed);
    serde_json::to_string_pretty(&parsed).expect("JSON")
}

fn strip(value: &mut serde_json::Value) {
    if let Some(object) = value.as_object_mut() {
        for name in ["handle", "packets", "bytes", "expires"] {
            object.remove(name);
        }
        // Rules put the packet there.
        if object.get("name").is_some_and(|name| name == "seen") {
            object.remove("elem");
        }
        object.values_mut().for_each(strip);
    } else if let Some(array) = value.as_array_mut() {
        array.iter_mut().for_each(strip);
    }
}

/// Runs a command as a person pastes it; the tool of that name is the variant of the trial.
fn shell(rig: &Rig, tool: Tool, command: &str) -> Result<(), String> {
    let command = match tool {
        Tool::IptablesNft => command
            .replacen("iptables ", "iptables-nft ", 1)
            .replacen("ip6tables ", "ip6tables-nft ", 1)
            .replacen("ip6tables-nft-nft ", "ip6tables-nft ", 1),
        Tool::IptablesLegacy | Tool::Nft => command.to_owned(),
    };
    let output = rig.target.enter(|| {
        let mut shell = Command::new("sh");
        shell.args(["-ec", &command]).stdin(Stdio::null());
        shell.output().expect("a shell")
    });
    if output.status.success() {
        Ok(())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}
