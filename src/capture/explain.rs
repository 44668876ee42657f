//! A capture file → what it shows: our own runs told again, everybody else's attempts judged by what
//! they happen to show.

use std::collections::BTreeMap;
use std::io::Read;

use super::note::{Note, Run};
use super::read::{Comments, Damage, Item, Packet, Reader};
use super::replay::{Replay, Replayed};
use crate::wire::frame::{self, Direction, LinkType};

/// What a capture file shows.
#[derive(Debug, Default)]
pub struct Explained {
    /// The inquests of our own runs in it, each with its run.
    pub inquests: Vec<(Run, Replayed)>,
    /// How many packets there are.
    pub packets: u64,
    /// Where the file is damaged; everything else was used.
    pub damage: Vec<Damage>,
    /// Packets on links whose frames are not understood here.
    pub foreign: BTreeMap<LinkType, u64>,
}

/// Explains a capture file as far as it can be read.
pub fn explain<R: Read>(mut reader: Reader<R>) -> Explained {
    let mut explained = Explained::default();
    let mut replay: Option<Replay> = None;
    while let Some(item) = reader.next_item() {
        match item {
            Ok(Item::Section(section)) => {
                if let Some(run) = run(section.comments()) {
                    explained.close(replay.replace(Replay::new(run)));
                }
            }
            Ok(Item::Packet(packet)) => {
                if let Some(replay) = &mut replay {
                    own(replay, packet);
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
    }
    explained.packets = reader.packets();
    explained.close(replay);
    explained
}

impl Explained {
    fn close(&mut self, replay: Option<Replay>) {
        if let Some(replay) = replay {
            let run = replay.run().clone();
            let inquests = replay.finish().into_iter();
            self.inquests
                .extend(inquests.map(|inquest| (run.clone(), inquest)));
        }
    }
}

fn run(comments: Comments<'_>) -> Option<Run> {
    comments
        .into_iter()
        .find_map(|comment| match Note::read(&comment)? {
            Note::Run(run) => Some(run),
            Note::Inquest(_) | Note::Account(_) => None,
        })
}

/// A packet of a run of ours.
fn own(replay: &mut Replay, packet: Packet<'_>) {
    let Some((datagram, _)) = packet
        .link
        .link()
        .and_then(|link| frame::strip(link, packet.bytes))
    else {
        return;
    };
    let departing = packet.direction == Some(Direction::Outbound);
    let comments: Vec<_> = packet.comments().into_iter().collect();
    let comments = comments.iter().map(AsRef::as_ref);
    let nanos = packet.at.unwrap_or_default();
    replay.see(packet.number, nanos, departing, datagram, comments);
}
