//! Captures of the lab written anew, as other places would have captured the same packets: in
//! tunnels, behind tags.

use std::path::{Path, PathBuf};

/// The octets of the header of a file, and of a packet, in the form tcpdump writes.
const FILE: usize = 24;
const PACKET: usize = 16;
const ETHERNET: usize = 14;

/// Writes the Ethernet capture at `file` as `form`; gives its path.
pub(super) fn write(file: &Path, form: &str) -> PathBuf {
    let bytes = std::fs::read(file).expect("a capture");
    let (head, mut rest) = bytes.split_at(FILE);
    let mut out = head.to_vec();
    while rest.len() >= PACKET {
        let (header, behind) = rest.split_at(PACKET);
        let field = |at: usize| {
            let octets = header[at..at + 4].try_into().expect("four octets");
            u32::from_le_bytes(octets)
        };
        let (captured, original) = (field(8), field(12));
        let (frame, behind) = behind.split_at(captured as usize);
        let written = wrap(form, frame, original as usize);
        let longer = u32::try_from(written.len()).expect("a short frame") - captured;
        out.extend(&header[..8]);
        out.extend((captured + longer).to_le_bytes());
        out.extend((original + longer).to_le_bytes());
        out.extend(written);
        rest = behind;
    }
    let path = file.with_file_name(format!("client-{form}.pcap"));
    std::fs::write(&path, out).expect("a file of our own");
    path
}

/// One frame, whose length on the wire was `original`.
fn wrap(form: &str, frame: &[u8], original: usize) -> Vec<u8> {
    let (link, datagram) = frame.split_at(ETHERNET);
    let (stations, kind) = link.split_at(12);
    if !matches!(kind, [8, 0] | [0x86, 0xdd]) {
        return frame.to_vec();
    }
    let tagged = |tags: &[u8]| [stations, tags, kind, datagram].concat();
    let length = original - ETHERNET;
    let v4 = |protocol: u8, front: &[u8], inner: &[u8], whole: usize| {
        let header = v4(protocol, front.len() + whole);
        [stations, &[8, 0], &header, front, inner].concat()
    };
    let udp = |port: u16, front: &[u8], inner: &[u8], whole: usize| {
        let total = u16::try_from(8 + front.len() + whole).expect("a short datagram");
        let header = [[0xc0, 0], port.to_be_bytes(), total.to_be_bytes(), [0, 0]].concat();
        v4(17, &[&header, front].concat(), inner, whole)
    };
    match form {
        "vlan" => tagged(&[0x81, 0, 0, 5]),
        "qinq" => tagged(&[0x88, 0xa8, 0, 5, 0x81, 0, 0, 6]),
        "mpls" => {
            let (labels, end) = ([0x88, 0x47, 0, 1, 0, 63], [0, 2, 1, 63]);
            [stations, &labels, &end, datagram].concat()
        }
        "snap" => {
            let total = u16::try_from(8 + length)
                .expect("a short frame")
                .to_be_bytes();
            [stations, &total, &[0xaa, 0xaa, 3, 0, 0, 0], kind, datagram].concat()
        }
        "ipip" => v4(4, &[], datagram, length),
        "6in4" => v4(41, &[], datagram, length),
        "gre" => v4(47, &[&[0, 0], kind].concat(), datagram, length),
        "gre-key" => v4(
            47,
            &[&[0x20, 0], kind, &[0, 0, 0, 7]].concat(),
            datagram,
            length,
        ),
        "erspan" => v4(
            47,
            &[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 0, 0, 1, 0, 0, 0, 0],
            frame,
            original,
        ),
        "vxlan" => udp(4789, &[8, 0, 0, 0, 0, 0, 5, 0], frame, original),
        "geneve" => udp(6081, &[0, 0, 0x65, 0x58, 0, 0, 5, 0], frame, original),
        "gtp-u" => {
            let total = u16::try_from(length)
                .expect("a short datagram")
                .to_be_bytes();
            udp(
                2152,
                &[&[0x30, 0xff], &total[..], &[0, 0, 0, 9]].concat(),
                datagram,
                length,
            )
        }
        other => panic!("no capture is written as {other}"),
    }
}

/// The header of an IPv4 datagram with so many octets behind it.
fn v4(protocol: u8, behind: usize) -> [u8; 20] {
    let total = u16::try_from(20 + behind)
        .expect("a datagram")
        .to_be_bytes();
    let mut header = [
        0x45, 0, total[0], total[1], 0, 1, 0x40, 0, 60, protocol, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2,
    ];
    let sum: u32 = header
        .chunks(2)
        .map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1]))
        .sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    let checksum = !u16::try_from(folded & 0xffff).expect("16 bits");
    header[10..12].copy_from_slice(&checksum.to_be_bytes());
    header
}
