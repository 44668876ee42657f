//! Classic BPF programs that keep other traffic off our sockets.
//!
//! A busy host must not push our replies out of a receive buffer: any frame dropped there voids the
//! silence of every probe that waits. So the kernel hands us only
//!
//! - TCP that arrives for, or departs from, one of the reserved source ports, which no application
//!   can be using;
//! - for the tap also SYNs that depart, whoever sends them: an ICMP error about an application's counts
//!   only where that was seen to leave;
//! - ICMP (for the receivers behind the firewall: only its errors and echo replies);
//! - for the tap also later fragments and IPv6 datagrams with extension headers, whose ports cannot
//!   be seen: rare, and sorted out by whoever dissects them.

use std::collections::BTreeSet;

use socket2::SockFilter;

/// More ports than this are not listed one by one; see [`Ports::Range`].
const LISTED: usize = 1_000;

/// The reserved ports, as a program can test them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ports {
    /// Exactly these.
    Listed(Vec<u16>),
    /// Too many to list (a program holds 4096 instructions): all between two, and of what arrives
    /// only segments with SYN or RST, which every answer to a probe carries.
    Range(u16, u16),
}

impl Ports {
    /// The test for a set of ports.
    pub(super) fn of(ports: &BTreeSet<u16>) -> Self {
        match (ports.first(), ports.last()) {
            (Some(&first), Some(&last)) if ports.len() > LISTED => Self::Range(first, last),
            _ => Self::Listed(ports.iter().copied().collect()),
        }
    }
}

/// One instruction (`struct sock_filter`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Instruction {
    code: u16,
    yes: u8,
    no: u8,
    operand: u32,
}

/// A program in the making: a straight run of tests, each of which ends it or falls through.
#[derive(Debug, Default)]
pub(super) struct Program(Vec<Instruction>);

// `linux/bpf_common.h` and `linux/filter.h`.
const LOAD_HALF: u16 = 0x28;
const LOAD_BYTE: u16 = 0x30;
const LOAD_WORD: u16 = 0x20;
const LOAD_HALF_AT_X: u16 = 0x48;
const LOAD_BYTE_AT_X: u16 = 0x50;
const X_IS_HEADER_LENGTH: u16 = 0xb1;
const X_IS: u16 = 0x01;
const JUMP_IF_EQUAL: u16 = 0x15;
const JUMP_IF_GREATER: u16 = 0x25;
const JUMP_IF_AT_LEAST: u16 = 0x35;
const JUMP_IF_ANY_BIT: u16 = 0x45;
const RETURN: u16 = 0x06;
const ANCILLARY: u32 = libc::SKF_AD_OFF as u32;
const PROTOCOL: u32 = ANCILLARY + libc::SKF_AD_PROTOCOL as u32;
const PACKET_TYPE: u32 = ANCILLARY + libc::SKF_AD_PKTTYPE as u32;
/// Where the IP header begins, whatever stands before it on this kind of link.
const NETWORK: u32 = libc::SKF_NET_OFF as u32;

/// More than any datagram is long.
const WHOLE: u32 = 0x4_0000;

const TCP: u32 = libc::IPPROTO_TCP as u32;
const SYN_OR_RST: u32 = 0x06;
const SYN: u32 = 0x02;
const SYN_WITH_ECN: u32 = 0xc2;
/// Answers to us, and errors about our datagrams: echo reply, unreachable, source quench,
/// redirect, time exceeded, parameter problem.
const ICMP_ANSWERS: [u32; 6] = [0, 3, 4, 5, 11, 12];
/// Unreachable, too big, time exceeded, parameter problem, echo reply.
const ICMP6_ANSWERS: [u32; 5] = [1, 2, 3, 4, 129];
/// IPv6 next headers behind which ports are not looked for: hop-by-hop, routing, fragment,
/// authentication, destination options.
const EXTENSIONS: [u32; 5] = [0, 43, 44, 51, 60];

impl Program {
    /// For the tap: datagrams of both families in both directions, behind any link header.
    pub(super) fn tap(ports: &Ports) -> Self {
        let v4 = {
            let mut v4 = Self::default();
            v4.load(LOAD_BYTE, NETWORK + 9);
            v4.accept_if(libc::IPPROTO_ICMP as u32);
            v4.refuse_unless(TCP);
            v4.load(LOAD_HALF, NETWORK + 6);
            v4.push(JUMP_IF_ANY_BIT, 0, 1, 0x1fff);
            v4.push(RETURN, 0, 0, WHOLE);
            v4.load(X_IS_HEADER_LENGTH, NETWORK);
            v4
        };
        let v6 = {
            let mut v6 = Self::default();
            v6.load(LOAD_BYTE, NETWORK + 6);
            v6.accept_if(libc::IPPROTO_ICMPV6 as u32);
            for extension in EXTENSIONS {
                v6.accept_if(extension);
            }
            v6.refuse_unless(TCP);
            v6.load(X_IS, 40);
            v6
        };
        let mut program = Self::default();
        program.load(LOAD_WORD, PACKET_TYPE);
        // Frames to other hosts, seen because something made the interface promiscuous.
        program.push(JUMP_IF_EQUAL, 0, 1, u32::from(libc::PACKET_OTHERHOST));
        program.push(RETURN, 0, 0, 0);
        program.load(LOAD_HALF, PROTOCOL);
        program.push(JUMP_IF_EQUAL, 0, length(&v4.0) + 1, libc::ETH_P_IP as u32);
        program.0.extend(v4.0);
        // Always taken: to the segment below.
        program.push(JUMP_IF_AT_LEAST, length(&v6.0) + 2, 0, 0);
        program.push(JUMP_IF_EQUAL, 1, 0, libc::ETH_P_IPV6 as u32);
        program.push(RETURN, 0, 0, 0);
        program.0.extend(v6.0);
        program.segment(ports);
        program
    }

