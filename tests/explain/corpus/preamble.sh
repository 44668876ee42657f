# What the scripts of the situations are written in. $PROBER, $R1 … $TARGET are namespaces, $A is the
# address that is asked, $T the target's own, $C the client's.
at() { local space=$1; shift; ip netns exec "${!space}" "$@"; }
ipt() { local space=$1; shift; at "$space" "$IPTABLES" -w "$@"; }
say() { printf '%s\n' "$*" >&3; }
hear() { read -t "${1:-3}" -r -u3 _ || true; }
hears() { timeout "${1:-3}" cat <&3 >/dev/null || true; }
export -f say hear hears
# talk PORT SCRIPT: a client that connects and does as the script says; nothing is read or written
# longer than it waits for.
talk() {
    timeout -s KILL "${PATIENCE:-12}" ip netns exec "$PROBER" \
        bash -c "exec 3<>/dev/tcp/$A/$1 || exit 0; $2" || true
}
web() { at PROBER curl -s -o /dev/null -m "${2:-8}" "http://$HOST:8080/$1" || true; }
