//! Redis: protected mode, a password, none, and full.

use std::process::Command;
use std::time::Duration;

use super::may_run;
use super::server::{Folder, Place, Server, comes, commands, done, succeeds};

const TOOLS: [&str; 2] = ["redis-server", "redis-cli"];

fn client(folder: &Folder) -> Command {
    let mut command = Command::new("redis-cli");
    command.arg("-s").arg(folder.path("socket"));
    command
}

#[test]
fn a_redis_server_says_how_it_takes_each_address() {
    if !may_run("the greeting of Redis", &TOOLS) {
        return;
    }
    let place = Place::make();
    let folder = Folder::make("redis");
    let mut command = Command::new("redis-server");
    command
        .args([
            "--bind",
            "10.77.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
            "--unixsocket",
        ])
        .arg(folder.path("socket"))
        .arg("--dir")
        .arg(folder.path(""));
    let server = Server::start(&place, folder, command, |folder| {
        succeeds(client(folder).arg("PING"))
    });
    let tell = |words: &[&str]| {
        let said = done(client(server.folder()).args(words));
        assert_eq!(said.trim(), "OK", "{words:?}");
    };
    let check = |outcome: &str, code: Option<&str>| {
        let document = place.greeted("10.77.0.2", 6379, &[]);
        let greeting = &document["greeting"];
        assert_eq!(greeting["outcome"], outcome, "{greeting}");
        assert_eq!(greeting["code"].as_str(), code);
        assert_eq!(greeting["protocol"], "redis");
        commands(&document)
    };
    let advised = check("not-allowed", Some("DENIED"));
    assert!(advised.contains("requirepass"), "{advised}");
    tell(&["CONFIG", "SET", "protected-mode", "no"]);
    check("unguarded", None);
    tell(&["CONFIG", "SET", "maxclients", "1"]);
    let held = place.connect([10, 77, 0, 2], 6379);
    check("full", Some("ERR"));
    drop(held);
    let mut raise = client(server.folder());
    raise.args(["-e", "CONFIG", "SET", "maxclients", "100"]);
    assert!(comes(Duration::from_secs(5), || succeeds(&mut raise)));
    tell(&["CONFIG", "SET", "requirepass", "secret"]);
    check("admitted", Some("NOAUTH"));
}
