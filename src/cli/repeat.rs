//! Commands of advice that run this program again: with what the user said this time.

use std::fmt::Display;

use super::arguments::ProbeArguments;
use crate::report::advice::{Advice, Scenario};
use crate::report::visible::shell_word;

/// The options to say again, each with a space before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repeat {
    /// Those on how probes leave, which `doctor` takes too.
    leave: String,
    /// Those that only `probe` takes.
    probe: String,
}

impl Repeat {
    /// What these arguments say.
    pub fn of(arguments: &ProbeArguments) -> Self {
        let leave = &arguments.leave;
        let situation = arguments.situation.said();
        let scenario = situation.scenario.map(|scenario| match scenario {
            Scenario::CrossCloud => "cross-cloud",
            Scenario::OnPrem => "on-prem",
            Scenario::SameRegionVm => "same-region-vm",
        });
        // Standard input is read only once.
        let rules = arguments.rules.as_ref().map(|path| path.to_string_lossy());
        let ports = &arguments.cost.control_ports;
        Self {
            leave: [
                option("-I", leave.interface.as_ref()),
                option("-S", leave.source),
                option("--mark", leave.mark),
            ]
            .concat(),
            probe: [
                ports
                    .iter()
                    .map(|port| option("--control-port", Some(port)))
                    .collect(),
                option("--scenario", scenario),
                option("--public-address", situation.public_address),
                option("--rules", rules.filter(|path| path != "-")),
            ]
            .concat(),
        }
    }

    /// Puts them into the commands of `advice`.
    pub fn extend(&self, advice: &mut [Advice]) {
        for command in advice.iter_mut().filter_map(|piece| piece.command.as_mut()) {
            if let Some(rest) = command.strip_prefix("synquest probe") {
                *command = format!("synquest probe{}{}{rest}", self.leave, self.probe);
            } else if let Some(rest) = command.strip_prefix("synquest doctor") {
                *command = format!("synquest doctor{}{rest}", self.leave);
            }
        }
    }
}

fn option(name: &str, value: Option<impl Display>) -> String {
    value.map_or_else(String::new, |value| {
        format!(" {name} {}", shell_word(&value.to_string()))
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::Repeat;
    use crate::cli::arguments::{Arguments, Command};
    use crate::report::advice::Advice;

    #[test]
    fn what_was_said_is_said_again() {
        let line = "synquest probe -I eth0 -S 10.0.0.2 --mark 0x7 --control-port 22 \
            --scenario cross-cloud --public-address 203.0.113.7 db:3306";
        let arguments = Arguments::parse_from(line.split_whitespace());
        let Command::Probe(probe) = arguments.command else {
            panic!("it is a probe")
        };
        let piece = |command: &str| Advice {
            owner: "you".to_owned(),
            text: "Test again.".to_owned(),
            command: Some(command.to_owned()),
        };
        let mut advice = [
            piece("synquest probe 10.1.0.2:3306"),
            piece("synquest doctor 10.1.0.2:3306"),
            piece("nft list ruleset"),
        ];
        Repeat::of(&probe).extend(&mut advice);
        let commands = advice.map(|piece| piece.command.unwrap_or_default());
        assert_eq!(
            commands,
            [
                "synquest probe -I eth0 -S 10.0.0.2 --mark 7 --control-port 22 \
                 --scenario cross-cloud --public-address 203.0.113.7 10.1.0.2:3306",
                "synquest doctor -I eth0 -S 10.0.0.2 --mark 7 10.1.0.2:3306",
                "nft list ruleset",
            ]
        );
    }
}
