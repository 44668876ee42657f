//! Programs that own chains and put their rules back: how each is told, and its own way of letting
//! an address in.

use std::net::IpAddr;

use super::change::Step;
use super::condition::Condition;
use super::firewalld::ZoneChain;
use super::iptables::words::shell;
use super::place::{ChainAt, Place};
use super::ruleset::{Chain, Elements, Origin, Rule, Ruleset, Statement, Table, Verdict};
use super::walk::chain_at;

/// A program that manages rules of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Agent {
    /// The host-security agent that fills `IN_HIDS_…` chains.
    Hostguard,
    /// fail2ban, for one of its jails.
    Fail2ban(String),
    /// CrowdSec's bouncer.
    Crowdsec,
    /// firewalld, for a part of it.
    Firewalld(ZoneChain),
    /// ufw.
    Ufw,
    /// Docker.
    Docker,
    /// kube-proxy or the kubelet.
    Kubernetes,
    /// kube-proxy, for a service that nobody serves.
    Unserved,
    /// Calico.
    Calico,
    /// Cilium.
    Cilium,
    /// ConfigServer Security & Firewall; whether it denies the address itself.
    Csf {
        /// Whether the chain is that of its denied addresses.
        denied: bool,
    },
    /// OpenWrt's fw4, for a zone where that is known.
    Openwrt(Option<String>),
}

impl Agent {
    /// The program behind a rule of `chain`, or behind its policy, for a packet that has entered the
    /// chains `entered`.
    pub fn behind(ruleset: &Ruleset, place: Place, entered: &[ChainAt]) -> Option<Self> {
        let (table, chain) = chain_at(ruleset, place.at)?;
        let agent = Self::of_chain(table, chain, place.rule)?;
        let zone = || {
            let names = entered
                .iter()
                .rev()
                .filter_map(|at| Some(chain_at(ruleset, *at)?.1));
            let mut zones = names.filter_map(|chain| zone_of_fw4(&chain.name));
            zones.next().map(str::to_owned)
        };
        Some(if let Self::Firewalld(zone) = agent {
            Self::Firewalld(zone.come_by(ruleset, entered))
        } else if agent == Self::Openwrt(None) {
            Self::Openwrt(zone())
        } else {
            agent
        })
    }

    fn of_chain(table: &Table, chain: &Chain, rule: Option<usize>) -> Option<Self> {
        let by_rule = rule.and_then(|at| Self::of_rule(table, chain, chain.rules.get(at)?));
        by_rule.or_else(|| {
            // What stands in a built-in chain before an agent's own is somebody else's.
            let before = chain.rules.get(..rule.unwrap_or(0)).unwrap_or_default();
            let is_foreign = rule.is_some()
                && chain.base.is_some()
                && table.origin != Origin::Nft
                && !before.iter().any(enters_agent);
            Self::of(table, chain).filter(|_| !is_foreign)
        })
    }

    /// The program that owns `chain`; for a built-in chain of iptables, the one that fills it.
    fn of(table: &Table, chain: &Chain) -> Option<Self> {
        let name = chain.name.as_str();
        // Docker leaves it to whoever runs the host, and keeps what stands there.
        if name == "DOCKER-USER" {
            return None;
        }
        let has = |start: &str| {
            table
                .chains
                .iter()
                .any(|chain| chain.name.starts_with(start))
        };
        if let Some(jail) = name.strip_prefix("f2b-").filter(|jail| *jail != "chain") {
            return Some(Self::Fail2ban(jail.to_owned()));
        }
        if table.name == "f2b-table" {
            let filling = table.sets.keys().find_map(|set| Self::of_set(set));
            return Some(filling.unwrap_or(Self::Fail2ban("JAIL".to_owned())));
        }
        let csf = ["LOCALINPUT", "LOGDROPIN"];
        if csf.iter().all(|own| table.position(own).is_some()) {
            let denied = matches!(name, "DENYIN" | "LOCALINPUT");
            return Some(Self::Csf { denied });
        }
        if table.name == "fw4" {
            return Some(Self::Openwrt(zone_of_fw4(name).map(str::to_owned)));
        }
        let starts: [(&str, Self); 10] = [
            ("IN_HIDS_", Self::Hostguard),
            ("crowdsec", Self::Crowdsec),
            ("CROWDSEC", Self::Crowdsec),
            ("ufw", Self::Ufw),
            ("DOCKER", Self::Docker),
            ("KUBE-", Self::Kubernetes),
            ("cali-", Self::Calico),
            ("CILIUM_", Self::Cilium),
            ("OLD_CILIUM_", Self::Cilium),
            ("cilium", Self::Cilium),
        ];
        if let Some((_, agent)) = starts
            .into_iter()
            .find(|(start, _)| name.starts_with(start))
        {
            return Some(agent);
        }
        if table.name.starts_with("crowdsec") {
            return Some(Self::Crowdsec);
        }
        let tables = [
            ("kube-proxy", Self::Kubernetes),
            ("calico", Self::Calico),
            ("docker-bridges", Self::Docker),
        ];
        if let Some((_, agent)) = tables.into_iter().find(|(own, _)| table.name == *own) {
            return Some(agent);
        }
        if table.name == "firewalld" || has("INPUT_ZONES") {
            return Some(Self::Firewalld(ZoneChain::of(table, name)));
        }
        (chain.base.is_some() && has("ufw")).then_some(Self::Ufw)
    }

