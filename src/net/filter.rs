//! Classic BPF programs that keep other traffic off our sockets.
//!
//! A busy host must not push our replies out of a receive buffer: any frame dropped there voids the
//! silence of every probe that waits. So the kernel hands us only
//!
//! - TCP that arrives for, or departs from, one of the reserved source ports, which no application
//!   can be using;
//! - ICMP (for the ears behind the firewall: only its errors and echo replies);
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

/// More than any datagram is long.
const WHOLE: u32 = 0x4_0000;

const TCP: u32 = libc::IPPROTO_TCP as u32;
const SYN_OR_RST: u32 = 0x06;
/// Answers to us, and errors about our datagrams: echo reply, unreachable, source quench,
/// redirect, time exceeded, parameter problem.
const ICMP_ANSWERS: [u32; 6] = [0, 3, 4, 5, 11, 12];
/// Unreachable, too big, time exceeded, parameter problem, echo reply.
const ICMP6_ANSWERS: [u32; 5] = [1, 2, 3, 4, 129];
/// IPv6 next headers behind which ports are not looked for: hop-by-hop, routing, fragment,
/// authentication, destination options.
const EXTENSIONS: [u32; 5] = [0, 43, 44, 51, 60];

impl Program {
    /// For the tap: datagrams of both families, from their IP header on, in both directions.
    pub(super) fn tap(ports: &Ports) -> Self {
        let v4 = {
            let mut v4 = Self::default();
            v4.load(LOAD_BYTE, 9);
            v4.accept_if(libc::IPPROTO_ICMP as u32);
            v4.refuse_unless(TCP);
            v4.load(LOAD_HALF, 6);
            v4.push(JUMP_IF_ANY_BIT, 0, 1, 0x1fff);
            v4.push(RETURN, 0, 0, WHOLE);
            v4.load(X_IS_HEADER_LENGTH, 0);
            v4
        };
        let v6 = {
            let mut v6 = Self::default();
            v6.load(LOAD_BYTE, 6);
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

    /// The end of the tap's program: X is where the segment starts.
    fn segment(&mut self, ports: &Ports) {
        self.load(LOAD_WORD, PACKET_TYPE);
        let departing = u32::from(libc::PACKET_OUTGOING);
        let mut arriving = Self::default();
        if matches!(ports, Ports::Range(..)) {
            arriving.load(LOAD_BYTE_AT_X, 13);
            arriving.push(JUMP_IF_ANY_BIT, 1, 0, SYN_OR_RST);
            arriving.push(RETURN, 0, 0, 0);
        }
        arriving.load(LOAD_HALF_AT_X, 2);
        self.push(JUMP_IF_EQUAL, 0, 2, departing);
        self.load(LOAD_HALF_AT_X, 0);
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
mod tests {
    use super::*;

    /// What the kernel's interpreter would do: whether the program accepts the octets.
    fn accepts(program: &Program, octets: &[u8], kind: u8, protocol: i32) -> bool {
        let (mut at, mut a, mut x) = (0, 0_u32, 0_u32);
        let load = |offset: u32, width: u32| -> Option<u32> {
            match offset {
                PROTOCOL => Some(protocol as u32),
                PACKET_TYPE => Some(u32::from(kind)),
                _ => (0..width).try_fold(0, |value, step| {
                    let octet = octets.get((offset + step) as usize)?;
                    Some(value << 8 | u32::from(*octet))
                }),
            }
        };
        loop {
            let step = program.0[at];
            let k = step.operand;
            at += 1;
            let jump = |yes: bool| usize::from(if yes { step.yes } else { step.no });
            let loaded = match step.code {
                LOAD_WORD => load(k, 4),
                LOAD_HALF => load(k, 2),
                LOAD_BYTE => load(k, 1),
                LOAD_HALF_AT_X => load(x + k, 2),
                LOAD_BYTE_AT_X => load(x + k, 1),
                X_IS_HEADER_LENGTH => {
                    x = (load(k, 1).unwrap() & 0xf) * 4;
                    Some(a)
                }
                X_IS => {
                    x = k;
                    Some(a)
                }
                JUMP_IF_EQUAL => {
                    at += jump(a == k);
                    Some(a)
                }
                JUMP_IF_GREATER => {
                    at += jump(a > k);
                    Some(a)
                }
                JUMP_IF_AT_LEAST => {
                    at += jump(a >= k);
                    Some(a)
                }
                JUMP_IF_ANY_BIT => {
                    at += jump(a & k != 0);
                    Some(a)
                }
                RETURN => return k != 0,
                code => panic!("unknown instruction {code:#x}"),
            };
            // A load beyond the end refuses the packet.
            let Some(loaded) = loaded else { return false };
            a = loaded;
        }
    }

    fn segment(source: u16, destination: u16, flags: u8) -> Vec<u8> {
        let mut octets = [source.to_be_bytes(), destination.to_be_bytes()].concat();
        octets.extend([0, 0, 0, 0, 0, 0, 0, 0, 0x50, flags, 0, 0, 0, 0, 0, 0]);
        octets
    }

    fn v4(protocol: u8, fragment: u16, payload: &[u8]) -> Vec<u8> {
        let mut octets = vec![0x46, 0, 0, 0, 0, 0];
        octets.extend(fragment.to_be_bytes());
        octets.extend([64, protocol]);
        octets.extend([0; 14]);
        octets.extend(payload);
        octets
    }

    fn v6(next: u8, payload: &[u8]) -> Vec<u8> {
        let mut octets = vec![0x60, 0, 0, 0, 0, 0, next, 64];
        octets.extend([0; 32]);
        octets.extend(payload);
        octets
    }

    const OUT: u8 = libc::PACKET_OUTGOING;
    const IN: u8 = libc::PACKET_HOST;

    fn listed() -> Ports {
        Ports::of(&BTreeSet::from([40_000, 40_001, 700]))
    }

    fn check(ports: &Ports, source: u16, destination: u16, flags: u8, kind: u8, expected: bool) {
        let segment = segment(source, destination, flags);
        let tap = Program::tap(ports);
        let seen = accepts(&tap, &v4(6, 0x4000, &segment), kind, libc::ETH_P_IP);
        assert_eq!(seen, expected, "tap, IPv4");
        let seen = accepts(&tap, &v6(6, &segment), kind, libc::ETH_P_IPV6);
        assert_eq!(seen, expected, "tap, IPv6");
        if kind == IN {
            let tcp4 = Program::tcp4(ports);
            assert_eq!(accepts(&tcp4, &v4(6, 0, &segment), kind, 0), expected);
            let tcp6 = Program::tcp6(ports);
            assert_eq!(accepts(&tcp6, &segment, kind, 0), expected);
        }
    }

    #[test]
    fn only_our_ports_pass_and_only_on_our_side() {
        let ports = listed();
        check(&ports, 3306, 40_001, 0x12, IN, true);
        check(&ports, 3306, 700, 0x14, IN, true);
        check(&ports, 3306, 40_002, 0x12, IN, false);
        check(&ports, 40_001, 3306, 0x02, IN, false);
        check(&ports, 40_000, 3306, 0x02, OUT, true);
        check(&ports, 3306, 40_000, 0x02, OUT, false);
        check(&ports, 3306, 40_001, 0x12, libc::PACKET_OTHERHOST, false);
    }

    #[test]
    fn a_range_of_ports_passes_only_what_can_answer() {
        let many: BTreeSet<u16> = (40_000..42_000).collect();
        let ports = Ports::of(&many);
        assert_eq!(ports, Ports::Range(40_000, 41_999));
        check(&ports, 3306, 40_000, 0x12, IN, true);
        check(&ports, 3306, 41_999, 0x04, IN, true);
        check(&ports, 3306, 41_999, 0x10, IN, false);
        check(&ports, 3306, 42_000, 0x12, IN, false);
        check(&ports, 41_000, 3306, 0x10, OUT, true);
        check(&ports, 39_999, 3306, 0x02, OUT, false);
    }

    #[test]
    fn what_has_no_visible_ports_passes_the_tap() {
        let tap = Program::tap(&listed());
        let (four, six) = (libc::ETH_P_IP, libc::ETH_P_IPV6);
        assert!(accepts(&tap, &v4(1, 0, &[3, 1]), IN, four));
        assert!(accepts(&tap, &v4(6, 0x0010, &[]), IN, four));
        assert!(accepts(&tap, &v6(58, &[1, 4]), IN, six));
        assert!(accepts(&tap, &v6(44, &[6, 0]), OUT, six));
        assert!(!accepts(&tap, &v4(17, 0, &[0; 8]), IN, four));
        assert!(!accepts(&tap, &v6(17, &[0; 8]), IN, six));
        assert!(!accepts(&tap, &[0; 28], IN, libc::ETH_P_ARP));
        assert!(!accepts(&tap, &[], IN, four));
    }

    #[test]
    fn the_icmp_ears_hear_answers_only() {
        let (four, six) = (Program::icmp4(), Program::icmp6());
        for (kind, expected) in [(0, true), (8, false), (11, true), (13, false)] {
            assert_eq!(accepts(&four, &v4(1, 0, &[kind]), IN, 0), expected);
        }
        for (kind, expected) in [(1, true), (129, true), (128, false), (135, false)] {
            assert_eq!(accepts(&six, &[kind, 0], IN, 0), expected);
        }
    }
}
