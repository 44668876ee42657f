//! A network and hand-made probes, to test devices without an engine.

use std::net::IpAddr;
use std::time::Duration;

use etherparse::TcpHeader;
use synquest::engine::Heard;
use synquest::model::endpoint::Family;
use synquest::model::evidence::{LocalRefusal, ReceivedBy};
use synquest::model::time::Moment;

use super::compose;
use super::datagram::{Datagram, Fragment, Segment, TCP};
use super::network::{Network, PROBER};
use crate::scenario::Scenario;

/// A network of a scenario's text (without its `about` and `expect`).
#[derive(Debug)]
pub struct Rig {
    /// The network.
    pub network: Network,
    heard: Vec<Heard>,
}

/// What arrived at one of the receivers.
#[derive(Debug)]
pub struct Arrival {
    /// When.
    pub at: Moment,
    /// Which receiver.
    pub by: ReceivedBy,
    /// What.
    pub datagram: Datagram,
}

impl Arrival {
    /// Its TCP header.
    pub fn segment(&self) -> Segment {
        self.datagram.segment().expect("a TCP segment")
    }

    /// What an ICMP error quotes.
    pub fn quoted(&self) -> &[u8] {
        &self.datagram.payload[8..]
    }
}

impl Rig {
    /// Builds it; the seed is fixed.
    pub fn new(family: Family, body: &str) -> Self {
        let text = format!("about = \"\"\nexpect = {{ cause = [] }}\n{body}");
        let scenario: Scenario = toml::from_str(&text).expect("a scenario");
        let mut network = Network::build(&scenario, family, 1);
        network.verbose = std::env::var_os("SYNQUEST_TRACE").is_some();
        Self {
            network,
            heard: Vec::new(),
        }
    }

    /// A SYN from port 40000 to `port`, sequence number 1000.
    pub fn syn(&self, port: u16) -> Datagram {
        self.tcp(port, |header| header.syn = true)
    }

    /// A segment from port 40000 to `port`, sequence number 1000.
    pub fn tcp(&self, port: u16, shape: impl FnOnce(&mut TcpHeader)) -> Datagram {
        let mut header = TcpHeader::new(40_000, port, 1000, 64_240);
        shape(&mut header);
        let mut datagram = Datagram {
            source: self.network.nodes[PROBER].near,
            destination: self.network.probed,
            ttl: 64,
            traffic_class: 0,
            flow_label: 0,
            id: if self.network.family == Family::V4 {
                7
            } else {
                0
            },
            dont_fragment: true,
            fragment: None,
            protocol: TCP,
            payload: header.to_bytes().to_vec(),
        };
        datagram.fill_checksum();
        datagram
    }

    /// A SYN as a first fragment whose rest never comes.
    pub fn fragment(&self, port: u16) -> Datagram {
        Datagram {
            id: 99,
            dont_fragment: self.network.family == Family::V6,
            fragment: Some(Fragment {
                offset: 0,
                more: true,
            }),
            ..self.tcp(port, |header| {
                header.syn = true;
                header
                    .set_options_raw(&[2, 4, 5, 180])
                    .expect("four octets of options");
            })
        }
    }

    /// An echo request with identifier 5.
    pub fn echo(&self) -> Datagram {
        let (source, destination) = (self.network.nodes[PROBER].near, self.network.probed);
        let kind = if source.is_ipv4() { 8 } else { 128 };
        compose::icmp(source, destination, (kind, 0), [0, 5, 0, 1], b"synquest")
    }

    /// Sends at the time it is and gives what the kernel says.
    pub fn try_send(&mut self, datagram: &Datagram) -> Result<(), LocalRefusal> {
        let now = self.network.now();
        self.network.send(now, &datagram.bytes())
    }

    /// Sends, and gives what arrives within `seconds`.
    pub fn ask_for(&mut self, datagram: &Datagram, seconds: u64) -> Vec<Arrival> {
        self.try_send(datagram).expect("the kernel takes it");
        self.wait(seconds)
    }

    /// Sends, and gives the one datagram that arrives within half a second, as the tap hears it.
    pub fn ask(&mut self, datagram: &Datagram) -> Option<Arrival> {
        self.try_send(datagram).expect("the kernel takes it");
        let mut arrivals = self.until(Duration::from_millis(500));
        arrivals.retain(|arrival| arrival.by == ReceivedBy::Tap);
        assert!(arrivals.len() <= 1, "one answer: {arrivals:#?}");
        arrivals.pop()
    }

    /// What arrives within `seconds`.
    pub fn wait(&mut self, seconds: u64) -> Vec<Arrival> {
        self.until(Duration::from_secs(seconds))
    }

    /// What arrives within `millis` milliseconds.
    pub fn wait_millis(&mut self, millis: u64) -> Vec<Arrival> {
        self.until(Duration::from_millis(millis))
    }

    fn until(&mut self, span: Duration) -> Vec<Arrival> {
        let end = self.network.now().after(span);
        while self.network.step(end) {}
        self.network.queue.pass_to(end);
        let frames = std::mem::take(&mut self.network.frames);
        self.heard.extend(frames.iter().map(|frame| frame.heard));
        frames
            .into_iter()
            .filter_map(|frame| match frame.heard {
                Heard::Departing => None,
                Heard::Vouched => unreachable!("a simulated card checks nothing"),
                Heard::Arriving(by) => Some(Arrival {
                    at: frame.at,
                    by,
                    datagram: Datagram::parse(&frame.bytes).expect("a datagram"),
                }),
            })
            .collect()
    }

    /// Whether the tap heard anything leave.
    pub fn departed(&self) -> bool {
        self.heard.contains(&Heard::Departing)
    }

    /// The address of a node that faces the prober.
    pub fn near(&self, name: &str) -> IpAddr {
        let mut nodes = self.network.nodes.iter();
        nodes.find(|node| node.name == name).expect("a node").near
    }
}