    /// The program behind a rule: one that says so itself, or that fills a set which it looks up.
    fn of_rule(table: &Table, chain: &Chain, rule: &Rule) -> Option<Self> {
        let without = ["has no endpoints", "has no local endpoints"];
        let refuses = chain.name.starts_with("KUBE-")
            && without.iter().any(|words| rule.text.contains(words));
        if refuses || (table.name == "kube-proxy" && chain.name == "reject-chain") {
            return Some(Self::Unserved);
        }
        rule.statements.iter().find_map(|statement| {
            let Statement::Match(Condition::Within {
                elements: Elements::Named(set) | Elements::Ipset(set),
                ..
            }) = statement
            else {
                return None;
            };
            Self::of_set(set)
        })
    }

    /// The program that fills the set of that name.
    fn of_set(set: &str) -> Option<Self> {
        let starts = ["f2b-", "addr-set-", "addr6-set-"];
        let jail = starts.iter().find_map(|start| set.strip_prefix(start));
        match jail {
            // A jail has a set for each IP version.
            Some(jail) if !jail.is_empty() => {
                let jail = jail
                    .strip_suffix('6')
                    .filter(|_| set.starts_with("f2b-"))
                    .unwrap_or(jail);
                Some(Self::Fail2ban(jail.to_owned()))
            }
            _ if set.starts_with("crowdsec") => Some(Self::Crowdsec),
            Some(_) | None => None,
        }
    }

    /// Whether the own command for `earlier`, which comes before this, lets in here as well.
    pub fn is_served_with(&self, earlier: &Self) -> bool {
        match (self, earlier) {
            (Self::Firewalld(zone), Self::Firewalld(before)) => zone.is_behind(before),
            (_, _) => false,
        }
    }

