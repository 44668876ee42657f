#!/usr/bin/env python3
"""Two-point captures of real packets, in network namespaces of its own: prober p - router r - target t,
and m behind t's second interface. Each trial writes its captures and its truth, which is what the rules
were, never what a program says of them; `judge` compares.

    lab.py SYNQUEST OUT [TRIAL...]
    lab.py judge SYNQUEST OUT
"""
import concurrent.futures, json, os, shutil, signal, struct, subprocess, sys, threading, time

PORT = 3306
PREFIX = f"sj{os.getpid()}"
CLIENT = r'''
import socket, sys, time
family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
def ask(host, port, wait):
    s = socket.socket(family)
    s.settimeout(wait)
    try:
        s.connect((host, port))
        s.sendall(b"hello")
        s.recv(100)
    except OSError:
        pass
    s.close()
host, port, controls = sys.argv[1], int(sys.argv[2]), [int(n) for n in sys.argv[3:]]
import threading
for control in controls: ask(host, control, 2)
threads = [threading.Thread(target=ask, args=(host, port, 8)) for _ in range(3)]
for t in threads: t.start()
for round in range(4):
    time.sleep(2)
    for control in controls: ask(host, control, 2)
for t in threads: t.join()
for control in controls: ask(host, control, 2)
'''
LISTENER = r'''
import socket, sys, threading
def serve(port):
    s = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=64)
    while True:
        c, _ = s.accept()
        try:
            c.settimeout(1); c.sendall(b"welcome")
        except OSError: pass
        c.close()
for port in sys.argv[1:]: threading.Thread(target=serve, args=(int(port),)).start()
'''
PROXY = r'''
import socket, sys, threading
s = socket.create_server(("", int(sys.argv[1])), backlog=64)
while True:
    c, _ = s.accept()
    try:
        u = socket.create_connection((sys.argv[2], int(sys.argv[1])), 1); u.close()
    except OSError: pass
    c.close()
'''
FLOOD = r'''
import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
end = time.time() + float(sys.argv[2])
while time.time() < end:
    for _ in range(50): s.sendto(b"x" * 1400, (sys.argv[1], 9))
    time.sleep(0.001)
'''


class Net:
    def __init__(self, number):
        self.name = f"{PREFIX}-{number}"
        self.running = []
        try:
            self.build()
        except Exception:
            self.end()
            raise

    def build(self):
        nodes = "prtm"
        for node in nodes:
            self.sh(f"ip netns add {self.name}-{node}")
            for key in ("conf/all/accept_dad", "conf/default/accept_dad"):
                self.at(node, f"sysctl -qw net.ipv6.{key.replace('/', '.')}=0")
            self.at(node, "ip link set dev lo up")
        links = [("p", "eth0", "r", "up", "10.9.0", "fd09:0"), ("r", "down", "t", "eth0", "10.9.1", "fd09:1"),
                 ("t", "eth1", "m", "eth0", "10.9.2", "fd09:2")]
        for a, ia, b, ib, net, net6 in links:
            self.sh(f"ip -n {self.name}-{a} link add name {ia} type veth peer name {ib} netns {self.name}-{b}")
            ends = {"p": 2, "r": 1, "t": 10, "m": 1}
            for node, iface in ((a, ia), (b, ib)):
                self.at(node, f"ip addr add {net}.{ends[node]}/24 dev {iface}")
                self.at(node, f"ip addr add {net6}::{ends[node]}/64 dev {iface} nodad")
                self.at(node, f"ip link set dev {iface} up")
        for node in "rm":
            self.at(node, "sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1")
        for family, p, t in (("-4", "10.9.0.1", "10.9.1.1"), ("-6", "fd09:0::1", "fd09:1::1")):
            self.at("p", f"ip {family} route add default via {p}")
            self.at("t", f"ip {family} route add default via {t}")

    def sh(self, command, **more):
        return subprocess.run(command, shell=True, check=True, capture_output=True, **more)

    def at(self, node, command):
        return self.sh(f"ip netns exec {self.name}-{node} {command}")

    def start(self, node, arguments, quiet=True):
        process = subprocess.Popen(["ip", "netns", "exec", f"{self.name}-{node}"] + arguments,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True)
        self.running.append(process)
        return process

    def end(self):
        for process in self.running:
            if process.poll() is None:
                process.kill()
            process.wait()
        for node in "prtm":
            subprocess.run(["ip", "netns", "del", f"{self.name}-{node}"], capture_output=True)


