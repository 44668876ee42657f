//! Many inquests over one mouth and two ears: frames to sessions, sessions to datagrams.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use super::inflight::{Inflight, Marks, Numbered, Owner};
use super::pacer::Pacer;
use super::policy::Policy;
use super::session::{Judge, Session};
use super::token::{Key, Tokens};
use super::{Heard, Output, SessionId, Transmit, translate};
use crate::infer;
use crate::model::endpoint::Endpoint;
use crate::model::evidence::{Ear, LocalRefusal, NeighbourState};
use crate::model::outcome::Outcome;
use crate::model::probe::ProbeId;
use crate::model::reply::Answer;
use crate::model::time::Moment;
use crate::model::vantage::Vantage;
use crate::wire::dissect::{Content, Message, Packet, dissect};
use crate::wire::icmp::{Echo, Kind};
use crate::wire::quote::{Carried, Quote};
use crate::wire::tcp::{Flags, Segment};

/// All inquests of a run. See the module's documentation for the loop that drives it.
#[derive(Clone, Debug)]
pub struct Prober {
    policy: Policy,
    tokens: Tokens,
    judge: Judge,
    sessions: Vec<Entry>,
    inflight: Inflight,
    pacer: Pacer,
    /// When sessions must advance.
    wakes: BTreeSet<(Moment, SessionId)>,
    /// When sessions want to send.
    sends: BTreeSet<(Moment, SessionId)>,
    /// Resets that close half-open connections; they leave before anything else.
    resets: VecDeque<Transmit>,
    /// Settled and not yet reported.
    settled: VecDeque<SessionId>,
    /// Datagrams made, resets included.
    count: u32,
    sent: u64,
    near_misses: u64,
}

/// A session and where it stands in the timetables.
#[derive(Clone, Debug)]
struct Entry {
    session: Session,
    wake: Option<Moment>,
    send: Option<Moment>,
}

impl Prober {
    /// A prober without inquests. The same policy, key, calls and times give the same outputs.
    pub fn new(policy: Policy, key: Key) -> Self {
        Self::with_judge(policy, key, infer::judge)
    }

    /// A prober with another judge than [`infer::judge`].
    pub fn with_judge(policy: Policy, key: Key, judge: Judge) -> Self {
        Self {
            pacer: Pacer::new(policy.rate),
            policy,
            tokens: Tokens::new(key),
            judge,
            sessions: Vec::new(),
            inflight: Inflight::default(),
            wakes: BTreeSet::new(),
            sends: BTreeSet::new(),
            resets: VecDeque::new(),
            settled: VecDeque::new(),
            count: 0,
            sent: 0,
            near_misses: 0,
        }
    }

    /// Begins an inquest. Its time budget runs from `now`.
    pub fn add(&mut self, now: Moment, endpoint: Endpoint, vantage: Vantage) -> SessionId {
        let id = SessionId(self.sessions.len());
        let session = Session::new(
            id,
            now,
            endpoint,
            vantage,
            &self.policy,
            &self.tokens,
            self.judge,
        );
        self.sessions.push(Entry {
            session,
            wake: None,
            send: None,
        });
        self.reschedule(id);
        id
    }

    /// Takes the IP datagram of a frame that was heard at `at`. Any bytes will do; what is not ours
    /// is passed over.
    pub fn handle_frame(&mut self, at: Moment, heard: Heard, datagram: &[u8]) {
        let Ok(packet) = dissect(datagram) else {
            return;
        };
        match (heard, packet.content) {
            (Heard::Departing, Content::Tcp(segment)) => self.depart_segment(at, &packet, &segment),
            (Heard::Departing, Content::Icmp(message)) => {
                if let Kind::EchoRequest(echo) = message.kind {
                    self.depart_echo(at, &packet, echo);
                }
            }
            (Heard::Arriving(ear), Content::Tcp(segment)) => {
                self.hear_segment(at, ear, &packet, &segment);
            }
            (Heard::Arriving(ear), Content::Icmp(message)) => {
                self.hear_message(at, ear, &packet, &message);
            }
            (_, Content::LaterFragment { .. } | Content::Other { .. }) => {}
        }
    }

