//! The plan of a scenario's network: nodes, links, addresses and routes, before anything exists.
//!
//! Link `K` (between hop `K` and hop `K + 1`, the prober being hop 0) is `10.9.K.0/24` or
//! `fd09:0:0:K::/64`; the second leg of an ECMP hop has links `100 + K`. The prober is `.2`, the
//! target `.10`; a router is `.1` towards the target and `.2` towards the prober (`r1`: `.1`).
//! Interfaces of routers are named `up` (towards the prober) and `down` (towards the target), `-b`
//! appended for a second leg; hosts have `eth0`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::scenario::{FamilyName, RouteKind, Scenario};

/// One end of a link.
#[derive(Clone, Debug)]
pub(crate) struct End {
    /// The node.
    pub(crate) node: String,
    /// Its interface.
    pub(crate) interface: String,
    /// The address; `None` on a bridge.
    pub(crate) address: Option<IpAddr>,
    /// The MTU it is given.
    pub(crate) mtu: u16,
}

/// A link between two nodes, the one nearer to the prober first.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    /// Towards the prober.
    pub(crate) near: End,
    /// Towards the target.
    pub(crate) far: End,
}

/// A scenario's network in one family.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// The family.
    pub(crate) family: FamilyName,
    /// Every node, the prober first.
    pub(crate) nodes: Vec<String>,
    /// Every link, the prober's first.
    pub(crate) links: Vec<Link>,
    /// The address the prober probes.
    pub(crate) probed: IpAddr,
    /// The target's own address.
    pub(crate) target: IpAddr,
    /// Hops in order: the names of the routers at each.
    hops: Vec<Vec<String>>,
    /// The hop that translates the probed address into the target's.
    dnat: Option<usize>,
}

/// The address numbered `host` on link `link`.
fn address(family: FamilyName, link: u8, host: u8) -> IpAddr {
    match family {
        FamilyName::V4 => Ipv4Addr::new(10, 9, link, host).into(),
        FamilyName::V6 => {
            Ipv6Addr::new(0xfd09, 0, 0, u16::from(link), 0, 0, 0, u16::from(host)).into()
        }
    }
}

impl Plan {
    /// The plan of `scenario` in `family`.
    pub(crate) fn of(scenario: &Scenario, family: FamilyName) -> Self {
        if scenario.network.loopback {
            return Self::loopback(family);
        }
        let routers = scenario.network.routers;
        let double = scenario.network.ecmp;
        assert!(
            double.is_none_or(|hop| 1 < hop && hop < routers),
            "{}: the hop that exists twice stands between two routers",
            scenario.name
        );
        let hops: Vec<Vec<String>> = (1..=routers)
            .map(|hop| {
                let mut names = vec![format!("r{hop}")];
                names.extend((double == Some(hop)).then(|| format!("r{hop}b")));
                names
            })
            .collect();
        let target = address(family, routers, 10);
        let mut plan = Self {
            family,
            nodes: Vec::new(),
            links: Vec::new(),
            probed: target,
            target,
            hops,
            dnat: None,
        };
        plan.nodes = std::iter::once("prober".to_owned())
            .chain(plan.hops.iter().flatten().cloned())
            .chain(scenario.network.bridge.then(|| "bridge".to_owned()))
            .chain(std::iter::once("target".to_owned()))
            .collect();
        for link in 0..=routers {
            plan.connect(scenario, link);
        }
        if let Some(router) = &scenario.network.dnat {
            plan.probed = plan
                .link_above(router)
                .far
                .address
                .expect("a router's address");
            plan.dnat = Some(plan.hop(router));
        }
        plan
    }

    fn loopback(family: FamilyName) -> Self {
        let own: IpAddr = match family {
            FamilyName::V4 => Ipv4Addr::LOCALHOST.into(),
            FamilyName::V6 => Ipv6Addr::LOCALHOST.into(),
        };
        Self {
            family,
            nodes: vec!["prober".to_owned()],
            links: Vec::new(),
            probed: own,
            target: own,
            hops: Vec::new(),
            dnat: None,
        }
    }

