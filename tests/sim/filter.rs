//! Packet filter rules at the hooks of one node.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use synquest::model::time::Moment;

use super::conntrack::State;
use super::datagram::{Datagram, ICMP, ICMP6};
use super::router::DATABASE;
use crate::scenario::{Action, Direction, Limit, Proto, Rule, Tool};

/// The hooks of netfilter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hook {
    /// Everything that comes in.
    Prerouting,
    /// What is for this host.
    Input,
    /// What passes through.
    Forward,
    /// What this host sends.
    Output,
    /// Everything that goes out.
    Postrouting,
}

impl Hook {
    /// The hook of a scenario's word.
    pub fn of(word: &str) -> Self {
        match word {
            "prerouting" => Self::Prerouting,
            "input" => Self::Input,
            "forward" => Self::Forward,
            "output" => Self::Output,
            "postrouting" => Self::Postrouting,
            _ => panic!("no hook is called {word}"),
        }
    }
}

/// What becomes of a packet at a hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on.
    Accept,
    /// It is gone.
    Drop,
    /// It is gone, and its sender is told: the v4 word of the contract, and who loaded the rule.
    Reject(String, Tool),
}

/// A packet at a hook.
#[derive(Debug)]
pub struct Subject<'a> {
    /// The packet.
    pub datagram: &'a Datagram,
    /// Which way it goes, by the target's address: `Both` on loopback, `None` when it has nothing
    /// to do with the target.
    pub direction: Option<Direction>,
    /// What conntrack says of it.
    pub state: State,
    /// The time.
    pub now: Moment,
}

/// The chains of one node, in the order packets meet them.
#[derive(Debug, Default)]
pub struct Filter {
    chains: BTreeMap<ChainKey, Chain>,
}

/// Hook, priority, and what tells chains of equal priority apart.
type ChainKey = (Hook, i32, bool, String);

#[derive(Debug, Default)]
struct Chain {
    rules: Vec<Loaded>,
    policies: Vec<Loaded>,
}

/// A rule and its memory.
#[derive(Debug)]
struct Loaded {
    index: usize,
    rule: Rule,
    bucket: Option<Bucket>,
    knocks: BTreeMap<IpAddr, VecDeque<Moment>>,
}

impl Filter {
    /// Loads rule number `index` of the scenario.
    pub fn load(&mut self, index: usize, rule: &Rule) {
        let is_nft = rule.tool == Tool::Nft;
        let priority = match (is_nft, rule.table.as_str()) {
            (true, _) => rule.priority,
            (false, "raw") => -300,
            (false, "mangle") => -150,
            (false, "filter") => 0,
            (false, table) => panic!("no iptables table is called {table}"),
        };
        let table = if is_nft {
            String::new()
        } else {
            rule.table.clone()
        };
        let chain = self
            .chains
            .entry((Hook::of(&rule.hook), priority, is_nft, table))
            .or_default();
        let list = if rule.policy {
            &mut chain.policies
        } else {
            &mut chain.rules
        };
        list.push(Loaded {
            index,
            rule: rule.clone(),
            bucket: rule.limit.map(Bucket::full),
            knocks: BTreeMap::new(),
        });
    }

    /// Runs a packet through the chains of `hook`, and says whether a copy of it goes on besides;
    /// counts into `moved` what rules it met.
    pub fn run(&mut self, hook: Hook, subject: &Subject<'_>, moved: &mut [u64]) -> (Verdict, bool) {
        let mut copied = false;
        for (key, chain) in &mut self.chains {
            if key.0 != hook {
                continue;
            }
            let met = chain
                .rules
                .iter_mut()
                .chain(&mut chain.policies)
                .find_map(|loaded| loaded.matches(subject).then_some(&*loaded));
            let Some(loaded) = met else { continue };
            moved[loaded.index] += 1;
            copied |= loaded.rule.copy;
            match loaded.rule.action {
                Action::Accept => {}
                Action::Drop => return (Verdict::Drop, copied),
                Action::Reject => {
                    let with = loaded
                        .rule
                        .with
                        .as_deref()
                        .unwrap_or("icmp-port-unreachable");
                    return (Verdict::Reject(with.to_owned(), loaded.rule.tool), copied);
                }
            }
        }
        (Verdict::Accept, copied)
    }

    /// Whether no rule is loaded.
    pub fn is_empty(&self) -> bool {
        self.chains.is_empty()
    }
}

impl Loaded {
    fn matches(&mut self, subject: &Subject<'_>) -> bool {
        let rule = &self.rule;
        // A policy knows no direction.
        if rule.policy {
            return true;
        }
        let is_this_way = match (rule.direction, subject.direction) {
            (_, None) => false,
            (Direction::Both, _) | (_, Some(Direction::Both)) => true,
            (one, Some(other)) => one == other,
        };
        is_this_way
            && self.matches_knocks(subject)
            && matches_protocol(&self.rule, subject.datagram)
            && matches_length(&self.rule, subject.datagram)
            && matches_state(&self.rule, subject.state)
            && self
                .bucket
                .as_mut()
                .is_none_or(|bucket| bucket.take(subject.now))
    }

    /// iptables `recent`: more than `after_hits` SYNs to the database port in the last 300 s, this
    /// one included; those it discards count as well.
    fn matches_knocks(&mut self, subject: &Subject<'_>) -> bool {
        let Some(most) = self.rule.after_hits else {
            return true;
        };
        let knocks = self.knocks.entry(subject.datagram.source).or_default();
        while knocks
            .front()
            .is_some_and(|at| subject.now.since(*at) > Duration::from_secs(300))
        {
            knocks.pop_front();
        }
        let segment = subject.datagram.segment();
        if segment.is_some_and(|segment| segment.is_syn() && segment.destination_port == DATABASE) {
            knocks.push_back(subject.now);
        }
        knocks.len() > most as usize
    }
}

fn matches_protocol(rule: &Rule, datagram: &Datagram) -> bool {
    match rule.proto {
        Proto::Any => true,
        Proto::Icmp => matches!(datagram.protocol, ICMP | ICMP6),
        Proto::Tcp => datagram.segment().is_some_and(|segment| {
            rule.ports.holds(segment.destination_port)
                && rule.source_ports.holds(segment.source_port)
                && (!rule.syn_only || segment.is_syn())
        }),
    }
}

fn matches_length(rule: &Rule, datagram: &Datagram) -> bool {
    let limit = rule.longer_than.map(usize::from);
    limit.is_none_or(|limit| datagram.length() > limit)
}

fn matches_state(rule: &Rule, state: State) -> bool {
    rule.state.is_empty()
        || rule.state.iter().any(|word| match word.as_str() {
            "new" => state == State::New,
            "established" => state == State::Established,
            "related" => state == State::Related,
            "invalid" => state == State::Invalid,
            "untracked" => state == State::Untracked,
            word => panic!("no conntrack state is called {word}"),
        })
}

/// A token bucket.
#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    per_second: f64,
    burst: f64,
    tokens: f64,
    filled: Moment,
}

impl Bucket {
    /// A bucket that starts full.
    pub fn full(limit: Limit) -> Self {
        Self {
            per_second: limit.per_second.into(),
            burst: limit.burst.into(),
            tokens: limit.burst.into(),
            filled: Moment::START,
        }
    }

    /// Takes a token where there is one.
    pub fn take(&mut self, now: Moment) -> bool {
        let passed = now.since(self.filled).as_secs_f64();
        self.tokens = (self.tokens + passed * self.per_second).min(self.burst);
        self.filled = now;
        if self.tokens < 1.0 {
            return false;
        }
        self.tokens -= 1.0;
        true
    }
}
