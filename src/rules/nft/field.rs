//! What an nft rule can look at: the words that name it, as the grammar of nft has them
//! (`parser_bison.y`).
//!
//! Only how many words belong together is told here; what a field means is told in `pattern`.

use super::lexer::Kind;
use super::parser::{DEEPEST, Parser};
use super::syntax::Expression;
use crate::rules::unreadable::Unreadable;

/// Words that name something of the packet together with the word after them.
const PAIRS: [&str; 20] = [
    "ip", "ip6", "tcp", "udp", "udplite", "th", "sctp", "dccp", "icmp", "icmpv6", "igmp", "ether",
    "vlan", "arp", "frag", "comp", "ah", "esp", "hbh", "dst",
];

/// Headers that stand within another one, whose fields follow their name.
const TUNNELS: [&str; 5] = ["vxlan", "geneve", "gre", "gretap", "ipsec"];

/// Fields of options and chunks, behind the name of the option.
const OPTION_PARTS: [&str; 24] = [
    "kind",
    "length",
    "size",
    "count",
    "left",
    "right",
    "tsval",
    "tsecr",
    "type",
    "ptr",
    "addr",
    "value",
    "flags",
    "stream",
    "tsn",
    "ssn",
    "ppid",
    "seqno",
    "port",
    "mptcp",
    "subtype",
    "init-tag",
    "cum-tsn-ack",
    "num-gap-ack-blocks",
];

/// Words that `meta` may be left out before.
const BARE: [&str; 24] = [
    "iif",
    "oif",
    "iifname",
    "oifname",
    "iiftype",
    "oiftype",
    "iifgroup",
    "oifgroup",
    "mark",
    "skuid",
    "skgid",
    "nftrace",
    "rtclassid",
    "pkttype",
    "cpu",
    "cgroup",
    "l4proto",
    "protocol",
    "nfproto",
    "length",
    "ibrname",
    "obrname",
    "secmark",
    "priority",
];

