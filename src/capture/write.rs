//! Writes a run's own packets as a pcapng file that explains itself.
//!
//! Every packet is in the file as soon as [`Writer::write`] returns, headers only, with a comment
//! that says what it is and what it showed. What a probe showed is known later: its comment has room
//! behind it and is written over in place. So the file can be read at any moment, also when the run
//! is killed, and nothing is kept in memory but where the comments of open diagnoses stand: a settled
//! diagnosis leaves nothing behind, so a sweep of any length takes the room of what is open at once.
//!
//! All interfaces of a file have the link type of the first: readers built on libpcap refuse a
//! file with several. A frame of another kind of link loses its header, or gets one of zeros, as
//! loopback has.

use std::collections::BTreeMap;
use std::io::{self, Seek, SeekFrom, Write};
use std::net::IpAddr;

use super::block::{Block, option_length};
use super::comment;
use super::note::{Claim, Note, Run};
use super::page::{Page, Standing};
use crate::engine::{Interface, Job, Role, SessionId, Sighting};
use crate::model::outcome::Outcome;
use crate::model::probe::ProbeId;
use crate::wire::frame::{self, Link};
use crate::wire::headers;

/// What the file says of its origin. None of it may hold what acts on a terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The command line.
    pub command: String,
    /// The name of the host that probed.
    pub host: String,
    /// Its operating system.
    pub system: String,
    /// Its hardware.
    pub hardware: String,
    /// The run.
    pub run: Run,
}

/// A capture file in the making.
#[derive(Debug)]
pub struct Writer<F> {
    file: F,
    began: u64,
    /// Where the next block goes, in octets from the beginning.
    end: u64,
    /// How many packets are in the file: the number of the last, as readers count.
    packets: u64,
    interfaces: Vec<(Interface, u64)>,
    /// Names that wait for the first interface: readers such as editcap take the link type of a
    /// file from the descriptions that come before any other block.
    names: Vec<(IpAddr, String)>,
    /// Of the diagnoses that are open.
    pages: BTreeMap<SessionId, Page>,
    /// The latest that was opened: an earlier one without a page has settled.
    opened: Option<SessionId>,
    /// Whether it was not the only one.
    several: bool,
    /// The last block, while it is a packet and may still take a comment: whose, where, and what.
    last: Option<(SessionId, u64, Block)>,
}

/// In which packets the probes of one diagnosis and their answers stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Numbers(BTreeMap<ProbeId, Vec<u64>>);

impl Numbers {
    pub(super) const fn new(numbers: BTreeMap<ProbeId, Vec<u64>>) -> Self {
        Self(numbers)
    }

    /// The packets of a probe, its own first, then those of its answers; numbered from 1.
    pub fn of(&self, probe: ProbeId) -> &[u64] {
        self.0.get(&probe).map_or(&[], Vec::as_slice)
    }
}

/// Room behind the comment of a probe, in octets: what an answer or its absence takes to say.
const ROOM: usize = 160;

impl<F: Write + Seek> Writer<F> {
    /// Begins a capture of a run.
    ///
    /// # Errors
    ///
    /// When the file cannot be written, here and below.
    pub fn begin(file: F, origin: &Origin) -> io::Result<Self> {
        let run = &origin.run;
        let program = format!("synquest {}", run.version);
        let seed = run
            .seed
            .map_or_else(|| "drawn by the system".to_owned(), |seed| seed.to_string());
        let mut block = Block::section();
        block.origin(&origin.hardware, &origin.system, &program);
        block.comment(&format!(
            "{program} · command: {} · host: {} · seed: {seed}",
            origin.command, origin.host,
        ));
        block.comment(&Note::Run(run.clone()).text());
        let mut writer = Self {
            file,
            began: run.began,
            end: 0,
            packets: 0,
            interfaces: Vec::new(),
            names: Vec::new(),
            pages: BTreeMap::new(),
            opened: None,
            several: false,
            last: None,
        };
        writer.append(block)?;
        Ok(writer)
    }

