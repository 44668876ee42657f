//! Greets a server: full connections through this host's own TCP, for whoever asks for them.
//!
//! They leave as the probes do: by the same source address, interface and mark. Nothing here is
//! evidence, and nothing that befalls a connection is a failure. What is said, and how the
//! connection is left, is [`Conversation`]'s to decide; here are the sockets and the deadlines.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, SocketAddrV6, TcpStream};
use std::os::fd::AsFd as _;
use std::time::Duration;

use socket2::{Domain, Protocol as Transport, Socket, Type};

use super::clock::Clock;
use super::failure::Failure;
use super::netlink::Netlink;
use super::raw;
use super::stop::Stop;
use super::survey::{Preference, Standpoint};
use super::syscall;
use crate::engine::greeting::{Account, Conversation, Turn};
use crate::model::endpoint::{Endpoint, Family};
use crate::model::evidence::LocalRefusal;
use crate::model::greeting::{Greeting, Heard, Obstacle};
use crate::model::time::Moment;
use crate::wire::greeting::Protocol;

/// How long a connection may take to be made: a SYN and its first repetition.
const CONNECTING: Duration = Duration::from_secs(3);

/// How long a server may take for each thing it says: one that looks up our name is slow.
const SPEAKING: Duration = Duration::from_secs(5);

/// How long a greeting may take in all.
const WHOLE: Duration = Duration::from_secs(15);

/// How often a request to stop is looked for while a server is silent.
const GLANCE: Duration = Duration::from_millis(100);

/// Greets the server of an endpoint in `asked` or, without it, in the protocol usual on its port
/// or spoken by the server. Takes at most about 15 seconds, less once `stop` was requested.
///
/// # Errors
///
/// As [`super::doctor::approach`]: the kernel cannot be asked for the way. What befalls the
/// connection is in the greeting.
pub fn greet(
    endpoint: &Endpoint,
    preference: &Preference,
    asked: Option<Protocol>,
    stop: &Stop,
) -> Result<Greeting, Failure> {
    let standpoint = Standpoint::survey(&mut Netlink::open()?, endpoint, preference)?;
    let asked = asked.or(Protocol::usual_on(endpoint.port));
    let clock = Clock::start();
    let mut visit = Visit {
        standpoint: &standpoint,
        endpoint,
        stop,
        clock,
        connections: 0,
    };
    let mut conversation = Conversation::new(asked);
    let held = visit.hold(&mut conversation);
    let unfinished = held == Ok(Parting::Unfinished);
    let ended = conversation.end(matches!(held, Ok(Parting::Theirs)));
    Ok(Greeting {
        protocol: ended.protocol,
        server: ended.server,
        tls: ended.tls,
        heard: match (held, ended.heard) {
            (Err(obstacle), Heard::Nothing | Heard::Closed) => Heard::Unconnected(obstacle),
            (_, Heard::Nothing) if unfinished => Heard::Unfinished,
            (_, heard) => heard,
        },
        connections: visit.connections,
        took: clock.now().since(Moment::START),
    })
}

/// Who ended the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Parting {
    Ours,
    Theirs,
    /// Ours, since the server never took the connection for made.
    Unfinished,
}

/// One greeting under way.
#[derive(Debug)]
struct Visit<'a> {
    standpoint: &'a Standpoint,
    endpoint: &'a Endpoint,
    stop: &'a Stop,
    clock: Clock,
    connections: u32,
}

impl Visit<'_> {
    /// Holds the conversation, over as many connections as it wants.
    fn hold(&mut self, conversation: &mut Conversation) -> Result<Parting, Obstacle> {
        loop {
            let mut stream = self.connect()?;
            let mut turn = conversation.open();
            loop {
                match turn {
                    Turn::Say(words) => {
                        if stream.write_all(&words).is_err() {
                            // What it said before it closed may still be read.
                            tracing::debug!("the server closed before it was answered");
                        }
                    }
                    Turn::Listen => {}
                    Turn::Reconnect => break,
                    Turn::Leave(words) => {
                        // It may have gone first.
                        let _gone = stream.write_all(&words);
                        return Ok(Parting::Ours);
                    }
                }
                let mut octets = [0; 2048];
                match self.listen(&mut stream, &mut octets)? {
                    Some(0) => return Ok(Parting::Theirs),
                    Some(count) => {
                        turn = conversation.hear(octets.get(..count).unwrap_or_default());
                    }
                    None if account(&stream).is_some_and(Account::is_unfinished) => {
                        return Ok(Parting::Unfinished);
                    }
                    None => return Ok(Parting::Ours),
                }
            }
        }
    }

    fn connect(&mut self) -> Result<TcpStream, Obstacle> {
        if self.stop.requested() {
            return Err(Obstacle::Stopped);
        }
        self.connections += 1;
        let connected = self.socket().and_then(|socket| {
            socket.connect_timeout(&self.address().into(), CONNECTING.min(self.left()))?;
            Ok(socket)
        });
        connected.map(TcpStream::from).map_err(|error| {
            tracing::debug!(%error, endpoint = %self.endpoint, "no connection");
            obstacle(&error)
        })
    }

    fn socket(&self) -> io::Result<Socket> {
        let origin = &self.standpoint.origin;
        let domain = match Family::of(self.endpoint.address) {
            Family::V4 => Domain::IPV4,
            Family::V6 => Domain::IPV6,
        };
        let socket = Socket::new(domain, Type::STREAM, Some(Transport::TCP))?;
        if let Some(mark) = origin.mark {
            socket.set_mark(mark)?;
        }
        socket.bind_device(origin.interface.as_ref().map(String::as_bytes))?;
        socket.bind(&origin.address(0))?;
        socket.set_write_timeout(Some(GLANCE))?;
        socket.set_read_timeout(Some(GLANCE))?;
        Ok(socket)
    }

    fn address(&self) -> SocketAddr {
        let port = self.endpoint.port;
        match self.endpoint.address {
            IpAddr::V4(address) => (address, port).into(),
            IpAddr::V6(address) => {
                let scope = self.standpoint.scope_of(self.endpoint.address);
                SocketAddrV6::new(address, port, 0, scope).into()
            }
        }
    }

    /// What is left of the whole time; never nothing, which sockets take for no limit.
    fn left(&self) -> Duration {
        let gone = self.clock.now().since(Moment::START);
        WHOLE.saturating_sub(gone).max(GLANCE)
    }

    /// How many octets were read; 0 when the server has closed, `None` when it keeps silent or the
    /// whole time is over.
    fn listen(&self, stream: &mut TcpStream, octets: &mut [u8]) -> Result<Option<usize>, Obstacle> {
        let began = self.clock.now();
        let until = began.after(SPEAKING).min(Moment::START.after(WHOLE));
        while self.clock.now() < until {
            if self.stop.requested() {
                return Err(Obstacle::Stopped);
            }
            match stream.read(octets) {
                Ok(count) => return Ok(Some(count)),
                Err(error) if waits(&error) => {}
                // A reset closes as well.
                Err(_) => return Ok(Some(0)),
            }
        }
        Ok(None)
    }
}

