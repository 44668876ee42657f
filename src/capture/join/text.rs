//! What the points together show, as text for a terminal of 80 columns.

use std::collections::{BTreeMap, BTreeSet};

use super::coverage::Drops;
use super::finding::Finding;
use super::joined::{Blank, Joined, Translation};
use super::journey::Way;
use super::path::{Place, Sits};
use super::point::Point;
use super::seen::{Half, Protocol};
use super::sign::{Category, Sign};
use crate::model::verdict::Confidence;
use crate::wire::frame::Direction;

/// Columns of a line.
const WIDTH: usize = 80;
/// Packet numbers that are listed of one statement and point.
const LISTED: usize = 6;

/// The whole of it.
pub fn render(points: &[Point], joined: &Joined) -> String {
    let mut interfaces: BTreeMap<usize, BTreeSet<u32>> = BTreeMap::new();
    for path in &joined.paths {
        for step in path.there.iter().chain(&path.back) {
            let of = interfaces.entry(step.place.capture).or_default();
            of.insert(step.place.interface);
        }
    }
    let mut page = Page {
        points,
        joined,
        interfaces,
        text: String::new(),
    };
    page.points();
    page.looks();
    page.paths();
    page.findings();
    page.text
}

struct Page<'p> {
    points: &'p [Point],
    joined: &'p Joined,
    /// The interfaces of each point that packets pass.
    interfaces: BTreeMap<usize, BTreeSet<u32>>,
    text: String,
}

