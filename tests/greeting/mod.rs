//! Greetings of real servers: MariaDB, PostgreSQL and Redis from Debian's packages, each in a
//! namespace of its own, with its files in a folder of the test.
//!
//! The prober stands in a second namespace and has several addresses, for each of which a server
//! feels differently.
#![allow(
    clippy::print_stderr,
    reason = "what is skipped is said around the test harness"
)]

mod mariadb;
mod postgres;
mod redis;
pub(crate) mod server;

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::Duration;

use server::{Place, missing};

/// Whether the test may run: false, said loudly, where something is missing; a failure in CI.
pub(crate) fn may_run(test: &str, tools: &[&str]) -> bool {
    let Some(reason) = missing(tools) else {
        return true;
    };
    assert!(std::env::var_os("CI").is_none(), "{test}: {reason}");
    let text = format!("\n==== SKIPPED: {test}: {reason} ====\n\n");
    let _unheard = std::io::stderr().write_all(text.as_bytes());
    false
}

#[test]
fn first_words_of_other_servers_are_shown_and_nothing_is_said_to_them() {
    if !may_run("the greeting of a mail server", &[]) {
        return;
    }
    let place = Place::make();
    let listener = place
        .server
        .enter(|| TcpListener::bind((server::SERVER, 2525)).expect("a listener"));
    std::thread::scope(|scope| {
        let heard = scope.spawn(move || {
            // Half-open probes never get here.
            let (mut stream, _) = listener.accept().expect("a connection");
            stream.write_all(b"220 mail\x1b[2J\r\n").expect("written");
            stream
                .set_read_timeout(Some(Duration::from_secs(20)))
                .expect("a timeout");
            let mut said = Vec::new();
            let _reset = stream.read_to_end(&mut said);
            said
        });
        let document = place.greeted("10.77.0.2", 2525, &[]);
        let greeting = &document["greeting"];
        assert_eq!(greeting["outcome"], "unrecognised");
        assert_eq!(greeting["said"], "220 mail\\u{1b}[2J\\u{d}\\u{a}");
        assert_eq!(heard.join().expect("a server"), b"");
    });
}
