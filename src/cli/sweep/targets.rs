//! From the arguments to the endpoints of a sweep: the list read, exclusions left out, names looked
//! up.

use std::collections::BTreeMap;
use std::io::Read;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use crate::cli::arguments::sweep::{Format, ListOptions, SweepArguments};
use crate::cli::failure::Failure;
use crate::cli::lookup;
use crate::cli::terminal::Terminal;
use crate::files::input;
use crate::model::endpoint::Family;
use crate::net::host;
use crate::net::resolve::Services;
use crate::sweep::exclude::Exclusions;
use crate::sweep::journal::Answer;
use crate::sweep::list::{self, BadLines, Fitness, Unreadable};
use crate::sweep::order::Shard;
use crate::sweep::roll::Roll;

/// The endpoints of a list.
#[derive(Debug)]
pub struct Targets {
    /// The endpoints.
    pub roll: Roll,
    /// SHA-256 of the list.
    pub digest: String,
    /// SHA-256 of all that is excluded, one after the other; `None` where nothing is.
    pub excluded: Option<String>,
    exclusions: Exclusions,
    family: Option<Family>,
    broadcasts: Vec<Ipv4Addr>,
}

impl From<BadLines> for Failure {
    fn from(error: BadLines) -> Self {
        Self::usage(error)
    }
}

/// Reads the list and what is excluded; looks nothing up and sends nothing.
///
/// # Errors
///
/// When a file cannot be read, or has lines that cannot be used.
pub fn read(arguments: &SweepArguments, terminal: Terminal) -> Result<Targets, Failure> {
    let family = lookup::family(&arguments.leave)?;
    let broadcasts = host::broadcasts();
    let services = Services::read();
    let service = |name: &str| services.port(name);
    let ListOptions {
        format,
        expand,
        exclude,
        skip_bad,
    } = &arguments.list_options;
    let (mut exclusions, mut digests) = (Exclusions::default(), Vec::new());
    let mut bad = BadLines::default();
    for path in exclude {
        let (file, name) = open(path)?;
        digests.push(exclusions.read(file, &name, &service, &mut |line| bad.add(line))?);
    }
    // What must not be probed is never guessed at.
    bad.none()?;
    let fitness = Fitness {
        expand: *expand,
        family,
        broadcasts: &broadcasts,
        service: &service,
    };
    let (file, name) = open(&arguments.list)?;
    let mut roll = Roll::default();
    let mut bad = BadLines::default();
    let format = format.map(Format::said);
    let digest = list::read(file, &name, format, &fitness, &mut |line| match line {
        Ok(row) => roll.add(row, &broadcasts),
        Err(line) => {
            bad.add(line);
            Ok(())
        }
    })?;
    if *skip_bad {
        for said in bad.skipped() {
            terminal.note(&said);
        }
    } else {
        bad.none()?;
    }
    if roll.lines() == 0 {
        return Err(Failure::usage(format!("{name} names no endpoint")));
    }
    roll.exclude(&exclusions);
    Ok(Targets {
        roll,
        digest,
        excluded: (!digests.is_empty()).then(|| digests.join("+")),
        exclusions,
        family,
        broadcasts,
    })
}

impl Targets {
    /// Keeps the endpoints of one part of the sweep.
    pub fn keep(&mut self, part: Shard, seed: u64) {
        if part.count > 1 {
            self.roll.retain(|at, port| part.holds(seed, at, port));
        }
    }

    /// Puts addresses in the place of names: what `known` says, and the resolver of those it does not
    /// know. Returns all of it.
    ///
    /// # Errors
    ///
    /// When the resolver cannot be asked at all.
    pub fn resolve(
        &mut self,
        mut known: BTreeMap<String, Answer>,
    ) -> Result<BTreeMap<String, Answer>, Failure> {
        let wanted: Vec<String> = self.roll.names_wanted().map(str::to_owned).collect();
        let unknown: Vec<String> = wanted
            .iter()
            .filter(|name| !known.contains_key(*name))
            .cloned()
            .collect();
        if !unknown.is_empty() {
            let answers = lookup::resolve(unknown.clone())?;
            known.extend(unknown.into_iter().zip(answers).map(|(name, answer)| {
                let answer = match answer {
                    Ok(addresses) => Answer::Addresses(addresses),
                    Err(failure) => Answer::Nothing(failure.to_string()),
                };
                (name, answer)
            }));
        }
        let answer = |name: &str| -> Result<Vec<IpAddr>, String> {
            match known.get(name) {
                Some(Answer::Addresses(addresses)) => Ok(addresses.clone()),
                Some(Answer::Nothing(reason)) => Err(reason.clone()),
                None => Ok(Vec::new()),
            }
        };
        self.roll.resolve(answer, self.family, &self.broadcasts);
        self.roll.exclude(&self.exclusions);
        self.roll.sort();
        Ok(known)
    }
}

/// Opens a list for reading, and says what it is called.
fn open(path: &Path) -> Result<(Box<dyn Read + Send>, String), Unreadable> {
    let file = input::name(path);
    match input::open(path) {
        Ok(opened) => Ok((opened, file)),
        Err(source) => Err(Unreadable::Io { file, source }),
    }
}