    /// Its name.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Hostguard => "HOSTGUARD",
            Self::Fail2ban(_) => "fail2ban",
            Self::Crowdsec => "CrowdSec",
            Self::Firewalld(_) => "firewalld",
            Self::Ufw => "ufw",
            Self::Docker => "Docker",
            Self::Kubernetes | Self::Unserved => "Kubernetes",
            Self::Calico => "Calico",
            Self::Cilium => "Cilium",
            Self::Csf { .. } => "CSF",
            Self::Openwrt(_) => "fw4",
        }
    }

    /// Whether a command of its own lets addresses in.
    pub const fn has_command(&self) -> bool {
        match self {
            Self::Firewalld(zone) => zone.has_rule(),
            Self::Openwrt(zone) => zone.is_some(),
            Self::Fail2ban(_) | Self::Crowdsec | Self::Ufw | Self::Csf { .. } => true,
            Self::Hostguard
            | Self::Docker
            | Self::Kubernetes
            | Self::Unserved
            | Self::Calico
            | Self::Cilium => false,
        }
    }

    /// When a command that changes its rules by hand is of use beside its own.
    pub const fn by_hand(&self) -> &'static str {
        match self {
            Self::Fail2ban(_) | Self::Crowdsec => "should the ban have outlived its agent",
            Self::Hostguard
            | Self::Firewalld(_)
            | Self::Ufw
            | Self::Docker
            | Self::Kubernetes
            | Self::Unserved
            | Self::Calico
            | Self::Cilium
            | Self::Csf { .. }
            | Self::Openwrt(_) => "in place of its own command, until its next reload",
        }
    }

    /// What to know before its rules are changed by hand.
    pub fn warning(&self, chain: &str) -> String {
        match self {
            Self::Hostguard => format!(
                "{chain} belongs to the host-security agent (HOSTGUARD), which bans addresses that \
                 knock and fail: unblock the address in its console, or it may put the rule back; \
                 find what fails before you try again"
            ),
            Self::Fail2ban(jail) => format!(
                "{chain} belongs to fail2ban (jail {jail}), which bans the address again when its \
                 logins go on failing"
            ),
            Self::Crowdsec => format!(
                "{chain} belongs to CrowdSec, which fills it from its decisions and puts back what is deleted by hand"
            ),
            Self::Firewalld(zone) => zone.warning(chain),
            Self::Ufw => format!(
                "{chain} belongs to ufw: a rule put in by hand is gone with its next reload"
            ),
            Self::Docker => format!(
                "{chain} belongs to Docker, which writes its rules again when it or a container starts: \
                 publish the port (docker run -p), and put rules of your own in DOCKER-USER"
            ),
            Self::Kubernetes => format!(
                "{chain} belongs to Kubernetes, which writes its rules again within seconds: change the \
                 Service, its endpoints or the NetworkPolicy"
            ),
            Self::Unserved => {
                "no rule helps: the service has no endpoints (kubectl get endpoints -A shows it): \
                 its pods do not run, are not ready, or its selector fits none; where its traffic \
                 policy is Local, none of them is on this node"
                    .to_owned()
            }
            Self::Calico => format!(
                "{chain} belongs to Calico, which puts its rules back: change the network policy"
            ),
            Self::Cilium => format!(
                "{chain} belongs to Cilium: change its network policy; where Cilium is gone, these \
                 are leftovers, which cilium-dbg post-uninstall-cleanup removes"
            ),
            Self::Csf { .. } => format!(
                "{chain} belongs to CSF: a rule put in by hand is gone with its next restart (csf -r)"
            ),
            Self::Openwrt(_) => format!(
                "{chain} belongs to OpenWrt's fw4: a rule put in by hand is gone with its next reload; \
                 its own rules stand in /etc/config/firewall"
            ),
        }
    }

    /// Its own command that lets `address` in to `port` past `chain`, and the one that takes it back;
    /// `None` where it has none that comes before the rules there.
    pub fn own_way(
        &self,
        chain: &str,
        address: IpAddr,
        port: Option<u16>,
        protocol: &str,
    ) -> Option<Step> {
        let (command, undo) = match self {
            Self::Fail2ban(jail) => (
                format!("fail2ban-client set {} unbanip {address}", shell(jail)),
                format!("fail2ban-client set {} banip {address}", shell(jail)),
            ),
            Self::Crowdsec => (
                format!("cscli decisions delete --ip {address}"),
                format!("cscli decisions add --ip {address}"),
            ),
            // Its own rules before those of its user are not changed by command.
            Self::Ufw if chain.contains("-before-") => return None,
            Self::Ufw => {
                let rule = match port {
                    Some(port) => {
                        format!("allow proto {protocol} from {address} to any port {port}")
                    }
                    None => format!("allow proto {protocol} from {address}"),
                };
                (format!("ufw prepend {rule}"), format!("ufw delete {rule}"))
            }
            Self::Csf { denied: true } => {
                (format!("csf -dr {address}"), format!("csf -d {address}"))
            }
            Self::Csf { denied: false } => {
                (format!("csf -a {address}"), format!("csf -ar {address}"))
            }
            Self::Openwrt(zone) => {
                let zone = shell(zone.as_ref()?);
                let port = port.map_or_else(String::new, |port| {
                    format!(" && uci set firewall.@rule[-1].dest_port={port}")
                });
                (
                    format!(
                        "uci add firewall rule && uci set firewall.@rule[-1].src={zone} && \
                         uci set firewall.@rule[-1].src_ip={address} && \
                         uci set firewall.@rule[-1].proto={protocol}{port} && \
                         uci set firewall.@rule[-1].target=ACCEPT && uci commit firewall && fw4 reload"
                    ),
                    "uci delete firewall.@rule[-1] && uci commit firewall && fw4 reload".to_owned(),
                )
            }
            Self::Firewalld(zone) => return zone.rich_rule(address, port, protocol),
            Self::Hostguard
            | Self::Docker
            | Self::Kubernetes
            | Self::Unserved
            | Self::Calico
            | Self::Cilium => return None,
        };
        Some(Step {
            command,
            undo: Some(undo),
        })
    }
}

/// The zone in the name of a chain of fw4's.
fn zone_of_fw4(chain: &str) -> Option<&str> {
    let starts = [
        "input_",
        "forward_",
        "reject_from_",
        "drop_from_",
        "accept_from_",
    ];
    starts.iter().find_map(|start| chain.strip_prefix(start))
}

/// Whether a rule leads into a chain of ufw's or firewalld's.
fn enters_agent(rule: &Rule) -> bool {
    const STARTS: [&str; 4] = ["ufw", "INPUT_", "FORWARD_", "OUTPUT_"];
    rule.statements.iter().any(|statement| {
        let Statement::End(Verdict::Jump(chain) | Verdict::Goto(chain)) = statement else {
            return false;
        };
        STARTS.iter().any(|start| chain.starts_with(start))
    })
}
