//! What the tests of every server share: the two namespaces, a server's process and folder, and
//! the prober.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::Value;
use socket2::{Domain, Socket, Type};

use crate::cli::{stderr, stdout, synquest};
use crate::lab::namespace::{self, Namespace};

/// The server's address.
pub(crate) const SERVER: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);

/// How long a server may take to start.
const STARTING: Duration = Duration::from_secs(30);

/// How long a server may take to end.
const ENDING: Duration = Duration::from_secs(10);

/// Between two looks at something that will come.
const PAUSE: Duration = Duration::from_millis(50);

/// Why a test cannot run here, if it cannot.
pub(crate) fn missing(tools: &[&str]) -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        return Some("it needs root to make network namespaces".to_owned());
    }
    let lacks = |tool: &&&str| find(tool).is_none();
    let missing = tools.iter().find(lacks);
    missing.map(|tool| format!("there is no {tool}"))
}

/// Where a program is: a name, or a path with one `*` for the newest version.
pub(crate) fn find(tool: &str) -> Option<PathBuf> {
    if let Some((folder, rest)) = tool.split_once("/*/") {
        let mut versions: Vec<PathBuf> = fs::read_dir(folder)
            .ok()?
            .flatten()
            .map(|entry| entry.path().join(rest))
            .filter(|path| path.exists())
            .collect();
        versions.sort();
        return versions.pop();
    }
    let folders = ["/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/local/bin"];
    let mut paths = folders.iter().map(|folder| Path::new(folder).join(tool));
    paths.find(|path| path.exists())
}

/// Two namespaces joined by a link: the prober's, with the addresses 10.77.0.2 to 10.77.0.6 and
/// fd77::2, and the server's.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) server: Namespace,
    pub(crate) prober: Namespace,
}

impl Place {
    pub(crate) fn make() -> Self {
        namespace::sweep();
        let mut made = Namespace::make(&["server".to_owned(), "greeter".to_owned()]);
        let prober = made.pop().expect("a namespace");
        let server = made.pop().expect("a namespace");
        let ip = |space: &Namespace, lines: &[String]| {
            space.run(
                Command::new("ip").args(["-b", "-"]),
                &(lines.join("\n") + "\n"),
            );
        };
        let mut lines = vec![
            format!(
                "link add eth0 type veth peer name eth0 netns {}",
                server.name()
            ),
            "link set lo up".to_owned(),
            "address add fd77::2/64 dev eth0 nodad".to_owned(),
            "link set eth0 up".to_owned(),
        ];
        let own = (2..=6).map(|host| format!("address add 10.77.0.{host}/24 dev eth0"));
        lines.extend(own);
        ip(&prober, &lines);
        let lines = [
            "link set lo up",
            "address add 10.77.0.1/24 dev eth0",
            "address add fd77::1/64 dev eth0 nodad",
            "link set eth0 up",
        ];
        ip(&server, &lines.map(str::to_owned));
        Self { server, prober }
    }

    /// The document of a probe with a greeting, from one of our addresses. It is open, whatever
    /// the server says.
    pub(crate) fn greeted(&self, source: &str, port: u16, more: &[&str]) -> Value {
        let target = match source.contains(':') {
            true => format!("[fd77::1]:{port}"),
            false => format!("{SERVER}:{port}"),
        };
        let mut command = synquest();
        command
            .args(["probe", "--json", "--quick", "--no-mtu", "--greeting"])
            .args(["-S", source])
            .args(more)
            .arg(&target);
        let output = self.prober.enter(|| command.output().expect("it starts"));
        let message = stderr(&output);
        assert_eq!(output.status.code(), Some(0), "{message}");
        assert!(message.contains("--greeting makes"), "warned: {message}");
        let document: Value = serde_json::from_str(&stdout(&output)).expect("one document");
        assert_eq!(document["verdict"]["cause"], "open", "{document}");
        document
    }

    /// A connection from one of our addresses that says nothing.
    pub(crate) fn connect(&self, source: [u8; 4], port: u16) -> TcpStream {
        self.prober.enter(|| {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
            let own = SocketAddr::new(IpAddr::from(source), 0);
            socket.bind(&own.into()).expect("our address");
            let server = SocketAddr::new(SERVER.into(), port);
            socket.connect(&server.into()).expect("a connection");
            TcpStream::from(socket)
        })
    }
}

/// A server's process, and the folder of its files; both gone when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    folder: Folder,
}

impl Server {
    /// Starts `command` in the server's namespace, and waits until `ready`.
    pub(crate) fn start(
        place: &Place,
        folder: Folder,
        mut command: Command,
        ready: impl Fn(&Folder) -> bool,
    ) -> Self {
        let log = fs::File::create(folder.path("log")).expect("a log");
        let errors = log.try_clone().expect("a log");
        command.stdin(Stdio::null()).stdout(log).stderr(errors);
        let child = place.server.enter(|| command.spawn().expect("a server"));
        let mut server = Self { child, folder };
        let started = comes(STARTING, || {
            let ended = server.child.try_wait().expect("a child");
            assert_eq!(ended, None, "{command:?} ended: {}", server.log());
            ready(&server.folder)
        });
        assert!(started, "{command:?} did not start: {}", server.log());
        server
    }

    /// What it wrote so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path("log")).expect("a log")
    }

    pub(crate) fn folder(&self) -> &Folder {
        &self.folder
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A server that is killed leaves processes and shared memory behind.
        if let Ok(id) = i32::try_from(self.child.id())
            && let Some(id) = rustix::process::Pid::from_raw(id)
        {
            let _told = rustix::process::kill_process(id, rustix::process::Signal::TERM);
        }
        comes(ENDING, || !matches!(self.child.try_wait(), Ok(None)));
        let _gone = self.child.kill();
        let _ended = self.child.wait();
    }
}

/// A folder that every user may enter, below the system's folder for such: the paths of sockets
/// must be short.
#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn make(server: &str) -> Self {
        use std::os::unix::fs::PermissionsExt as _;
        static FOLDERS: AtomicU32 = AtomicU32::new(0);
        let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
        let name = format!("synquest-{server}-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).expect("a folder of our own");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).expect("its mode");
        Self(path)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("a file of our own");
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _gone = fs::remove_dir_all(&self.0);
    }
}

/// Runs a command to its end and returns what it prints.
pub(crate) fn done(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().expect("it starts");
    assert!(
        output.status.success(),
        "{command:?}: {}{}",
        stdout(&output),
        stderr(&output)
    );
    stdout(&output)
}

/// Whether something comes to be within about `patience`.
pub(crate) fn comes(patience: Duration, mut has: impl FnMut() -> bool) -> bool {
    let looks = patience.as_millis() / PAUSE.as_millis();
    (0..looks).any(|_| {
        let come = has();
        if !come {
            std::thread::sleep(PAUSE);
        }
        come
    })
}

/// Whether a command succeeds.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    let command = command.stdin(Stdio::null()).stdout(Stdio::null());
    let status = command.stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// The commands of a document's advice, one a line.
pub(crate) fn commands(document: &Value) -> String {
    let advice = document["advice"].as_array().expect("advice").iter();
    let commands = advice.filter_map(|piece| piece["command"].as_str());
    commands.map(|command| format!("{command}\n")).collect()
}
