//! A situation on its network: its server, its captures, its script.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::Situation;
use super::databases::{self, Database};
use crate::lab::network::Network;
use crate::scenario::{FamilyName, Scenario};

const SERVER: &str = include_str!("server.py");
const PREAMBLE: &str = include_str!("preamble.sh");

/// What every scenario must hold and none of ours reads.
const BARE: &str = "about = \"\"\n[host]\nlisten = []\n[expect]\ncause = [\"open\"]\nplace = \"host\"\n\
                    least = \"possible\"\ngreatest = \"proven\"\n";

/// The network of a situation, and what runs in it.
pub(super) struct Stage<'s> {
    situation: &'s Situation,
    network: Network,
    folder: &'s Path,
    /// Ended before the namespaces go.
    _server: Option<Ended>,
    _database: Option<Database>,
}

/// A process that ends with what owns it.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _reaped = self.0.wait();
    }
}

impl<'s> Stage<'s> {
    pub(super) fn raise(situation: &'s Situation, folder: &'s Path) -> Self {
        let mut scenario: Scenario = toml::from_str(BARE).expect("a scenario");
        scenario.name.clone_from(&situation.name);
        scenario.network = situation.network.clone();
        scenario.rule.clone_from(&situation.rule);
        scenario.loss.clone_from(&situation.loss);
        let mut stage = Self {
            situation,
            network: Network::raise(&scenario, situation.family),
            folder,
            _server: None,
            _database: None,
        };
        match situation.server.as_deref() {
            None => stage._server = Some(stage.serve()),
            Some("none") => {}
            Some(kind) => {
                let target = stage.network.space("target");
                stage._database = Some(databases::start(kind, target, folder));
            }
        }
        stage
    }

    fn serve(&self) -> Ended {
        let family = match self.situation.family {
            FamilyName::V4 => "4",
            FamilyName::V6 => "6",
        };
        let mut command = self.inside("target", "python3");
        command.args(["-c", SERVER, family]);
        let command = command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("a server");
        let mut said = String::new();
        let mut pipe = BufReader::new(child.stdout.take().expect("a pipe"));
        pipe.read_line(&mut said).expect("text");
        assert_eq!(said, "ready\n", "the server starts");
        Ended(child)
    }

    fn inside(&self, node: &str, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", self.network.space(node).name(), program]);
        command
    }

    /// Captures at every place while the script runs; gives the captures, by the name of their place.
    pub(super) fn capture(&self) -> Vec<(&'static str, PathBuf)> {
        let situation = self.situation;
        let early = situation.before.as_ref().map(|script| self.shell(script));
        if early.is_some() {
            std::thread::sleep(std::time::Duration::from_millis(situation.head_start_ms));
        }
        let places = situation.places();
        let listening: Vec<_> = places
            .iter()
            .map(|(place, node, interface)| (*place, self.listen(place, node, interface)))
            .collect();
        let status = self.shell(&situation.does).0.wait().expect("a shell");
        assert!(status.success(), "{}: the script failed", situation.name);
        drop(early);
        // What passed last may not have been captured yet.
        std::thread::sleep(std::time::Duration::from_millis(300));
        let ended = listening.into_iter().map(|(place, (mut tcpdump, file))| {
            let id = Pid::from_child(&tcpdump);
            kill_process(id, Signal::INT).expect("tcpdump still runs");
            tcpdump.wait().expect("tcpdump ends");
            (place, file)
        });
        ended.collect()
    }

    fn shell(&self, script: &str) -> Ended {
        let plan = &self.network.plan;
        let mut command = Command::new("bash");
        command.arg("-c").arg(format!("{PREAMBLE}\n{script}"));
        for node in &plan.nodes {
            command.env(node.to_uppercase(), self.network.space(node).name());
        }
        let client = plan.links.first().and_then(|link| link.near.address);
        let (tables, ip, host) = match plan.family {
            FamilyName::V4 => ("iptables", "-4", plan.probed.to_string()),
            FamilyName::V6 => ("ip6tables", "-6", format!("[{}]", plan.probed)),
        };
        command
            .env("A", plan.probed.to_string())
            .env("T", plan.target.to_string())
            .env("C", client.expect("an address").to_string())
            .env("HOST", host)
            .env("FAMILY", ip)
            .env("IPTABLES", tables)
            .env("DIR", self.folder);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        Ended(command.spawn().expect("a shell"))
    }

    /// Starts tcpdump at a node and waits until it listens.
    fn listen(&self, place: &str, node: &str, interface: &str) -> (Child, PathBuf) {
        let file = self.folder.join(format!("{place}.pcap"));
        let mut command = self.inside(node, "tcpdump");
        command.args([
            "-n",
            "-U",
            "--immediate-mode",
            "-Z",
            "root",
            "-i",
            interface,
        ]);
        command.args(["-s", "200", "-w"]).arg(&file);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("tcpdump");
        let mut said = BufReader::new(child.stderr.take().expect("a pipe"));
        let mut line = String::new();
        while !line.contains("listening on") {
            line.clear();
            let octets = said.read_line(&mut line).expect("text");
            assert!(octets > 0, "tcpdump at {node} did not start");
        }
        // What it says at the end must not block it.
        std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
        (child, file)
    }
}
