//! The nouns every other floor speaks: endpoint, probe, reply, evidence, path, verdict, greeting,
//! session, time.
//!
//! Plain values without behaviour that could depend on a clock, a socket or chance.

pub mod cause;
pub mod change;
pub mod check;
pub mod endpoint;
pub mod evidence;
pub mod greeting;
pub mod host;
pub mod near;
pub mod outcome;
pub mod path;
pub mod probe;
pub mod reply;
pub mod response;
pub mod session;
pub mod time;
pub mod vantage;
pub mod verdict;
pub mod word;
