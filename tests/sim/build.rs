//! A scenario's network, built.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use fastrand::Rng;
use synquest::model::endpoint::Family;

use super::clock::Queue;
use super::compose::DEFAULT_TTL;
use super::conntrack::Conntrack;
use super::filter::Filter;
use super::icmp::Limiter;
use super::link::{Link, LossProcess, Weather};
use super::network::{Network, PROBER};
use super::node::{Kind, Node, NodeId};
use super::prober::ReversePath;
use super::tcp::Tcp;
use crate::scenario::Scenario;

/// MTU of a link the scenario does not name.
const ETHERNET: u16 = 1500;
/// MTU of the loopback interface, as far as sixteen bits go.
const LOOPBACK: u16 = 65_535;

/// Address `last` of link `link`: 10.9.`link`.`last`, fd09:0:0:`link`::`last`, as in the lab.
pub fn address(family: Family, link: usize, last: u8) -> IpAddr {
    let link = u8::try_from(link).expect("few links");
    match family {
        Family::V4 => Ipv4Addr::new(10, 9, link, last).into(),
        Family::V6 => Ipv6Addr::new(0xfd09, 0, 0, link.into(), 0, 0, 0, last.into()).into(),
    }
}

impl Network {
    /// The network of `scenario` in `family`; chance follows `seed`.
    pub fn build(scenario: &Scenario, family: Family, seed: u64) -> Self {
        let plan = &scenario.network;
        let mut rng = Rng::with_seed(seed ^ 0x5eed_0f7e_57ca_5e00);
        let mut builder = Builder {
            scenario,
            family,
            nodes: Vec::new(),
            rng: Rng::with_seed(rng.u64(..)),
        };
        let routers = usize::from(plan.routers);
        let mut tiers = Vec::new();
        if plan.loopback {
            tiers.push(vec![builder.host("prober", 0, loopback(family))]);
        } else {
            tiers.push(vec![builder.host("prober", 0, address(family, 0, 2))]);
            for hop in 1..=routers {
                let mut tier = vec![builder.router(&format!("r{hop}"), hop, false)];
                if plan.ecmp.map(usize::from) == Some(hop) {
                    tier.push(builder.router(&format!("r{hop}b"), hop, true));
                }
                tiers.push(tier);
            }
            // On the prober's own link .2 is the prober, elsewhere the next router.
            let address = address(family, routers, 10);
            tiers.push(vec![builder.host("target", routers + 1, address)]);
        }
        let bridge = plan.bridge.then(|| builder.bridge(routers));
        let nodes = builder.nodes;
        let find = |name: &str| nodes.iter().position(|node| node.name == name);
        let target = nodes[*tiers.last().and_then(|tier| tier.first()).expect("a host")].near;
        let probed = match &plan.dnat {
            Some(name) => nodes[find(name).expect("a node to translate at")].near,
            None => target,
        };
        let down: BTreeSet<NodeId> = plan
            .down
            .iter()
            .map(|name| find(name).expect("a node to be down"))
            .collect();
        let weather = Weather::of(seed, &mut rng);
        let links = links(scenario, &nodes, &tiers, weather, &mut rng);
        Self {
            family,
            probed,
            target,
            loopback: plan.loopback,
            reverse_path: match (plan.prober_rp_filter_fails, seed % 2) {
                (false, _) => ReversePath::Holds,
                (true, 0) => ReversePath::FailsForAll,
                (true, _) => ReversePath::FailsForTarget,
            },
            nodes,
            tiers,
            bridge,
            down,
            links,
            moved: vec![0; scenario.rule.len()],
            verbose: false,
            queue: Queue::new(),
            rng,
            frames: VecDeque::new(),
        }
    }

    /// MTU of the interface the prober sends through.
    pub fn prober_mtu(&self) -> u16 {
        if self.loopback {
            return LOOPBACK;
        }
        let next = self.tiers[1][0];
        self.links[&(PROBER, next)].mtu
    }

    /// The router the prober sends to; `None` where the target is on-link or local.
    pub fn gateway(&self) -> Option<IpAddr> {
        let next = self.nodes.get(*self.tiers.get(1)?.first()?)?;
        (next.kind == Kind::Router && !next.owns(self.probed)).then_some(next.near)
    }
}

const fn loopback(family: Family) -> IpAddr {
    match family {
        Family::V4 => IpAddr::V4(Ipv4Addr::LOCALHOST),
        Family::V6 => IpAddr::V6(Ipv6Addr::LOCALHOST),
    }
}

struct Builder<'a> {
    scenario: &'a Scenario,
    family: Family,
    nodes: Vec<Node>,
    rng: Rng,
}

