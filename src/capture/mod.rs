//! Captures: files that carry what crossed an interface, and what follows from them alone.

pub mod passive;
pub mod read;
