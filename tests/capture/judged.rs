//! Our own captures, judged by the tools that others will open them with.

use std::process::Command;

use super::retold::{capture, runs};
use super::tools::{Folder, can_use, run, text};
use crate::sim::runner::Run;

/// Runs that between them hold every kind of probe and answer, one of each family, and none at all.
const JUDGED: [&str; 8] = [
    "closed V4",
    "closed V6",
    "drop-r2-forward V4",
    "drop-host-input-v6 V6",
    "open-ecmp V4",
    "mtu-hole-r2-r3 V4",
    "reject-r2-tcp-reset V4",
    "local-egress-filter V4",
];

fn chosen() -> impl Iterator<Item = (String, Run)> {
    runs().filter(|(name, _)| JUDGED.contains(&name.as_str()))
}

/// What tshark prints of `fields` for each packet that `filter` lets through.
fn fields(path: &std::path::Path, filter: &str, fields: &[&str]) -> Vec<Vec<String>> {
    let mut arguments = vec!["-n", "-r", text(path), "-T", "fields", "-E", "separator=/t"];
    for option in ["ip.check_checksum:TRUE", "tcp.check_checksum:TRUE"] {
        arguments.extend(["-o", option]);
    }
    arguments.extend(["-Y", filter]);
    for field in fields {
        arguments.extend(["-e", field]);
    }
    let printed = String::from_utf8(run("tshark", &arguments)).expect("text");
    let row = |line: &str| line.split('\t').map(str::to_owned).collect();
    printed.lines().map(row).collect()
}

#[test]
fn tshark_and_capinfos_read_what_is_meant() {
    if !can_use(&["tshark", "capinfos"]) {
        return;
    }
    let folder = Folder::make("judged");
    let mut judged = 0;
    for (name, run) in chosen() {
        judged += 1;
        let path = folder.file(&format!("{}.pcapng", name.replace(' ', "-")));
        std::fs::write(&path, capture(&run, false)).expect("written");
        let infos = Command::new("capinfos").arg(&path).output().expect("runs");
        assert!(infos.status.success(), "{name}");
        assert_eq!(String::from_utf8_lossy(&infos.stderr), "", "{name}");
        let infos = String::from_utf8_lossy(&infos.stdout).into_owned();
        assert!(infos.contains("nanoseconds (9)"), "{infos}");
        assert!(infos.contains("synquest 0.0.0"), "{infos}");

        let rows = fields(
            &path,
            "frame",
            &[
                "frame.number",
                "frame.packet_flags_direction",
                "frame.comment",
            ],
        );
        assert_eq!(rows.len(), run.sightings.len(), "{name}");
        for (row, sighting) in rows.iter().zip(&run.sightings) {
            let [_, direction, comment] = row.as_slice() else {
                panic!("{name}: {row:?}");
            };
            let outbound = if sighting.departing { "2" } else { "1" };
            assert!(direction.ends_with(outbound), "{name}: {row:?}");
            assert!(
                ["probe ", "reply ", "reset ", "near miss "]
                    .iter()
                    .any(|head| comment.starts_with(head)),
                "{name}: {comment}"
            );
        }
        if let Some(last) = rows.last() {
            assert!(last[2].contains(",verdict on "), "{name}: {last:?}");
        }
        for filter in [
            "_ws.malformed",
            "ip.checksum.status == 0",
            "tcp.checksum.status == 0 && frame.packet_flags_direction == 2",
            // What a first fragment holds is its TCP header, which tshark does not look into.
            "tcp.payload || (data && !ipv6.fraghdr && !ip.flags.mf == 1)",
        ] {
            let found = fields(&path, filter, &["frame.number"]);
            assert!(found.is_empty(), "{name}: {filter}: {found:?}");
        }
    }
    assert_eq!(judged, JUDGED.len(), "every run is a scenario's");
}