impl Page<'_> {
    fn points(&mut self) {
        self.line(0, "Points");
        for (index, point) in self.points.iter().enumerate() {
            let drops = match point.coverage.drops() {
                Drops::Counted(count) => format!("{count} dropped"),
                Drops::Untold => "drops untold".to_owned(),
            };
            let words = format!(
                "{}: {} packets, {drops}",
                self.name(index),
                point.coverage.packets
            );
            self.line(2, &words);
            for damage in &point.coverage.damage {
                self.line(4, &format!("damaged {damage}"));
            }
            if index == 0 {
                continue;
            }
            match self.joined.clocks.get(index).and_then(Option::as_ref) {
                Some(clock) => {
                    let (ours, theirs) = clock.pairs;
                    let words = format!(
                        "{} packets of ours in it; its clock: {clock}",
                        ours + theirs
                    );
                    self.line(4, &words);
                }
                None => self.blank(index),
            }
        }
    }

    fn blank(&mut self, index: usize) {
        let Some(blank) = self.joined.blanks.iter().find(|blank| blank.point == index) else {
            return;
        };
        self.line(4, &blank_words(blank));
    }

    fn looks(&mut self) {
        let mut seen: BTreeMap<(String, usize), Vec<&Translation>> = BTreeMap::new();
        for translation in &self.joined.translations {
            let words = change(translation.here, translation.there);
            let key = (words, translation.place.capture);
            seen.entry(key).or_default().push(translation);
        }
        if seen.is_empty() {
            return;
        }
        self.line(0, "How we look from there");
        for ((_, capture), flows) in seen.iter().take(20) {
            let Some(first) = flows.first() else { continue };
            let others = match flows.len() {
                1 => String::new(),
                count => format!(" (and {} more flows alike)", count - 1),
            };
            let words = format!(
                "{} arrives as {} at {}{others}",
                flow(first.here),
                flow(first.there),
                self.name(*capture),
            );
            self.line(2, &words);
        }
    }

    fn paths(&mut self) {
        for path in self.joined.paths.iter().take(20) {
            if path.there.len() < 2 {
                continue;
            }
            let places: Vec<String> = path
                .there
                .iter()
                .map(|step| self.place(step.place))
                .collect();
            let sits = match path.sits {
                Sits::Host => " (on the server)".to_owned(),
                Sits::Link => " (on the server or its link)".to_owned(),
                Sits::Before(hops) => format!(" (at least {hops} hops before the server)"),
                Sits::Unknown => String::new(),
            };
            self.line(0, &format!("Path to {}", path.server));
            self.line(2, &format!("{}{sits}", places.join(" → ")));
        }
    }

    fn findings(&mut self) {
        let (mut last, mut kind) = (None, None);
        for (at, finding) in self.joined.findings.iter().enumerate() {
            let title = (finding.client, finding.server, finding.protocol);
            if last != Some(title) {
                let server = match finding.protocol {
                    Protocol::Tcp => finding.server.to_string(),
                    Protocol::Echo => format!("{} (echo)", finding.server.ip()),
                };
                self.line(0, &format!("{} → {server}", finding.client.ip()));
            }
            let this = (title, finding.way, finding.category);
            if kind != Some(this) {
                self.tally(at, finding);
            }
            (last, kind) = (Some(title), Some(this));
            if !is_sighting(finding.sign) {
                let words = self.statement(finding);
                let firm = finding.ground.confidence.word();
                self.line(4, &format!("{words} [{firm}]"));
                self.evidence(finding);
            }
        }
    }

    /// How many packets of a kind there were, and how far they were seen to come.
    fn tally(&mut self, at: usize, first: &Finding) {
        let told = first.tally.all.saturating_sub(first.tally.untold);
        let way = match first.way {
            Way::There => "",
            Way::Back => " coming back",
        };
        let mut words = format!("{told} {}{way}", category(first.category));
        let rest = self.joined.findings.get(at..).unwrap_or_default();
        let findings = rest.iter().take_while(|other| {
            (other.client, other.server, other.protocol)
                == (first.client, first.server, first.protocol)
                && (other.way, other.category) == (first.way, first.category)
        });
        for finding in findings.filter(|finding| is_sighting(finding.sign)) {
            let what = match finding.sign {
                Sign::Arrived => format!("arrived at {}", self.place(finding.after)),
                Sign::AnsweredThere => "answered there".to_owned(),
                Sign::LeftThere => format!("answered past {}", self.place(finding.after)),
                Sign::Heard
                | Sign::NeverArrived
                | Sign::AnsweredBefore
                | Sign::NotAnswered
                | Sign::LostBack => "answered as heard here".to_owned(),
            };
            let count = finding.journeys.len();
            words.push_str(&format!(", {count} {what}"));
            if finding.ground.confidence < Confidence::Proven {
                words.push_str(&format!(" [{}]", finding.ground.confidence.word()));
            }
        }
        self.line(2, &words);
    }

    fn statement(&self, finding: &Finding) -> String {
        let count = finding.journeys.len();
        let all = finding.tally.all.saturating_sub(finding.tally.untold);
        let what = category(finding.category);
        let of = match finding.way {
            Way::There => format!("{count} of {all} {what}"),
            Way::Back => format!("{count} of {all} {what} coming back"),
        };
        let (after, before) = (self.place(finding.after), self.place(finding.before));
        match finding.sign {
            Sign::NeverArrived => format!("{of} seen at {after} and never at {before}"),
            Sign::Arrived | Sign::AnsweredThere | Sign::LeftThere | Sign::Heard => of,
            Sign::AnsweredBefore => {
                format!("{of} answered past {after}, and never seen at {before}")
            }
            Sign::NotAnswered => format!("{of} drew no answer at {after}"),
            Sign::LostBack => {
                format!("{of} answered; the answer seen at {after} and never at {before}")
            }
        }
    }

    /// The packets of a statement, and what it rests on.
    fn evidence(&mut self, finding: &Finding) {
        let mut numbers: BTreeMap<usize, BTreeSet<u64>> = BTreeMap::new();
        for journey in finding
            .journeys
            .iter()
            .filter_map(|at| self.joined.journeys.get(*at))
        {
            for sight in &journey.sights {
                let packets = self
                    .points
                    .get(sight.place.capture)
                    .map(|point| &point.packets);
                if let Some(seen) = packets.and_then(|packets| packets.get(sight.index)) {
                    numbers
                        .entry(sight.place.capture)
                        .or_default()
                        .insert(seen.number);
                }
            }
        }
        let lists: Vec<String> = numbers
            .into_iter()
            .map(|(capture, numbers)| format!("{} of {}", list(&numbers), self.name(capture)))
            .collect();
        self.line(6, &format!("packets {}", lists.join("; ")));
        let ground = &finding.ground;
        if ground.controls > 0 {
            let words = format!(
                "{} other packets passed there; before and after {} of these",
                ground.controls, ground.bracketed
            );
            self.line(6, &words);
        }
        for doubt in &ground.doubts {
            let words = match doubt.point() {
                Some(point) => format!("but {}: {doubt}", self.name(point)),
                None => format!("but {doubt}"),
            };
            self.line(6, &words);
        }
    }

    /// The name of a point, harmless to a terminal.
    fn name(&self, point: usize) -> String {
        let name = self
            .points
            .get(point)
            .map_or("?", |point| point.name.as_str());
        harmless(name)
    }

    fn place(&self, place: Place) -> String {
        let port = self
            .points
            .get(place.capture)
            .and_then(|point| point.coverage.ports.get(&place.interface));
        let interface = port
            .and_then(|port| port.name.as_deref())
            .map_or(String::new(), |name| format!(" {}", harmless(name)));
        let several = self.interfaces.get(&place.capture);
        let is_one = several.is_none_or(|interfaces| interfaces.len() < 2);
        let interface = match (interface.is_empty(), is_one) {
            (true, false) => format!(" interface {}", place.interface),
            _ => interface,
        };
        let direction = match place.direction {
            Some(Direction::Inbound) => " in",
            Some(Direction::Outbound) => " out",
            None => "",
        };
        format!("{}{interface}{direction}", self.name(place.capture))
    }

    /// A paragraph, broken into lines; what follows the first is set in by two more.
    fn line(&mut self, indent: usize, words: &str) {
        let mut column = 0;
        for word in words.split(' ') {
            let width = word.chars().count();
            if column == 0 {
                self.text.push_str(&" ".repeat(indent));
                column = indent;
            } else if column + 1 + width > WIDTH {
                self.text.push('\n');
                self.text.push_str(&" ".repeat(indent + 2));
                column = indent + 2;
            } else {
                self.text.push(' ');
                column += 1;
            }
            self.text.push_str(word);
            column += width;
        }
        self.text.push('\n');
    }
}

