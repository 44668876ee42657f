//! Servers of databases, each in a network of the corpus.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use crate::greeting::server::{comes, done, find, succeeds};
use crate::lab::namespace::Namespace;

const POSTGRES: &str = "/usr/lib/postgresql/*/bin/postgres";
const INITDB: &str = "/usr/lib/postgresql/*/bin/initdb";
const READY: &str = "/usr/lib/postgresql/*/bin/pg_isready";

/// What the servers need to be there.
pub(super) const TOOLS: [&str; 8] = [
    "mariadbd",
    "mariadb-install-db",
    "mariadb",
    POSTGRES,
    INITDB,
    "psql",
    "redis-server",
    "redis-cli",
];

/// Who may enter the server of the corpus: `app` from everywhere with the password `right`, `near`
/// only from elsewhere.
const USERS: &str = "CREATE USER app@'%' IDENTIFIED BY 'right'; GRANT SELECT ON *.* TO app@'%'; \
                     CREATE USER near@'10.99.99.99' IDENTIFIED BY 'right'; \
                     DROP USER IF EXISTS ''@'localhost'";

/// A server's process; ended when dropped.
pub(super) struct Database(Child);

impl Drop for Database {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _ended = self.0.wait();
    }
}

/// Starts a server of `kind` in the target's namespace, with its files in `folder`.
pub(super) fn start(kind: &str, target: &Namespace, folder: &Path) -> Database {
    let path = |name: &str| folder.join(name).display().to_string();
    let (mut command, mut ready) = match kind {
        "mariadb" => {
            done(
                Command::new("cp")
                    .args(["-r", template()])
                    .arg(path("data")),
            );
            let socket = format!("--socket={}", path("socket"));
            let mut server = Command::new("mariadbd");
            server
                .args(["--no-defaults", "--user=root", &socket])
                .arg(format!("--datadir={}", path("data")))
                .arg(format!("--pid-file={}", path("pid")))
                .args(["--bind-address=*", "--skip-name-resolve", "--skip-log-bin"])
                .args(["--innodb-buffer-pool-size=8M", "--max-connections=10"]);
            (server, sql(&socket, USERS))
        }
        "postgres" => {
            done(program(INITDB).arg("-D").arg(path("data")).args([
                "--auth=trust",
                "--no-sync",
                "--username=postgres",
            ]));
            let rules = "local all all trust\nhost all app all scram-sha-256\nhost all postgres all trust\n";
            std::fs::write(folder.join("data/pg_hba.conf"), rules).expect("a file of our own");
            let mut server = program(POSTGRES);
            server.arg("-D").arg(path("data"));
            let sockets = format!("unix_socket_directories={}", folder.display());
            for setting in [
                "listen_addresses=*",
                &sockets,
                "fsync=off",
                "shared_buffers=1MB",
            ] {
                server.args(["-c", setting]);
            }
            let mut ready = program(READY);
            ready.arg("-h").arg(folder);
            (server, ready)
        }
        "redis" => {
            let mut server = Command::new("redis-server");
            server.args([
                "--bind",
                "*",
                "--protected-mode",
                "no",
                "--requirepass",
                "right",
            ]);
            server
                .args(["--port", "6379", "--save", "", "--dir"])
                .arg(folder);
            server.arg("--unixsocket").arg(path("socket"));
            let mut ready = Command::new("redis-cli");
            ready.args(["-s", &path("socket"), "ping"]);
            (server, ready)
        }
        other => panic!("no server is {other}"),
    };
    let log = std::fs::File::create(folder.join("log")).expect("a log");
    let errors = log.try_clone().expect("a log");
    command.stdin(Stdio::null()).stdout(log).stderr(errors);
    let server = Database(target.enter(|| command.spawn().expect("a server")));
    let started = comes(Duration::from_secs(60), || succeeds(&mut ready));
    assert!(started, "{kind} did not start");
    server
}

fn sql(socket: &str, query: &str) -> Command {
    let mut command = Command::new("mariadb");
    command.args(["--no-defaults", socket, "-u", "root", "-e", query]);
    command
}

/// A program of PostgreSQL, which refuses to run as root.
fn program(name: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]);
    command.arg(find(name).expect("a program"));
    command.current_dir("/");
    command
}

/// The files of a fresh server: made once, copied for each.
fn template() -> &'static str {
    static TEMPLATE: OnceLock<String> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        let path = std::env::temp_dir().join(format!("synquest-corpus-{}", std::process::id()));
        let data = format!("--datadir={}", path.display());
        done(
            Command::new("mariadb-install-db")
                .args(["--no-defaults", "--user=root", &data, "--skip-test-db"])
                .args([
                    "--skip-name-resolve",
                    "--auth-root-authentication-method=normal",
                ]),
        );
        path.display().to_string()
    })
}

/// Removes what every server was copied from.
pub(super) fn tidy() {
    let path = std::env::temp_dir().join(format!("synquest-corpus-{}", std::process::id()));
    let _gone = std::fs::remove_dir_all(path);
}
