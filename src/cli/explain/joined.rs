//! `synquest explain OURS --with THEIRS`: what other points of the path saw of the same packets.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::super::failure::Failure;
use super::opened;
use crate::capture::join::{
    Category, Choice, Finding, Joined, Place, Point, Protocol, Sign, Way, join, text,
};
use crate::files::input;
use crate::wire::frame::Direction;

/// Schema of the document.
const SCHEMA: &str = "synquest/joined/1";

/// What several points saw, joined.
#[derive(Debug)]
pub(super) struct Points {
    points: Vec<Point>,
    joined: Joined,
}

impl Points {
    /// Reads the captures and joins them; `ours` comes first.
    ///
    /// # Errors
    ///
    /// When one of them cannot be read at all, or is stdin, which can be read only once.
    pub(super) fn read(ours: &Path, theirs: &[PathBuf], choice: &Choice) -> Result<Self, Failure> {
        let paths = || std::iter::once(ours).chain(theirs.iter().map(PathBuf::as_path));
        let points = paths()
            .map(|path| {
                let short = path.file_name();
                let is_one = paths().filter(|other| other.file_name() == short).count() == 1;
                let name = short.filter(|_| is_one).unwrap_or(path.as_os_str());
                point(path, &name.to_string_lossy())
            })
            .collect::<Result<Vec<_>, _>>()?;
        let joined = join(&points, choice);
        Ok(Self { points, joined })
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        format!("\n{}", text::render(&self.points, &self.joined))
    }

    /// For programs.
    pub(super) fn document(&self) -> Value {
        let points = self.points.iter().enumerate().map(|(index, point)| {
            let clock = self.joined.clocks.get(index).and_then(Option::as_ref);
            json!({
                "name": point.name,
                "packets": point.coverage.packets,
                "shares": index == 0 || self.joined.shares(index),
                "clock": clock.map(|clock| json!({
                    "offset_ns": [clock.offset.low, clock.offset.high],
                    "drift_ppb": clock.drift,
                    "says": clock.to_string(),
                })),
            })
        });
        let translations = self.joined.translations.iter().map(|translation| {
            let (here, there) = (translation.here, translation.there);
            json!({
                "source": here.source.to_string(),
                "destination": here.destination.to_string(),
                "at": self.place(translation.place),
                "arrives_from": there.source.to_string(),
                "arrives_for": there.destination.to_string(),
            })
        });
        json!({
            "schema": SCHEMA,
            "points": points.collect::<Vec<_>>(),
            "translations": translations.collect::<Vec<_>>(),
            "findings": self.joined.findings.iter().map(|one| self.finding(one)).collect::<Vec<_>>(),
        })
    }

    fn finding(&self, finding: &Finding) -> Value {
        let journeys = finding.journeys.iter();
        let journeys = journeys.filter_map(|index| self.joined.journeys.get(*index));
        let sights: Vec<Value> = journeys
            .flat_map(|journey| &journey.sights)
            .filter_map(|sight| {
                let point = self.points.get(sight.place.capture)?;
                let number = point.packets.get(sight.index)?.number;
                Some(json!({ "capture": point.name, "packet": number }))
            })
            .collect();
        let doubts = finding.ground.doubts.iter().map(ToString::to_string);
        json!({
            "client": finding.client.ip(),
            "server": finding.server.ip(),
            "port": (finding.protocol == Protocol::Tcp).then(|| finding.server.port()),
            "way": match finding.way {
                Way::There => "there",
                Way::Back => "back",
            },
            "kind": kind(finding.category),
            "sign": sign(finding.sign),
            "count": finding.journeys.len(),
            "of": finding.tally.all.saturating_sub(finding.tally.untold),
            "after": self.place(finding.after),
            "before": self.place(finding.before),
            "confidence": finding.ground.confidence.word(),
            "doubts": doubts.collect::<Vec<_>>(),
            "packets": sights,
        })
    }

    fn place(&self, place: Place) -> Value {
        let point = self.points.get(place.capture);
        let port = point.and_then(|point| point.coverage.ports.get(&place.interface));
        json!({
            "point": place.capture,
            "capture": point.map(|point| &point.name),
            "interface": port.and_then(|port| port.name.as_ref()),
            "direction": place.direction.map(|direction| match direction {
                Direction::Inbound => "in",
                Direction::Outbound => "out",
            }),
        })
    }
}

/// What one point saw.
fn point(path: &Path, name: &str) -> Result<Point, Failure> {
    if input::is_stream(path) {
        let text = "several captures are joined from files: stdin can be read only once";
        return Err(Failure::usage(text.to_owned()));
    }
    Ok(Point::read(name, opened::open(path)?))
}

/// The word of a kind of packet.
const fn kind(category: Category) -> &'static str {
    match category {
        Category::Syn => "syn",
        Category::Echo => "echo",
        Category::Bare => "bare",
        Category::Data => "data",
        Category::Answer => "answer",
        Category::Error => "icmp-error",
    }
}

/// The word of what is stated.
const fn sign(sign: Sign) -> &'static str {
    match sign {
        Sign::Arrived => "arrived",
        Sign::AnsweredThere => "answered-there",
        Sign::LeftThere => "left-there",
        Sign::Heard => "heard",
        Sign::NeverArrived => "never-arrived",
        Sign::AnsweredBefore => "answered-before",
        Sign::NotAnswered => "not-answered",
        Sign::LostBack => "lost-back",
    }
}