    /// A diagnosis begins.
    pub fn open(&mut self, session: SessionId, job: Job) -> io::Result<()> {
        let endpoint = &job.endpoint;
        let name = endpoint
            .given
            .rsplit_once(':')
            .map_or(endpoint.given.as_str(), |(host, _)| host);
        let bare = name.trim_start_matches('[').trim_end_matches(']');
        if !bare.is_empty() && bare.parse::<IpAddr>().is_err() {
            self.names.push((endpoint.address, bare.to_owned()));
        }
        self.pages.insert(session, Page::new(job));
        self.several |= self.opened.is_some();
        self.opened = self.opened.max(Some(session));
        if self.interfaces.is_empty() {
            return Ok(());
        }
        self.name()
    }

    /// Writes the names that wait.
    fn name(&mut self) -> io::Result<()> {
        for (address, name) in std::mem::take(&mut self.names) {
            self.append(Block::names([(address, name.as_str())]))?;
        }
        Ok(())
    }

    /// Writes a frame of a diagnosis that was opened; one of another is passed over.
    pub fn write(&mut self, sighting: &Sighting) -> io::Result<()> {
        let session = sighting.attribution.session;
        let role = sighting.attribution.role;
        let number = self.packets.saturating_add(1);
        let Some(datagram) = frame::datagram(sighting.interface.link, &sighting.frame) else {
            return Ok(());
        };
        let Some(page) = self.pages.get_mut(&session) else {
            let is_settled = self.opened.is_some_and(|opened| session <= opened);
            return match is_settled {
                true => self
                    .put(sighting, datagram, &Page::late(role), None)
                    .map(drop),
                false => Ok(()),
            };
        };
        let (words, update) = page.describe(sighting, datagram, number, self.several);
        let prelude = page.announce(session);
        let comment_at = self.put(sighting, datagram, &words, prelude)?;
        if let Some(page) = self.pages.get_mut(&session) {
            let standing = Standing {
                comment_at,
                room: option_length(words.len()).saturating_add(ROOM),
            };
            let is_probe = matches!(role, Role::Probe(_));
            page.place(sighting, number, words, is_probe.then_some(standing));
        }
        match update {
            Some((probe, words)) => self.amend(session, probe, &words),
            None => Ok(()),
        }
    }

    /// Puts a packet in the file; says where its comment stands.
    fn put(
        &mut self,
        sighting: &Sighting,
        datagram: &[u8],
        words: &str,
        prelude: Option<String>,
    ) -> io::Result<u64> {
        let link = self.link(&sighting.interface);
        let interface = self.interface(&sighting.interface)?;
        let headers = headers::length(datagram);
        let (kept, original) = reframe(link, sighting, datagram, headers);
        let nanos = self.began.saturating_add(sighting.at.nanos());
        let mut block = Block::packet(interface, nanos, &kept, original);
        block.direction(sighting.departing);
        let comment_at = self.end.saturating_add(block.length() as u64);
        block.comment(words);
        if matches!(sighting.attribution.role, Role::Probe(_)) {
            block.room(ROOM);
        }
        if let Some(prelude) = prelude {
            block.comment(&prelude);
        }
        let start = self.end;
        self.append(block.clone())?;
        self.packets = self.packets.saturating_add(1);
        self.last = Some((sighting.attribution.session, start, block));
        if let Some((_, received)) = self.interfaces.get_mut(interface as usize) {
            *received = received.saturating_add(1);
        }
        Ok(comment_at)
    }

    /// A diagnosis has settled: says what became of every probe, what only this host knows, and the
    /// verdict, and forgets it. Gives the numbers of its packets.
    pub fn settle(&mut self, session: SessionId, outcome: &Outcome) -> io::Result<Numbers> {
        let Some(page) = self.pages.get(&session) else {
            return Ok(Numbers::default());
        };
        let steps = page.steps(outcome);
        let numbers = Numbers(page.numbers(&steps));
        let verdict = comment::verdict(outcome, |id| numbers.of(id).to_vec());
        let settled = page.began().after(outcome.elapsed);
        let account = Page::account(
            session,
            steps,
            settled,
            &Claim::of(&outcome.finding.verdict),
        );
        for (probe, words) in page.unanswered(outcome) {
            self.amend(session, probe, &words)?;
        }
        self.conclude(session, &verdict)?;
        let prelude = self
            .pages
            .get_mut(&session)
            .and_then(|page| page.announce(session));
        let interface = self.home(&outcome.vantage.interface)?;
        let received = self
            .interfaces
            .get(interface as usize)
            .map_or(0, |(_, received)| *received);
        let dropped = outcome.evidence.receive_drops();
        let nanos = self.began.saturating_add(settled.nanos());
        let mut block = Block::statistics(interface, nanos, received, dropped);
        for note in prelude.iter().chain(&account) {
            block.comment(note);
        }
        block.comment(&verdict);
        self.append(block)?;
        self.pages.remove(&session);
        Ok(numbers)
    }

