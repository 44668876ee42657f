//! iptables' targets.

use std::net::{IpAddr, Ipv6Addr};

use super::option_words::Words;
use super::words::Word;
use crate::rules::names;
use crate::rules::ruleset::{Elements, Family, MarkChange, Statement, Translation, Verdict};
use crate::rules::unreadable::{Fault, Unreadable};

/// Targets after which the next rule is read as if nothing had been.
pub(in crate::rules) const NON_TERMINATING: [&str; 20] = [
    "LOG",
    "NFLOG",
    "ULOG",
    "TEE",
    "TRACE",
    "AUDIT",
    "CHECKSUM",
    "CLASSIFY",
    "TCPMSS",
    "TCPOPTSTRIP",
    "TOS",
    "DSCP",
    "TTL",
    "HL",
    "ECN",
    "SECMARK",
    "CONNSECMARK",
    "RATEEST",
    "IDLETIMER",
    "LED",
];

/// What `-j` or `-g` with this target means, its options still ahead.
pub(super) fn statements(
    target: &Word,
    goto: bool,
    words: &mut Words<'_>,
    family: Family,
) -> Result<Vec<Statement>, Unreadable> {
    let name = target.text.as_str();
    let own = words.of_target(name);
    if let Some(word) = own.first().filter(|word| !begins_option(word)) {
        return Err(words.fault(word, Fault::Word(word.text.clone())));
    }
    let options = Options::read(own);
    if goto {
        return Ok(vec![Statement::End(Verdict::Goto(name.to_owned()))]);
    }
    let statement = match name {
        "ACCEPT" => Statement::End(Verdict::Accept),
        "DROP" => Statement::End(Verdict::Drop),
        "RETURN" => Statement::End(Verdict::Return),
        "REJECT" => refusal(&options, family),
        "QUEUE" | "NFQUEUE" => {
            let queue = options.value(&["--queue-num", "--queue-balance"]);
            let queue = queue.map_or("0", |word| word.text.as_str());
            handover(name, format!("the program that reads queue {queue}"))
        }
        "SYNPROXY" => handover(name, "the SYN proxy of this host".to_owned()),
        "TPROXY" => handover(name, "the transparent proxy of this host".to_owned()),
        "MARK" | "CONNMARK" => return marks(name == "CONNMARK", &options, words),
        "NOTRACK" => Statement::Untrack,
        "CT" if options.has("--notrack") => Statement::Untrack,
        "CT" => return Ok(Vec::new()),
        "SNAT" | "MASQUERADE" => Statement::Source,
        "DNAT" => {
            let to = options.value(&["--to-destination"]);
            Statement::Destination(to.map_or_else(varied, |word| destination(&word.text)))
        }
        "REDIRECT" => redirect(&options),
        "NETMAP" => Statement::Destination(Translation {
            keeps_port: true,
            ..varied()
        }),
        "SET" => return Ok(sets(&options)),
        "HMARK" => Statement::Mark {
            connection: false,
            change: MarkChange::Unknown,
        },
        _ if NON_TERMINATING.contains(&name) => return Ok(Vec::new()),
        _ => Statement::End(Verdict::Jump(name.to_owned())),
    };
    Ok(vec![statement])
}

fn refusal(options: &Options<'_>, family: Family) -> Statement {
    let usual = if family == Family::Ip6 {
        "icmp6-port-unreachable"
    } else {
        "icmp-port-unreachable"
    };
    let with = options.value(&["--reject-with"]);
    let with = with.map_or(usual, |word| &word.text);
    Statement::End(Verdict::Reject(Some(full_name(with, family))))
}

fn redirect(options: &Options<'_>) -> Statement {
    let ports = options.value(&["--to-ports"]);
    let ports = ports.map(|word| word.text.as_str());
    Statement::Destination(Translation {
        address: None,
        port: ports.and_then(names::port),
        redirect: true,
        varied: ports.is_some_and(|text| names::port(text).is_none()),
        keeps_port: false,
    })
}

/// Whether a word may stand behind the name of a target.
fn begins_option(word: &Word) -> bool {
    !word.quoted && (word.text.starts_with("--") || word.text == "!")
}

/// What SET does: it puts what it names into a set, or takes it out, or takes a mark from there.
fn sets(options: &Options<'_>) -> Vec<Statement> {
    let update = |option: &str, removes| {
        options.value(&[option]).map(|word| Statement::Update {
            elements: Elements::Ipset(word.text.clone()),
            removes,
        })
    };
    let maps = options.has("--map-mark").then_some(Statement::Mark {
        connection: false,
        change: MarkChange::Unknown,
    });
    let updates = [update("--add-set", false), update("--del-set", true), maps];
    updates.into_iter().flatten().collect()
}

fn handover(target: &str, to: String) -> Statement {
    Statement::Handover {
        target: target.to_owned(),
        to,
    }
}

/// The options of a target, each with its value.
struct Options<'a> {
    words: &'a [Word],
}

