//! The environment: what the probing host says of itself around a run, as text and as JSON.
//!
//! It is made to be read by strangers. It holds the ways to the endpoints, the interfaces they leave
//! by, settings that change what probes meet, and counters that moved while the run went on. It
//! does not hold the host's name, its other interfaces and addresses, link-layer addresses, nor
//! what firewall rules match.

use serde::{Deserialize, Serialize};

use super::page::{FAINT, PLAIN, Page, STRONG};

/// The name and version of the document.
pub const SCHEMA: &str = "synquest/environment/1";

/// What a host says of itself around a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    /// [`SCHEMA`].
    pub schema: String,
    /// Version of this program.
    pub version: String,
    /// The kernel, its version and its machine.
    pub kernel: Option<String>,
    /// The distribution's own name for itself.
    pub system: Option<String>,
    /// How far the wall clock is to be trusted.
    pub clock: Option<ClockRecord>,
    /// The way to each endpoint.
    pub ways: Vec<WayRecord>,
    /// The interfaces that these ways leave by.
    pub interfaces: Vec<InterfaceRecord>,
    /// How full the connection-tracking table is; `None` when it is not in use.
    pub connection_tracking: Option<TableRecord>,
    /// Kernel settings, by name.
    pub settings: Vec<SettingRecord>,
    /// Counters of the kernel that moved during the run, or that count losses.
    pub counters: Vec<CounterRecord>,
    /// This host's own firewall.
    pub firewall: FirewallRecord,
}

/// How far the wall clock is to be trusted (adjtimex(2)).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockRecord {
    /// Whether the kernel takes it for synchronised.
    pub synchronised: bool,
    /// The most it is off, as the kernel reckons, in microseconds.
    pub greatest_error_us: u64,
}

/// The way to an endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WayRecord {
    /// Where it leads.
    pub endpoint: String,
    /// What the kernel says of it, and of the next hop.
    pub findings: Vec<String>,
}

/// An interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterfaceRecord {
    /// Its name.
    pub name: String,
    /// Its MTU, in octets.
    pub mtu: u32,
    /// Whether it is up and has a carrier.
    pub up: bool,
}

/// How full a table is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableRecord {
    /// Entries now.
    pub count: u64,
    /// Entries at most.
    pub max: u64,
}

/// A kernel setting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingRecord {
    /// Its name, as sysctl(8) writes it.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// A counter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CounterRecord {
    /// Its name.
    pub name: String,
    /// Its value before the run.
    pub before: u64,
    /// Its value after the run.
    pub after: u64,
}

/// What was read of this host's own firewall.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirewallRecord {
    /// How it was read, or why not.
    pub reading: String,
    /// Rules that discarded or refused packets during the run, whose packets they ever were.
    pub moved: Vec<RuleRecord>,
}

/// A rule, by its place alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleRecord {
    /// Family, table and chain.
    pub chain: String,
    /// Its number in the chain, from 1; `None` for the chain's policy.
    pub number: Option<u32>,
    /// What it does: `drop`, `reject`.
    pub action: String,
    /// Packets it did that to during the run.
    pub packets: u64,
}

/// The environment as text, without ANSI codes.
pub fn text(environment: &Environment) -> String {
    let mut page = Page::new(100);
    host(&mut page, environment);
    for way in &environment.ways {
        section(&mut page, &format!("Way to {}", way.endpoint));
        for finding in &way.findings {
            page.item(PLAIN, 2, "-", 4, finding);
        }
    }
    section(&mut page, "Interfaces these ways leave by");
    for interface in &environment.interfaces {
        let state = if interface.up { "up" } else { "down" };
        let line = format!("{}: {state}, MTU {}", interface.name, interface.mtu);
        page.item(PLAIN, 2, "-", 4, &line);
    }
    section(&mut page, "Connection tracking");
    let table = environment.connection_tracking.map_or_else(
        || "not in use".to_owned(),
        |table| format!("{} of {} entries used", table.count, table.max),
    );
    page.paragraph(PLAIN, 2, &table);
    firewall(&mut page, environment);
    section(&mut page, "Settings");
    for setting in &environment.settings {
        page.line(PLAIN, &format!("  {} = {}", setting.name, setting.value));
    }
    section(
        &mut page,
        "Counters of the whole host, before and after the run",
    );
    for counter in &environment.counters {
        let moved = counter.after.saturating_sub(counter.before);
        let style = if moved == 0 { FAINT } else { PLAIN };
        let line = format!(
            "  {} {} {} (+{moved})",
            counter.name, counter.before, counter.after
        );
        page.line(style, &line);
    }
    anstream::adapter::strip_str(&page.finish()).to_string()
}

