//! Advice for what happens on the target host.

use super::case::Case;
use super::piece::{Advice, Owner, Purpose};
use super::possible;
use crate::model::reply::Refusal;
use crate::model::verdict::{Confidence, Method};

/// The chain in which the host-security agent blacklists addresses that knock too often.
const DENY_CHAIN: &str = "IN_HIDS_MYSQLD_DENY_DROP";

pub(in crate::report) fn open(case: &Case<'_>) -> Vec<Advice> {
    let text = format!(
        "The network lets the connection through. If the connection test still fails, the server \
         refuses it after the handshake: {}",
        afterwards(case.port)
    );
    let first = Advice::new(Owner::DatabaseAdmin, text);
    let greeting = case.probe(" --greeting");
    vec![
        match case.port {
            3306 => first.run("mysqladmin -u root -p flush-hosts"),
            _ => first,
        },
        Advice::new(
            Owner::You,
            "To see what the server says, make one full connection; an unfinished login may count \
         against this instance.",
        )
        .run(greeting),
    ]
}

/// What a database most often says no to once the connection is made, by its usual port.
const fn afterwards(port: u16) -> &'static str {
    match port {
        3306 => {
            "\"Host is not allowed\" (1130) means that no account admits this instance's address; \
             \"Host is blocked\" (1129) that unfinished connections passed max_connect_errors, which \
             the command resets (from MySQL 8.4 on: TRUNCATE TABLE performance_schema.host_cache); \
             else the account, its password or TLS."
        }
        5432 => {
            "\"no pg_hba.conf entry\" means that the server admits this instance's address nowhere; \
             else the account, its password or TLS."
        }
        6379 => "protected mode or a missing password: the server then says DENIED or NOAUTH.",
        _ => "look at the account, its allowed hosts, TLS and limits on connections.",
    }
}

pub(in crate::report) fn closed(case: &Case<'_>) -> Vec<Advice> {
    if case.is_translated() {
        let device = case
            .device()
            .unwrap_or_else(|| "the device that answers for the address".to_owned());
        return vec![
            Advice::new(
                format!("owner of the proxy or translation at {device}"),
                format!(
                    "What answers for port {} of {} is not the host itself, and nothing listens \
                     behind it: see where it sends this port, and whether the database listens \
                     there.",
                    case.port, case.target
                ),
            )
            .run(format!(
                "{} -t nat -S | grep -E 'DNAT|REDIRECT'; nft list ruleset | grep -E \
                 'dnat|redirect'",
                case.iptables()
            )),
            case.again(),
        ];
    }
    vec![
        Advice::new(
            Owner::DatabaseAdmin,
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

pub(in crate::report) fn reject_host(case: &Case<'_>) -> Vec<Advice> {
    let mut advice = vec![find_rule(case, "refuses this address or port")];
    if let Some(Method::Icmp(Refusal::HostProhibited | Refusal::AdminProhibited)) =
        case.verdict.method
    {
        advice.push(
            Advice::new(
                Owner::HostAdmin,
                "If the host runs firewalld, its default refuses every port not opened, also ports \
                 on which nothing listens: open the port, and check that the database listens.",
            )
            .run("firewall-cmd --list-all"),
        );
    }
    advice.push(case.again());
    advice
}

pub(in crate::report) fn drop_host(case: &Case<'_>) -> Vec<Advice> {
    let mut advice = Vec::from_iter(possible::telling(case));
    advice.extend([
        find_rule(case, "discards this address or port"),
        unban(case),
        delete_rules(case),
        case.again(),
    ]);
    advice
}

pub(in crate::report) fn banned(case: &Case<'_>) -> Vec<Advice> {
    vec![
        Advice::new(
            Owner::You,
            "Stop every connection test from this instance first: each attempt may prolong the \
             ban.",
        ),
        find_rule(case, "has just blacklisted this address"),
        unban(case),
        delete_rules(case),
    ]
}

pub(in crate::report) fn rate_limited(case: &Case<'_>) -> Vec<Advice> {
    vec![
        Advice::new(
            Owner::Firewall,
            "Connections pass up to a rate and are withheld above it: lower the number of parallel \
             tasks, or raise the limit.",
        )
        .run(format!("{} -S | grep -E 'limit|recent'", case.iptables())),
    ]
}

pub(in crate::report) fn listener_overloaded(case: &Case<'_>) -> Vec<Advice> {
    let mut advice =
        vec![
        Advice::new(
            Owner::DatabaseAdmin,
            "The database listens but does not accept fast enough: its queue of new connections is \
             full. On the host compare Recv-Q (waiting) with Send-Q (room); raise the backlog \
             (MySQL: back_log, and net.core.somaxconn) or find out why it hangs.",
        )
        .run(format!("ss -ltn 'sport = :{}'", case.port)),
        Advice::new(Owner::HostAdmin, "These counters grow while the queue is full.")
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
        Owner::HostAdmin,
        format!(
            "On the host, find the firewall rule that {does}. The address to look for is {}, alone \
             or within a range; the counters show which rule acts. The tables raw, mangle and nat \
             need -t each, and nftables its own command. Or give the output of iptables-save and of \
             nft -a list ruleset to `synquest rules`: it names the rule and the commands that remove \
             it.",
            case.caller()
        ),
    )
    .run(format!(
        "{} -L -n -v --line-numbers; nft -a list ruleset",
        case.iptables()
    ))
    .to(Purpose::Search)
}

/// To have the agent that put a rule there take it away: it would put back what is deleted by hand.
pub(super) fn unban(case: &Case<'_>) -> Advice {
    Advice::new(
        Owner::HostAdmin,
        format!(
            "If a security agent guards the host (HOSTGUARD with its chain {DENY_CHAIN}, \
             fail2ban), it blacklists addresses that knock too often: look for {} there and \
             unblock it in the agent first, which puts back what is deleted by hand.",
            case.caller()
        ),
    )
    .run(format!(
        "{} -L {DENY_CHAIN} -n --line-numbers",
        case.iptables()
    ))
}

/// To delete what [`find_rule`] found.
fn delete_rules(case: &Case<'_>) -> Advice {
    Advice::new(
        Owner::HostAdmin,
        "Delete each such rule by its chain and number, from the highest number to the lowest, \
         because deleting renumbers the rest.",
    )
    .run(format!("{} -D CHAIN NUMBER", case.iptables()))
    .to(Purpose::Search)
}
