//! The journal of a sweep: what its results are results of, so that only the same sweep continues
//! them, and only shards of one sweep are joined.
//!
//! It is written whole before anything is sent and never changed: what is done stands in the results
//! alone, so the two cannot disagree. The addresses of names are kept, so that a sweep that is
//! continued is still about the same endpoints.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::order::Shard;

/// The name and version of the document.
pub const SCHEMA: &str = "synquest/journal/1";

/// What a sweep is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Journal {
    /// [`SCHEMA`].
    pub schema: String,
    /// The list.
    pub list: ListMark,
    /// Seed of the order and of the shards.
    pub seed: u64,
    /// How many parts the sweep is cut into.
    pub shards: u32,
    /// Which of them this is, from 0.
    pub shard: u32,
    /// How many endpoints, names without address included, this part has.
    pub endpoints: u64,
    /// The options that change what is found, by name, as they could be typed.
    pub options: BTreeMap<String, String>,
    /// What the resolver said of each name.
    #[serde(default)]
    pub names: BTreeMap<String, Answer>,
}

/// Which list it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListMark {
    /// As the user named it; a list may be renamed.
    pub file: String,
    /// SHA-256 of the unpacked list, in hexadecimal.
    pub sha256: String,
    /// How many lines of it ask for something.
    pub lines: u64,
}

/// What the resolver said of a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// These addresses.
    Addresses(Vec<IpAddr>),
    /// None, and why.
    Nothing(String),
}

/// Why results are not those of this sweep.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Disagreement {
    /// Written by a version that means something else by it.
    #[error("its journal is {0:?}, and this program reads {SCHEMA:?}")]
    Schema(String),
    /// Another list, or the same after a change.
    #[error("it belongs to another list: {then} then, {now} now (SHA-256 of the list)")]
    List {
        /// Digest of the list it belongs to.
        then: String,
        /// Digest of the list at hand.
        now: String,
    },
    /// Another seed.
    #[error("it was begun with --seed {then}, and now it is {now}")]
    Seed {
        /// Its seed.
        then: u64,
        /// The seed at hand.
        now: u64,
    },
    /// Cut into another number of parts, or another part.
    #[error("it is shard {} of {}, and not {} of {}", then.index, then.count, now.index, now.count)]
    Shard {
        /// Which it is.
        then: Shard,
        /// Which is wanted.
        now: Shard,
    },
    /// Another option.
    #[error("it was begun with {}, and now it is {}", said(option, then.as_deref()), said(option, now.as_deref()))]
    Option {
        /// Its name.
        option: String,
        /// Its value then; `None` when it was not given.
        then: Option<String>,
        /// Its value now.
        now: Option<String>,
    },
    /// Another number of endpoints, though all else is the same.
    #[error("it has {then} endpoints, and now there are {now}")]
    Endpoints {
        /// Then.
        then: u64,
        /// Now.
        now: u64,
    },
}

fn said(option: &str, value: Option<&str>) -> String {
    match value {
        None => format!("no --{option}"),
        Some("") => format!("--{option}"),
        Some(value) => format!("--{option} {value}"),
    }
}

impl Journal {
    /// The part of the sweep that it is about.
    pub const fn part(&self) -> Shard {
        Shard {
            index: self.shard,
            count: self.shards,
        }
    }

    /// Whether `other` is about the same sweep, whichever part of it.
    ///
    /// # Errors
    ///
    /// The first thing in which they differ; this journal's is the earlier one.
    pub fn agree(&self, other: &Self) -> Result<(), Disagreement> {
        if self.schema != other.schema {
            return Err(Disagreement::Schema(self.schema.clone()));
        }
        if self.list.sha256 != other.list.sha256 {
            return Err(Disagreement::List {
                then: self.list.sha256.clone(),
                now: other.list.sha256.clone(),
            });
        }
        if self.seed != other.seed {
            let (then, now) = (self.seed, other.seed);
            return Err(Disagreement::Seed { then, now });
        }
        if self.shards != other.shards {
            let (then, now) = (self.part(), other.part());
            return Err(Disagreement::Shard { then, now });
        }
        let mut options = self.options.keys().chain(other.options.keys());
        let differs = |option: &&String| self.options.get(*option) != other.options.get(*option);
        match options.find(differs) {
            Some(option) => Err(Disagreement::Option {
                option: option.clone(),
                then: self.options.get(option).cloned(),
                now: other.options.get(option).cloned(),
            }),
            None => Ok(()),
        }
    }

    /// Whether `other` is about the same part of the same sweep.
    ///
    /// # Errors
    ///
    /// As [`Journal::agree`], and when it is about another part.
    pub fn continues(&self, other: &Self) -> Result<(), Disagreement> {
        self.agree(other)?;
        let (then, now) = (self.part(), other.part());
        if then != now {
            return Err(Disagreement::Shard { then, now });
        }
        let (then, now) = (self.endpoints, other.endpoints);
        if then != now {
            return Err(Disagreement::Endpoints { then, now });
        }
        Ok(())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::sweep) fn journal(shard: u32) -> Journal {
        let options = [("max-time", "45s"), ("quick", "")];
        Journal {
            schema: SCHEMA.to_owned(),
            list: ListMark {
                file: "list".to_owned(),
                sha256: "ab".to_owned(),
                lines: 9,
            },
            seed: 7,
            shards: 3,
            shard,
            endpoints: 3,
            options: options
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            names: BTreeMap::new(),
        }
    }

    #[test]
    fn only_the_same_sweep_is_continued_and_what_differs_is_said() {
        let check = |change: &dyn Fn(&mut Journal), said: &str| {
            let mut other = journal(0);
            change(&mut other);
            let refused = journal(0).continues(&other).expect_err(said);
            assert!(refused.to_string().contains(said), "{refused}");
        };
        check(
            &|other| other.list.sha256 = "cd".to_owned(),
            "ab then, cd now",
        );
        check(&|other| other.seed = 8, "--seed 7");
        check(&|other| other.shards = 4, "shard 0 of 3, and not 0 of 4");
        check(&|other| other.shard = 1, "shard 0 of 3, and not 1 of 3");
        check(&|other| other.endpoints = 4, "3 endpoints");
        check(
            &|other| {
                other.options.remove("quick");
            },
            "begun with --quick, and now it is no --quick",
        );
        check(
            &|other| {
                other.options.insert("max-time".to_owned(), "1m".to_owned());
            },
            "begun with --max-time 45s, and now it is --max-time 1m",
        );
        check(
            &|other| {
                other.options.insert("expand".to_owned(), String::new());
            },
            "no --expand, and now it is --expand",
        );
        assert_eq!(journal(0).continues(&journal(0)), Ok(()));
        assert_eq!(journal(0).agree(&journal(1)), Ok(()));
    }

    #[test]
    fn the_name_of_a_list_and_what_its_names_resolve_to_do_not_matter() {
        let mut other = journal(0);
        other.list.file = "-".to_owned();
        let nothing = Answer::Nothing("no such name".to_owned());
        other.names.insert("db".to_owned(), nothing);
        assert_eq!(journal(0).continues(&other), Ok(()));
    }
}