def capture(net, node, iface, path, tool, more):
    if tool == "tcpdump":
        command = ["tcpdump", "-i", iface, "-w", path, "-U", "-n"] + more
    else:
        command = ["dumpcap", "-q", "-i", iface, "-w", path] + more
    process = net.start(node, command)
    if tool == "tcpdump":
        process.stderr.readline()
        threading.Thread(target=process.stderr.read, daemon=True).start()
    else:
        for line in process.stderr:
            if b"File:" in line:
                break
        threading.Thread(target=process.stderr.read, daemon=True).start()
    time.sleep(0.3)
    return process


def stop(process):
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()


FWD = ("r", "iptables -A FORWARD -p tcp --dport 3306 -j DROP")
IN = ("t", "iptables -A INPUT -p tcp --dport 3306 -j DROP")
BACK = ("r", "iptables -A FORWARD -p tcp --sport 3306 -j DROP")
OUT = ("t", "iptables -A OUTPUT -p tcp --sport 3306 -j DROP")
SNAT = ("r", "iptables -t nat -A POSTROUTING -o down -j MASQUERADE --random-fully")
DNAT = ("r", "iptables -t nat -A PREROUTING -i up -d 10.9.0.1 -p tcp -j DNAT --to 10.9.1.10")
SIX = lambda rule: (rule[0], rule[1].replace("iptables", "ip6tables"))
DUMP, TCP = [("t", "eth0", "dumpcap", [])], [("t", "eth0", "tcpdump", [])]
NEVER, MUTE, LOST, HEARD, FRONT = "never-arrived", "not-answered", "lost-back", "heard", "answered-before"


def trial(name, truth, least, rules=(), theirs=DUMP, ours="probe", **more):
    return dict(name=name, truth=truth, least=least, rules=list(rules), theirs=theirs, ours=ours, **more)


