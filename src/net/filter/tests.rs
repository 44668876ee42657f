//! The programs, run by an interpreter of the few instructions they use.

use super::*;

/// What the kernel's interpreter would do: whether the program accepts the octets.
fn accepts(program: &Program, octets: &[u8], kind: u8, protocol: i32) -> bool {
    let (mut at, mut a, mut x) = (0, 0_u32, 0_u32);
    let load = |offset: u32, width: u32| -> Option<u32> {
        // There is no link header here.
        let offset = if (NETWORK..ANCILLARY).contains(&offset) {
            offset - NETWORK
        } else {
            offset
        };
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
        match loaded {
            Some(loaded) => a = loaded,
            None => return false,
        }
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
    check(&ports, 3306, 40_000, 0x12, OUT, false);
    // An application's SYN.
    check(&ports, 50_000, 3306, 0x02, OUT, true);
    check(&ports, 50_000, 3306, 0xc2, OUT, true);
    check(&ports, 50_000, 3306, 0x10, OUT, false);
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
    check(&ports, 39_999, 3306, 0x10, OUT, false);
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
    for (kind, expected) in [(0, true), (8, false), (11, true)] {
        assert_eq!(accepts(&four, &v4(1, 0, &[kind]), IN, 0), expected);
    }
    for (kind, expected) in [(1, true), (128, false), (135, false)] {
        assert_eq!(accepts(&six, &[kind, 0], IN, 0), expected);
    }
}