    /// The kernel refused to send a probe.
    pub fn handle_refusal(
        &mut self,
        now: Moment,
        session: SessionId,
        probe: ProbeId,
        refusal: LocalRefusal,
    ) {
        self.with(session, |session| session.refuse(now, probe, refusal));
    }

    /// The kernel dropped `count` frames before they were read: silence of what waits now is void.
    pub fn handle_drops(&mut self, now: Moment, count: u64) {
        if count > 0 {
            self.with_each_open(|session| session.lose(now, count));
        }
    }

    /// The process did not run for `span` up to `now`: silence of what waits now is void.
    pub fn handle_gap(&mut self, now: Moment, span: Duration) {
        if !span.is_zero() {
            self.with_each_open(|session| session.skip(now, span));
        }
    }

    /// The kernel's neighbour table says this of a session's next hop.
    pub fn handle_neighbour(&mut self, now: Moment, session: SessionId, state: NeighbourState) {
        self.with(session, |session| session.see_neighbour(now, state));
    }

    /// Stops every open inquest: each settles with its best verdict in the polls that follow.
    pub fn interrupt(&mut self, now: Moment) {
        self.with_each_open(|session| session.interrupt(now));
    }

    /// What the caller is to do next. To be called again after each output, until it is
    /// [`Output::WaitUntil`] or [`Output::Idle`].
    pub fn poll(&mut self, now: Moment) -> Output {
        loop {
            if let Some(reset) = self.resets.pop_front() {
                self.pacer.spend(now);
                return Output::Transmit(reset);
            }
            self.advance_due(now);
            if let Some(id) = self.settled.pop_front() {
                return Output::Settled(id);
            }
            let wake = self.wakes.first().map(|(due, _)| *due);
            let Some(&(wanted, id)) = self.sends.first() else {
                return wake.map_or(Output::Idle, Output::WaitUntil);
            };
            let ready = self.pacer.ready_at(now.max(wanted));
            if ready > now {
                return Output::WaitUntil(wake.map_or(ready, |wake| wake.min(ready)));
            }
            if let Some(transmit) = self.transmit(now, id) {
                return Output::Transmit(transmit);
            }
        }
    }

    fn advance_due(&mut self, now: Moment) {
        while let Some(&(due, id)) = self.wakes.first() {
            if due > now {
                return;
            }
            self.with(id, |session| session.advance(now));
            let Some(entry) = self.sessions.get(id.0) else {
                continue;
            };
            if entry.session.is_settled() {
                let peer = entry.session.brief().endpoint.address;
                for (probe, marks) in entry.session.all_marks() {
                    let owner = Owner { session: id, probe };
                    self.inflight.retire(owner, peer, marks);
                }
                self.settled.push_back(id);
            }
        }
    }

    fn transmit(&mut self, now: Moment, id: SessionId) -> Option<Transmit> {
        let session = &mut self.sessions.get_mut(id.0)?.session;
        let transmit = session.transmit(now, &self.tokens, self.count);
        if let Some(Transmit {
            probe: Some(probe),
            destination,
            ..
        }) = transmit
            && let Some(marks) = session.marks(probe)
        {
            let owner = Owner { session: id, probe };
            self.inflight.insert(owner, destination, marks);
            self.pacer.spend(now);
            self.count = self.count.wrapping_add(1);
            self.sent = self.sent.saturating_add(1);
        }
        self.reschedule(id);
        transmit
    }

    /// The inquest as it stands at `now`, or as it settled.
    ///
    /// # Panics
    ///
    /// When `session` is not of this prober: a bug of the caller.
    #[allow(clippy::expect_used, reason = "the invariant is the caller's to keep")]
    pub fn outcome(&self, session: SessionId, now: Moment) -> Outcome {
        self.sessions
            .get(session.0)
            .map(|entry| entry.session.outcome(now))
            .expect("a session id comes from `add` of the same prober")
    }

    /// Whether an inquest has settled; false for an unknown one.
    pub fn is_settled(&self, session: SessionId) -> bool {
        self.sessions
            .get(session.0)
            .is_some_and(|entry| entry.session.is_settled())
    }