def trials():
    yield trial("in-drop", MUTE, "proven", [IN])
    yield trial("in-drop-tcpdump", MUTE, "confirmed", [IN], TCP)
    yield trial("in-drop-any", MUTE, "confirmed", [IN], [("t", "any", "tcpdump", [])])
    yield trial("in-drop-any-dumpcap", MUTE, "proven", [IN], [("t", "any", "dumpcap", [])])
    yield trial("fwd-drop", NEVER, "proven", [FWD])
    yield trial("fwd-drop-tcpdump", NEVER, "likely", [FWD], TCP)
    yield trial("back-drop", LOST, "proven", [BACK])
    yield trial("back-drop-tcpdump", LOST, "confirmed", [BACK], TCP)
    yield trial("out-drop", MUTE, "proven", [OUT])
    yield trial("snat-fwd-drop", NEVER, "proven", [FWD, SNAT], look="10.9.1.1")
    yield trial("snat-in-drop", MUTE, "proven", [IN, SNAT], look="10.9.1.1")
    yield trial("snat-back-drop", LOST, "proven", [BACK, SNAT], look="10.9.1.1")
    yield trial("dnat-in-drop", MUTE, "proven", [IN, DNAT], to="10.9.0.1", ours="dumpcap")
    yield trial("dnat-back-drop", LOST, "proven", [BACK, DNAT], to="10.9.0.1")
    yield trial("dnat-snat-fwd-drop", NEVER, "proven", [FWD, DNAT, SNAT], to="10.9.0.1", look="10.9.1.1", ours="dumpcap")
    yield trial("router-any-fwd-drop", NEVER, "confirmed", [FWD], [("r", "any", "tcpdump", [])])
    yield trial("router-any-snat-fwd-drop", NEVER, "confirmed", [FWD, SNAT], [("r", "any", "tcpdump", [])])
    yield trial("router-down-in-drop", MUTE, "proven", [IN], [("r", "down", "dumpcap", [])])
    yield trial("router-and-target-fwd-drop", NEVER, "proven", [FWD],
                [("r", "up", "dumpcap", []), ("t", "eth0", "dumpcap", [])], between=(1, 2))
    yield trial("router-and-target-back-drop", LOST, "proven", [BACK],
                [("r", "up", "dumpcap", []), ("t", "eth0", "dumpcap", [])], between=(2, 1))
    for rule, name, truth in ((IN, "in", MUTE), (FWD, "fwd", NEVER), (BACK, "back", LOST)):
        yield trial(f"client-{name}-drop", truth, "proven", [rule], ours="dumpcap")
        yield trial(f"client-{name}-drop-tcpdump", truth, "likely" if rule is FWD else "confirmed", [rule], TCP, ours="tcpdump")
        yield trial(f"client-snat-{name}-drop", truth, "proven", [rule, SNAT], ours="dumpcap")
        yield trial(f"v6-{name}-drop", truth, "proven", [SIX(rule)], to="fd09:1::10")
        yield trial(f"shift-{name}-drop", truth, "likely" if rule is FWD else "confirmed", [rule], TCP, shift=7200.5)
        yield trial(f"shift-back-in-time-{name}-drop", truth, "likely" if rule is FWD else "confirmed", [rule], DUMP, shift=-86399.25)
        yield trial(f"slow-clock-{name}-drop", truth, "proven", [rule], DUMP, late_by=-3600, drift=60)
    yield trial("open", HEARD, "proven", [])
    yield trial("open-client", HEARD, "proven", [], ours="dumpcap")
    yield trial("closed", HEARD, "proven", [], listen=False)
    yield trial("reject-reset", HEARD, "proven", [("t", "iptables -A INPUT -p tcp --dport 3306 -j REJECT --reject-with tcp-reset")])
    yield trial("reject-icmp", HEARD, "proven", [("t", "iptables -A INPUT -p tcp --dport 3306 -j REJECT")])
    yield trial("router-rejects", FRONT, "proven", [("r", "iptables -A FORWARD -p tcp --dport 3306 -j REJECT --reject-with tcp-reset")], ours="dumpcap")
    yield trial("router-rejects-icmp", FRONT, "proven", [("r", "iptables -A FORWARD -p tcp --dport 3306 -j REJECT")], ours="dumpcap")
    yield trial("router-any-dumpcap-fwd-drop", NEVER, "proven", [FWD], [("r", "any", "dumpcap", [])])
    yield trial("router-both-dumpcap-fwd-drop", NEVER, "proven", [FWD, SNAT],
                [("r", "up", "dumpcap", ["-i", "down"])])
    yield trial("router-both-dumpcap-back-drop", LOST, "proven", [BACK, SNAT],
                [("r", "up", "dumpcap", ["-i", "down"])])
    yield trial("busy-server-in-drop", MUTE, "proven", [("t", "iptables -A INPUT -s 10.9.0.2 -p tcp --dport 3306 -j DROP")],
                [("t", "any", "dumpcap", [])], busy=True)
    # Decoys: nothing negative may be proven that is not the truth; `None`: nothing negative at all.
    d = lambda name, truth, *a, **k: trial("decoy-" + name, truth, None, *a, decoy=True, **k)
    wrong = lambda tool, more=[]: [("t", "eth1", tool, more)]
    yield d("wrong-interface", None, [IN], wrong("dumpcap"))
    yield d("wrong-interface-open", None, [], wrong("dumpcap"))
    yield d("wrong-interface-busy", None, [IN], wrong("dumpcap"), busy=True)
    yield d("wrong-interface-tcpdump", None, [FWD], wrong("tcpdump"), busy=True)
    at = lambda tool, *more: [("t", "eth0", tool, list(more))]
    yield d("no-syn", None, [IN], at("tcpdump", "tcp[tcpflags] & tcp-syn == 0"))
    yield d("no-syn-dumpcap", None, [IN], at("dumpcap", "-f", "tcp[tcpflags] & tcp-syn == 0"))
    yield d("no-syn-open", None, [], at("dumpcap", "-f", "tcp[tcpflags] & tcp-syn == 0"))
    yield d("icmp-only", None, [IN], at("dumpcap", "-f", "icmp"))
    yield d("not-port", None, [IN], at("tcpdump", "not port 3306"))
    yield d("not-port-dumpcap", None, [IN], at("dumpcap", "-f", "not port 3306"))
    yield d("not-port-back", None, [BACK], at("dumpcap", "-f", "not port 3306"))
    yield d("few-ports", None, [IN], at("tcpdump", "icmp or port 22 or port 80"))
    yield d("no-answers-in-filter", None, [BACK], at("dumpcap", "-f", "dst host 10.9.1.10"))
    yield d("inbound-only", None, [BACK], at("tcpdump", "-Q", "in"))
    yield d("count", MUTE, [IN], at("tcpdump", "-c", "6"))
    yield d("count-dumpcap", MUTE, [IN], at("dumpcap", "-c", "6"))
    yield d("cut", MUTE, [IN], TCP, cut=0.4)
    yield d("cut-dumpcap", MUTE, [IN], DUMP, cut=0.4)
    yield d("cut-open", HEARD, [], DUMP, cut=0.4)
    yield d("late", MUTE, [IN], DUMP, late=4)
    yield d("early", MUTE, [IN], DUMP, early=3)
    yield d("early-open", HEARD, [], DUMP, early=1, ours="dumpcap")
    yield d("other-attempt", None, [FWD], DUMP, other=True)
    yield d("other-attempt-open", None, [], DUMP, other=True)
    yield d("stopped", None, [], DUMP + [], stopped=True, ours="dumpcap")
    yield d("stopped-fwd", NEVER, [FWD], DUMP, stopped=True, bound="proven")
    yield d("stopped-back", LOST, [BACK], DUMP, stopped=True, bound="proven")
    yield d("thinned", None, [IN], DUMP, thin="not tcp.port==3306")
    yield d("thinned-back", None, [BACK], DUMP, thin="not tcp.srcport==3306", bound="proven")
    yield d("thinned-tcpdump", None, [IN], TCP, thin="not tcp.port==3306")
    yield d("snapped", MUTE, [IN], at("dumpcap", "-s", "40"))
    yield d("proxy", FRONT, [], DUMP, proxy=True, to="10.9.0.1", ours="dumpcap")
    yield d("answer-elsewhere", LOST, [("t", "iptables -t mangle -A OUTPUT -p tcp --sport 3306 -j MARK --set-mark 7"),
            ("t", "ip rule add fwmark 7 table 7"), ("t", "ip route add default via 10.9.2.1 table 7")],
            [("t", "any", "dumpcap", [])])
    yield d("hole", MUTE, [IN], DUMP, hole=True)


