//! Reads a capture, glances at every packet and counts: what `explain` costs at least.

#![allow(clippy::print_stdout, reason = "it prints what it counted")]

use std::fs::File;
use std::io;

use synquest::capture::read::{Item, Reader};
use synquest::wire::{frame, peek};

fn main() -> io::Result<()> {
    let path = std::env::args_os()
        .nth(1)
        .ok_or_else(|| io::Error::other("peek FILE"))?;
    let mut reader = Reader::open(File::open(path)?).map_err(io::Error::other)?;
    let mut plain = 0_u64;
    let mut turns = 0_u64;
    let mut others = 0_u64;
    while let Some(item) = reader.next_item() {
        let packet = match item {
            Ok(Item::Packet(packet)) => packet,
            Ok(_) => continue,
            Err(damage) => return Err(io::Error::other(damage.to_string())),
        };
        let seen = packet
            .link
            .link()
            .and_then(|link| frame::datagram(link, packet.bytes))
            .and_then(peek::peek);
        match seen.map(|seen| seen.sight) {
            Some(peek::Sight::Tcp(segment)) if segment.is_plain() => plain += 1,
            Some(peek::Sight::Tcp(_)) => turns += 1,
            _ => others += 1,
        }
    }
    println!("{plain} plain segments, {turns} that begin or end a connection, {others} others");
    Ok(())
}