    /// Segments and ICMP errors on one of our flows that carried the wrong token.
    pub const fn near_misses(&self) -> u64 {
        self.near_misses
    }

    /// Probes sent, without the resets that close half-open connections.
    pub const fn sent(&self) -> u64 {
        self.sent
    }

    // Frames.

    fn depart_segment(&mut self, at: Moment, packet: &Packet, segment: &Segment) {
        let shown = Numbered {
            number: segment.sequence,
            ours: segment.source_port,
            theirs: segment.destination_port,
        };
        let owner = self
            .inflight
            .by_sequence(shown)
            .find(|owner| self.left_as(*owner, packet, segment));
        self.depart(at, owner);
    }

    /// Whether a departing segment is this very probe: the kernel's own segments on our ports are
    /// not.
    fn left_as(&self, owner: Owner, packet: &Packet, segment: &Segment) -> bool {
        let Some(session) = self.session(owner.session) else {
            return false;
        };
        let same_flags = matches!(
            session.marks(owner.probe),
            Some(Marks::Segment(sent)) if sent.flags == segment.flags
        );
        same_flags && leaves(session, packet)
    }

    fn depart_echo(&mut self, at: Moment, packet: &Packet, echo: Echo) {
        let owner = self.inflight.by_echo(echo).find(|owner| {
            self.session(owner.session)
                .is_some_and(|session| leaves(session, packet))
        });
        self.depart(at, owner);
    }

    fn depart(&mut self, at: Moment, owner: Option<Owner>) {
        if let Some(Owner { session, probe }) = owner {
            self.with(session, |session| session.depart(at, probe));
        }
    }

    fn hear_segment(&mut self, at: Moment, ear: Ear, packet: &Packet, segment: &Segment) {
        let owner = self
            .inflight
            .by_answer(segment)
            .find(|owner| self.is_answered(*owner, packet, segment));
        let Some(owner) = owner else {
            let flow =
                self.inflight
                    .by_flow(packet.source, segment.destination_port, segment.source_port);
            let numbers = [segment.sequence, segment.acknowledgment];
            self.miss(at, ear, flow, packet, numbers);
            return;
        };
        let answer = translate::segment(segment);
        let opened = matches!(answer, Answer::SynAck { .. });
        self.hear(at, ear, owner, packet, answer);
        if opened && let Some(entry) = self.sessions.get_mut(owner.session.0) {
            let reset = entry
                .session
                .close(at, &self.tokens, self.count, owner.probe, segment);
            if reset.is_some() {
                self.count = self.count.wrapping_add(1);
            }
            self.resets.extend(reset);
        }
    }

    /// Whether a segment that shows the right numbers also comes from where the probe went, and is
    /// of a kind that may answer it.
    fn is_answered(&self, owner: Owner, packet: &Packet, segment: &Segment) -> bool {
        let Some(session) = self.session(owner.session) else {
            return false;
        };
        let opens = segment.flags.contains(Flags::SYN) && !segment.flags.contains(Flags::RST);
        let can_open = matches!(
            session.marks(owner.probe),
            Some(Marks::Segment(sent)) if sent.flags.contains(Flags::SYN)
        );
        let brief = session.brief();
        packet.source == brief.endpoint.address
            && packet.destination == brief.vantage.source
            && (can_open || !opens)
    }

    fn hear_message(&mut self, at: Moment, ear: Ear, packet: &Packet, message: &Message) {
        match (message.kind, &message.quote) {
            (Kind::EchoReply(echo), _) => {
                let owner = self.inflight.by_echo(echo).find(|owner| {
                    let marks = self
                        .session(owner.session)
                        .and_then(|session| session.marks(owner.probe));
                    matches!(
                        marks,
                        Some(Marks::Echo { opening, .. }) if message.opening == Some(*opening)
                    )
                });
                if let Some(owner) = owner {
                    self.hear(at, ear, owner, packet, Answer::EchoReply);
                }
            }
            (kind, Some(quote)) => self.hear_error(at, ear, packet, kind, quote),
            (_, None) => {}
        }
    }

