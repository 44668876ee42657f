//! One packet and one list of rules: every end it may come to.

use std::net::IpAddr;

use super::address::is_private;
use super::model::{Action, End, Nature, Odds, Reference, Rule, Side};
use super::ports::Ports;

/// Most ends that are told apart; behind them the answer is that it depends.
const MOST_ENDS: usize = 256;

/// Linux's `net.ipv4.ip_local_port_range`, from which a client's port most likely is
/// (`Documentation/networking/ip-sysctl.rst`).
const USUAL_CLIENT_PORTS: (u16, u16) = (32768, 60999);

/// A packet as one layer sees it.
#[derive(Clone, Debug)]
pub(super) struct Query<'a> {
    /// Whether it goes to the target.
    pub(super) inbound: bool,
    /// Whether it is the answer to the first packet.
    pub(super) answers: bool,
    /// The other end's address.
    pub(super) remote: IpAddr,
    /// The target's address, where it is known.
    pub(super) local: Option<IpAddr>,
    pub(super) protocol: u8,
    /// The destination ports it may have.
    pub(super) ports: Ports,
    /// The source ports it may have.
    pub(super) source_ports: Ports,
    /// What the user says that the target has, where all of it is said.
    pub(super) tags: Option<&'a [String]>,
}

/// A fact that the text does not tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fact {
    pub(super) text: String,
    /// The command that tells it.
    pub(super) command: Option<String>,
    pub(super) odds: Odds,
}

/// A fact taken to be so or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Assumed {
    pub(super) fact: Fact,
    pub(super) holds: bool,
}

impl Assumed {
    /// Whether taking it so is improbable.
    pub(super) const fn is_improbable(&self) -> bool {
        match self.fact.odds {
            Odds::Likely => !self.holds,
            Odds::Open => false,
            Odds::Unlikely => self.holds,
        }
    }
}

/// An end that a packet may come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ending {
    pub(super) allowed: bool,
    /// The rule that decides; `None` where none does.
    pub(super) rule: Option<Rule>,
    /// Of which of the ports asked about this is the end.
    pub(super) ports: Ports,
    pub(super) assumed: Vec<Assumed>,
}

impl Ending {
    /// Whether it needs what is improbable.
    pub(super) fn is_improbable(&self, query: &Query<'_>) -> bool {
        let (first, last) = USUAL_CLIENT_PORTS;
        let usual = Ports::range(first, last).unwrap_or_else(Ports::none);
        let rare = query.answers && self.ports.common(&usual).is_empty();
        let sought = !query.ports.common(&usual).is_empty();
        (rare && sought) || self.assumed.iter().any(Assumed::is_improbable)
    }
}

/// Every end; `cut_short` where there are more than are followed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Endings {
    pub(super) all: Vec<Ending>,
    pub(super) cut_short: bool,
}

/// Asks the rules of a side, which stand in their order.
pub(super) fn ask(side: &Side, query: &Query<'_>) -> Endings {
    let mut rules: Vec<&Rule> = side.rules.iter().collect();
    // Where all allow, their order means nothing: those that surely match come first.
    if rules.iter().all(|rule| rule.action == Action::Allow) {
        rules.sort_by_cached_key(|rule| !matches!(matches(rule, query, &[]), Match::Yes));
    }
    let mut asking = Asking {
        rules,
        default: &side.default,
        query,
        endings: Endings::default(),
    };
    asking.from(0, query.ports.clone(), Vec::new());
    asking.endings
}

struct Asking<'a> {
    rules: Vec<&'a Rule>,
    default: &'a Action,
    query: &'a Query<'a>,
    endings: Endings,
}

/// Whether a rule matches.
enum Match {
    No,
    Yes,
    /// When of each group of facts any is so.
    When(Vec<Vec<Fact>>),
}

