//! Whether a capture filter lets a packet pass, as far as its words are understood.
//!
//! Three-valued: a word that is not known leaves open what hangs on it.

use std::net::IpAddr;

use super::seen::{Half, Protocol};

/// A packet as a filter would see it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    pub(super) half: Half,
    pub(super) is_syn: bool,
}

/// Whether `words` let the packet pass; `None` where that is not understood.
pub(super) fn admits(words: &str, candidate: &Candidate) -> Option<bool> {
    let spaced = words
        .replace('(', " ( ")
        .replace(')', " ) ")
        .replace('!', " ! ");
    let spaced = spaced.replace("& &", "&&");
    let tokens: Vec<&str> = spaced.split_whitespace().collect();
    if tokens.is_empty() {
        return Some(true);
    }
    if words.contains('[') {
        return flags(words, candidate);
    }
    let mut parser = Parser {
        tokens: &tokens,
        candidate,
    };
    let value = parser.any_of();
    if parser.tokens.is_empty() {
        value
    } else {
        None
    }
}

/// The one common filter on flags: those without, or only those with, SYN.
fn flags(words: &str, candidate: &Candidate) -> Option<bool> {
    let bare: String = words.chars().filter(|c| !c.is_whitespace()).collect();
    let has_syn = candidate.half.protocol == Protocol::Tcp && candidate.is_syn;
    match bare.trim_start_matches('(').trim_end_matches(')') {
        "tcp[tcpflags]&tcp-syn==0" | "tcp[tcpflags]&(tcp-syn)==0" if has_syn => Some(false),
        "tcp[tcpflags]&tcp-syn!=0" | "tcp[tcpflags]&(tcp-syn)!=0" if has_syn => Some(true),
        _ => None,
    }
}

struct Parser<'t> {
    tokens: &'t [&'t str],
    candidate: &'t Candidate,
}

impl<'t> Parser<'t> {
    fn peek(&self) -> Option<&'t str> {
        self.tokens.first().copied()
    }

    fn take(&mut self) -> Option<&'t str> {
        let (first, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        Some(first)
    }

    fn any_of(&mut self) -> Option<bool> {
        let mut value = self.all_of();
        while matches!(self.peek(), Some("or" | "||")) {
            self.take();
            let other = self.all_of();
            value = match (value, other) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            };
        }
        value
    }

    fn all_of(&mut self) -> Option<bool> {
        let mut value = self.one();
        while matches!(self.peek(), Some("and" | "&&")) {
            self.take();
            let other = self.one();
            value = match (value, other) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            };
        }
        value
    }

    fn one(&mut self) -> Option<bool> {
        match self.take()? {
            "not" | "!" => self.one().map(|value| !value),
            "(" => {
                let value = self.any_of();
                // Whatever is not understood inside is passed over with its parenthesis.
                while let Some(token) = self.take() {
                    if token == ")" {
                        return value;
                    }
                }
                None
            }
            side @ ("src" | "dst") => {
                let kind = self.take()?;
                if let Ok(address) = kind.parse::<IpAddr>() {
                    return Some(self.has_address(address, Some(side)));
                }
                self.primitive(kind, Some(side))
            }
            kind => self.primitive(kind, None),
        }
    }

    fn primitive(&mut self, kind: &str, side: Option<&str>) -> Option<bool> {
        let half = self.candidate.half;
        let is_v4 = half.source.is_ipv4();
        let is_tcp = half.protocol == Protocol::Tcp;
        match kind {
            "host" => {
                let address: IpAddr = self.take()?.parse().ok()?;
                Some(self.has_address(address, side))
            }
            "port" => {
                let port: u16 = self.take()?.parse().ok()?;
                Some(is_tcp && self.has(side, |end| end.port() == port))
            }
            "tcp" | "icmp" | "icmp6" | "ip" | "ip6" => {
                let value = match kind {
                    "tcp" => is_tcp,
                    "icmp" => !is_tcp && is_v4,
                    "icmp6" => !is_tcp && !is_v4,
                    "ip" => is_v4,
                    _ => !is_v4,
                };
                match self.peek() {
                    Some(next @ ("port" | "host" | "src" | "dst")) => {
                        self.take();
                        let rest = if matches!(next, "src" | "dst") {
                            let kind = self.take()?;
                            self.primitive(kind, Some(next))
                        } else {
                            self.primitive(next, None)
                        };
                        rest.map(|rest| rest && value)
                    }
                    _ => Some(value),
                }
            }
            "arp" | "udp" | "sctp" => Some(false).filter(|_| self.ends_here()),
            _ => None,
        }
    }

    fn ends_here(&self) -> bool {
        matches!(self.peek(), None | Some("or" | "||" | "and" | "&&" | ")"))
    }

    fn has_address(&self, address: IpAddr, side: Option<&str>) -> bool {
        self.has(side, |end| end.ip() == address)
    }

    fn has(&self, side: Option<&str>, is: impl Fn(std::net::SocketAddr) -> bool) -> bool {
        let half = self.candidate.half;
        match side {
            Some("src") => is(half.source),
            Some(_) => is(half.destination),
            None => is(half.source) || is(half.destination),
        }
    }
}