impl<'a> Options<'a> {
    const fn read(words: &'a [Word]) -> Self {
        Self { words }
    }

    fn has(&self, name: &str) -> bool {
        self.words.iter().any(|word| word.text == name)
    }

    fn value(&self, names: &[&str]) -> Option<&'a Word> {
        let at = self
            .words
            .iter()
            .position(|word| names.contains(&word.text.as_str()))?;
        self.words.get(at + 1)
    }
}

/// The name of a refusal, also where it was shortened.
fn full_name(name: &str, family: Family) -> String {
    let shortened: &[(&str, &str)] = if family == Family::Ip6 {
        &[
            ("no-route", "icmp6-no-route"),
            ("adm-prohibited", "icmp6-adm-prohibited"),
            ("addr-unreach", "icmp6-addr-unreachable"),
            ("port-unreach", "icmp6-port-unreachable"),
            ("policy-fail", "icmp6-policy-fail"),
            ("reject-route", "icmp6-reject-route"),
            ("tcp-rst", "tcp-reset"),
        ]
    } else {
        &[
            ("net-unreach", "icmp-net-unreachable"),
            ("host-unreach", "icmp-host-unreachable"),
            ("proto-unreach", "icmp-proto-unreachable"),
            ("port-unreach", "icmp-port-unreachable"),
            ("net-prohib", "icmp-net-prohibited"),
            ("host-prohib", "icmp-host-prohibited"),
            ("admin-prohib", "icmp-admin-prohibited"),
            ("tcp-rst", "tcp-reset"),
        ]
    };
    let full = shortened.iter().find(|(short, _)| *short == name);
    full.map_or(name, |(_, full)| full).to_owned()
}

const fn varied() -> Translation {
    Translation {
        address: None,
        port: None,
        redirect: false,
        varied: true,
        keeps_port: false,
    }
}

/// The value of `--to-destination`.
pub(in crate::rules) fn destination(text: &str) -> Translation {
    let (address, port) = if let Some(rest) = text.strip_prefix('[') {
        let (address, port) = rest.split_once(']').unwrap_or((rest, ""));
        (address, port.strip_prefix(':'))
    } else if text.parse::<Ipv6Addr>().is_ok() {
        (text, None)
    } else {
        text.split_once(':')
            .map_or((text, None), |(address, port)| (address, Some(port)))
    };
    let known = address.is_empty() || address.parse::<IpAddr>().is_ok();
    let known_port = port.is_none_or(|port| port.parse::<u16>().is_ok());
    if !known || !known_port {
        return Translation {
            keeps_port: port.is_none(),
            ..varied()
        };
    }
    Translation {
        address: address.parse().ok(),
        port: port.and_then(|port| port.parse().ok()),
        redirect: false,
        varied: false,
        keeps_port: false,
    }
}

/// What MARK and CONNMARK do.
fn marks(
    connection: bool,
    options: &Options<'_>,
    words: &Words<'_>,
) -> Result<Vec<Statement>, Unreadable> {
    let number = |word: &Word| names::mark(&word.text).ok_or_else(|| words.bad("the mark", word));
    let masked = |word: &Word| {
        let (value, mask) = word
            .text
            .split_once('/')
            .unwrap_or((&word.text, "0xffffffff"));
        let both = names::mark(value).zip(names::mark(mask));
        both.ok_or_else(|| words.bad("the mark", word))
    };
    let change = if let Some(word) = options.value(&["--set-xmark"]) {
        let (value, mask) = masked(word)?;
        MarkChange::Set {
            and: !mask,
            xor: value,
        }
    } else if let Some(word) = options.value(&["--set-mark"]) {
        let (value, mask) = masked(word)?;
        MarkChange::Set {
            and: !(mask | value),
            xor: value,
        }
    } else if let Some(word) = options.value(&["--and-mark"]) {
        MarkChange::Set {
            and: number(word)?,
            xor: 0,
        }
    } else if let Some(word) = options.value(&["--or-mark"]) {
        let bits = number(word)?;
        MarkChange::Set {
            and: !bits,
            xor: bits,
        }
    } else if let Some(word) = options.value(&["--xor-mark"]) {
        MarkChange::Set {
            and: u32::MAX,
            xor: number(word)?,
        }
    } else if options.has("--save-mark") || options.has("--restore-mark") {
        let mask = |names: &[&str]| options.value(names).map_or(Ok(u32::MAX), number);
        let packet = mask(&["--nfmask", "--mask"])?;
        let connections = mask(&["--ctmask", "--mask"])?;
        let saves = options.has("--save-mark");
        let change = MarkChange::Copy {
            and: if saves { !connections } else { !packet },
            take: if saves { packet } else { connections },
        };
        return Ok(vec![Statement::Mark {
            connection: saves,
            change,
        }]);
    } else {
        MarkChange::Unknown
    };
    Ok(vec![Statement::Mark { connection, change }])
}
