//! Fuzzes `targets::diagnosis`.
#![no_main]

#[path = "../targets.rs"]
#[allow(dead_code, reason = "each binary runs one of them")]
mod targets;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| targets::diagnosis(octets));
