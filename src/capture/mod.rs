//! Captures: what was sent and heard, kept in a file, and what can be concluded from one.

pub mod passive;
