//! Many diagnoses over one mouth and two receivers: frames to sessions, sessions to datagrams.

mod devices;
mod hearing;
mod sharing;
mod siblings;
mod timetable;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use self::timetable::{Timetable, move_entry};
use super::closing::Closings;
use super::devices::Devices;
use super::governor::Governor;
use super::inflight::Owner;
use super::judge::{Inference, Judge};
use super::ledger::Ledger;
use super::policy::Policy;
use super::pool::Pool;
use super::session::{Session, reaches_a_port};
use super::siblings::Siblings;
use super::spacing::Spacing;
use super::timing::LINGER;
use super::token::{Key, Tokens};
use super::{Output, SessionId, Transmit};
use crate::infer::Job;
use crate::model::change::{Change, Stance};
use crate::model::endpoint::Endpoint;
use crate::model::evidence::{KernelSays, LocalRefusal, NeighbourState};
use crate::model::outcome::Outcome;
use crate::model::probe::ProbeId;
use crate::model::time::Moment;
use crate::model::vantage::Vantage;

/// Sessions that one poll advances: judging is the dearest thing here, and between two polls the
/// caller listens.
const ADVANCED_AT_ONCE: usize = 64;

/// A datagram that leaves so long after it was wanted shows that the rate is used up.
const BEHIND: Duration = Duration::from_millis(50);
/// How long the signs of one shortage of this host last.
const SHORTAGE: Duration = Duration::from_millis(500);

/// All diagnoses of a run. See the module's documentation for the loop that drives it.
///
/// What a run holds follows the diagnoses that are open, not those that were: a diagnosis that is
/// concluded leaves nothing but the means to reset a late SYN-ACK, and those for a bounded time.
#[derive(Clone, Debug)]
pub struct Prober {
    policy: Policy,
    tokens: Tokens,
    judge: Arc<dyn Judge>,
    sessions: BTreeMap<SessionId, Entry>,
    ledger: Ledger,
    governor: Governor,
    spacing: Spacing,
    pool: Pool,
    /// What errors of devices on the way teach every diagnosis behind them.
    devices: Devices,
    /// What limited SYNs drew on the way to each prefix.
    siblings: Siblings,
    /// When sessions must advance.
    wakes: Timetable,
    /// When sessions want to send.
    sends: Timetable,
    /// Resets of half-open connections; they leave before anything else.
    closings: Closings,
    /// Settled and not yet reported.
    settled: VecDeque<SessionId>,
    /// Settled, and until when their late SYN-ACKs are still known.
    lingering: VecDeque<(Moment, SessionId)>,
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
    /// The turn that its next datagram has at its address.
    slot: Option<Moment>,
    /// The turn that its next first fragment has there.
    fragment_slot: Option<Moment>,
    /// Until when its address may be sent nothing more.
    held: Option<Moment>,
    /// The turn that its next probe has which a device that rations its errors would answer.
    error_slot: Option<Moment>,
}

impl Prober {
    /// A prober without diagnoses. The same policy, key, calls and times give the same outputs.
    pub fn new(policy: Policy, key: Key) -> Self {
        Self::with_judge(policy, key, Inference)
    }

    /// A prober with another judge than [`crate::infer`].
    pub fn with_judge(policy: Policy, key: Key, judge: impl Judge + 'static) -> Self {
        Self {
            governor: Governor::new(policy.rate, SHORTAGE),
            spacing: Spacing::new(&policy),
            pool: Pool::default(),
            devices: Devices::default(),
            siblings: Siblings::default(),
            policy,
            tokens: Tokens::new(key),
            judge: Arc::new(judge),
            sessions: BTreeMap::new(),
            ledger: Ledger::default(),
            wakes: BTreeSet::new(),
            sends: BTreeSet::new(),
            closings: Closings::default(),
            settled: VecDeque::new(),
            lingering: VecDeque::new(),
            count: 0,
            sent: 0,
            near_misses: 0,
        }
    }

