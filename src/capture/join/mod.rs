//! Joins what two or more points saw of the same packets, and says what became of each between them.
//!
//! [`Point::read`] takes a capture from wherever it was made; [`join`] matches the packets by what
//! translations leave alone, relates the clocks by the matched pairs, lays the places at which
//! packets were seen along the path, and follows each packet of ours and each answer. What it finds is
//! typed ([`Joined`]); [`text`] renders it for a terminal.
//!
//! No agreement on clocks, interfaces or addresses is assumed. A packet that a point does not show is
//! called lost before it only as firmly as the point could have shown it ([`Doubt`]): other packets of
//! the same flows there before and after, nothing dropped by counters that are known, a filter that
//! lets it pass. A capture that shows nothing of ours proves nothing.

mod answers;
mod bracket;
mod clock;
mod coverage;
mod doubt;
mod fate;
mod filter;
mod finding;
mod journey;
mod link;
mod path;
mod point;
mod ranges;
mod rewritten;
mod scene;
mod seen;
mod sign;
mod strangers;
pub mod text;
mod union;

pub use bracket::Ground;
pub use clock::{Bounds, Clock};
pub use coverage::{Counters, Coverage, Drops, Port};
pub use doubt::Doubt;
pub use fate::{End, Fate};
pub use finding::{Finding, Tally};
pub use journey::{Journey, Sight, Way};
pub use path::{Place, Sits, Step};
pub use point::Point;
pub use seen::{Body, Half, Protocol, Quoted, Seen};
pub use sign::{Category, Sign};

mod joined;
pub use joined::{Blank, Choice, Joined, Path, Translation, join};

#[cfg(test)]
mod tests;
