//! Advice for what happens on the target host.

use super::Advice;
use super::case::Case;
use crate::model::reply::Refusal;
use crate::model::verdict::{Confidence, Method};

const DATABASE_ADMIN: &str = "database administrator";
const HOST_ADMIN: &str = "administrator of the target host";

/// The chain in which the host-security agent blacklists addresses that knock too often.
const DENY_CHAIN: &str = "IN_HIDS_MYSQLD_DENY_DROP";

pub(super) fn open(case: &Case<'_>) -> Vec<Advice> {
    let first = Advice::new(
        DATABASE_ADMIN,
        "The network lets the connection through. If the connection test still fails, look at the \
         account, its allowed hosts, TLS, and whether this host is blocked for too many unfinished \
         connections (MySQL: max_connect_errors).",
    );
    vec![if case.port == 3306 {
        first.run("mysql -u root -p -e 'TRUNCATE TABLE performance_schema.host_cache'")
    } else {
        first
    }]
}

pub(super) fn closed(case: &Case<'_>) -> Vec<Advice> {
    vec![
        Advice::new(
            DATABASE_ADMIN,
            format!(
                "The host is reached and nothing listens on port {} of {}. On the host, check that \
                 the database runs, on this port, and not on 127.0.0.1 only (bind-address, \
                 listen_addresses, bindIp).",
                case.port, case.target
            ),
        )
        .run(format!("ss -ltn 'sport = :{}'", case.port)),
    ]
}

pub(super) fn reject_host(case: &Case<'_>) -> Vec<Advice> {
    let mut advice = vec![find_rule(case, "refuses this address or port")];
    if let Some(Method::Icmp(Refusal::HostProhibited | Refusal::AdminProhibited)) =
        case.verdict.method
    {
        advice.push(
            Advice::new(
                HOST_ADMIN,
                "If the host runs firewalld, its default refuses every port not opened, also ports \
                 on which nothing listens: open the port, and check that the database listens.",
            )
            .run("firewall-cmd --list-all"),
        );
    }
    advice.push(case.again());
    advice
}

pub(super) fn drop_host(case: &Case<'_>) -> Vec<Advice> {
    vec![
        find_rule(case, "discards this address or port"),
        delete_rules(case),
        case.again(),
    ]
}

pub(super) fn banned(case: &Case<'_>) -> Vec<Advice> {
    vec![
        Advice::new(
            "you",
            "Stop every connection test from this instance first: each attempt may prolong the \
             ban.",
        ),
        find_rule(case, "has just blacklisted this address"),
        delete_rules(case),
    ]
}

pub(super) fn rate_limited(case: &Case<'_>) -> Vec<Advice> {
    vec![
        Advice::new(
            "whoever owns the firewall or the host",
            "Connections pass up to a rate and are withheld above it: lower the number of parallel \
             tasks, or raise the limit.",
        )
        .run(format!("{} -S | grep -E 'limit|recent'", case.iptables())),
    ]
}

pub(super) fn listener_overloaded(case: &Case<'_>) -> Vec<Advice> {
    let mut advice = vec![
        Advice::new(
            DATABASE_ADMIN,
            "The database listens but does not accept fast enough: its queue of new connections is \
             full. On the host compare Recv-Q (waiting) with Send-Q (room); raise the backlog \
             (MySQL: back_log, and net.core.somaxconn) or find out why it hangs.",
        )
        .run(format!("ss -ltn 'sport = :{}'", case.port)),
        Advice::new(HOST_ADMIN, "These counters grow while the queue is full.")
            .run("nstat -az TcpExtListenOverflows TcpExtListenDrops"),
    ];
    if case.verdict.confidence < Confidence::Confirmed {
        advice.push(find_rule(case, "discards new connections (--syn) only"));
    }
    advice
}

/// To find the rule of the host's own firewall that `does` something.
pub(super) fn find_rule(case: &Case<'_>, does: &str) -> Advice {
    Advice::new(
        HOST_ADMIN,
        format!(
            "On the host, find the firewall rule that {does}; look also for DENY chains such as \
             {DENY_CHAIN}, in which the host-security agent blacklists addresses that knock too \
             often. The address to look for is {}, alone or within a range; the counters show which \
             rule acts.",
            case.caller()
        ),
    )
    .run(format!("{} -L -n -v --line-numbers", case.iptables()))
}

/// To delete what [`find_rule`] found.
fn delete_rules(case: &Case<'_>) -> Advice {
    Advice::new(
        HOST_ADMIN,
        "Delete each such rule by its chain and number, from the highest number to the lowest, \
         because deleting renumbers the rest.",
    )
    .run(format!("{} -D CHAIN NUMBER", case.iptables()))
}