    /// Begins a diagnosis. Its time budget runs from `now`.
    pub fn add(&mut self, now: Moment, endpoint: Endpoint, vantage: Vantage) -> SessionId {
        let id = self.ledger.open(vantage.source, endpoint.address);
        self.spacing.join(endpoint.address);
        let session = Session::new(
            id,
            now,
            endpoint,
            vantage,
            &self.policy,
            &self.tokens,
            Arc::clone(&self.judge),
        );
        let entry = Entry {
            session,
            wake: None,
            send: None,
            slot: None,
            fragment_slot: None,
            held: None,
            error_slot: None,
        };
        self.sessions.insert(id, entry);
        self.introduce(now, id);
        self.introduce_siblings(now, id);
        self.reschedule(id);
        id
    }

    /// This host's way to the target of a diagnosis changed: another takes its place, with nothing of
    /// what was measured and the time that is left. Gives its number, and what the old one had come to;
    /// `None` where it has settled or is unknown.
    pub fn handle_change(
        &mut self,
        now: Moment,
        session: SessionId,
        vantage: Vantage,
        change: Change,
    ) -> Option<(SessionId, Outcome)> {
        let old = &self.sessions.get(&session)?.session;
        if old.is_settled() {
            return None;
        }
        let endpoint = old.job().endpoint.clone();
        // What was learnt of devices on the old way is invalidated as well.
        self.devices = Devices::default();
        self.siblings = Siblings::default();
        let new = self.add(now, endpoint, vantage);
        self.with(session, |session| {
            session.interrupt(now);
            session.advance(now);
        });
        let old = self.sessions.get(&session)?.session.clone();
        if let Some(entry) = self.sessions.get_mut(&new) {
            let fresh = entry.session.clone();
            entry.session = fresh.after_change(now, &old, change);
        }
        self.reschedule(new);
        self.retire(now, session);
        let outcome = self.conclude(session, now)?;
        Some((new, outcome))
    }

    /// The kernel refused to send a probe.
    pub fn handle_refusal(
        &mut self,
        now: Moment,
        session: SessionId,
        probe: ProbeId,
        refusal: LocalRefusal,
    ) {
        let entry = self.sessions.get(&session);
        let padded = entry.is_some_and(|entry| entry.session.is_padded(probe));
        if let Some(entry) = entry
            && let Some(trial) = entry.session.trial(probe)
            && reaches_a_port(&trial.probe)
        {
            let address = entry.session.job().endpoint.address;
            self.spacing.take_back_syn(address);
        }
        // A link whose far end takes less reports a full queue for long frames only.
        if refusal == LocalRefusal::Overload && !padded {
            self.handle_shortage(now);
        }
        self.with(session, |session| session.refuse(now, probe, refusal));
    }

    /// This host is short of something (a queue, a table, time to read): the rate is halved, and
    /// recovers little by little.
    pub fn handle_shortage(&mut self, now: Moment) {
        self.governor.brake(now);
    }

    /// The kernel dropped `count` frames before they were read: silence of what waits now is invalidated.
    pub fn handle_drops(&mut self, now: Moment, count: u64) {
        if count > 0 {
            self.handle_shortage(now);
            self.with_each_open(|session| session.lose(now, count));
        }
    }

    /// The process did not run for `span` up to `now`: silence of what waits now is invalidated.
    pub fn handle_gap(&mut self, now: Moment, span: Duration) {
        if !span.is_zero() {
            self.with_each_open(|session| session.skip(now, span));
        }
    }

    /// Another run sent this address a datagram: it comes out of what the address may be sent.
    pub fn handle_sent_elsewhere(&mut self, now: Moment, address: IpAddr, knocks: bool) {
        self.spacing.note_elsewhere(now, address, knocks);
    }

    /// The kernel's neighbour table says this of a session's next hop.
    pub fn handle_neighbour(&mut self, now: Moment, session: SessionId, state: NeighbourState) {
        self.with(session, |session| session.see_neighbour(now, state));
    }

    /// A TCP connection to a session's port takes this way, and its probes another.
    pub fn handle_detour(&mut self, now: Moment, session: SessionId, way: Stance) {
        self.with(session, |session| session.learn_of_detour(now, way));
    }