impl Asking<'_> {
    fn from(&mut self, start: usize, mut ports: Ports, mut assumed: Vec<Assumed>) {
        for index in start..self.rules.len() {
            let Some(&rule) = self.rules.get(index) else {
                break;
            };
            if self.endings.all.len() >= MOST_ENDS {
                self.endings.cut_short = true;
                return;
            }
            let common = common_ports(rule, self.query, &ports);
            if common.is_empty() {
                continue;
            }
            match matches(rule, self.query, &assumed) {
                Match::No => {}
                Match::Yes => {
                    self.act(index, rule, common.clone(), assumed.clone());
                    ports = ports.without(&common);
                    if ports.is_empty() {
                        return;
                    }
                }
                Match::When(groups) => {
                    let mut taken = assumed.clone();
                    taken.extend(groups.iter().map(|any| so(joined(any, " or "), true)));
                    self.act(index, rule, common, taken);
                    match groups.as_slice() {
                        [any] => assumed.extend(any.iter().map(|fact| so(fact.clone(), false))),
                        _ => {
                            let all: Vec<Fact> =
                                groups.iter().map(|any| joined(any, " or ")).collect();
                            assumed.push(so(both(&all), false));
                        }
                    }
                }
            }
        }
        self.end(self.default, None, ports, assumed);
    }

    fn act(&mut self, index: usize, rule: &Rule, ports: Ports, assumed: Vec<Assumed>) {
        if rule.action == Action::Next {
            let behind = |other: &&Rule| other.segment > rule.segment;
            let next = self.rules.iter().skip(index).position(behind);
            let next = next.map_or(self.rules.len(), |offset| index.saturating_add(offset));
            self.from(next, ports, assumed);
        } else {
            self.end(&rule.action, Some(rule), ports, assumed);
        }
    }

    fn end(&mut self, action: &Action, rule: Option<&Rule>, ports: Ports, assumed: Vec<Assumed>) {
        let mut push = |allowed: bool, assumed: Vec<Assumed>| {
            self.endings.all.push(Ending {
                allowed,
                rule: rule.cloned(),
                ports: ports.clone(),
                assumed,
            });
        };
        match action {
            Action::Allow => push(true, assumed),
            // A list that ends with handing on ends with what follows it: nothing.
            Action::Deny | Action::Next => push(false, assumed),
            Action::Unclear(word) => {
                let fact = Fact {
                    text: format!("{word} lets it through"),
                    command: None,
                    odds: Odds::Open,
                };
                for allowed in [true, false] {
                    let mut taken = assumed.clone();
                    taken.push(so(fact.clone(), allowed));
                    push(allowed, taken);
                }
            }
        }
    }
}

const fn so(fact: Fact, holds: bool) -> Assumed {
    Assumed { fact, holds }
}

/// Of the ports, those of the packet's protocol that a rule names.
fn common_ports(rule: &Rule, query: &Query<'_>, ports: &Ports) -> Ports {
    let mut named = Ports::none();
    for service in &rule.services {
        if service
            .protocol
            .is_none_or(|protocol| protocol == query.protocol)
        {
            named.add(&service.ports.common(ports));
        }
    }
    named
}

fn matches(rule: &Rule, query: &Query<'_>, assumed: &[Assumed]) -> Match {
    let mut groups: Vec<Vec<Fact>> = Vec::new();
    if !rule.unclear.is_empty() {
        let of = rule.id.as_deref().unwrap_or(&rule.text);
        groups.push(vec![Fact {
            text: format!("rule {of} matches: {}", rule.unclear.join("; ")),
            command: None,
            odds: Odds::Open,
        }]);
    }
    let remote = remote(rule, query, assumed);
    // What is not understood of a rule may be one more end that it names.
    let remote = match remote {
        Match::No if !rule.unclear.is_empty() => Match::Yes,
        told @ (Match::No | Match::Yes | Match::When(_)) => told,
    };
    for found in [
        remote,
        local(rule, query, assumed),
        target(rule, query, assumed),
        source_port(rule, query),
    ] {
        match found {
            Match::No => return Match::No,
            Match::Yes => {}
            Match::When(more) => groups.extend(more),
        }
    }
    if groups.is_empty() {
        Match::Yes
    } else {
        Match::When(groups)
    }
}

/// What is known of `facts`, any of which is enough.
fn any_of(facts: Vec<Fact>, assumed: &[Assumed]) -> Match {
    let mut open = Vec::new();
    for fact in facts {
        match assumed.iter().find(|known| known.fact.text == fact.text) {
            Some(known) if known.holds => return Match::Yes,
            Some(_) => {}
            None => open.push(fact),
        }
    }
    if open.is_empty() {
        Match::No
    } else {
        Match::When(vec![open])
    }
}

fn remote(rule: &Rule, query: &Query<'_>, assumed: &[Assumed]) -> Match {
    let mut facts = Vec::new();
    for end in &rule.remote {
        match end {
            End::Every => return Match::Yes,
            End::Block(block) if block.contains(&query.remote) => return Match::Yes,
            End::Block(_) => {}
            End::Named(named) if named.nature == Nature::Private && !is_private(query.remote) => {}
            End::Named(named) => facts.push(Fact {
                text: format!("{} {}", query.remote, named.predicate),
                command: named.command.clone(),
                odds: named.odds(Some(query.remote)),
            }),
        }
    }
    any_of(facts, assumed)
}