    /// How many diagnoses are kept in memory: those that are open.
    pub fn kept(&self) -> usize {
        self.pages.len()
    }

    /// Gives the file back, complete.
    pub fn finish(mut self) -> io::Result<F> {
        self.file.flush()?;
        Ok(self.file)
    }

    /// Adds the verdict to the diagnosis's last packet, where that is the last block.
    fn conclude(&mut self, session: SessionId, verdict: &str) -> io::Result<()> {
        match self.last.take() {
            Some((whose, start, mut block)) if whose == session => {
                block.comment(verdict);
                self.end = start;
                self.file.seek(SeekFrom::Start(start))?;
                self.append(block)
            }
            _ => Ok(()),
        }
    }

    /// Writes another comment over that of a probe.
    fn amend(&mut self, session: SessionId, probe: ProbeId, words: &str) -> io::Result<()> {
        let standing = self
            .pages
            .get(&session)
            .and_then(|page| page.standing(probe));
        let Some(Standing { comment_at, room }) = standing else {
            return Ok(());
        };
        let octets = Block::amended(words, room);
        if let Some((_, start, block)) = &mut self.last
            && let Some(at) = comment_at.checked_sub(*start)
        {
            block.overwrite(at, &octets);
        }
        self.file.seek(SeekFrom::Start(comment_at))?;
        self.file.write_all(&octets)?;
        self.file.seek(SeekFrom::Start(self.end)).map(drop)
    }

    fn append(&mut self, block: Block) -> io::Result<()> {
        let octets = block.finish();
        self.file.write_all(&octets)?;
        self.end = self.end.saturating_add(octets.len() as u64);
        self.last = None;
        Ok(())
    }

    /// The link type of the file.
    fn link(&self, first: &Interface) -> Link {
        self.interfaces
            .first()
            .map_or(first.link, |(interface, _)| interface.link)
    }

    /// The number of an interface in the file, where it is described when first needed.
    fn interface(&mut self, wanted: &Interface) -> io::Result<u32> {
        let known = |(interface, _): &(Interface, u64)| interface.index == wanted.index;
        let found = self.interfaces.iter().position(known);
        let index = match found {
            Some(index) => index,
            None => {
                let link = self.link(wanted);
                self.append(Block::interface(link, &wanted.name))?;
                self.interfaces.push((wanted.clone(), 0));
                self.name()?;
                self.interfaces.len().saturating_sub(1)
            }
        };
        Ok(u32::try_from(index).unwrap_or(u32::MAX))
    }

    /// The interface that a diagnosis's account is kept at: the one it left by, else any.
    fn home(&mut self, name: &str) -> io::Result<u32> {
        let of_name = |(interface, _): &(Interface, u64)| &*interface.name == name;
        let found = self.interfaces.iter().position(of_name);
        let other = (!self.interfaces.is_empty()).then_some(0);
        match found.or(other) {
            Some(index) => Ok(u32::try_from(index).unwrap_or(u32::MAX)),
            None => self.interface(&Interface {
                index: 0,
                name: name.into(),
                link: Link::Ethernet,
            }),
        }
    }
}

/// The octets of a frame that are kept in a file of link type `link`, and how long all of it was.
fn reframe(link: Link, sighting: &Sighting, datagram: &[u8], headers: usize) -> (Vec<u8>, usize) {
    let kept = datagram.get(..headers).unwrap_or(datagram);
    let header = match (link, sighting.interface.link) {
        (Link::Ethernet, Link::Ethernet) => {
            let length = sighting.frame.len().saturating_sub(datagram.len());
            sighting.frame.get(..length).unwrap_or_default().to_vec()
        }
        (Link::Ethernet, _) => frame::zeroed_ethernet(datagram),
        _ => Vec::new(),
    };
    let original = header.len().saturating_add(datagram.len());
    ([header.as_slice(), kept].concat(), original)
}
