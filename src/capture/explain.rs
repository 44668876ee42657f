//! A capture file → what it shows: our own runs told again, everybody else's attempts judged by what
//! they happen to show.
//!
//! An inquest of ours is given away as soon as it is complete, so a capture of any length takes the
//! room of the inquests that were open at once.

use std::collections::BTreeMap;
use std::io::Read;
use std::ops::ControlFlow;

use super::note::{Note, Run};
use super::passive::{Account, Observer};
use super::read::{Comments, Damage, Item, Packet, Reader};
use super::replay::{Replay, Replayed};
use crate::model::time::Moment;
use crate::wire::frame::{self, Direction, LinkType};

/// What a capture file shows beside the inquests of our own runs.
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
}

/// Who is told of an inquest of ours, with its run, as soon as it is complete; may end the reading.
pub type Listener<'l> = &'l mut dyn FnMut(&Run, Replayed) -> ControlFlow<()>;

/// Explains a capture file as far as it can be read.
pub fn explain<R: Read>(mut reader: Reader<R>, told: Listener<'_>) -> Explained {
    let mut explained = Explained::default();
    let mut replay: Option<Replay> = None;
    let mut observer: Option<(u64, Observer)> = None;
    let mut latest = 0;
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
                latest = packet.at.unwrap_or_default().max(latest);
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
                            let direction = packet.direction.or(way);
                            see(&mut observer, packet, direction, datagram);
                        }
                    }
                    // A frame that carries no IP.
                    Some(None) => {}
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
            Ok(Item::Interface(_) | Item::Names(_)) => {}
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
    if explained.close(replay, told).is_break() {
        return explained;
    }
    explained.observed = observer.map(|(began, observer)| {
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

fn give(run: &Run, inquests: Vec<Replayed>, told: Listener<'_>) -> ControlFlow<()> {
    inquests
        .into_iter()
        .try_for_each(|inquest| told(run, inquest))
}

fn run(comments: Comments<'_>) -> Option<Run> {
    comments
        .into_iter()
        .find_map(|comment| match Note::read(&comment)? {
            Note::Run(run) => Some(run),
            Note::Inquest(_) | Note::Account(_) => None,
        })
}

/// Takes a packet of a run of ours: one with a comment, once an inquest has begun. Where the packet
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
    packet: Packet<'_>,
    direction: Option<Direction>,
    datagram: &[u8],
) {
    let (began, observer) =
        observer.get_or_insert_with(|| (packet.at.unwrap_or_default(), Observer::new()));
    let at = packet.at.unwrap_or(*began).saturating_sub(*began);
    observer.see(packet.number, Moment::from_nanos(at), direction, datagram);
}