    /// The kernel's own counters say this of the host since the run began.
    pub fn handle_kernel(&mut self, now: Moment, says: KernelSays) {
        self.with_each_open(|session| session.learn_of_kernel(now, says));
    }

    /// Stops every open diagnosis: each settles with its best verdict in the polls that follow.
    pub fn interrupt(&mut self, now: Moment) {
        self.with_each_open(|session| session.interrupt(now));
    }

    /// What the caller is to do next. To be called again after each output, until it is
    /// [`Output::WaitUntil`] or [`Output::Idle`].
    pub fn poll(&mut self, now: Moment) -> Output {
        self.forget_late(now);
        self.governor.recover(now);
        loop {
            if let Some(reset) = self.closings.next(now) {
                self.governor.spend(now);
                return Output::Transmit(reset);
            }
            self.advance_due(now);
            if let Some(id) = self.settled.pop_front() {
                return Output::Settled(id);
            }
            let wakes = self.wakes.first().map(|(due, _)| *due);
            let wake = wakes.into_iter().chain(self.closings.due()).min();
            let wake = wake.map(|due| due.max(now));
            let Some(&(wanted, id)) = self.sends.first() else {
                return wake.map_or(Output::Idle, Output::WaitUntil);
            };
            let ready = self.governor.ready_at(now.max(wanted));
            if ready > now {
                return Output::WaitUntil(wake.map_or(ready, |wake| wake.min(ready)));
            }
            if !self.borrows(now, id)
                && self.has_error_turn(now, id)
                && self.has_turn(now, id)
                && let Some(transmit) = self.transmit(now, id)
            {
                return Output::Transmit(transmit);
            }
        }
    }

    /// Whether a session that wants to send may do so now; else it is given a later slot, and a first
    /// fragment lets what need not wait go before it.
    fn has_turn(&mut self, now: Moment, id: SessionId) -> bool {
        let Some(entry) = self.sessions.get_mut(&id) else {
            return false;
        };
        let is_fragment = entry.sends_fragment();
        let address = entry.session.job().endpoint.address;
        let spacing = &mut self.spacing;
        let knocks = entry.session.next_probe().is_some_and(reaches_a_port);
        let resets = usize::from(entry.session.opens());
        let allowed = spacing.allowed_at(now, address, 1 + resets);
        entry.held = Some(allowed).filter(|allowed| *allowed > now);
        if entry.held.is_some() {
            self.reschedule(id);
            return false;
        }
        let allowed = if knocks {
            spacing.syn_ready_at(now, address)
        } else {
            now
        };
        if allowed > now {
            entry.session.defer(allowed);
            self.reschedule(id);
            return false;
        }
        let slot = *entry
            .slot_of(is_fragment)
            .get_or_insert_with(|| spacing.reserve(now, address, is_fragment));
        if slot > now && is_fragment {
            entry.session.defer(slot);
        }
        self.reschedule(id);
        slot <= now
    }

    fn advance_due(&mut self, now: Moment) {
        for _ in 0..ADVANCED_AT_ONCE {
            let Some(&(_, id)) = self.wakes.first().filter(|(due, _)| *due <= now) else {
                return;
            };
            self.with(id, |session| session.advance(now));
            self.pass_on(now, id);
            if self.is_settled(id) {
                self.retire(now, id);
                self.settled.push_back(id);
            }
        }
    }

    fn retire(&mut self, now: Moment, id: SessionId) {
        self.ledger.retire(id);
        self.lingering.push_back((now.after(LINGER), id));
        if let Some(entry) = self.sessions.get(&id) {
            let address = entry.session.job().endpoint.address;
            self.spacing.leave(address);
            if self.spacing.sessions_at(address) == 0 {
                self.pool.forget(address);
            }
        }
    }

    fn forget_late(&mut self, now: Moment) {
        while let Some(&(until, id)) = self.lingering.front() {
            if until > now {
                return;
            }
            self.lingering.pop_front();
            self.ledger.forget(id);
            self.closings.forget(id);
            self.spacing.forget_before(now);
        }
    }