fn local(rule: &Rule, query: &Query<'_>, assumed: &[Assumed]) -> Match {
    let mut facts = Vec::new();
    for end in &rule.local {
        match end {
            End::Every => return Match::Yes,
            End::Block(block) => {
                let same = block.addr().is_ipv4() == query.remote.is_ipv4();
                if end.is_everything() && same {
                    return Match::Yes;
                }
                match query.local {
                    Some(local) if block.contains(&local) => return Match::Yes,
                    // The rules see the private address behind a public one.
                    Some(local) if is_private(local) || !is_private(block.addr()) => {}
                    _ if !same => {}
                    _ => facts.push(Fact {
                        text: format!("the target's own address is in {block}"),
                        command: None,
                        odds: Odds::Open,
                    }),
                }
            }
            End::Named(named) => match has(named, query) {
                Match::Yes => return Match::Yes,
                Match::No => {}
                Match::When(more) => facts.extend(more.into_iter().flatten()),
            },
        }
    }
    any_of(facts, assumed)
}

fn target(rule: &Rule, query: &Query<'_>, assumed: &[Assumed]) -> Match {
    if rule.target.is_empty() {
        return Match::Yes;
    }
    let mut facts = Vec::new();
    for named in &rule.target {
        match has(named, query) {
            Match::Yes => return Match::Yes,
            Match::No => {}
            Match::When(more) => facts.extend(more.into_iter().flatten()),
        }
    }
    any_of(facts, assumed)
}

/// Whether the target has what a rule wants of it.
fn has(named: &Reference, query: &Query<'_>) -> Match {
    let way = match named.nature {
        Nature::PrivateWay => Some(true),
        Nature::PublicWay => Some(false),
        Nature::Inside
        | Nature::Private
        | Nature::Internet
        | Nature::Services
        | Nature::Anything
        | Nature::Presumed => None,
    };
    match query.tags {
        _ if way == Some(is_private(query.remote)) => Match::Yes,
        _ if way.is_some() => Match::No,
        Some(tags) if tags.contains(&named.name) => Match::Yes,
        Some(_) => Match::No,
        None => Match::When(vec![vec![Fact {
            text: format!("the target {}", named.predicate),
            command: named.command.clone(),
            odds: named.odds(None),
        }]]),
    }
}

fn source_port(rule: &Rule, query: &Query<'_>) -> Match {
    if rule.source_ports.is_every() {
        return Match::Yes;
    }
    let common = rule.source_ports.common(&query.source_ports);
    if common.is_empty() {
        Match::No
    } else if common == query.source_ports {
        Match::Yes
    } else {
        Match::When(vec![vec![Fact {
            text: format!("it comes from port {}", common.words()),
            command: None,
            odds: Odds::Open,
        }]])
    }
}

/// Facts of which any is enough, as one.
fn joined(facts: &[Fact], word: &str) -> Fact {
    let odds = if facts.iter().any(|fact| fact.odds == Odds::Likely) {
        Odds::Likely
    } else if facts.iter().all(|fact| fact.odds == Odds::Unlikely) {
        Odds::Unlikely
    } else {
        Odds::Open
    };
    Fact {
        odds,
        ..written(facts, word)
    }
}

/// Facts that must all be so, as one.
fn both(facts: &[Fact]) -> Fact {
    let odds = if facts.iter().any(|fact| fact.odds == Odds::Unlikely) {
        Odds::Unlikely
    } else if facts.iter().all(|fact| fact.odds == Odds::Likely) {
        Odds::Likely
    } else {
        Odds::Open
    };
    Fact {
        odds,
        ..written(facts, " and ")
    }
}

fn written(facts: &[Fact], word: &str) -> Fact {
    let texts: Vec<&str> = facts.iter().map(|fact| fact.text.as_str()).collect();
    let mut commands: Vec<&str> = Vec::new();
    for command in facts.iter().filter_map(|fact| fact.command.as_deref()) {
        if !commands.contains(&command) {
            commands.push(command);
        }
    }
    Fact {
        text: texts.join(word),
        command: (!commands.is_empty()).then(|| commands.join("; ")),
        odds: Odds::Open,
    }
}
