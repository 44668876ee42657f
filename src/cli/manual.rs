//! The man pages: options from the arguments themselves, the other sections from `man/*.roff`.

use std::fmt::Write as _;

use clap::Command;
use clap_mangen::Man;

use super::arguments::command;

/// Sections of synquest(1) that no option holds.
const MAIN_SECTIONS: &str = include_str!("../../man/synquest.sections.roff");
/// Sections of synquest-probe(1).
const PROBE_SECTIONS: &str = include_str!("../../man/synquest-probe.sections.roff");
/// Sections of synquest-sweep(1).
const SWEEP_SECTIONS: &str = include_str!("../../man/synquest-sweep.sections.roff");
/// Sections of synquest-merge(1).
const MERGE_SECTIONS: &str = include_str!("../../man/synquest-merge.sections.roff");
/// Sections of synquest-doctor(1).
const DOCTOR_SECTIONS: &str = include_str!("../../man/synquest-doctor.sections.roff");
/// Sections of synquest-rules(1).
const RULES_SECTIONS: &str = include_str!("../../man/synquest-rules.sections.roff");
/// Where the list of environment variables goes in [`MAIN_SECTIONS`].
const ENVIRONMENT: &str = ".\\\" ENVIRONMENT\n";

/// The man pages, by file name.
pub fn pages() -> Vec<(String, Vec<u8>)> {
    let mut root = command().disable_help_subcommand(true);
    root.build();
    let sections = MAIN_SECTIONS.replace(ENVIRONMENT, &environment(&root));
    let mut pages = vec![page(root.clone(), "synquest", &sections)];
    for command in root.get_subcommands().filter(|child| !child.is_hide_set()) {
        let name = format!("synquest-{}", command.get_name());
        let sections = match command.get_name() {
            "probe" => PROBE_SECTIONS,
            "sweep" => SWEEP_SECTIONS,
            "merge" => MERGE_SECTIONS,
            "doctor" => DOCTOR_SECTIONS,
            "rules" => RULES_SECTIONS,
            _ => "",
        };
        pages.push(page(command.clone(), &name, sections));
    }
    pages
}

fn page(command: Command, name: &str, sections: &str) -> (String, Vec<u8>) {
    let version = format!("synquest {}", env!("CARGO_PKG_VERSION"));
    let has_subcommands = command.has_subcommands();
    let man = Man::new(command.display_name(name.to_owned()))
        .title(name.to_uppercase())
        .source(version)
        .manual("synquest manual");
    let mut roff = Vec::new();
    // Writing to a vector cannot fail.
    let _ = man.render_title(&mut roff);
    let _ = man.render_name_section(&mut roff);
    let _ = man.render_synopsis_section(&mut roff);
    let _ = man.render_description_section(&mut roff);
    let _ = man.render_options_section(&mut roff);
    if has_subcommands {
        let _ = man.render_subcommands_section(&mut roff);
    }
    roff.extend_from_slice(sections.as_bytes());
    (format!("{name}.1"), roff)
}

/// Every environment variable and the option it stands for, once.
fn environment(root: &Command) -> String {
    let mut known: Vec<(String, String)> = Vec::new();
    let commands = std::iter::once(root).chain(root.get_subcommands());
    for argument in commands.flat_map(Command::get_arguments) {
        if let (Some(name), Some(long)) = (argument.get_env(), argument.get_long()) {
            let entry = (
                name.to_string_lossy().into_owned(),
                long.replace('-', "\\-"),
            );
            if !known.contains(&entry) {
                known.push(entry);
            }
        }
    }
    known.iter().fold(String::new(), |mut text, (name, long)| {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            ".TP\n\\fB{name}\\fR\nStands for \\fB\\-\\-{long}\\fR."
        );
        text
    })
}