    /// Adds what lies between hop `link` and the next.
    fn connect(&mut self, scenario: &Scenario, link: u8) {
        let at = |hop: u8| match hop {
            0 => vec!["prober".to_owned()],
            hop if usize::from(hop) > self.hops.len() => vec!["target".to_owned()],
            hop => self.hops[usize::from(hop) - 1].clone(),
        };
        let (nears, fars) = (at(link), at(link + 1));
        let mut made = Vec::new();
        for near in &nears {
            for far in &fars {
                let second = near.ends_with('b') || far.ends_with('b');
                let subnet = if second { 100 + link } else { link };
                let leg = |name: &str, own: &[String]| match name {
                    "prober" | "target" => "eth0".to_owned(),
                    _ => format!(
                        "{}{}",
                        if own == nears { "down" } else { "up" },
                        if second && own.len() == 1 { "-b" } else { "" }
                    ),
                };
                let near_host = if near == "prober" { 2 } else { 1 };
                let far_host = match far.as_str() {
                    "target" => 10,
                    "r1" => 1,
                    _ => 2,
                };
                let end = |node: &str, interface: String, host: u8| End {
                    node: node.to_owned(),
                    interface,
                    address: Some(address(self.family, subnet, host)),
                    mtu: 1500,
                };
                made.push(Link {
                    near: end(near, leg(near, &nears), near_host),
                    far: end(far, leg(far, &fars), far_host),
                });
            }
        }
        if scenario.network.bridge && fars == ["target"] {
            let whole = made.remove(0);
            let port = |interface: &str| End {
                node: "bridge".to_owned(),
                interface: interface.to_owned(),
                address: None,
                mtu: 1500,
            };
            made.push(Link {
                near: whole.near,
                far: port("up"),
            });
            made.push(Link {
                near: port("down"),
                far: whole.far,
            });
        }
        for link in &mut made {
            narrow(scenario, link);
        }
        self.links.extend(made);
    }

    /// The link from `node` towards the prober.
    pub(crate) fn link_above(&self, node: &str) -> &Link {
        self.links
            .iter()
            .find(|link| link.far.node == node)
            .expect("a link towards the prober")
    }

    /// The link from `node` towards the target.
    pub(crate) fn link_below(&self, node: &str) -> &Link {
        self.links
            .iter()
            .find(|link| link.near.node == node)
            .expect("a link towards the target")
    }

    /// Which hop a node is; 0 for the prober, one more than there are routers for the rest.
    pub(crate) fn hop(&self, node: &str) -> usize {
        if node == "prober" {
            return 0;
        }
        self.hops
            .iter()
            .position(|names| names.iter().any(|name| name == node))
            .map_or(self.hops.len() + 1, |index| index + 1)
    }

    /// The target's address as a rule at `hook` of `node` sees it: before translation, the probed one.
    pub(crate) fn seen_as(&self, node: &str, hook: &str) -> IpAddr {
        let hop = self.hop(node);
        let translated = self
            .dnat
            .is_none_or(|dnat| hop > dnat || hop == dnat && hook != "prerouting");
        if translated { self.target } else { self.probed }
    }

    /// Whether a node forwards.
    pub(crate) fn is_router(&self, node: &str) -> bool {
        (1..=self.hops.len()).contains(&self.hop(node))
    }

    /// The routes of `node`, as arguments of `ip route add`; the way to the target may be
    /// replaced by `kind`.
    pub(crate) fn routes(&self, node: &str, kind: Option<RouteKind>) -> Vec<String> {
        let hop = self.hop(node);
        let last = self.hops.len();
        let mut routes = Vec::new();
        match kind {
            Some(RouteKind::None) => {}
            Some(RouteKind::Unreachable) => routes.push("unreachable default".to_owned()),
            Some(RouteKind::Prohibit) => routes.push("prohibit default".to_owned()),
            Some(RouteKind::Blackhole) => routes.push("blackhole default".to_owned()),
            None if node == "target" && last > 0 => {
                routes.push(format!("default {}", self.through(node, false)));
            }
            None if hop < last => routes.push(format!("default {}", self.through(node, true))),
            None => {}
        }
        if self.is_router(node) && hop > 1 {
            let back = self.through(node, false);
            let own: Vec<IpAddr> = self
                .links
                .iter()
                .filter(|link| link.near.node == node || link.far.node == node)
                .flat_map(|link| [link.near.address, link.far.address])
                .flatten()
                .collect();
            for link in &self.links {
                let (Some(subnet), true) = (link.near.address, self.hop(&link.near.node) < hop)
                else {
                    continue;
                };
                if !own.contains(&subnet) {
                    routes.push(format!("{} {back}", self.subnet(subnet)));
                }
            }
        }
        routes
    }