    /// The end of the tap's program: X is where the segment starts, from the IP header on.
    fn segment(&mut self, ports: &Ports) {
        self.load(LOAD_WORD, PACKET_TYPE);
        let departing = u32::from(libc::PACKET_OUTGOING);
        let mut arriving = Self::default();
        if matches!(ports, Ports::Range(..)) {
            arriving.load(LOAD_BYTE_AT_X, NETWORK + 13);
            arriving.push(JUMP_IF_ANY_BIT, 1, 0, SYN_OR_RST);
            arriving.push(RETURN, 0, 0, 0);
        }
        arriving.load(LOAD_HALF_AT_X, NETWORK + 2);
        let mut leaving = Self::default();
        // What asks for a connection, whoever sends it: errors about an application's are known by it.
        leaving.load(LOAD_BYTE_AT_X, NETWORK + 13);
        leaving.accept_if(SYN);
        leaving.accept_if(SYN_WITH_ECN);
        leaving.load(LOAD_HALF_AT_X, NETWORK);
        self.push(JUMP_IF_EQUAL, 0, length(&leaving.0) + 1, departing);
        self.0.extend(leaving.0);
        self.push(JUMP_IF_AT_LEAST, length(&arriving.0), 0, 0);
        self.0.extend(arriving.0);
        self.test(ports);
    }

    /// For the raw TCP socket of IPv4, whose datagrams begin with the IP header.
    pub(super) fn tcp4(ports: &Ports) -> Self {
        let mut program = Self::default();
        program.load(X_IS_HEADER_LENGTH, 0);
        program.answer(ports);
        program
    }

    /// For the raw TCP socket of IPv6, whose datagrams begin with the segment.
    pub(super) fn tcp6(ports: &Ports) -> Self {
        let mut program = Self::default();
        program.load(X_IS, 0);
        program.answer(ports);
        program
    }

    fn answer(&mut self, ports: &Ports) {
        if matches!(ports, Ports::Range(..)) {
            self.load(LOAD_BYTE_AT_X, 13);
            self.push(JUMP_IF_ANY_BIT, 1, 0, SYN_OR_RST);
            self.push(RETURN, 0, 0, 0);
        }
        self.load(LOAD_HALF_AT_X, 2);
        self.test(ports);
    }

    /// For the raw ICMP socket, whose datagrams begin with the IP header.
    pub(super) fn icmp4() -> Self {
        let mut program = Self::default();
        program.load(X_IS_HEADER_LENGTH, 0);
        program.load(LOAD_BYTE_AT_X, 0);
        program.any_of(&ICMP_ANSWERS);
        program
    }

    /// For the raw ICMPv6 socket, whose datagrams begin with the message.
    pub(super) fn icmp6() -> Self {
        let mut program = Self::default();
        program.load(LOAD_BYTE, 0);
        program.any_of(&ICMP6_ANSWERS);
        program
    }

    /// The program as a socket takes it.
    pub(super) fn assemble(&self) -> Vec<SockFilter> {
        let assemble =
            |step: &Instruction| SockFilter::new(step.code, step.yes, step.no, step.operand);
        self.0.iter().map(assemble).collect()
    }

    /// Accepts when the accumulator is one of the ports; refuses otherwise.
    fn test(&mut self, ports: &Ports) {
        match ports {
            Ports::Listed(ports) => {
                for &port in ports {
                    self.accept_if(u32::from(port));
                }
                self.push(RETURN, 0, 0, 0);
            }
            Ports::Range(first, last) => {
                self.push(JUMP_IF_AT_LEAST, 0, 1, u32::from(*first));
                self.push(JUMP_IF_GREATER, 0, 1, u32::from(*last));
                self.push(RETURN, 0, 0, 0);
                self.push(RETURN, 0, 0, WHOLE);
            }
        }
    }

    fn any_of(&mut self, values: &[u32]) {
        for &value in values {
            self.accept_if(value);
        }
        self.push(RETURN, 0, 0, 0);
    }

    fn accept_if(&mut self, value: u32) {
        self.push(JUMP_IF_EQUAL, 0, 1, value);
        self.push(RETURN, 0, 0, WHOLE);
    }

    fn refuse_unless(&mut self, value: u32) {
        self.push(JUMP_IF_EQUAL, 1, 0, value);
        self.push(RETURN, 0, 0, 0);
    }

    fn load(&mut self, code: u16, operand: u32) {
        self.push(code, 0, 0, operand);
    }

    fn push(&mut self, code: u16, yes: u8, no: u8, operand: u32) {
        self.0.push(Instruction {
            code,
            yes,
            no,
            operand,
        });
    }
}

/// A block's length as a jump takes it; blocks jumped over are a dozen instructions.
const fn length(block: &[Instruction]) -> u8 {
    block.len() as u8
}

#[cfg(test)]
mod tests;
