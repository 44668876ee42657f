//! PostgreSQL: with and without an entry in pg_hba.conf, with and without TLS, and full.

use std::process::Command;

use super::may_run;
use super::server::{Folder, Place, Server, commands, done, find, succeeds};

const POSTGRES: &str = "/usr/lib/postgresql/*/bin/postgres";
const INITDB: &str = "/usr/lib/postgresql/*/bin/initdb";
const READY: &str = "/usr/lib/postgresql/*/bin/pg_isready";

/// The certificate that Debian makes for tests.
const CERTIFICATE: &str = "/etc/ssl/certs/ssl-cert-snakeoil.pem";
const KEY: &str = "/etc/ssl/private/ssl-cert-snakeoil.key";

/// A program of PostgreSQL, which refuses to run as root.
fn program(name: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]);
    command.arg(find(name).expect("a program"));
    command.current_dir("/");
    command
}

fn start(place: &Place, tls: bool) -> Server {
    let folder = Folder::make("postgres");
    let data = folder.path("data");
    done(
        program(INITDB)
            .arg(&data)
            .args(["--auth=trust", "--no-sync", "--username=postgres"]),
    );
    let admitted = "local all all trust\nhost all all 10.77.0.2/32 scram-sha-256\n";
    folder.write("data/pg_hba.conf", admitted);
    let mut command = program(POSTGRES);
    command.arg("-D").arg(data);
    let sockets = format!("unix_socket_directories={}", folder.path("").display());
    let certificate = format!("ssl_cert_file={CERTIFICATE}");
    let key = format!("ssl_key_file={KEY}");
    let mut settings = vec![
        "listen_addresses=10.77.0.1,fd77::1",
        &sockets,
        "fsync=off",
        "shared_buffers=1MB",
        "max_connections=4",
        "superuser_reserved_connections=0",
        "max_wal_senders=0",
    ];
    if tls {
        settings.extend(["ssl=on", &certificate, &key]);
    }
    for setting in settings {
        command.args(["-c", setting]);
    }
    Server::start(place, folder, command, |folder| {
        succeeds(program(READY).arg("-h").arg(folder.path("")))
    })
}

#[test]
fn a_postgresql_server_says_how_it_takes_each_address() {
    if !may_run("the greeting of PostgreSQL", &[POSTGRES, INITDB, READY]) {
        return;
    }
    let place = Place::make();
    let server = start(&place, false);
    let before = server.log();
    let document = place.greeted("10.77.0.2", 5432, &[]);
    let greeting = &document["greeting"];
    assert_eq!(greeting["outcome"], "admitted", "{greeting}");
    assert_eq!(greeting["protocol"], "postgresql");
    assert_eq!(greeting["tls"], false);
    assert_eq!(greeting["said"], "asks for SCRAM-SHA-256");
    assert_eq!(greeting["connections"], 1);
    assert_eq!(server.log(), before, "it left without a trace");

    let check = |source: &str, line: &str| {
        let document = place.greeted(source, 5432, &[]);
        let greeting = &document["greeting"];
        assert_eq!(greeting["outcome"], "not-allowed", "{greeting}");
        assert_eq!(greeting["code"], "28000");
        assert_eq!(greeting["seen_as"], source);
        let advised = commands(&document);
        assert!(advised.contains(line), "{advised}");
    };
    check("10.77.0.3", "host DATABASE USER 10.77.0.3/32 scram-sha-256");
    check("fd77::2", "host DATABASE USER fd77::2/128 scram-sha-256");

    let held: Vec<_> = (0..4)
        .map(|_| {
            use std::io::{Read as _, Write as _};
            let mut stream = place.connect([10, 77, 0, 2], 5432);
            let startup = b"\0\0\0\x10\0\x03\0\0user\0x\0\0";
            stream.write_all(startup).expect("written");
            stream.read_exact(&mut [0; 8]).expect("a question");
            stream
        })
        .collect();
    let document = place.greeted("10.77.0.2", 5432, &[]);
    assert_eq!(document["greeting"]["outcome"], "full");
    assert_eq!(document["greeting"]["code"], "53300");
    drop(held);
}

#[test]
fn a_postgresql_server_with_tls_is_asked_again_without() {
    if !may_run(
        "the greeting of PostgreSQL with TLS",
        &[POSTGRES, INITDB, READY],
    ) {
        return;
    }
    let place = Place::make();
    let _server = start(&place, true);
    let document = place.greeted("10.77.0.2", 5432, &[]);
    assert_eq!(document["greeting"]["outcome"], "admitted");
    assert_eq!(document["greeting"]["tls"], true);
    assert_eq!(document["greeting"]["connections"], 2);
    let document = place.greeted("10.77.0.3", 5432, &[]);
    assert_eq!(document["greeting"]["outcome"], "not-allowed");
    assert!(commands(&document).contains("sslmode=require"));
}