    fn hear_error(&mut self, at: Moment, ear: Ear, packet: &Packet, kind: Kind, quote: &Quote) {
        let owner = match quote.carried {
            Carried::Tcp {
                source_port: ours,
                destination_port: theirs,
                sequence: number,
            } => {
                let shown = Numbered {
                    number,
                    ours,
                    theirs,
                };
                let owner = self.prefer(quote, self.inflight.by_sequence(shown));
                if owner.is_none() {
                    let flow = self.inflight.by_flow(quote.destination, ours, theirs);
                    self.miss(at, ear, flow, packet, [number, 0]);
                }
                owner
            }
            Carried::EchoRequest(echo) => self.prefer(quote, self.inflight.by_echo(echo)),
            Carried::Nothing => None,
        };
        let Some(owner) = owner else {
            return;
        };
        let source = self
            .session(owner.session)
            .map_or(quote.source, |session| session.brief().vantage.source);
        let answer = translate::error(packet, kind, quote, source);
        self.hear(at, ear, owner, packet, answer);
    }

    /// Of the probes a quote may be of, the one sent to the quoted destination; else the first,
    /// because a NAT may have rewritten the destination before the error arose, and the 32 keyed
    /// bits say that the quote is of our making.
    fn prefer(&self, quote: &Quote, owners: impl Iterator<Item = Owner>) -> Option<Owner> {
        let mut owners = owners.peekable();
        let first = owners.peek().copied();
        owners
            .find(|owner| {
                self.session(owner.session)
                    .is_some_and(|session| session.brief().endpoint.address == quote.destination)
            })
            .or(first)
    }

    fn hear(&mut self, at: Moment, ear: Ear, owner: Owner, packet: &Packet, answer: Answer) {
        let reply = translate::reply(packet, answer);
        self.with(owner.session, |session| {
            session.hear(at, ear, owner.probe, reply);
        });
    }

    fn miss(
        &mut self,
        at: Moment,
        ear: Ear,
        flow: Option<SessionId>,
        packet: &Packet,
        numbers: [u32; 2],
    ) {
        let entry = flow.and_then(|id| self.sessions.get_mut(id.0));
        let counted =
            entry.is_some_and(|entry| entry.session.miss(at, ear, packet.source, numbers));
        self.near_misses = self.near_misses.saturating_add(u64::from(counted));
    }

    // Sessions and their timetables.

    fn session(&self, id: SessionId) -> Option<&Session> {
        self.sessions.get(id.0).map(|entry| &entry.session)
    }

    fn with(&mut self, id: SessionId, act: impl FnOnce(&mut Session)) {
        if let Some(entry) = self.sessions.get_mut(id.0) {
            act(&mut entry.session);
            self.reschedule(id);
        }
    }

    fn with_each_open(&mut self, act: impl Fn(&mut Session)) {
        for index in 0..self.sessions.len() {
            self.with(SessionId(index), &act);
        }
    }

    fn reschedule(&mut self, id: SessionId) {
        let Some(entry) = self.sessions.get_mut(id.0) else {
            return;
        };
        let (wake, send) = (entry.session.wakes_at(), entry.session.sends_at());
        let old_wake = std::mem::replace(&mut entry.wake, wake);
        let old_send = std::mem::replace(&mut entry.send, send);
        move_entry(&mut self.wakes, id, old_wake, wake);
        move_entry(&mut self.sends, id, old_send, send);
    }
}

fn move_entry(
    table: &mut BTreeSet<(Moment, SessionId)>,
    id: SessionId,
    old: Option<Moment>,
    new: Option<Moment>,
) {
    if old != new {
        if let Some(old) = old {
            table.remove(&(old, id));
        }
        if let Some(new) = new {
            table.insert((new, id));
        }
    }
}

/// Whether a packet goes the way this session's probes go.
fn leaves(session: &Session, packet: &Packet) -> bool {
    let brief = session.brief();
    packet.source == brief.vantage.source && packet.destination == brief.endpoint.address
}