def rewrite(path, new, seconds, ppm):
    """A dumpcap file as a host with another clock would have written it."""
    octets, at, first = bytearray(open(path, "rb").read()), 0, None
    while at + 12 <= len(octets):
        kind, length = struct.unpack_from("<II", octets, at)
        if kind in (5, 6):
            high, low = struct.unpack_from("<II", octets, at + 12)
            stamp = high << 32 | low
            # if_tsresol is 9 where dumpcap writes nanoseconds, as it does on Linux.
            first = first or stamp
            stamp += int(seconds * 1e9) + int((stamp - first) * ppm / 1e6)
            struct.pack_into("<II", octets, at + 12, stamp >> 32, stamp & 0xffffffff)
        at += length
    open(new, "wb").write(octets)


def run(net, trial, synquest, out):
    folder = os.path.join(out, trial["name"])
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    for node, rule in trial["rules"]:
        net.at(node, rule)
    to = trial.get("to", "10.9.1.10")
    opens = [8080] + ([PORT] if trial.get("listen", True) else [])
    net.start("t", [sys.executable, "-c", LISTENER] + [str(port) for port in opens])
    if trial.get("proxy"):
        net.start("r", [sys.executable, "-c", PROXY, str(PORT), "10.9.1.10"])
    time.sleep(0.5)

    def client():
        if trial["ours"] == "probe":
            subprocess.run(["ip", "netns", "exec", f"{net.name}-p", synquest, "probe",
                            f"[{to}]:{PORT}" if ":" in to else f"{to}:{PORT}", "-q", "--max-time", "15s", "--no-mtu",
                            "--force", "--pcap", ours], capture_output=True, timeout=90)
        else:
            subprocess.run(["ip", "netns", "exec", f"{net.name}-p", sys.executable, "-c", CLIENT, to, str(PORT),
                            "8080", "81", "5432"], timeout=90)

    ours = os.path.join(folder, "ours.pcapng" if trial["ours"] != "tcpdump" else "ours.pcap")
    if trial.get("other"):
        client()
        os.rename(ours, ours + ".first")
    captures, files = [], []
    if trial["ours"] != "probe":
        captures.append(capture(net, "p", "eth0", ours, trial["ours"], []))
    theirs = []
    def begin():
        for number, (node, iface, tool, more) in enumerate(trial["theirs"], 1):
            path = os.path.join(folder, f"{node}-{iface}-{number}.pcap" + ("ng" if tool == "dumpcap" else ""))
            files.append(path)
            theirs.append(capture(net, node, iface, path, tool, more))
    if not trial.get("late"):
        begin()
    if trial.get("busy"):
        for _ in range(3):
            net.start("m", [sys.executable, "-c", CLIENT, "10.9.2.10", "3306", "8080"])
    if trial.get("late"):
        threading.Timer(trial["late"], begin).start()
    if trial.get("early"):
        threading.Timer(trial["early"], lambda: [stop(p) for p in theirs]).start()
    if trial.get("stopped"):
        # The capture stands still while its buffer overflows.
        def still():
            net.start("r", [sys.executable, "-c", FLOOD, "10.9.1.10", "6"])
            for p in theirs: os.killpg(p.pid, signal.SIGSTOP)
            time.sleep(7)
            for p in theirs: os.killpg(p.pid, signal.SIGCONT)
        threading.Timer(1, still).start()
    if trial.get("hole"):
        threading.Timer(3, lambda: [stop(p) for p in theirs]).start()
        second = os.path.join(folder, "second.pcapng")
        threading.Timer(6, lambda: theirs.append(capture(net, "t", "eth0", second, "dumpcap", []))).start()
    client()
    time.sleep(0.7)
    for process in theirs + captures:
        stop(process)
    if trial.get("other"):
        os.rename(ours + ".first", ours)
    for at, path in enumerate(files):
        new = path.replace(".pcap", ".edited.pcap")
        if trial.get("shift"):
            net.sh(f"editcap -t {trial['shift']} {path} {new}")
        elif trial.get("late_by"):
            rewrite(path, new, trial["late_by"], trial["drift"])
        elif trial.get("thin"):
            net.sh(f"tshark -r {path} -Y '{trial['thin']}' -w {new}" + ("" if path.endswith("ng") else " -F pcap"))
        elif trial.get("cut"):
            octets = open(path, "rb").read()
            open(new, "wb").write(octets[:int(len(octets) * trial["cut"])])
        elif trial.get("hole"):
            net.sh(f"mergecap -a -w {new} {path} {os.path.join(folder, 'second.pcapng')}")
        else:
            continue
        files[at] = new
    truth = {key: trial.get(key) for key in ("name", "truth", "least", "decoy", "look", "bound", "shift", "late_by", "drift", "to", "between")}
    truth["files"] = [ours] + files
    json.dump(truth, open(os.path.join(folder, "truth.json"), "w"))
    return truth


