//! A capture file → what it shows: our own runs told again, everybody else's attempts judged by what
//! they happen to show.
//!
//! A diagnosis of ours is given away as soon as it is complete, so a capture of any length takes the
//! room of the diagnoses that were open at once.

use std::collections::BTreeMap;
use std::io::Read;
use std::ops::ControlFlow;
use std::time::Duration;

use super::neighbours::{Neighbours, Unanswered};
use super::note::{Note, Run};
use super::passive::{Account, Choice, Crossing, Observer};
use super::read::{Comments, Damage, Item, Packet, Reader};
use super::replay::{Replay, Replayed};
use super::tunnel::{self, Inside};
use crate::model::time::Moment;
use crate::wire::frame::{self, Direction, Link, LinkType};

/// What a capture file shows beside the diagnoses of our own runs.
#[derive(Debug, Default)]
pub struct Explained {
    /// What others' packets show, and when the first of them was captured, in nanoseconds since the
    /// Unix epoch: moment zero of the account. `None` where every packet is of a run of ours.
    pub observed: Option<(u64, Account)>,
    /// How many packets there are.
    pub packets: u64,
    /// Where the file is damaged; everything else was used.
    pub damage: Vec<Damage>,
    /// Notes of ours that cannot be read here, of a later version or damaged.
    pub unread: u64,
    /// The most packets of our own runs that were kept at once.
    pub most_kept: usize,
    /// Packets on links whose frames are not understood here.
    pub foreign: BTreeMap<LinkType, u64>,
    /// Packets inside something that is not looked into, by its kind.
    pub hidden: BTreeMap<&'static str, u64>,
    /// Packets that tunnels carried.
    pub carried: u64,
    /// Addresses that were asked for on a link and did not answer.
    pub unanswered: Vec<Unanswered>,
}

/// Who is told of a diagnosis of ours, with its run, as soon as it is complete; may end the reading.
pub type Listener<'l> = &'l mut dyn FnMut(&Run, Replayed) -> ControlFlow<()>;

/// Which part of a capture is looked at.
#[derive(Clone, Copy, Debug, Default)]
pub struct Request {
    /// Of others' packets: whose, and where they were captured.
    pub choice: Choice,
    /// Packets before this are passed over.
    pub since: Option<Bound>,
    /// Packets after this are passed over.
    pub until: Option<Bound>,
}

/// A moment in a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// So long after the first packet.
    After(Duration),
    /// Nanoseconds since the Unix epoch.
    At(u64),
}

impl Bound {
    fn nanos(self, first: u64) -> u64 {
        match self {
            Self::After(span) => {
                first.saturating_add(u64::try_from(span.as_nanos()).unwrap_or(u64::MAX))
            }
            Self::At(nanos) => nanos,
        }
    }
}

impl Request {
    /// Whether a packet at `at` is looked at in a capture whose first packet is at `first`.
    fn admits(&self, at: u64, first: u64) -> bool {
        self.since.is_none_or(|since| at >= since.nanos(first))
            && self.until.is_none_or(|until| at <= until.nanos(first))
    }
}

/// Explains a capture file as far as it can be read.
pub fn explain<R: Read>(reader: Reader<R>, told: Listener<'_>) -> Explained {
    explain_part(reader, &Request::default(), told)
}

