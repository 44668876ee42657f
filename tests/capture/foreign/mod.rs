//! The reader of captures, compared with tshark on files that other programs wrote.

mod made;
mod tshark;

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::process::Command;

use synquest::capture::read::{Item, Reader};
use synquest::wire::frame::{self, LinkType};
use synquest::wire::peek::{Sight, peek};

use super::tools::{Folder, can_use, run, skip, text};

/// A packet, as far as ours and tshark can be compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Seen {
    number: u64,
    /// Nanoseconds since the Unix epoch.
    at: Option<u64>,
    captured: usize,
    original: u32,
    link: u16,
    /// Where a TCP segment comes from.
    source: Option<String>,
    /// Ports, flags, sequence number, acknowledgment number and payload of a TCP segment.
    segment: Option<[u32; 6]>,
}

/// What our reader sees in `capture`.
fn ours(capture: impl Read) -> Vec<Seen> {
    let mut reader = Reader::open(capture).expect("a capture");
    let mut packets = Vec::new();
    while let Some(item) = reader.next_item() {
        let Item::Packet(packet) = item.expect("an undamaged capture") else {
            continue;
        };
        let look = (packet.link.link())
            .and_then(|link| frame::datagram(link, packet.bytes))
            .and_then(peek);
        let segment = look.and_then(|look| match look.sight {
            Sight::Tcp(outline) => Some([
                outline.source_port.into(),
                outline.destination_port.into(),
                outline.flags.bits().into(),
                outline.sequence,
                outline.acknowledgment,
                outline.payload_length.into(),
            ]),
            Sight::Icmp | Sight::LaterFragment | Sight::Other(_) => None,
        });
        packets.push(Seen {
            number: packet.number,
            at: packet.at,
            captured: packet.bytes.len(),
            original: packet.original_length,
            link: packet.link.0,
            source: look
                .filter(|_| segment.is_some())
                .map(|look| look.source.to_string()),
            segment,
        });
    }
    packets
}

/// Holds our reading of `capture` against tshark's; returns it.
fn compare(capture: &Path) -> Vec<Seen> {
    let ours = ours(File::open(capture).expect("a capture"));
    let theirs = tshark::read(capture);
    assert_eq!(ours.len(), theirs.len(), "{}", capture.display());
    for (ours, theirs) in ours.iter().zip(&theirs) {
        assert_eq!(ours, theirs, "{}", capture.display());
    }
    ours
}

/// Every way in which Wireshark's tools write the capture at `original` down.
fn rewritten(original: &Path, folder: &Folder) {
    let packets = compare(original);
    for format in ["pcap", "nsecpcap", "pcapng"] {
        let whole = folder.file(&format!("whole.{format}"));
        run("editcap", &["-F", format, text(original), text(&whole)]);
        assert_eq!(compare(&whole).len(), packets.len());
        let cut = folder.file(&format!("cut.{format}"));
        run(
            "editcap",
            &["-F", format, "-s", "64", text(original), text(&cut)],
        );
        assert!(compare(&cut).iter().all(|packet| packet.captured <= 64));
    }
}

#[test]
fn captures_of_every_link_type_are_read_as_tshark_reads_them() {
    if !can_use(&["tshark", "text2pcap", "editcap", "mergecap"]) {
        return;
    }
    let folder = Folder::make("links");
    let mut files = Vec::new();
    for (link, frames) in made::frames() {
        let hex = folder.file("frames.txt");
        std::fs::write(&hex, made::hex_dump(&frames)).expect("a hex dump");
        let capture = folder.file(&format!("{link}.pcapng"));
        let number = link.to_string();
        run(
            "text2pcap",
            &["-q", "-l", &number, text(&hex), text(&capture)],
        );
        let packets = compare(&capture);
        let segments = packets.iter().filter(|packet| packet.segment.is_some());
        assert_eq!(packets.len(), frames.len(), "{link}");
        assert_eq!(segments.count(), made::SEGMENTS, "{link}");
        if matches!(link, 1 | 239) {
            rewritten(&capture, &folder);
        }
        files.push(capture);
    }
    let merged = folder.file("merged.pcapng");
    let mut arguments = vec!["-w", text(&merged)];
    arguments.extend(files.iter().map(|file| text(file)));
    run("mergecap", &arguments);
    let mut links: Vec<u16> = compare(&merged).iter().map(|packet| packet.link).collect();
    links.sort_unstable();
    links.dedup();
    let made: Vec<u16> = made::frames().into_iter().map(|(link, _)| link).collect();
    assert_eq!(links, made, "one file with an interface of each link type");

    let bytes = std::fs::read(&merged).expect("the merged capture");
    let twice = folder.file("sections.pcapng");
    std::fs::write(&twice, [bytes.clone(), bytes].concat()).expect("two sections");
    compare(&twice);
    for name in ["modpcap", "snoop"] {
        let foreign = folder.file(name);
        run(
            "editcap",
            &["-F", name, text(&folder.file("1.pcapng")), text(&foreign)],
        );
        let refused = Reader::open(File::open(&foreign).expect("a file"));
        let refusal = refused.expect_err("no capture of ours").to_string();
        assert!(refusal.contains("editcap"), "{refusal}");
    }
}

#[test]
fn what_tcpdump_captures_is_read_as_tshark_reads_it() {
    if !can_use(&["tshark", "tcpdump", "editcap", "unshare", "ip", "timeout"]) {
        return;
    }
    let folder = Folder::make("tcpdump");
    let alone: &[&str] = if rustix::process::geteuid().is_root() {
        &["--net"]
    } else {
        &["--user", "--map-root-user", "--net"]
    };
    let able = Command::new("unshare").args(alone).arg("true").status();
    if !able.is_ok_and(|status| status.success()) {
        return skip("network namespaces cannot be made");
    }
    let script = folder.file("capture");
    std::fs::write(&script, made::TCPDUMP).expect("a script");
    let mut arguments = alone.to_vec();
    arguments.extend(["bash", text(&script), text(folder.path())]);
    run("unshare", &arguments);
    for (name, link) in [
        ("lo.pcap", LinkType::ETHERNET),
        ("nano.pcap", LinkType::ETHERNET),
        ("short.pcap", LinkType::ETHERNET),
        ("veth.pcap", LinkType::ETHERNET),
        ("any.pcap", LinkType(276)),
        ("any1.pcap", LinkType(113)),
    ] {
        let capture = folder.file(name);
        let packets = compare(&capture);
        assert!(packets.iter().all(|packet| packet.link == link.0), "{name}");
        assert!(
            packets.iter().any(|packet| packet.segment.is_some()),
            "{name}"
        );
        if name.starts_with("any") {
            rewritten(&capture, &folder);
        }
    }
}
