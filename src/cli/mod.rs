//! The command line: arguments as typed, then as runnable; wiring; exit status.

pub mod arguments;
pub mod duration;
pub mod exit;
pub mod generate;
pub mod manual;
pub mod service;
pub mod signals;
pub mod target;
pub mod terminal;
