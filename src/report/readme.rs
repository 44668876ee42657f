//! The first thing a receiver of a bundle opens: what happened, what each file is, what is missing.
//!
//! Whatever a user or a network wrote stands in indented code blocks, where Markdown leaves it
//! alone, and has passed [`visible`].

use std::fmt::Write as _;

use super::record::Record;
use super::text::{name, verdict_words};
use super::visible::visible;

/// A file that a bundle may hold besides its README, in the order in which it holds them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum File {
    /// The report for a browser.
    Html,
    /// The report as Markdown.
    Markdown,
    /// The packets.
    Capture,
    /// The JSON documents.
    Endpoints,
    /// The probing host, as text.
    EnvironmentText,
    /// The probing host, as JSON.
    EnvironmentJson,
}

impl File {
    /// Its name in the bundle.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Html => "report.html",
            Self::Markdown => "report.md",
            Self::Capture => "capture.pcapng",
            Self::Endpoints => "endpoints.ndjson",
            Self::EnvironmentText => "environment.txt",
            Self::EnvironmentJson => "environment.json",
        }
    }

    const fn purpose(self) -> &'static str {
        match self {
            Self::Html => {
                "the report: opens in any browser, offline; holds no script and loads nothing"
            }
            Self::Markdown => "the same report, to paste into a ticket",
            Self::Capture => {
                "the probes and the replies to them as packets, each with a comment that says what \
                 it is and what it showed"
            }
            Self::Endpoints => {
                "verdicts and all evidence as JSON, one endpoint a line (`synquest/endpoint/1`)"
            }
            Self::EnvironmentText => {
                "the probing host: routes, settings, counters before and after the run"
            }
            Self::EnvironmentJson => "the same as JSON (`synquest/environment/1`)",
        }
    }
}

/// The README of a bundle that holds `files` about `records`.
pub fn page(records: &[Record], files: &[File]) -> String {
    let mut page = String::from(
        "# Why a TCP port does not answer\n\n\
         This archive was written by `synquest`, which sends TCP SYNs and other small packets \
         toward an endpoint and works out from the answers, and from silence, what happens to \
         them and where. You do not need `synquest` to check what it says.\n\n\
         ## What was found\n\n",
    );
    if records.is_empty() {
        page.push_str("Nothing: the run ended before any endpoint was probed.\n");
    }
    for record in records {
        let local = &record.local;
        // Writing to a string cannot fail.
        let _ = writeln!(
            page,
            "    {}\n    {}\n    {}\n    Probed from {} on {}.\n",
            visible(&name(&record.endpoint)),
            visible(&verdict_words(record)),
            visible(&record.verdict.summary),
            local.source,
            visible(&local.interface)
        );
        if record.stats.interrupted {
            page.push_str(
                "(The run ended before this one settled: it is the best reading so far.)\n\n",
            );
        }
    }
    if let Some(record) = records.first() {
        let run = &record.run;
        let _ = writeln!(
            page,
            "The run:\n\n    began at {} (UTC), synquest {}\n",
            visible(&run.started),
            visible(&run.version)
        );
    }
    page.push_str("## What is in here\n\n");
    for file in files {
        let _ = writeln!(page, "- `{}`: {}.", file.name(), file.purpose());
    }
    if files.contains(&File::Capture) {
        page.push_str(CAPTURE);
    } else {
        page.push_str("\nThere is no capture: this run wrote none.\n");
    }
    if files.contains(&File::EnvironmentText) {
        page.push_str(ENVIRONMENT);
    }
    let seeded = records.iter().any(|record| record.run.seed.is_some());
    page.push_str(ABSENT);
    page.push_str(if seeded { SEEDED } else { DRAWN });
    page
}

const CAPTURE: &str = "
## Reading the capture

Open `capture.pcapng` in Wireshark. The comments show under *Statistics → Capture File Properties*, \
and in the packet list with a column of the field `frame.comment` (*Preferences → Appearance → \
Columns*). On a command line:

    tshark -r capture.pcapng -T fields -e frame.number -e frame.time -e frame.comment

The last comment is the verdict, with the numbers of the packets it rests on. Whoever has \
`synquest` can recompute it from the packets alone, without privilege and without a network:

    synquest explain capture.pcapng

To find the same packets in a capture of your own, filter for the addresses and source ports in it; \
its times are UTC. Its first block names the probing host and the command that was run.
";

const ENVIRONMENT: &str = "
## About the environment

The counters are those of the whole probing host: other traffic moves them too. Of its firewall \
there are only the chain names, positions and packet counts of rules that discarded or refused \
packets while the run went on; not what they match, no comments, no sets. Only the interfaces that \
lead to the endpoints are named.
";

const ABSENT: &str = "
## What is not in here

- No payload: nothing beyond packet headers was recorded, and the probes carry none of anybody's data.
- No environment variables, no configuration files, no other traffic of the probing host.
";

const DRAWN: &str = "\
- No key: the secret that authenticates replies was drawn for this run alone, held in memory, and \
written nowhere.
";

const SEEDED: &str = "\
- No key: the secret that authenticates replies was made from the seed that `endpoints.ndjson` \
names, for this run alone. Whoever knew the seed beforehand could have forged replies to it.
";

#[cfg(test)]
mod tests {
    use super::{File, page};

    #[test]
    fn the_readme_names_the_files_there_are_and_no_others() {
        let all = [
            File::Html,
            File::Markdown,
            File::Capture,
            File::Endpoints,
            File::EnvironmentText,
            File::EnvironmentJson,
        ];
        let check = |files: &[File]| {
            let text = page(&[], files);
            for file in all {
                let listed = text.contains(&format!("- `{}`:", file.name()));
                assert_eq!(listed, files.contains(&file), "{file:?}");
            }
            let recompute = text.contains("synquest explain capture.pcapng");
            assert_eq!(recompute, files.contains(&File::Capture));
        };
        check(&all);
        check(&[File::Html, File::Markdown, File::Endpoints]);
    }
}