/// What the probing host is.
fn host(page: &mut Page, environment: &Environment) {
    let unknown = || "unknown".to_owned();
    page.line(PLAIN, "The probing host around the run");
    page.gap();
    let clock = environment.clock.as_ref().map_or_else(unknown, |clock| {
        let state = if clock.synchronised {
            "synchronised"
        } else {
            "not synchronised"
        };
        format!(
            "{state}, off by at most {} ms",
            clock.greatest_error_us / 1_000
        )
    });
    let kernel = environment.kernel.clone().unwrap_or_else(unknown);
    let system = environment.system.clone().unwrap_or_else(unknown);
    for (name, value) in [
        ("synquest", environment.version.as_str()),
        ("kernel", kernel.as_str()),
        ("system", system.as_str()),
        ("clock", clock.as_str()),
    ] {
        page.item(PLAIN, 0, &format!("{name}:"), 12, value);
    }
}

/// What its own firewall did meanwhile.
fn firewall(page: &mut Page, environment: &Environment) {
    section(page, "Own firewall");
    page.paragraph(PLAIN, 2, &environment.firewall.reading);
    for rule in &environment.firewall.moved {
        let number = rule
            .number
            .map_or_else(|| "policy".to_owned(), |number| format!("rule {number}"));
        let line = format!(
            "{} {number}: {} {} packets during the run",
            rule.chain, rule.action, rule.packets
        );
        page.item(PLAIN, 2, "-", 4, &line);
    }
}

fn section(page: &mut Page, title: &str) {
    page.gap();
    page.line(STRONG, title);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_reads_as_a_list_in_which_nothing_acts() {
        let counter = |name: &str, before, after| CounterRecord {
            name: name.to_owned(),
            before,
            after,
        };
        let environment = Environment {
            schema: SCHEMA.to_owned(),
            version: "1.2.3".to_owned(),
            kernel: Some("6.1.0 x86_64".to_owned()),
            system: None,
            clock: Some(ClockRecord {
                synchronised: false,
                greatest_error_us: 16_000_000,
            }),
            ways: vec![WayRecord {
                endpoint: "10.9.3.10:3306".to_owned(),
                findings: vec!["by gateway 10.9.0.1".to_owned()],
            }],
            interfaces: vec![InterfaceRecord {
                name: "e\x1b[2J".to_owned(),
                mtu: 1500,
                up: true,
            }],
            connection_tracking: Some(TableRecord { count: 5, max: 9 }),
            settings: vec![SettingRecord {
                name: "net.ipv4.tcp_timestamps".to_owned(),
                value: "1".to_owned(),
            }],
            counters: vec![counter("Ip.InDiscards", 7, 7), counter("Tcp.OutRsts", 2, 5)],
            firewall: FirewallRecord {
                reading: "read with nft".to_owned(),
                moved: vec![RuleRecord {
                    chain: "ip filter INPUT".to_owned(),
                    number: Some(3),
                    action: "drop".to_owned(),
                    packets: 6,
                }],
            },
        };
        assert_eq!(
            text(&environment),
            "The probing host around the run\n\
             \n\
             synquest:   1.2.3\n\
             kernel:     6.1.0 x86_64\n\
             system:     unknown\n\
             clock:      not synchronised, off by at most 16000 ms\n\
             \n\
             Way to 10.9.3.10:3306\n  \
               - by gateway 10.9.0.1\n\
             \n\
             Interfaces these ways leave by\n  \
               - e\\u{1b}[2J: up, MTU 1500\n\
             \n\
             Connection tracking\n  \
               5 of 9 entries used\n\
             \n\
             Own firewall\n  \
               read with nft\n  \
               - ip filter INPUT rule 3: drop 6 packets during the run\n\
             \n\
             Settings\n  \
               net.ipv4.tcp_timestamps = 1\n\
             \n\
             Counters of the whole host, before and after the run\n  \
               Ip.InDiscards 7 7 (+0)\n  \
               Tcp.OutRsts 2 5 (+3)\n"
        );
    }
}
