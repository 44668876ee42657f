//! What somebody else's capture shows: the connection attempts of ordinary clients, and what became
//! of them.
//!
//! No probe of ours is in such a file: no token authenticates an answer, the client chose what to
//! send and when, and the captor may stand anywhere between client and server. [`Observer`] follows
//! the packets as they stream by, in bounded memory, and [`Observer::finish`] gives one
//! [`Conversation`] for each client address, server address and server port: evidence in the words of
//! the model, the verdict that it supports, and the probe that would have decided more.
//!
//! The verdict is that of [`crate::infer::judge()`], on evidence adapted to the client's place:
//! every SYN is a probe, every TTL is read as the client would read it. `symptoms` adds what only a
//! bystander sees, and the table of inference says what it means and how firm it may be.

mod assess;
mod attempt;
mod choice;
mod conversation;
mod evidence;
mod gather;
mod heard;
mod observer;
mod pair;
mod phase;
mod position;
mod remark;
mod sight;
mod speech;
mod stream;
mod symptoms;
#[cfg(test)]
mod tests;
mod wanted;
mod words;

pub use choice::{Choice, TakenAt};
pub use conversation::{
    Account, Attempt, AttemptOutcome, Cited, Conversation, Ending, Forgotten, Opinion, Position,
    Remainder, Side, Wanted,
};
pub use heard::Crossing;
pub use observer::Observer;
