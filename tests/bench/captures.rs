//! Writes a large capture for `scripts/bench`, the same one every time: many TCP connections at once,
//! over IPv4 and IPv6, opened, used and closed, and clients whose SYNs nobody answers.
//!
//! `captures pcap|pcapng large|small MEGABYTES > FILE`: large frames are up to 1514 octets long,
//! small ones 64 to 100.

#![allow(clippy::expect_used, reason = "a bench may fail loudly")]

use std::io::{self, BufWriter, Write};

use fastrand::Rng;

/// Connections that are alive at the same time.
const ALIVE: usize = 4096;
/// One connection in so many is never answered.
const SILENT: u32 = 50;
/// SYNs of a client that nobody answers (`tcp_syn_retries` of Linux, and the first one).
const SYNS: u32 = 7;
const ETHERNET: usize = 14;
const TCP: usize = 20;

const FIN: u8 = 1;
const SYN: u8 = 2;
const PSH: u8 = 8;
const ACK: u8 = 16;

/// A connection, as far as it has come.
struct Connection {
    number: u32,
    is_v6: bool,
    is_silent: bool,
    step: u32,
    /// The step at which the client closes it.
    end: u32,
    /// Next sequence number of the client and of the server.
    next: [u32; 2],
}

impl Connection {
    fn new(number: u32, rng: &mut Rng) -> Self {
        Self {
            number,
            is_v6: rng.u8(..4) == 0,
            is_silent: number.is_multiple_of(SILENT),
            step: 0,
            end: rng.u32(8..120),
            next: [rng.u32(..), rng.u32(..)],
        }
    }

    /// The next frame, and whether it is the last one.
    fn advance(&mut self, largest: usize, rng: &mut Rng, frame: &mut Vec<u8>) -> bool {
        let step = self.step;
        self.step += 1;
        if self.is_silent {
            self.write(0, SYN, 0, frame);
            return self.step == SYNS;
        }
        let headers = ETHERNET + if self.is_v6 { 40 } else { 20 } + TCP;
        match step {
            0 => self.write(0, SYN, 0, frame),
            1 => self.write(1, SYN | ACK, 0, frame),
            2 => self.write(0, ACK, 0, frame),
            _ if step < self.end => {
                // Mostly the server talks, and the client acknowledges every second segment.
                let room = largest - headers;
                match step % 3 {
                    0 => self.write(0, ACK, 0, frame),
                    _ if step.is_multiple_of(7) => {
                        self.write(0, PSH | ACK, rng.usize(..=room.min(200)), frame);
                    }
                    _ => self.write(1, PSH | ACK, room - rng.usize(..=room / 8), frame),
                }
            }
            _ if step == self.end => self.write(0, FIN | ACK, 0, frame),
            _ if step == self.end + 1 => self.write(1, FIN | ACK, 0, frame),
            _ => {
                self.write(0, ACK, 0, frame);
                return true;
            }
        }
        false
    }

    /// Writes a frame of `side` (0: the client); checksums are left to the network card.
    fn write(&mut self, side: usize, flags: u8, payload: usize, frame: &mut Vec<u8>) {
        frame.clear();
        frame.extend([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2]);
        let client = self.number.to_be_bytes();
        let segment = u16::try_from(TCP + payload).expect("a segment fits its datagram");
        if self.is_v6 {
            frame.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
            frame.extend(segment.to_be_bytes());
            frame.extend([6, 64]);
            let here = [
                [0xfd, 9, 0, 0],
                [0; 4],
                [0; 4],
                [0, client[1], client[2], 1],
            ];
            let there = [[0xfd, 9, 0, 3], [0; 4], [0; 4], [0, 0, 0, 10]];
            let pair = if side == 0 {
                [here, there]
            } else {
                [there, here]
            };
            frame.extend(pair.as_flattened().as_flattened());
        } else {
            frame.extend([8, 0, 0x45, 0]);
            frame.extend((segment + 20).to_be_bytes());
            frame.extend([client[2], client[3], 0x40, 0, 64, 6, 0, 0]);
            let here = [10, client[1], client[2], 1];
            let there = [10, 200, 3, 10];
            let pair = if side == 0 {
                [here, there]
            } else {
                [there, here]
            };
            frame.extend(pair.as_flattened());
        }
        let ports = [20_000 + u16::from(client[3]) * 64, 3306];
        frame.extend(ports[side].to_be_bytes());
        frame.extend(ports[1 - side].to_be_bytes());
        frame.extend(self.next[side].to_be_bytes());
        let acknowledged = if flags & ACK == 0 {
            0
        } else {
            self.next[1 - side]
        };
        frame.extend(acknowledged.to_be_bytes());
        frame.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
        frame.resize(frame.len() + payload, 0x5a);
        let spent = u32::from(flags & (SYN | FIN) != 0 && !self.is_silent);
        self.next[side] = self.next[side].wrapping_add(u32::from(segment) - 20 + spent);
        // Ethernet pads to 60 octets, and this capture shows the check sequence too.
        frame.resize(frame.len().max(64), 0);
    }
}