/// What the kernel counts of a connection; `None` where it does not tell.
fn account(stream: &TcpStream) -> Option<Account> {
    // Places in `struct tcp_info`, in 32-bit words (linux/tcp.h; since 4.6).
    const BYTES_ACKED: usize = 30;
    const SEGS_IN: usize = 35;
    const DATA_SEGS_IN: usize = 38;
    let told: [u32; 40] = syscall::words(stream.as_fd(), libc::IPPROTO_TCP, libc::TCP_INFO).ok()?;
    let word = |at: usize| told.get(at).copied();
    Some(Account {
        heard: word(SEGS_IN)?,
        with_data: word(DATA_SEGS_IN)?,
        // The SYN counts as one octet.
        acknowledged: word(BYTES_ACKED)? > 1,
    })
}

/// Whether a read merely has to be repeated.
fn waits(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
    )
}

#[allow(
    clippy::wildcard_enum_match_arm,
    reason = "ErrorKind is non-exhaustive"
)]
fn obstacle(error: &io::Error) -> Obstacle {
    match error.kind() {
        ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset => Obstacle::Refused,
        ErrorKind::TimedOut | ErrorKind::WouldBlock => Obstacle::TimedOut,
        _ => match raw::refusal(error.raw_os_error().unwrap_or_default()) {
            LocalRefusal::NoRoute => Obstacle::Unreachable,
            _ => Obstacle::Local,
        },
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener};

    use super::*;
    use crate::wire::greeting::Standing;

    /// Greets a server on loopback that says `words` and hangs up.
    fn greeted(words: &'static [u8], asked: Option<Protocol>) -> Greeting {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(words).unwrap();
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            let mut rest = Vec::new();
            let _reset = stream.read_to_end(&mut rest);
        });
        let greeting = greet(&endpoint(port), &Preference::default(), asked, &stop()).unwrap();
        server.join().unwrap();
        greeting
    }

    fn endpoint(port: u16) -> Endpoint {
        Endpoint {
            given: "db".to_owned(),
            address: Ipv4Addr::LOCALHOST.into(),
            port,
            label: None,
        }
    }

    #[test]
    fn a_server_that_never_ends_its_sentence_is_left() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            // The head of a Redis error without its end.
            let mut words = b"-ERR ".to_vec();
            while stream.write_all(&words).is_ok() {
                words = vec![b'x'; 4096];
            }
        });
        let asked = Some(Protocol::Redis);
        let greeting = greet(&endpoint(port), &Preference::default(), asked, &stop()).unwrap();
        assert!(greeting.took < SPEAKING, "{:?}", greeting.took);
        server.join().unwrap();
    }

    fn stop() -> Stop {
        Stop::new().unwrap()
    }

    #[test]
    fn what_a_server_says_before_it_hangs_up_is_heard() {
        let full = greeted(
            b"-ERR max number of clients reached\r\n",
            Some(Protocol::Redis),
        );
        let Heard::Answer(answer) = full.heard else {
            panic!("an answer: {full:?}");
        };
        assert_eq!(answer.standing, Standing::Full);
        assert_eq!(full.connections, 1);
        let banner = greeted(b"220 mail\r\n", None);
        assert_eq!(banner.heard, Heard::Words("220 mail\r\n".to_owned()));
        assert_eq!(greeted(b"", None).heard, Heard::Closed);
    }

    #[test]
    fn a_port_that_has_closed_meanwhile_and_a_stopped_run_are_no_failures() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let stop = stop();
        let heard = |stop: &Stop| {
            let greeting = greet(&endpoint(port), &Preference::default(), None, stop);
            greeting.unwrap().heard
        };
        assert_eq!(heard(&stop), Heard::Unconnected(Obstacle::Refused));
        stop.request();
        assert_eq!(heard(&stop), Heard::Unconnected(Obstacle::Stopped));
    }
}