    fn transmit(&mut self, now: Moment, id: SessionId) -> Option<Transmit> {
        let like = self.wish(id);
        self.account(now, id);
        let entry = self.sessions.get_mut(&id)?;
        *entry.slot_of(entry.sends_fragment()) = None;
        entry.error_slot = entry.error_slot.filter(|slot| *slot > now);
        let session = &mut entry.session;
        // Room for its reset, which leaves when it will.
        let resets = session.opens();
        let sent = session.transmit(now, &self.tokens, self.count);
        if let Some((transmit, marks)) = &sent
            && let Some(probe) = transmit.probe
        {
            let owner = Owner { session: id, probe };
            self.ledger.enter(owner, marks);
            if let Some(like) = like {
                self.pool.put(now, like, owner);
            }
            self.governor.spend(now);
            self.spacing.note(now, transmit.destination);
            if resets {
                self.spacing.note(now, transmit.destination);
            }
            if transmit.knocks {
                self.spacing.note_syn(now, transmit.destination);
            }
            self.count = self.count.wrapping_add(1);
            self.sent = self.sent.saturating_add(1);
        }
        self.reschedule(id);
        sent.map(|(transmit, _)| transmit)
    }

    /// The diagnosis as it stands at `now`, or as it settled.
    ///
    /// # Panics
    ///
    /// When `session` is not of this prober, or was concluded: a bug of the caller.
    #[allow(clippy::expect_used, reason = "the invariant is the caller's to keep")]
    pub fn outcome(&self, session: SessionId, now: Moment) -> Outcome {
        self.sessions
            .get(&session)
            .map(|entry| entry.session.outcome(now))
            .expect("a session id comes from `add` of the same prober")
    }

    /// Ends a diagnosis, hands over all that was learnt and forgets it: to be called once for each
    /// that settled. `None` for an unknown one, or one that was concluded before.
    pub fn conclude(&mut self, session: SessionId, now: Moment) -> Option<Outcome> {
        if !self.sessions.get(&session)?.session.is_settled() {
            self.retire(now, session);
        }
        let entry = self.sessions.remove(&session)?;
        move_entry(&mut self.wakes, session, entry.wake, None);
        move_entry(&mut self.sends, session, entry.send, None);
        Some(entry.session.conclude(now))
    }

    /// What a diagnosis is held under; `None` for an unknown one.
    pub fn job(&self, session: SessionId) -> Option<&Job> {
        self.sessions.get(&session).map(|entry| entry.session.job())
    }

    /// Whether a diagnosis has settled; false for an unknown one.
    pub fn is_settled(&self, session: SessionId) -> bool {
        self.sessions
            .get(&session)
            .is_some_and(|entry| entry.session.is_settled())
    }

    /// How many diagnoses were begun.
    pub const fn begun(&self) -> usize {
        self.ledger.opened()
    }

    /// Datagrams that may leave in a second at present.
    pub const fn rate(&self) -> u32 {
        self.governor.rate()
    }

    /// Whether more wants to be sent than the rate allows: no time to begin further diagnoses, which
    /// would starve those that are open.
    pub fn is_behind(&self, now: Moment) -> bool {
        let first = self.sends.first();
        first.is_some_and(|(wanted, _)| now.since(*wanted) > BEHIND)
    }

    /// Segments and ICMP errors on one of our flows that carried the wrong token.
    pub const fn near_misses(&self) -> u64 {
        self.near_misses
    }

    /// Probes sent, without the resets that close half-open connections.
    pub const fn sent(&self) -> u64 {
        self.sent
    }

    // Sessions and their timetables.

    fn with(&mut self, id: SessionId, act: impl FnOnce(&mut Session)) {
        if let Some(entry) = self.sessions.get_mut(&id) {
            act(&mut entry.session);
            self.reschedule(id);
        }
    }

    fn with_each_open(&mut self, act: impl Fn(&mut Session)) {
        for (id, entry) in &mut self.sessions {
            act(&mut entry.session);
            entry.reschedule(*id, &mut self.wakes, &mut self.sends);
        }
    }

    fn reschedule(&mut self, id: SessionId) {
        if let Some(entry) = self.sessions.get_mut(&id) {
            entry.reschedule(id, &mut self.wakes, &mut self.sends);
        }
    }
}