/// The microsecond and nanosecond forms have the same length; pcap is written as tcpdump does.
fn record(is_ng: bool, at: u64, frame: &[u8], out: &mut impl Write) -> io::Result<usize> {
    let length = u32::try_from(frame.len()).expect("a short frame");
    if !is_ng {
        let seconds = u32::try_from(at / 1_000_000).expect("a time of this century");
        let rest = u32::try_from(at % 1_000_000).expect("below a million");
        for field in [seconds, rest, length, length] {
            out.write_all(&field.to_le_bytes())?;
        }
        out.write_all(frame)?;
        return Ok(16 + frame.len());
    }
    let padding = frame.len().next_multiple_of(4) - frame.len();
    let block = u32::try_from(32 + frame.len() + padding).expect("a short block");
    let halves = [
        u32::try_from(at >> 32).expect("32 bits"),
        u32::try_from(at & 0xffff_ffff).expect("32 bits"),
    ];
    for field in [6, block, 0, halves[0], halves[1], length, length] {
        out.write_all(&field.to_le_bytes())?;
    }
    out.write_all(frame)?;
    out.write_all(&[0; 3][..padding])?;
    out.write_all(&block.to_le_bytes())?;
    Ok(32 + frame.len() + padding)
}

fn header(is_ng: bool, out: &mut impl Write) -> io::Result<()> {
    if is_ng {
        for field in [0x0a0d_0d0a, 28, 0x1a2b_3c4d, 1, u32::MAX, u32::MAX, 28] {
            out.write_all(&field.to_le_bytes())?;
        }
        for field in [1, 20, 1, 262_144, 20_u32] {
            out.write_all(&field.to_le_bytes())?;
        }
    } else {
        for field in [0xa1b2_c3d4, 0x0004_0002, 0, 0, 262_144, 1_u32] {
            out.write_all(&field.to_le_bytes())?;
        }
    }
    Ok(())
}

fn main() -> io::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [format, size, megabytes] = words.as_slice() else {
        return Err(io::Error::other(
            "captures pcap|pcapng large|small MEGABYTES",
        ));
    };
    let is_ng = format == "pcapng";
    let largest = if size == "large" { 1514 } else { 100 };
    let wanted = megabytes.parse::<usize>().map_err(io::Error::other)? * 1_000_000;
    let mut out = BufWriter::with_capacity(1 << 20, io::stdout().lock());
    header(is_ng, &mut out)?;
    let mut rng = Rng::with_seed(7);
    let mut number = 0;
    let mut fresh = |rng: &mut Rng| {
        number += 1;
        Connection::new(number, rng)
    };
    let mut alive: Vec<Connection> = (0..ALIVE).map(|_| fresh(&mut rng)).collect();
    let mut at = 1_700_000_000_000_000;
    let mut written = 0;
    let mut frame = Vec::new();
    while written < wanted {
        at += rng.u64(1..20);
        let place = rng.usize(..ALIVE);
        if alive[place].advance(largest, &mut rng, &mut frame) {
            alive[place] = fresh(&mut rng);
        }
        written += record(is_ng, at, &frame, &mut out)?;
    }
    out.flush()
}
