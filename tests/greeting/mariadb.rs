//! MariaDB: who is let in, who is not, who is blocked, and that a greeting counts for nothing.

use std::io::Read as _;
use std::process::Command;
use std::time::Duration;

use super::may_run;
use super::server::{Folder, Place, Server, comes, commands, done, succeeds};

const TOOLS: [&str; 3] = ["mariadbd", "mariadb-install-db", "mariadb"];

/// Names are looked up in a file that knows none: the server only counts connections of addresses
/// it could look up.
const LOOKUP: &str = "mount --bind \"$0/nsswitch\" /etc/nsswitch.conf \
                      && mount --bind \"$0/hosts\" /etc/hosts && exec mariadbd \"$@\"";

fn sql(folder: &Folder) -> Command {
    let mut command = Command::new("mariadb");
    command
        .arg("--no-defaults")
        .arg(format!("--socket={}", folder.path("socket").display()))
        .args(["-u", "root", "-N", "-e"]);
    command
}

fn start(place: &Place) -> Server {
    let folder = Folder::make("mariadb");
    folder.write("nsswitch", "hosts: files\n");
    folder.write("hosts", "127.0.0.1 localhost\n");
    let data = format!("--datadir={}", folder.path("data").display());
    done(
        Command::new("mariadb-install-db")
            .args(["--no-defaults", "--user=root", &data, "--skip-test-db"])
            .args([
                "--skip-name-resolve",
                "--auth-root-authentication-method=normal",
            ]),
    );
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "sh", "-c", LOOKUP])
        .arg(folder.path(""))
        .args(["--no-defaults", "--user=root", &data])
        .arg(format!("--socket={}", folder.path("socket").display()))
        .arg(format!("--pid-file={}", folder.path("pid").display()))
        .args(["--bind-address=10.77.0.1", "--performance-schema"])
        .args(["--max-connect-errors=1", "--innodb-buffer-pool-size=8M"])
        .args([
            "--innodb-log-file-size=4M",
            "--performance-schema-max-thread-instances=64",
        ]);
    Server::start(place, folder, command, |folder| {
        succeeds(sql(folder).arg("SELECT 1"))
    })
}

#[test]
fn a_mariadb_server_says_how_it_takes_each_address() {
    if !may_run("the greeting of MariaDB", &TOOLS) {
        return;
    }
    let place = Place::make();
    let server = start(&place);
    let query = |text: &str| done(sql(server.folder()).arg(text));
    for host in [2, 4] {
        query(&format!(
            "CREATE USER app@'10.77.0.{host}' IDENTIFIED BY 'x'"
        ));
    }

    // A single unfinished login would block this address at the second connection.
    for _ in 0..3 {
        let document = place.greeted("10.77.0.2", 3306, &[]);
        let greeting = &document["greeting"];
        assert_eq!(greeting["outcome"], "admitted", "{greeting}");
        assert_eq!(greeting["code"], "1045");
        assert_eq!(greeting["protocol"], "mysql");
        assert_eq!(greeting["seen_as"], "10.77.0.2");
        assert_eq!(greeting["tls"], false);
        let version = greeting["server"].as_str().expect("a version");
        assert!(version.contains("MariaDB") && !version.starts_with("5.5.5-"));
    }
    let errors = "SELECT sum_connect_errors, count_handshake_errors FROM \
                  performance_schema.host_cache WHERE ip = '10.77.0.2'";
    assert_eq!(query(errors), "0\t0\n");

    let document = place.greeted("10.77.0.3", 3306, &[]);
    assert_eq!(document["greeting"]["outcome"], "not-allowed");
    assert_eq!(document["greeting"]["code"], "1130");
    assert!(commands(&document).contains("CREATE USER 'USER'@'10.77.0.3'"));

    // The server's first words are heard, and nothing is answered.
    let mut rude = place.connect([10, 77, 0, 4], 3306);
    rude.read_exact(&mut [0; 16]).expect("a hello");
    drop(rude);
    let counted = "SELECT sum_connect_errors FROM performance_schema.host_cache WHERE ip = \
                   '10.77.0.4'";
    assert!(comes(Duration::from_secs(5), || query(counted) == "1\n"));
    let document = place.greeted("10.77.0.4", 3306, &[]);
    assert_eq!(document["greeting"]["outcome"], "blocked");
    assert_eq!(document["greeting"]["code"], "1129");
    assert_eq!(document["greeting"]["seen_as"], "10.77.0.4");
    let advised = commands(&document);
    assert!(advised.contains("flush-hosts"), "{advised}");
    let truncation = "TRUNCATE TABLE performance_schema.host_cache";
    assert!(advised.contains(truncation), "{advised}");
    query(truncation);
    let document = place.greeted("10.77.0.4", 3306, &[]);
    assert_eq!(document["greeting"]["outcome"], "admitted");

    // Ten is the fewest that the server can be told to take.
    query("SET GLOBAL max_connections = 10");
    let held: Vec<_> = (0..12)
        .map(|_| place.connect([10, 77, 0, 2], 3306))
        .collect();
    for mut stream in &held {
        stream
            .read_exact(&mut [0; 16])
            .expect("a hello or an error");
    }
    let document = place.greeted("10.77.0.2", 3306, &[]);
    assert_eq!(document["greeting"]["outcome"], "full");
    assert_eq!(document["greeting"]["code"], "1040");
}

#[test]
fn what_a_server_says_is_never_in_the_capture() {
    if !may_run("the capture beside a greeting", &TOOLS) {
        return;
    }
    let place = Place::make();
    let server = start(&place);
    let capture = server.folder().path("probes.pcapng");
    let report = server.folder().path("report.md");
    let (capture_path, report_path) = (capture.display().to_string(), report.display().to_string());
    let more = ["--pcap", &capture_path, "--report", &report_path];
    place.greeted("10.77.0.3", 3306, &more);
    let octets = std::fs::read(capture).expect("a capture");
    let words = b"is not allowed to connect";
    assert!(!octets.windows(words.len()).any(|window| window == words));
    let report = std::fs::read_to_string(report).expect("a report");
    assert!(report.contains("is not allowed to connect"), "{report}");
}