ORDER = ["possible", "likely", "confirmed", "proven"]
NEGATIVE = {NEVER, MUTE, LOST, FRONT}


def judge(truth, synquest):
    """What is wrong, and whether the truth was found as firmly as it can be."""
    ours, *theirs = truth["files"]
    command = [synquest, "explain", "--json", ours] + [word for file in theirs for word in ("--with", file)]
    output = subprocess.run(command, capture_output=True, text=True)
    documents = [json.loads(line) for line in output.stdout.splitlines()]
    joined = [document for document in documents if document["schema"].startswith("synquest/joined/")]
    if len(joined) != 1:
        return [f"{len(joined)} documents: {output.stderr}"], False, []
    joined, wrong, signs = joined[0], [], []
    for one in joined["findings"]:
        if one["port"] == PORT and one["kind"] == "syn":
            sign, firm, after, before = one["sign"], one["confidence"], one["after"]["point"], one["before"]["point"]
            signs.append((sign, firm, one["count"], one["of"], after, before, one["doubts"]))
            if sign in NEGATIVE and sign != truth["truth"] and ORDER.index(firm) >= ORDER.index(truth.get("bound") or "confirmed"):
                wrong.append(f"{firm} {sign} {one['count']}/{one['of']}")
            between = truth["between"]
            if sign == truth["truth"] and between and firm == "proven" and [after, before] != list(between):
                wrong.append(f"{sign} between {after} and {before}")
    if truth["decoy"] and truth.get("bound"):
        wrong += [f"proven {sign[0]}" for sign in signs if sign[0] in NEGATIVE and sign[1] == "proven"]
    found = not truth["least"] or any(
        sign == truth["truth"] and ORDER.index(firm) >= ORDER.index(truth["least"]) for sign, firm, *_ in signs)
    for clock in filter(None, (point["clock"] for point in joined["points"][1:])):
        offset = truth["shift"] or truth.get("late_by")
        if offset:
            low, high = (None if bound is None else bound / 1e9 for bound in clock["offset_ns"])
            # All namespaces share one clock: the truth is known to the microsecond of the stamps, and
            # with a drift at the beginning.
            slack = 2e-6 + abs(truth.get("drift") or 0) * 60e-6
            if (low is not None and low > offset + slack) or (high is not None and high < offset - slack):
                wrong.append(f"clock {low} to {high}")
            if truth.get("drift") and None not in (low, high) and clock["drift_ppb"]:
                least, most = (bound / 1000 for bound in clock["drift_ppb"])
                if not least <= truth["drift"] <= most:
                    wrong.append(f"drift {least} to {most}")
    looks = [f"{one['source']} {one['destination']} {one['arrives_from']} {one['arrives_for']} {one['at']['point']}"
             for one in joined["translations"]]
    if truth["look"] and not any(truth["look"] in f"translation {look}" for look in looks):
        wrong.append("the translation is missing")
    return wrong, found, signs