/// Explains what is asked for of a capture file, as far as it can be read.
pub fn explain_part<R: Read>(
    mut reader: Reader<R>,
    request: &Request,
    told: Listener<'_>,
) -> Explained {
    let mut explained = Explained::default();
    let mut replay: Option<Replay> = None;
    let mut observer: Option<(u64, Observer)> = None;
    let (mut latest, mut interfaces) = (0, 0);
    let mut began = None;
    let mut neighbours = Neighbours::default();
    loop {
        let before = reader.packets();
        let Some(item) = reader.next_item() else {
            break;
        };
        match item {
            Ok(Item::Section(section)) => {
                let unread = section
                    .comments()
                    .filter(|comment| Note::is_unread(comment));
                let unread = u64::try_from(unread.count()).unwrap_or(u64::MAX);
                explained.unread = explained.unread.saturating_add(unread);
                let next = run(section.comments()).map(|run| Replay::new(run, before));
                let ended = std::mem::replace(&mut replay, next);
                if explained.close(ended, told).is_break() {
                    return explained;
                }
            }
            Ok(Item::Packet(packet)) => {
                let at = packet.at.unwrap_or_default();
                let first = *began.get_or_insert(at);
                if !request.admits(at, first) {
                    continue;
                }
                latest = at.max(latest);
                let stripped = packet
                    .link
                    .link()
                    .map(|link| frame::strip(link, packet.bytes));
                match stripped {
                    Some(Some((datagram, way))) => {
                        let is_own = replay
                            .as_mut()
                            .is_some_and(|replay| own(replay, packet, datagram));
                        if !is_own {
                            let crossing = Crossing {
                                interface: packet.interface,
                                direction: packet.direction.or(way),
                                of_all: matches!(
                                    packet.link.link(),
                                    Some(Link::Cooked | Link::Cooked2)
                                ),
                            };
                            neighbours.stations(match packet.link.link() {
                                Some(Link::Ethernet) => packet.bytes,
                                _ => &[],
                            });
                            match tunnel::innermost(datagram) {
                                Inside::Itself => {
                                    let stamp = (packet.number, packet.at.unwrap_or_default());
                                    neighbours.datagram(stamp, crossing.direction, datagram);
                                    see(&mut observer, request.choice, packet, crossing, datagram);
                                }
                                Inside::Carried(inner) => {
                                    explained.carried = explained.carried.saturating_add(1);
                                    see(&mut observer, request.choice, packet, crossing, inner);
                                }
                                Inside::NoDatagram => {}
                                Inside::Hidden(kind) => {
                                    let count = explained.hidden.entry(kind).or_default();
                                    *count = count.saturating_add(1);
                                }
                            }
                        }
                    }
                    // A frame that carries no IP.
                    Some(None) => {
                        if let Some(link) = packet.link.link() {
                            let at = packet.at.unwrap_or_default();
                            neighbours.frame(packet.number, at, link, packet.bytes);
                        }
                    }
                    None => {
                        let count = explained.foreign.entry(packet.link).or_default();
                        *count = count.saturating_add(1);
                    }
                }
            }
            Ok(Item::Statistics(statistics)) => {
                if let Some(replay) = &mut replay {
                    for comment in statistics.comments() {
                        replay.read(&comment);
                    }
                }
            }
            Ok(Item::Interface(interface)) => interfaces = interfaces.max(interface.number + 1),
            Ok(Item::Names(_)) => {}
            Err(damage) => explained.damage.push(damage),
        }
        if let Some(replay) = &mut replay {
            explained.most_kept = explained.most_kept.max(replay.kept());
            let complete = replay.take();
            if give(replay.run(), complete, told).is_break() {
                return explained;
            }
        }
    }
    explained.packets = reader.packets();
    explained.unanswered = neighbours.unanswered();
    if explained.close(replay, told).is_break() {
        return explained;
    }
    explained.observed = observer.map(|(began, mut observer)| {
        observer.covers(interfaces);
        let unanswered = explained.unanswered.iter();
        let certain = unanswered.filter(|question| question.certain);
        observer.lacks(certain.map(|question| question.target));
        let end = Moment::from_nanos(latest.saturating_sub(began));
        (began, observer.finish(end))
    });
    explained
}

impl Explained {
    fn close(&mut self, replay: Option<Replay>, told: Listener<'_>) -> ControlFlow<()> {
        let Some(replay) = replay else {
            return ControlFlow::Continue(());
        };
        let run = replay.run().clone();
        self.unread = self.unread.saturating_add(replay.unread());
        give(&run, replay.finish(), told)
    }
}

fn give(run: &Run, diagnoses: Vec<Replayed>, told: Listener<'_>) -> ControlFlow<()> {
    diagnoses
        .into_iter()
        .try_for_each(|diagnosis| told(run, diagnosis))
}

fn run(comments: Comments<'_>) -> Option<Run> {
    comments
        .into_iter()
        .find_map(|comment| match Note::read(&comment)? {
            Note::Run(run) => Some(run),
            Note::Diagnosis(_) | Note::Account(_) => None,
        })
}

/// Takes a packet of a run of ours: one with a comment, once a diagnosis has begun. Where the packet
/// on which it began was filtered out, nothing tells what the others are, and they are read as
/// anybody's.
fn own(replay: &mut Replay, packet: Packet<'_>, datagram: &[u8]) -> bool {
    if packet.comments().is_empty() {
        return false;
    }
    let departing = packet.direction == Some(Direction::Outbound);
    let comments: Vec<_> = packet.comments().into_iter().collect();
    let comments = comments.iter().map(AsRef::as_ref);
    let nanos = packet.at.unwrap_or_default();
    replay.see(packet.number, nanos, departing, datagram, comments)
}

/// A packet of somebody else's; without a time it is as old as the first.
fn see(
    observer: &mut Option<(u64, Observer)>,
    choice: Choice,
    packet: Packet<'_>,
    crossing: Crossing,
    datagram: &[u8],
) {
    let (began, observer) =
        observer.get_or_insert_with(|| (packet.at.unwrap_or_default(), Observer::choosing(choice)));
    let at = packet.at.unwrap_or(*began).saturating_sub(*began);
    observer.see_on(packet.number, Moment::from_nanos(at), crossing, datagram);
}
