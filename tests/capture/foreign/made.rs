//! Frames of every link type, and the script that has tcpdump capture some.

use std::fmt::Write;
use std::net::IpAddr;

use synquest::wire::compose::{self, Envelope};
use synquest::wire::icmp::{Echo, Kind};
use synquest::wire::tcp::{Flags, Options, Segment};

/// Segments among the datagrams that each link type carries.
pub(super) const SEGMENTS: usize = 3;

/// A SYN and its answer over IPv4, an echo request, and a SYN over IPv6.
fn datagrams() -> Vec<Vec<u8>> {
    let address = |text: &str| text.parse::<IpAddr>().expect("an address");
    let envelope = |source: &str, destination: &str| Envelope {
        source: address(source),
        destination: address(destination),
        ttl: 64,
        traffic_class: 0,
        identification: 7,
        flow_label: 0,
        dont_fragment: true,
    };
    let syn = Segment {
        options: Options::linux_client(1460, 99),
        ..Segment::bare(40_001, 3306, 0xdead_beef, 0, Flags::SYN)
    };
    let mut answer = Segment::bare(3306, 40_001, 5, 6, Flags::ACK.with(Flags::PSH));
    answer.payload_length = 100;
    let echo = Kind::EchoRequest(Echo {
        identifier: 1,
        sequence: 2,
    });
    let (here, there) = ("10.9.0.2", "10.9.3.10");
    [
        compose::segment(&envelope(here, there), &syn),
        compose::segment(&envelope(there, here), &answer),
        compose::message(&envelope(here, there), echo, &[]),
        compose::segment(&envelope("fd09::2", "fd09:3::10"), &syn),
    ]
    .map(|datagram| datagram.expect("a datagram").to_vec())
    .to_vec()
}

/// Frames of every link type that carries IP, by its number.
pub(super) fn frames() -> Vec<(u16, Vec<Vec<u8>>)> {
    let v6 = |datagram: &[u8]| datagram[0] >> 4 == 6;
    let ether = |datagram: &[u8]| if v6(datagram) { [0x86, 0xdd] } else { [8, 0] };
    let ppp = |datagram: &[u8]| if v6(datagram) { [0, 0x57] } else { [0, 0x21] };
    let each = |front: &dyn Fn(&[u8]) -> Vec<u8>| -> Vec<Vec<u8>> {
        let framed = |datagram: &Vec<u8>| [front(datagram), datagram.clone()].concat();
        datagrams().iter().map(framed).collect()
    };
    let mut ethernet = each(&|datagram| [&[2; 12][..], &ether(datagram)].concat());
    // The answer has two tags, and something that is no IP follows.
    ethernet[1].splice(12..12, [0x88, 0xa8, 0, 5, 0x81, 0, 0, 6]);
    ethernet.push([&[2; 12][..], &[8, 6, 0, 1, 8, 0, 6, 4, 0, 1], &[0; 20]].concat());
    let cooked = |datagram: &[u8]| {
        [
            &[0, 4, 0, 1, 0, 6, 2, 2, 2, 2, 2, 2, 0, 0],
            &ether(datagram)[..],
        ]
        .concat()
    };
    let cooked2 = |datagram: &[u8]| {
        let rest = [0, 0, 0, 0, 0, 1, 0, 1, 0, 6, 2, 2, 2, 2, 2, 2, 0, 0];
        [&ether(datagram)[..], &rest].concat()
    };
    let nflog = |datagram: &[u8]| {
        let length = u16::try_from(datagram.len() + 4).expect("a short datagram");
        let header = [8, 0, 1, 0, ether(datagram)[0], ether(datagram)[1], 1, 0];
        let payload = [&length.to_le_bytes()[..], &[9, 0]].concat();
        let family = if v6(datagram) { 10 } else { 2 };
        [&[family, 0, 0, 5][..], &header, &payload].concat()
    };
    vec![
        (
            0,
            each(&|datagram| vec![if v6(datagram) { 30 } else { 2 }, 0, 0, 0]),
        ),
        (1, ethernet),
        (
            9,
            each(&|datagram| [&[0xff, 3][..], &ppp(datagram)].concat()),
        ),
        (101, each(&|_| Vec::new())),
        (113, each(&cooked)),
        (239, each(&nflog)),
        (276, each(&cooked2)),
    ]
}

/// The frames as text2pcap reads them.
pub(super) fn hex_dump(frames: &[Vec<u8>]) -> String {
    let mut dump = String::new();
    for frame in frames {
        for (line, octets) in frame.chunks(16).enumerate() {
            let _ = write!(dump, "{:06x}", line * 16);
            for octet in octets {
                let _ = write!(dump, " {octet:02x}");
            }
            dump.push('\n');
        }
        dump.push('\n');
    }
    dump
}

/// Captures, into the folder it is given, what crosses the loopback and a pair of interfaces of a
/// network namespace that it is alone in. tcpdump ends by itself after so many packets, and there is
/// traffic until it does.
pub(super) const TCPDUMP: &str = r#"
set -euo pipefail
cd "$1"
[ -z "$(ip -o link show | grep -v ' lo:')" ] || { echo "not a network of our own" >&2; exit 1; }
ip link set lo up
ip link add left type veth peer name right
ip link set left up
ip link set right up
ip address add 10.9.0.1/24 dev left
ip -6 address add fd09::1/64 dev left nodad
ip neighbour add 10.9.0.9 lladdr 02:00:00:00:00:09 dev left
ip neighbour add fd09::9 lladdr 02:00:00:00:00:09 dev left

traffic() {
    # Refused by this host itself, and sent out of the pair to nobody.
    (exec 3<>/dev/tcp/127.0.0.1/9) 2>/dev/null || true
    (exec 3<>/dev/tcp/::1/9) 2>/dev/null || true
    timeout 0.2 bash -c 'exec 3<>/dev/tcp/10.9.0.9/3306' 2>/dev/null || true
    timeout 0.2 bash -c 'exec 3<>/dev/tcp/fd09::9/3306' 2>/dev/null || true
}
capture() {
    local file=$1 dump
    shift
    timeout 30 tcpdump -Z root -n -c 12 -w "$file" "$@" 2>"$file.said" &
    dump=$!
    while kill -0 "$dump" 2>/dev/null; do traffic; done
    wait "$dump" || { cat "$file.said" >&2; exit 1; }
}
capture lo.pcap -i lo
capture nano.pcap -i lo --time-stamp-precision=nano
capture short.pcap -i lo -s 60
capture veth.pcap -i right
capture any.pcap -i any
capture any1.pcap -i any -y LINUX_SLL
"#;