def main():
    synquest, out, *names = sys.argv[1:]
    os.makedirs(out, exist_ok=True)
    chosen = [t for t in trials() if not names or t["name"] in names]

    def one(numbered):
        number, trial = numbered
        net = None
        try:
            net = Net(number)
            return run(net, trial, synquest, out)
        except Exception as error:
            detail = getattr(error, "stderr", b"") or b""
            return {"name": trial["name"], "error": f"{error} {detail.decode()}"}
        finally:
            if net:
                net.end()

    bad = 0
    with concurrent.futures.ThreadPoolExecutor(int(os.environ.get("LAB_AT_ONCE", "6"))) as pool:
        for truth in pool.map(one, enumerate(chosen)):
            if "error" in truth:
                bad += 1
                print("ERROR", truth["name"], truth["error"], flush=True)
                continue
            bad += report(truth, synquest)
    print(f"{len(chosen)} trials, {sum(bool(t.get('decoy')) for t in chosen)} of them decoys, {bad} not as they should be")
    sys.exit(1 if bad else 0)


def report(truth, synquest):
    wrong, found, signs = judge(truth, synquest)
    word = "WRONG" if wrong else "MISS" if not found else "ok"
    kind = "decoy" if truth["decoy"] else "trial"
    print(f"{word:5} {kind} {truth['name']}: {truth['truth']} {truth['least'] or ''} {'; '.join(wrong)}", flush=True)
    if word != "ok" or os.environ.get("LAB_VERBOSE"):
        for sign in signs:
            print("        ", *sign, flush=True)
    return word != "ok"


if __name__ == "__main__":
    if sys.argv[1] == "judge":
        folders = sorted(os.listdir(sys.argv[3]))
        sys.exit(1 if sum(report(json.load(open(os.path.join(sys.argv[3], f, "truth.json"))), sys.argv[2])
                          for f in folders if os.path.exists(os.path.join(sys.argv[3], f, "truth.json"))) else 0)
    main()
