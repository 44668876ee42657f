//! What other runs of this user send meanwhile: what one address may be sent holds over all of them.
//!
//! Runs in one network namespace share a file that only their user can write, in `/run` for root and
//! in `$XDG_RUNTIME_DIR` for others. Each appends a line for every datagram (its process, the address,
//! whether it was a SYN for the host) and reads what others appended before it sends, one run at a
//! time; of loopback addresses nothing is told. Whoever finds the file unused empties it. Where there
//! is no such folder a run counts for itself alone, and so it does once the file is [`MOST`] octets
//! long.

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::net::IpAddr;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, fcntl_lock, flock};
use rustix::process::geteuid;

use crate::engine::Transmit;

/// Octets that the file may have.
const MOST: u64 = 64 << 20;
/// How often the turn of another run is waited for, and how long each time.
const TRIES: usize = 50;
const PAUSE: Duration = Duration::from_micros(200);
/// What marks a SYN that is meant to reach the host.
const KNOCK: &str = "syn";
/// What marks any other datagram.
const OTHER: &str = "other";

/// The file that the runs share.
#[derive(Debug)]
pub(super) struct OtherRuns {
    file: File,
    process: u32,
    /// What was read and is no whole line yet.
    rest: String,
}

impl OtherRuns {
    /// Joins the other runs; `None` where there is no folder for it.
    pub(super) fn join() -> Option<Self> {
        let folder = if geteuid().is_root() {
            PathBuf::from("/run")
        } else {
            PathBuf::from(std::env::var_os("XDG_RUNTIME_DIR")?)
        };
        let namespace = fs::metadata("/proc/thread-self/ns/net").ok()?.ino();
        Self::open(
            &folder.join(format!("synquest-sent-{namespace}")),
            std::process::id(),
        )
    }

    fn open(path: &Path, process: u32) -> Option<Self> {
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
            .open(path)
            .ok()?;
        let found = file.metadata().ok()?;
        if !found.is_file() || found.uid() != geteuid().as_raw() {
            return None;
        }
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok() {
            file.set_len(0).ok()?;
        }
        flock(&file, FlockOperation::LockShared).ok()?;
        file.seek(SeekFrom::End(0)).ok()?;
        Some(Self {
            file,
            process,
            rest: String::new(),
        })
    }

    /// Begins a turn: from what others sent is read until what is sent is told, no other run decides what
    /// to send. One that was stopped in its turn is not waited for long.
    pub(super) fn enter(&self) {
        for _ in 0..TRIES {
            if fcntl_lock(&self.file, FlockOperation::NonBlockingLockExclusive).is_ok() {
                return;
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// Ends it.
    pub(super) fn leave(&self) {
        // What cannot be given back was not taken.
        let _ = fcntl_lock(&self.file, FlockOperation::NonBlockingUnlock);
    }

    /// Tells the others what was sent. What cannot be told is not.
    pub(super) fn tell(&mut self, sent: &[Transmit]) {
        let mut lines = String::new();
        let sent = sent.iter().filter(|sent| !sent.destination.is_loopback());
        for transmit in sent {
            let kind = if transmit.knocks { KNOCK } else { OTHER };
            let _ = writeln!(lines, "{} {} {kind}", self.process, transmit.destination);
        }
        if lines.is_empty() {
            return;
        }
        if self.file.metadata().is_ok_and(|found| found.len() < MOST) {
            let _ = self.file.write_all(lines.as_bytes());
        }
    }

    /// What the others sent since the last call: where to, and whether it was a SYN for the host.
    pub(super) fn hear(&mut self, mut heard: impl FnMut(IpAddr, bool)) {
        // Nothing of a file that cannot be read, or holds no text, is heard.
        let _ = self.file.read_to_string(&mut self.rest);
        let end = self.rest.rfind('\n').map_or(0, |at| at + 1);
        let rest = self.rest.split_off(end);
        for line in std::mem::replace(&mut self.rest, rest).lines() {
            let mut words = line.split(' ');
            let process: Option<u32> = words.next().and_then(|word| word.parse().ok());
            let address = words.next().and_then(|word| word.parse().ok());
            if let (Some(process), Some(address)) = (process, address)
                && process != self.process
            {
                heard(address, words.next() == Some(KNOCK));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::SessionId;

    fn transmit(last: u8, knocks: bool) -> Transmit {
        Transmit {
            session: SessionId(0),
            probe: None,
            knocks,
            destination: [10, 9, 3, last].into(),
            datagram: Vec::new(),
        }
    }

    /// A file that is not there yet.
    fn place(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("synquest-{name}-{}", std::process::id()));
        // Fails where there is none, which is as good.
        let _gone = fs::remove_file(&path);
        path
    }

    fn heard(other_runs: &mut OtherRuns) -> Vec<(IpAddr, bool)> {
        let mut heard = Vec::new();
        other_runs.hear(|address, knocks| heard.push((address, knocks)));
        heard
    }

    #[test]
    fn runs_hear_what_others_send_and_only_while_they_last() {
        let path = place("other_runs");
        let mut one = OtherRuns::open(&path, 1).unwrap();
        one.tell(&[transmit(1, true)]);
        let mut other = OtherRuns::open(&path, 2).unwrap();
        one.tell(&[transmit(2, true), transmit(3, false)]);
        assert_eq!(heard(&mut one), []);
        let told = [([10, 9, 3, 2].into(), true), ([10, 9, 3, 3].into(), false)];
        assert_eq!(heard(&mut other), told);
        assert_eq!(heard(&mut other), []);
        drop((one, other));
        let _last = OtherRuns::open(&path, 3).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().len(), 0);
        fs::remove_file(path).unwrap();
    }

    #[test]
    fn half_a_line_waits_for_its_end_and_nonsense_is_passed_over() {
        let path = place("half-a-line");
        let mut one = OtherRuns::open(&path, 1).unwrap();
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"what is this\n2 10.9.").unwrap();
        assert_eq!(heard(&mut one), []);
        file.write_all(b"3.7 syn\n").unwrap();
        assert_eq!(heard(&mut one), [([10, 9, 3, 7].into(), true)]);
        fs::remove_file(path).unwrap();
    }
}