impl Builder<'_> {
    fn host(&mut self, name: &str, place: usize, address: IpAddr) -> NodeId {
        let serves = name == "target" || self.scenario.network.loopback;
        let mtu = if self.scenario.network.loopback {
            LOOPBACK
        } else {
            ETHERNET
        };
        let headers = if address.is_ipv4() { 40 } else { 60 };
        let host = &self.scenario.host;
        let tcp = if serves {
            let overloaded = host.overloaded.then_some(super::router::DATABASE);
            Tcp::new(
                host.listen.iter().copied().collect(),
                overloaded,
                mtu - headers,
            )
        } else {
            Tcp::new(BTreeSet::new(), None, mtu - headers)
        };
        self.node(name, Kind::Host, place, (address, address), tcp)
    }

    fn router(&mut self, name: &str, hop: usize, is_second: bool) -> NodeId {
        // The second leg of an ECMP hop has links of its own.
        let leg = if is_second { 100 } else { 0 };
        let near = address(self.family, leg + hop - 1, if hop == 1 { 1 } else { 2 });
        let far = address(self.family, leg + hop, 1);
        self.node(
            name,
            Kind::Router,
            hop,
            (near, far),
            Tcp::new(BTreeSet::new(), None, 1460),
        )
    }

    fn bridge(&mut self, place: usize) -> NodeId {
        // Only what it refuses through `br_netfilter` ever bears it.
        let own = address(self.family, place, 5);
        self.node("bridge", Kind::Bridge, place, (own, own), Tcp::default())
    }

    fn node(
        &mut self,
        name: &str,
        kind: Kind,
        place: usize,
        (near, far): (IpAddr, IpAddr),
        tcp: Tcp,
    ) -> NodeId {
        let plan = &self.scenario.network;
        let named = |list: &[String]| list.iter().any(|other| other == name);
        let is_here = |other: &str| other == name || (plan.loopback && other == "target");
        let mut filter = Filter::default();
        for (index, rule) in self.scenario.rule.iter().enumerate() {
            if is_here(&rule.at) {
                filter.load(index, rule);
            }
        }
        let losses = self.scenario.loss.iter().filter(|loss| is_here(&loss.at));
        let losses = losses
            .flat_map(|loss| LossProcess::of(loss, &mut self.rng))
            .collect();
        let limiter = if plan.is_unlimited(name) {
            Limiter::lifted()
        } else {
            Limiter::default_of(self.family)
        };
        self.nodes.push(Node {
            name: name.to_owned(),
            kind,
            place,
            near,
            far,
            filter,
            conntrack: tracks(self.scenario, &is_here).then(Conntrack::default),
            losses,
            bleaches: named(&plan.bleach),
            is_silent: named(&plan.silent),
            tells_too_big: !named(&plan.no_too_big),
            snat: named(&plan.snat),
            dnat: plan.dnat.as_deref() == Some(name),
            one_way: plan.dnat_one_way,
            mangles: named(&plan.mangles),
            syn_proxy: plan
                .syn_proxy
                .iter()
                .find(|proxy| is_here(&proxy.at))
                .map(|proxy| proxy.ports.clone()),
            route: plan.route.get(name).copied(),
            held: BTreeMap::new(),
            resolving: BTreeMap::new(),
            limiter,
            ttl: plan.ttl.get(name).copied().unwrap_or(DEFAULT_TTL),
            tcp,
            seed: self.rng.u64(..),
        });
        self.nodes.len() - 1
    }
}

/// Whether connections are tracked on a node: asked for, or needed by a rule or a translation.
fn tracks(scenario: &Scenario, is_here: &dyn Fn(&str) -> bool) -> bool {
    let plan = &scenario.network;
    let named = |list: &[String]| list.iter().any(|name| is_here(name));
    named(&plan.conntrack)
        || named(&plan.snat)
        || plan.dnat.as_deref().is_some_and(is_here)
        || plan.syn_proxy.iter().any(|proxy| is_here(&proxy.at))
        || scenario
            .rule
            .iter()
            .any(|rule| is_here(&rule.at) && !rule.state.is_empty())
}

fn links(
    scenario: &Scenario,
    nodes: &[Node],
    tiers: &[Vec<NodeId>],
    weather: Weather,
    rng: &mut Rng,
) -> BTreeMap<(NodeId, NodeId), Link> {
    let mut links = BTreeMap::new();
    for pair in tiers.windows(2) {
        for &near in &pair[0] {
            for &far in &pair[1] {
                let narrow = mtu_between(scenario, &nodes[near].name, &nodes[far].name);
                for (from, to) in [(near, far), (far, near)] {
                    // A host goes on believing in 1500.
                    let mtu = match nodes[from].kind {
                        Kind::Host => ETHERNET,
                        Kind::Router | Kind::Bridge => narrow,
                    };
                    links.insert((from, to), Link::new(mtu, narrow, weather, rng));
                }
            }
        }
    }
    links
}

/// The MTU the scenario gives to a link. That of a half of a bridged link is its sender's only on
/// the other half; the frame is lost all the same.
fn mtu_between(scenario: &Scenario, near: &str, far: &str) -> u16 {
    let names = |end: &str| end == near || end == far || (far == "target" && end == "bridge");
    let mtu = scenario.network.mtu.iter();
    mtu.filter(|(ends, _)| {
        let (one, other) = ends.split_once('-').expect("two ends of a link");
        names(one) && names(other)
    })
    .map(|(_, mtu)| *mtu)
    .min()
    .unwrap_or(ETHERNET)
}
