//! Capture files: our own, written as they happen so that each packet explains itself, and anybody's,
//! read back into evidence and judged by the same inference.
#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "a comment or a note names the facts it can show"
)]

mod block;
mod comment;
pub mod explain;
pub mod hold;
mod intent;
pub mod join;
pub mod neighbours;
pub mod note;
mod packets;
mod page;
pub mod passive;
pub mod read;
mod reconstruction;
pub mod remarks;
pub mod replay;
pub mod selective;
mod tunnel;
pub mod unanswered;
pub mod write;