/// Whether it says where packets were seen, not where they were missed.
const fn is_sighting(sign: Sign) -> bool {
    matches!(
        sign,
        Sign::Arrived | Sign::AnsweredThere | Sign::LeftThere | Sign::Heard
    )
}

fn blank_words(blank: &Blank) -> String {
    let mut words = "nothing of ours in it".to_owned();
    if blank.of_client + blank.of_server + blank.of_port == 0 {
        words.push_str(
            ", nor any packet of these addresses or this port: another interface, another host, \
             or a filter; it proves nothing",
        );
    } else {
        words.push_str(&format!(
            ", though {} packets of the client's address, {} of the server's and {} of the port",
            blank.of_client, blank.of_server, blank.of_port
        ));
        words.push_str(": another attempt, or a device before it opens connections of its own");
    }
    if !blank.overlaps {
        words.push_str("; the times of the two do not overlap");
    }
    words
}

/// A flow in one direction.
fn flow(half: Half) -> String {
    match half.protocol {
        Protocol::Tcp => format!("{} → {}", half.source, half.destination),
        Protocol::Echo => {
            format!("{} → {} (echo)", half.source.ip(), half.destination.ip())
        }
    }
}

/// What changes, without the ports that differ from flow to flow.
fn change(here: Half, there: Half) -> String {
    format!(
        "{} {} {} {} {}",
        here.source.ip(),
        here.destination,
        there.source.ip(),
        there.destination,
        here.source.port() == there.source.port(),
    )
}

const fn category(category: Category) -> &'static str {
    match category {
        Category::Syn => "SYNs",
        Category::Echo => "echo requests",
        Category::Bare => "bare segments",
        Category::Data => "segments with data",
        Category::Answer => "answers",
        Category::Error => "ICMP errors",
    }
}

/// The first packet numbers, and how many more.
fn list(numbers: &BTreeSet<u64>) -> String {
    let first: Vec<String> = numbers.iter().take(LISTED).map(u64::to_string).collect();
    match numbers.len().saturating_sub(LISTED) {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

/// Text from a file or a command line, without what acts on a terminal.
fn harmless(text: &str) -> String {
    let shown = text.chars().filter(|character| !character.is_control());
    shown.collect()
}