    /// The next hop (or both legs of it) from `node`, towards the target or back.
    fn through(&self, node: &str, forward: bool) -> String {
        let ends: Vec<(&End, &End)> = self
            .links
            .iter()
            .filter_map(|link| match forward {
                true => (link.near.node == node).then_some((&link.near, &link.far)),
                false => (link.far.node == node).then_some((&link.far, &link.near)),
            })
            .collect();
        let step = |own: &End, peer: &End| {
            // A bridge is passed unseen.
            let hop = peer.address.unwrap_or_else(|| self.beyond_bridge());
            format!("via {hop} dev {}", own.interface)
        };
        match ends.as_slice() {
            [(own, peer)] => step(own, peer),
            legs => legs
                .iter()
                .map(|(own, peer)| format!("nexthop {}", step(own, peer)))
                .collect::<Vec<_>>()
                .join(" "),
        }
    }

    fn beyond_bridge(&self) -> IpAddr {
        let near = &self.link_above("bridge").near;
        near.address
            .expect("what stands before the bridge has an address")
    }

    fn subnet(&self, inside: IpAddr) -> String {
        match inside {
            IpAddr::V4(address) => format!(
                "10.9.{}.0/24",
                address.octets().get(2).expect("four octets")
            ),
            IpAddr::V6(address) => format!(
                "fd09:0:0:{:x}::/64",
                address.segments().get(3).expect("eight segments")
            ),
        }
    }

    /// An address of the target's subnet for a bridge that must speak for itself, and its gateway.
    pub(crate) fn bridge_address(&self) -> (IpAddr, IpAddr) {
        let last = u8::try_from(self.hops.len()).expect("few hops");
        (
            address(self.family, last, 5),
            address(self.family, last, if last == 0 { 2 } else { 1 }),
        )
    }

    /// What the prober's own link takes, where that is less than the prober believes: longer
    /// datagrams are lost on it unheard.
    pub(crate) fn first_mtu(&self, scenario: &Scenario) -> Option<u16> {
        mtu(scenario, self.links.first()?)
    }

    /// Length of the prefix of every link.
    pub(crate) fn prefix(&self) -> u8 {
        match self.family {
            FamilyName::V4 => 24,
            FamilyName::V6 => 64,
        }
    }
}

/// Applies the scenario's MTU to a link: to both ends, but never to a host's, which goes on
/// believing in 1500 (or it would announce the smaller size in its MSS, and nothing would be lost).
///
/// The prober's own link is left alone, since two ends of a veth pair that differ make the sender
/// hear of it; see [`Plan::first_mtu`].
fn narrow(scenario: &Scenario, link: &mut Link) {
    let Some(mtu) = mtu(scenario, link) else {
        return;
    };
    if link.near.node == "prober" {
        return;
    }
    for end in [&mut link.near, &mut link.far] {
        if !["prober", "target"].contains(&end.node.as_str()) {
            end.mtu = mtu;
        }
    }
}

/// The scenario's MTU of a link, where it has one.
fn mtu(scenario: &Scenario, link: &Link) -> Option<u16> {
    let ends = [link.near.node.as_str(), link.far.node.as_str()];
    scenario.network.mtu.iter().find_map(|(name, mtu)| {
        let (one, other) = name
            .split_once('-')
            .unwrap_or_else(|| panic!("{}: link {name}", scenario.name));
        (ends.contains(&one) && ends.contains(&other)).then_some(*mtu)
    })
}
