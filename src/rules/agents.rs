//! Programs that own chains and put their rules back: how each is told, and its own way of letting
//! an address in.

use std::net::IpAddr;

use super::remedy::Step;
use super::ruleset::{Chain, Table};

/// A program that manages rules of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Agent {
    /// The host-security agent that fills `IN_HIDS_…` chains.
    Hostguard,
    /// fail2ban, for one of its jails.
    Fail2ban(String),
    /// CrowdSec's bouncer.
    Crowdsec,
    /// firewalld, for one of its zones where that is known.
    Firewalld(Option<String>),
    /// ufw.
    Ufw,
    /// Docker.
    Docker,
    /// kube-proxy or the kubelet.
    Kubernetes,
    /// Calico.
    Calico,
}

impl Agent {
    /// The program that owns `chain`; for a built-in chain of iptables, the one that fills it.
    pub fn of(table: &Table, chain: &Chain) -> Option<Self> {
        let name = chain.name.as_str();
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
            let mut sets = table.sets.keys();
            let jail = sets.find_map(|set| {
                set.strip_prefix("addr-set-")
                    .or_else(|| set.strip_prefix("addr6-set-"))
            });
            return Some(Self::Fail2ban(jail.unwrap_or("JAIL").to_owned()));
        }
        let starts: [(&str, Self); 7] = [
            ("IN_HIDS_", Self::Hostguard),
            ("crowdsec", Self::Crowdsec),
            ("CROWDSEC", Self::Crowdsec),
            ("ufw", Self::Ufw),
            ("DOCKER", Self::Docker),
            ("KUBE-", Self::Kubernetes),
            ("cali-", Self::Calico),
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
        if table.name == "firewalld" || has("INPUT_ZONES") {
            return Some(Self::Firewalld(zone(name)));
        }
        (chain.base.is_some() && has("ufw")).then_some(Self::Ufw)
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
            Self::Kubernetes => "Kubernetes",
            Self::Calico => "Calico",
        }
    }

    /// Whether its own command takes back the very rule, so that deleting it by number as well
    /// would hit another.
    pub const fn lifts_the_rule(&self) -> bool {
        matches!(self, Self::Fail2ban(_) | Self::Crowdsec)
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
            Self::Firewalld(_) => format!(
                "{chain} belongs to firewalld: a rule put in by hand is gone with its next reload; \
                 add --permanent to its own command to keep it over a reload as well"
            ),
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
            Self::Calico => format!(
                "{chain} belongs to Calico, which puts its rules back: change the network policy"
            ),
        }
    }

    /// Its own command that lets `address` in to `port`, and the one that takes it back.
    pub fn own_way(&self, address: IpAddr, port: Option<u16>, protocol: &str) -> Option<Step> {
        let (command, undo) = match self {
            Self::Fail2ban(jail) => (
                format!("fail2ban-client set {jail} unbanip {address}"),
                format!("fail2ban-client set {jail} banip {address}"),
            ),
            Self::Crowdsec => (
                format!("cscli decisions delete --ip {address}"),
                format!("cscli decisions add --ip {address}"),
            ),
            Self::Ufw => {
                let rule = match port {
                    Some(port) => {
                        format!("allow proto {protocol} from {address} to any port {port}")
                    }
                    None => format!("allow proto {protocol} from {address}"),
                };
                (format!("ufw prepend {rule}"), format!("ufw delete {rule}"))
            }
            Self::Firewalld(zone) => {
                let zone = zone
                    .as_ref()
                    .map_or_else(String::new, |zone| format!("--zone={zone} "));
                let family = if address.is_ipv4() { "ipv4" } else { "ipv6" };
                let service = port.map_or_else(
                    || format!(r#"protocol value="{protocol}""#),
                    |port| format!(r#"port port="{port}" protocol="{protocol}""#),
                );
                let rule = format!(
                    r#"'rule family="{family}" source address="{address}" {service} accept'"#
                );
                (
                    format!("firewall-cmd {zone}--add-rich-rule={rule}"),
                    format!("firewall-cmd {zone}--remove-rich-rule={rule}"),
                )
            }
            Self::Hostguard | Self::Docker | Self::Kubernetes | Self::Calico => return None,
        };
        Some(Step {
            command,
            undo: Some(undo),
        })
    }
}

/// The zone in the name of one of firewalld's chains: `filter_IN_public_deny`, `IN_public`.
fn zone(chain: &str) -> Option<String> {
    let rest = chain.strip_prefix("filter_").unwrap_or(chain);
    let rest = rest.strip_prefix("IN_")?;
    let endings = ["_allow", "_deny", "_log", "_pre", "_post"];
    let ended = endings.iter().find_map(|ending| rest.strip_suffix(ending));
    Some(ended.unwrap_or(rest).to_owned())
}
