//! Where the capture was taken, as TTLs and directions show it.
//!
//! Every stack begins at 64, 128 or 255 (no current one at 32), so the TTL of a packet says how many
//! routers it has passed. SYNs give the distance from the client, SYN-ACKs that from the server; a
//! reset or a refusal gives neither, since any box on the way may have written it.

use crate::wire::frame::Direction;

use super::encounter::Position;
use super::track::{TRACEROUTE, Track};

/// Routers that a packet arriving with `ttl` has passed.
pub(super) const fn passed(ttl: u8) -> u8 {
    let initial: u8 = match ttl {
        0..=64 => 64,
        65..=128 => 128,
        129..=255 => 255,
    };
    initial - ttl
}

/// The position that these attempts show.
pub(super) fn position<'t>(tracks: impl Iterator<Item = &'t Track> + Clone) -> Position {
    let syns = tracks.clone().flat_map(|track| &track.syns);
    let from_client = syns
        .filter(|syn| syn.ttl > TRACEROUTE)
        .map(|syn| passed(syn.ttl))
        .min();
    let opened = tracks.clone().filter_map(Track::opened_at);
    let from_server = opened.map(|heard| passed(heard.reply.ttl.0)).min();
    Position {
        from_client,
        from_server,
        forwards: tracks.clone().any(|track| track.forwarded),
    }
}

/// Whether the capture was taken on the client itself: its SYNs leave the capturing host as fresh as
/// they were sent.
pub(super) fn is_client<'t>(
    position: &Position,
    mut tracks: impl Iterator<Item = &'t Track>,
) -> bool {
    position.from_client == Some(0)
        && tracks.any(|track| {
            track
                .syns
                .iter()
                .any(|syn| syn.direction == Some(Direction::Outbound))
        })
}