impl Parser<'_> {
    /// The left side of a statement; `None` when no field that is known begins here.
    pub(super) fn left(&mut self) -> Result<Option<Expression>, Unreadable> {
        let Some(first) = self.operated()? else {
            return Ok(None);
        };
        let mut all = vec![first];
        while self.takes(".")? {
            match self.operated()? {
                Some(next) => all.push(next),
                None => return Ok(None),
            }
        }
        Ok(Some(super::expression::single(all, Expression::Concat)))
    }

    /// A field with what is made of its bits.
    fn operated(&mut self) -> Result<Option<Expression>, Unreadable> {
        if self.takes("(")? {
            self.deeper()?;
            let inner = self.operated()?;
            self.shallower();
            return match inner {
                Some(inner) if self.takes(")")? => Ok(Some(self.operations(inner)?)),
                Some(_) | None => Ok(None),
            };
        }
        match self.field()? {
            Some(field) => Ok(Some(self.operations(field)?)),
            None => Ok(None),
        }
    }

    /// A field by the words that name it.
    pub(super) fn field(&mut self) -> Result<Option<Expression>, Unreadable> {
        let Some(first) = self.peek_word()? else {
            return Ok(None);
        };
        let start = self.position();
        let known = if BARE.contains(&first) {
            self.skip();
            return Ok(Some(Expression::Field(format!("meta {first}"))));
        } else if first.starts_with('@') && first.len() > 1 {
            self.raw()?
        } else {
            match first {
                "meta" => self.words(2)?,
                "socket" | "exthdr" => self.words(2)? && self.part(&["level"])?,
                "osf" => self.osf()?,
                "rt" => self.route()?,
                "ct" => self.connection()?,
                "fib" => self.routing()?,
                "numgen" => self.words(2)? && self.bounded()?,
                "symhash" => self.words(1)? && self.bounded()?,
                "jhash" => self.words(1)? && self.hashed()? && self.bounded()?,
                _ if TUNNELS.contains(&first) => self.tunnel()?,
                _ if PAIRS.contains(&first) || first == "mh" => self.header(first)?,
                _ => return Ok(None),
            }
        };
        if !known {
            self.back_to(start);
            return Ok(None);
        }
        let name = self.text_since(start);
        Ok(Some(Expression::Field(name)))
    }

    /// Takes so many words.
    fn words(&mut self, count: usize) -> Result<bool, Unreadable> {
        for _ in 0..count {
            if self.peek_word()?.is_none() {
                return Ok(false);
            }
            self.skip();
        }
        Ok(true)
    }

    /// Takes one of these words with the value behind it, where it comes next.
    fn part(&mut self, names: &[&str]) -> Result<bool, Unreadable> {
        while self.peek_word()?.is_some_and(|word| names.contains(&word)) {
            if !self.words(2)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// `mod 2 seed 0x5 offset 3`
    fn bounded(&mut self) -> Result<bool, Unreadable> {
        Ok(self.is_next("mod")? && self.part(&["mod", "seed", "offset"])?)
    }

    /// What is hashed: fields joined by dots.
    fn hashed(&mut self) -> Result<bool, Unreadable> {
        self.deeper()?;
        let mut known = self.operated()?.is_some();
        while known && self.takes(".")? {
            known = self.operated()?.is_some();
        }
        self.shallower();
        Ok(known)
    }

    /// `@nh,96,32`
    fn raw(&mut self) -> Result<bool, Unreadable> {
        self.skip();
        for _ in 0..2 {
            if !self.takes(",")? || !self.words(1)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn osf(&mut self) -> Result<bool, Unreadable> {
        self.skip();
        Ok(self.part(&["ttl"])? && self.words(1)?)
    }

    /// `rt type` of an extension header, `rt classid`, `rt ip nexthop` of the route.
    fn route(&mut self) -> Result<bool, Unreadable> {
        self.skip();
        if self.takes("ip")? || self.takes("ip6")? {
            return self.words(1);
        }
        self.words(1)
    }

    /// `ct state`, `ct original ip saddr`, `ct original proto-dst`
    fn connection(&mut self) -> Result<bool, Unreadable> {
        self.skip();
        if self.takes("original")? || self.takes("reply")? {
            let _version = self.takes("ip")? || self.takes("ip6")?;
        }
        // It ends a rule of its own kind, and is no field.
        Ok(!self.is_next("count")? && self.words(1)?)
    }

    /// `fib saddr . iif oif`
    fn routing(&mut self) -> Result<bool, Unreadable> {
        if !self.words(2)? {
            return Ok(false);
        }
        while self.takes(".")? {
            if !self.words(1)? {
                return Ok(false);
            }
        }
        self.words(1)
    }

    /// `vxlan vni`, `vxlan ip saddr`, `ipsec in spnum 1 ip saddr`: the header is not read further.
    fn tunnel(&mut self) -> Result<bool, Unreadable> {
        let is_policy = self.is_next("ipsec")?;
        if !self.words(2)? {
            return Ok(false);
        }
        if is_policy {
            let known = self.part(&["spnum"])?;
            let versioned = self.takes("ip")? || self.takes("ip6")?;
            return Ok(known && self.words(1)? && (versioned || !self.is_next("ip")?));
        }
        let second = self.since(self.position().saturating_sub(1));
        let within = second
            .first()
            .is_some_and(|token| PAIRS.contains(&token.text));
        Ok(!within || self.words(1)?)
    }

    /// `tcp dport`, `tcp option maxseg size`, `ip option ra value`, `sctp chunk init init-tag`
    fn header(&mut self, first: &str) -> Result<bool, Unreadable> {
        if !self.words(2)? {
            return Ok(false);
        }
        let second = self.since(self.position().saturating_sub(1));
        let second = second.first().map_or("", |token| token.text);
        let has_parts = matches!(
            (first, second),
            ("tcp" | "ip" | "dccp", "option") | ("sctp", "chunk")
        );
        if !has_parts {
            return Ok(true);
        }
        if self.peek_word()?.is_some_and(|word| word.starts_with('@')) {
            return self.raw();
        }
        // `tcp option 8 exists`: what follows is a value then.
        if !self.words(1)? {
            return Ok(false);
        }
        while self
            .peek_word()?
            .is_some_and(|word| OPTION_PARTS.contains(&word))
        {
            self.skip();
        }
        Ok(true)
    }

    /// `& mask`, `| bits`, `^ bits`, `<< count` behind an expression.
    pub(super) fn operations(&mut self, mut left: Expression) -> Result<Expression, Unreadable> {
        for _ in 0..DEEPEST {
            let next = self.peek()?;
            let mark = next.filter(|token| matches!(token.kind, Kind::Mark | Kind::Word));
            left = match mark.map_or("", |token| token.text) {
                "&" | "and" => {
                    self.skip();
                    Expression::And(Box::new(left), Box::new(self.operand()?))
                }
                "|" | "or" => {
                    self.skip();
                    let mut all = if let Expression::List(all) = left {
                        all
                    } else {
                        vec![left]
                    };
                    all.push(self.operand()?);
                    Expression::List(all)
                }
                "^" | "xor" => {
                    self.skip();
                    Expression::Xor(Box::new(left), Box::new(self.operand()?))
                }
                "<<" | "lshift" | ">>" | "rshift" => {
                    let start = self.position();
                    self.skip();
                    self.operand()?;
                    let shift = self.text_since(start);
                    let whole = super::wording::words(&left);
                    Expression::Other(format!("{whole} {shift}"))
                }
                _ => return Ok(left),
            };
        }
        Err(self.too_deep())
    }
}

/// Whether a word begins a field of any kind.
pub(super) fn begins_field(word: &str) -> bool {
    const OTHERS: [&str; 11] = [
        "meta", "ct", "fib", "rt", "socket", "osf", "exthdr", "numgen", "jhash", "symhash", "mh",
    ];
    PAIRS.contains(&word)
        || BARE.contains(&word)
        || TUNNELS.contains(&word)
        || OTHERS.contains(&word)
        || word.starts_with('@')
}
