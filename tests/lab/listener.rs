//! The target's listeners: real sockets inside its namespace, whose accept queues are ground truth.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

use super::namespace::Namespace;
use super::plan::Plan;
use crate::scenario::{FamilyName, Scenario};

/// The port all scenarios are about.
pub(crate) const DATABASE: u16 = 3306;

/// How long a connection within one namespace may take before the accept queue counts as full.
const FULL_AFTER: Duration = Duration::from_millis(200);

/// Listening sockets, and the connections that fill the queue of an overloaded one.
#[derive(Debug)]
pub(crate) struct Listeners {
    sockets: Vec<(u16, Socket)>,
    fillers: Vec<Socket>,
}

impl Listeners {
    /// Opens the listeners of `scenario` in the target's namespace.
    pub(crate) fn open(scenario: &Scenario, plan: &Plan, target: &Namespace) -> Self {
        let host = &scenario.host;
        let domain = match plan.family {
            FamilyName::V4 => Domain::IPV4,
            FamilyName::V6 => Domain::IPV6,
        };
        target.enter(|| {
            let mut listeners = Self {
                sockets: Vec::new(),
                fillers: Vec::new(),
            };
            for &port in &host.listen {
                let overloaded = host.overloaded && port == DATABASE;
                let socket = tcp(domain);
                socket.set_reuse_address(true).expect("SO_REUSEADDR");
                let any: SocketAddr = match plan.family {
                    FamilyName::V4 => ([0, 0, 0, 0], port).into(),
                    FamilyName::V6 => ([0u16; 8], port).into(),
                };
                socket.bind(&any.into()).expect("a free port");
                let backlog = if overloaded { 0 } else { 128 };
                socket.listen(backlog).expect("listening");
                socket.set_nonblocking(true).expect("O_NONBLOCK");
                listeners.sockets.push((port, socket));
                if overloaded {
                    listeners.fill(domain, SocketAddr::new(plan.target, port));
                }
            }
            listeners
        })
    }

    /// Connects until the listener discards a SYN.
    fn fill(&mut self, domain: Domain, listener: SocketAddr) {
        for _ in 0..8 {
            let socket = tcp(domain);
            match socket.connect_timeout(&listener.into(), FULL_AFTER) {
                Ok(()) => self.fillers.push(socket),
                Err(error) if error.kind() == ErrorKind::TimedOut => return,
                Err(error) => panic!("filling the accept queue: {error}"),
            }
        }
        panic!("an accept queue of length 0 took 8 connections");
    }

    /// How many connections each listener completed that were not our own: the prober must never
    /// complete a handshake.
    pub(crate) fn completed(&self) -> Vec<(u16, usize)> {
        self.sockets
            .iter()
            .map(|(port, socket)| {
                let own = if *port == DATABASE {
                    self.fillers.len()
                } else {
                    0
                };
                (
                    *port,
                    std::iter::from_fn(|| socket.accept().ok()).count() - own,
                )
            })
            .collect()
    }
}

fn tcp(domain: Domain) -> Socket {
    Socket::new(domain, Type::STREAM, Some(Protocol::TCP)).expect("a TCP socket")
}
