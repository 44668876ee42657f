# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_synquest_global_optspecs
    string join \n json v/verbose q/quiet color= h/help V/version
end

function __fish_synquest_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_synquest_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_synquest_using_subcommand
    set -l cmd (__fish_synquest_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c synquest -n "__fish_synquest_needs_command" -l color -d 'When to colour [NO_COLOR is honoured by auto]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c synquest -n "__fish_synquest_needs_command" -l json -d 'Write JSON, one document a line'
complete -c synquest -n "__fish_synquest_needs_command" -s v -l verbose -d 'Say on stderr what is being done; twice for more'
complete -c synquest -n "__fish_synquest_needs_command" -s q -l quiet -d 'One line an endpoint and no progress'
complete -c synquest -n "__fish_synquest_needs_command" -s h -l help -d 'Print help'
complete -c synquest -n "__fish_synquest_needs_command" -s V -l version -d 'Print version'
complete -c synquest -n "__fish_synquest_needs_command" -f -a "probe" -d 'Diagnose one or a few endpoints'
complete -c synquest -n "__fish_synquest_needs_command" -f -a "sweep" -d 'Diagnose every endpoint of a list'
complete -c synquest -n "__fish_synquest_needs_command" -f -a "merge" -d 'Join the results of the shards of one sweep'
complete -c synquest -n "__fish_synquest_needs_command" -f -a "explain" -d 'Give the verdicts again from a capture alone, ours or one of tcpdump\'s'
complete -c synquest -n "__fish_synquest_needs_command" -f -a "rules" -d 'Say which firewall rule of a host decides on a connection, and how to let it in'
complete -c synquest -n "__fish_synquest_needs_command" -f -a "doctor" -d 'Show what this host can and cannot do'
complete -c synquest -n "__fish_synquest_needs_command" -f -a "generate" -d 'Write the man pages or the shell completions'
complete -c synquest -n "__fish_synquest_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c synquest -n "__fish_synquest_using_subcommand probe" -s I -l interface -d 'Leave through this interface' -r
complete -c synquest -n "__fish_synquest_using_subcommand probe" -s S -l source -d 'Send from this address of this host' -r
complete -c synquest -n "__fish_synquest_using_subcommand probe" -l mark -d 'Firewall mark of the probes (decimal or 0x…)' -r
complete -c synquest -n "__fish_synquest_using_subcommand probe" -l max-time -d 'Time budget of an endpoint [default: 45s, over IPv6 75s]' -r
complete -c synquest -n "__fish_synquest_using_subcommand probe" -l max-probes -d 'Probe budget of an endpoint' -r
complete -c synquest -n "__fish_synquest_using_subcommand probe" -l rate -d 'Packets a second over all endpoints' -r
complete -c synquest -n "__fish_synquest_using_subcommand probe" -l control-port -d 'Port of the same host to compare with; may be repeated' -r
complete -c synquest -n "__fish_synquest_using_subcommand probe" -l seed -d 'Seed of the run\'s random choices, to repeat a run' -r
complete -c synquest -n "__fish_synquest_using_subcommand probe" -l until -d 'Diagnose again until the state or cause is this one (lines of a list that expect something: that)' -r
complete -c synquest -n "__fish_synquest_using_subcommand probe" -l interval -d 'Pause between two diagnoses, give or take a quarter' -r
complete -c synquest -n "__fish_synquest_using_subcommand probe" -l until-timeout -d 'After this long begin no more [default: --max-time where given, else 1h]' -r
complete -c synquest -n "__fish_synquest_using_subcommand probe" -l pcap -d 'Capture of our probes and their replies (pcapng), written as it happens' -r -F
complete -c synquest -n "__fish_synquest_using_subcommand probe" -l report -d 'Report (.html, .htm, .md); may be repeated' -r -F
complete -c synquest -n "__fish_synquest_using_subcommand probe" -l bundle -d 'Archive of all there is (.tar.zst, .tar.gz): JSON, report, capture, routes, settings and counters of this host, drops of its firewall by chain and rule number' -r -F
complete -c synquest -n "__fish_synquest_using_subcommand probe" -l scenario -d 'Where the database is: cross-cloud, on-prem or same-region-vm [default: read from the addresses and the route]' -r -f -a "cross-cloud\t'In another provider\'s cloud, over the public network'
on-prem\t'In a data centre, over a VPN or the public network'
same-region-vm\t'Self-built on a virtual machine of the same region, in this VPC or a peered one'"
complete -c synquest -n "__fish_synquest_using_subcommand probe" -l public-address -d 'Address under which public networks see this instance (its EIP)' -r
complete -c synquest -n "__fish_synquest_using_subcommand probe" -l rules -d 'What the target\'s iptables-save (or iptables -L, nft list ruleset) prints, or the JSON of its cloud\'s rules, to name the very rule that stops us; may be repeated; - for stdin' -r -F
complete -c synquest -n "__fish_synquest_using_subcommand probe" -l attached -l target-tags -d 'Security group, subnet, network, network tag or service account that the target has in its cloud; may be repeated [default: those given]' -r
complete -c synquest -n "__fish_synquest_using_subcommand probe" -l greeting -d 'Where the port is open, connect in full and report what the server says [mysql, postgresql, redis; default: by the port and the server\'s words]' -r -f -a "auto\t'What is usual on the port, or what the server speaks first'
mysql\t'MySQL or MariaDB'
postgresql\t'PostgreSQL'
redis\t'Redis'"
complete -c synquest -n "__fish_synquest_using_subcommand probe" -l color -d 'When to colour [NO_COLOR is honoured by auto]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c synquest -n "__fish_synquest_using_subcommand probe" -s 4 -l ipv4 -d 'IPv4 only'
complete -c synquest -n "__fish_synquest_using_subcommand probe" -s 6 -l ipv6 -d 'IPv6 only'
complete -c synquest -n "__fish_synquest_using_subcommand probe" -l quick -d 'Stop at the first answer that names a cause'
complete -c synquest -n "__fish_synquest_using_subcommand probe" -l thorough -d 'More flows and more control ports, without what the default holds to for each address: 8 packets a second and 25 in ten, 40 a diagnosis and 2 more a hop, 12 SYNs to the port, 24 SYNs a minute to the host'
complete -c synquest -n "__fish_synquest_using_subcommand probe" -l no-mtu -d 'Do not check an open port with full-size packets'
complete -c synquest -n "__fish_synquest_using_subcommand probe" -l force -d 'Replace files that exist; links, directories and devices never are'
complete -c synquest -n "__fish_synquest_using_subcommand probe" -l dry-run -d 'Print what would be sent, and send nothing'
complete -c synquest -n "__fish_synquest_using_subcommand probe" -l exit-zero -d 'Exit with 0 also when an endpoint is not open or undecided'
complete -c synquest -n "__fish_synquest_using_subcommand probe" -l json -d 'Write JSON, one document a line'
complete -c synquest -n "__fish_synquest_using_subcommand probe" -s v -l verbose -d 'Say on stderr what is being done; twice for more'
complete -c synquest -n "__fish_synquest_using_subcommand probe" -s q -l quiet -d 'One line an endpoint and no progress'
complete -c synquest -n "__fish_synquest_using_subcommand probe" -s h -l help -d 'Print help'
complete -c synquest -n "__fish_synquest_using_subcommand probe" -s V -l version -d 'Print version'
complete -c synquest -n "__fish_synquest_using_subcommand sweep" -l format -d 'Format of the list [default: shown by its first line]' -r -f -a "text\t'HOST:PORT, a label, # and a comment'
csv\t'A header with host and port (or endpoint), label, group, expect and any others'
ndjson\t'Objects with the fields a CSV list has as columns'"
complete -c synquest -n "__fish_synquest_using_subcommand sweep" -l exclude -d 'Leave out what FILE lists: addresses, blocks, endpoints, names; may be repeated' -r -F
complete -c synquest -n "__fish_synquest_using_subcommand sweep" -s I -l interface -d 'Leave through this interface' -r
complete -c synquest -n "__fish_synquest_using_subcommand sweep" -s S -l source -d 'Send from this address of this host' -r
complete -c synquest -n "__fish_synquest_using_subcommand sweep" -l mark -d 'Firewall mark of the probes (decimal or 0x…)' -r
complete -c synquest -n "__fish_synquest_using_subcommand sweep" -l max-time -d 'Time budget of an endpoint [default: 45s, over IPv6 75s]' -r
complete -c synquest -n "__fish_synquest_using_subcommand sweep" -l max-probes -d 'Probe budget of an endpoint' -r
complete -c synquest -n "__fish_synquest_using_subcommand sweep" -l rate -d 'Packets a second over all endpoints' -r
complete -c synquest -n "__fish_synquest_using_subcommand sweep" -l control-port -d 'Port of the same host to compare with; may be repeated' -r
complete -c synquest -n "__fish_synquest_using_subcommand sweep" -l seed -d 'Seed of the run\'s random choices, to repeat a run' -r
complete -c synquest -n "__fish_synquest_using_subcommand sweep" -l until -d 'Diagnose again until the state or cause is this one (lines of a list that expect something: that)' -r
complete -c synquest -n "__fish_synquest_using_subcommand sweep" -l interval -d 'Pause between two diagnoses, give or take a quarter' -r
complete -c synquest -n "__fish_synquest_using_subcommand sweep" -l until-timeout -d 'After this long begin no more [default: --max-time where given, else 1h]' -r
complete -c synquest -n "__fish_synquest_using_subcommand sweep" -l shards -d 'Cut the sweep into this many parts, each run by itself; the rate is divided among them' -r
complete -c synquest -n "__fish_synquest_using_subcommand sweep" -l shard -d 'Which of the parts to run, from 0 [default: JOB_COMPLETION_INDEX, which Kubernetes sets]' -r
complete -c synquest -n "__fish_synquest_using_subcommand sweep" -s o -l output -d 'Results as they settle (NDJSON), - for stdout; of a shard, FILE with its number in its name' -r -F
complete -c synquest -n "__fish_synquest_using_subcommand sweep" -l pcap -d 'Capture of all probes and their replies (pcapng), written as it happens' -r -F
complete -c synquest -n "__fish_synquest_using_subcommand sweep" -l pcap-failing -d 'The same, only of endpoints that are not as expected: of each at most 512 packets' -r -F
complete -c synquest -n "__fish_synquest_using_subcommand sweep" -l csv -d 'Table with a row for each line of the list' -r -F
complete -c synquest -n "__fish_synquest_using_subcommand sweep" -l report -d 'Report (.html, .htm, .md); may be repeated' -r -F
complete -c synquest -n "__fish_synquest_using_subcommand sweep" -l junit -d 'Test results (JUnit XML) with a case for each line of the list' -r -F
complete -c synquest -n "__fish_synquest_using_subcommand sweep" -l prometheus -d 'Metrics for the textfile collector of a Prometheus node exporter' -r -F
complete -c synquest -n "__fish_synquest_using_subcommand sweep" -l baseline -d 'Print what changed since an earlier run, whose results (NDJSON) are in FILE' -r -F
complete -c synquest -n "__fish_synquest_using_subcommand sweep" -l scenario -d 'Where the database is: cross-cloud, on-prem or same-region-vm [default: read from the addresses and the route]' -r -f -a "cross-cloud\t'In another provider\'s cloud, over the public network'
on-prem\t'In a data centre, over a VPN or the public network'
same-region-vm\t'Self-built on a virtual machine of the same region, in this VPC or a peered one'"
complete -c synquest -n "__fish_synquest_using_subcommand sweep" -l public-address -d 'Address under which public networks see this instance (its EIP)' -r
complete -c synquest -n "__fish_synquest_using_subcommand sweep" -l color -d 'When to colour [NO_COLOR is honoured by auto]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c synquest -n "__fish_synquest_using_subcommand sweep" -l expand -d 'Allow 10.0.0.0/24:3306,5432-5439, and probe every address of the block at every port'
complete -c synquest -n "__fish_synquest_using_subcommand sweep" -l skip-bad -d 'Report lines that cannot be used and go on without them'
complete -c synquest -n "__fish_synquest_using_subcommand sweep" -s 4 -l ipv4 -d 'IPv4 only'
complete -c synquest -n "__fish_synquest_using_subcommand sweep" -s 6 -l ipv6 -d 'IPv6 only'
complete -c synquest -n "__fish_synquest_using_subcommand sweep" -l quick -d 'Stop at the first answer that names a cause'
complete -c synquest -n "__fish_synquest_using_subcommand sweep" -l thorough -d 'More flows and more control ports, without what the default holds to for each address: 8 packets a second and 25 in ten, 40 a diagnosis and 2 more a hop, 12 SYNs to the port, 24 SYNs a minute to the host'
complete -c synquest -n "__fish_synquest_using_subcommand sweep" -l no-mtu -d 'Do not check an open port with full-size packets'
complete -c synquest -n "__fish_synquest_using_subcommand sweep" -l triage -d 'Send SYNs only, as fast as --rate allows; verdicts are one tier less firm'
complete -c synquest -n "__fish_synquest_using_subcommand sweep" -l resume -d 'Continue the sweep whose results are in the file of --output; begin it where there is none'
complete -c synquest -n "__fish_synquest_using_subcommand sweep" -l force -d 'Replace files that exist; links, directories and devices never are'
complete -c synquest -n "__fish_synquest_using_subcommand sweep" -l dry-run -d 'Print which endpoints would be probed, in order, and send nothing'
complete -c synquest -n "__fish_synquest_using_subcommand sweep" -l exit-zero -d 'Exit with 0 also when an endpoint is not as expected or undecided'
complete -c synquest -n "__fish_synquest_using_subcommand sweep" -l json -d 'Write JSON, one document a line'
complete -c synquest -n "__fish_synquest_using_subcommand sweep" -s v -l verbose -d 'Say on stderr what is being done; twice for more'
complete -c synquest -n "__fish_synquest_using_subcommand sweep" -s q -l quiet -d 'One line an endpoint and no progress'
complete -c synquest -n "__fish_synquest_using_subcommand sweep" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c synquest -n "__fish_synquest_using_subcommand sweep" -s V -l version -d 'Print version'
complete -c synquest -n "__fish_synquest_using_subcommand merge" -s o -l output -d 'All results (NDJSON), - for stdout' -r -F
complete -c synquest -n "__fish_synquest_using_subcommand merge" -l csv -d 'Table with a row for each line of the list' -r -F
complete -c synquest -n "__fish_synquest_using_subcommand merge" -l report -d 'Report (.html, .htm, .md); may be repeated' -r -F
complete -c synquest -n "__fish_synquest_using_subcommand merge" -l junit -d 'Test results (JUnit XML) with a case for each line of the list' -r -F
complete -c synquest -n "__fish_synquest_using_subcommand merge" -l prometheus -d 'Metrics for the textfile collector of a Prometheus node exporter' -r -F
complete -c synquest -n "__fish_synquest_using_subcommand merge" -l baseline -d 'Print what changed since an earlier run, whose results (NDJSON) are in FILE' -r -F
complete -c synquest -n "__fish_synquest_using_subcommand merge" -l color -d 'When to colour [NO_COLOR is honoured by auto]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c synquest -n "__fish_synquest_using_subcommand merge" -l force -d 'Replace files that exist; links, directories and devices never are'
complete -c synquest -n "__fish_synquest_using_subcommand merge" -l exit-zero -d 'Exit with 0 also when an endpoint is not as expected or undecided'
complete -c synquest -n "__fish_synquest_using_subcommand merge" -l json -d 'Write JSON, one document a line'
complete -c synquest -n "__fish_synquest_using_subcommand merge" -s v -l verbose -d 'Say on stderr what is being done; twice for more'
complete -c synquest -n "__fish_synquest_using_subcommand merge" -s q -l quiet -d 'One line an endpoint and no progress'
complete -c synquest -n "__fish_synquest_using_subcommand merge" -s h -l help -d 'Print help'
complete -c synquest -n "__fish_synquest_using_subcommand merge" -s V -l version -d 'Print version'
complete -c synquest -n "__fish_synquest_using_subcommand explain" -l with -d 'What another point of the path captured of the same packets: the target, a router; may be repeated' -r -F
complete -c synquest -n "__fish_synquest_using_subcommand explain" -l report -d 'Report (.html, .htm, .md); may be repeated' -r -F
complete -c synquest -n "__fish_synquest_using_subcommand explain" -l scenario -d 'Where the database is: cross-cloud, on-prem or same-region-vm [default: read from the addresses and the route]' -r -f -a "cross-cloud\t'In another provider\'s cloud, over the public network'
on-prem\t'In a data centre, over a VPN or the public network'
same-region-vm\t'Self-built on a virtual machine of the same region, in this VPC or a peered one'"
complete -c synquest -n "__fish_synquest_using_subcommand explain" -l public-address -d 'Address under which public networks see this instance (its EIP)' -r
complete -c synquest -n "__fish_synquest_using_subcommand explain" -l client -d 'Only connections of this client' -r
complete -c synquest -n "__fish_synquest_using_subcommand explain" -l server -d 'Only connections with this server' -r
complete -c synquest -n "__fish_synquest_using_subcommand explain" -l port -d 'Only connections with this port of a server' -r
complete -c synquest -n "__fish_synquest_using_subcommand explain" -l since -d 'Only packets from then on: a time (2026-11-22T12:00:00Z), or a span after the first packet' -r
complete -c synquest -n "__fish_synquest_using_subcommand explain" -l until -d 'Only packets up to then' -r
complete -c synquest -n "__fish_synquest_using_subcommand explain" -l taken-at -d 'Where the capture was taken [default: read from TTLs, directions and delays]' -r -f -a "client\t'On the client'
server\t'On the server'
router\t'On a router between them'
mirror\t'Beside the path, on a mirror port or a tap'"
complete -c synquest -n "__fish_synquest_using_subcommand explain" -l color -d 'When to colour [NO_COLOR is honoured by auto]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c synquest -n "__fish_synquest_using_subcommand explain" -l force -d 'Replace files that exist; links, directories and devices never are'
complete -c synquest -n "__fish_synquest_using_subcommand explain" -l summary -d 'One line for each client and host in place of a report for each endpoint'
complete -c synquest -n "__fish_synquest_using_subcommand explain" -l show-names -d 'Show the names of users, hosts and databases in what a server says'
complete -c synquest -n "__fish_synquest_using_subcommand explain" -l exit-zero -d 'Exit with 0 also when an endpoint is not open or undecided'
complete -c synquest -n "__fish_synquest_using_subcommand explain" -l json -d 'Write JSON, one document a line'
complete -c synquest -n "__fish_synquest_using_subcommand explain" -s v -l verbose -d 'Say on stderr what is being done; twice for more'
complete -c synquest -n "__fish_synquest_using_subcommand explain" -s q -l quiet -d 'One line an endpoint and no progress'
complete -c synquest -n "__fish_synquest_using_subcommand explain" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c synquest -n "__fish_synquest_using_subcommand explain" -s V -l version -d 'Print version'
complete -c synquest -n "__fish_synquest_using_subcommand rules" -l from -d 'Address it comes from' -r
complete -c synquest -n "__fish_synquest_using_subcommand rules" -l port -d 'Port it goes to, by number or name [default: any]' -r
complete -c synquest -n "__fish_synquest_using_subcommand rules" -l proto -d 'Transport protocol' -r -f -a "tcp\t'TCP'
udp\t'UDP'"
complete -c synquest -n "__fish_synquest_using_subcommand rules" -l to -d 'Address it goes to [default: one of the host\'s own]' -r
complete -c synquest -n "__fish_synquest_using_subcommand rules" -l in -d 'Interface it comes in by' -r
complete -c synquest -n "__fish_synquest_using_subcommand rules" -l out -d 'Interface the host forwards it by, as to a container; with --outbound, leaves by' -r
complete -c synquest -n "__fish_synquest_using_subcommand rules" -l source-port -d 'Port it comes from [default: any unprivileged one]' -r
complete -c synquest -n "__fish_synquest_using_subcommand rules" -l attached -l target-tags -d 'Security group, subnet, network, network tag or service account that the target has in its cloud; may be repeated [default: those given]' -r
complete -c synquest -n "__fish_synquest_using_subcommand rules" -l color -d 'When to colour [NO_COLOR is honoured by auto]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c synquest -n "__fish_synquest_using_subcommand rules" -l live -d 'Ask the tools of this host, with commands that only read'
complete -c synquest -n "__fish_synquest_using_subcommand rules" -l outbound -d 'The host of these rules makes the connection itself'
complete -c synquest -n "__fish_synquest_using_subcommand rules" -l handshake -d 'Follow the answer and the last packet of the handshake as well'
complete -c synquest -n "__fish_synquest_using_subcommand rules" -l exit-zero -d 'Exit with 0 also when the connection is blocked or that depends'
complete -c synquest -n "__fish_synquest_using_subcommand rules" -l json -d 'Write JSON, one document a line'
complete -c synquest -n "__fish_synquest_using_subcommand rules" -s v -l verbose -d 'Say on stderr what is being done; twice for more'
complete -c synquest -n "__fish_synquest_using_subcommand rules" -s q -l quiet -d 'One line an endpoint and no progress'
complete -c synquest -n "__fish_synquest_using_subcommand rules" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c synquest -n "__fish_synquest_using_subcommand rules" -s V -l version -d 'Print version'
complete -c synquest -n "__fish_synquest_using_subcommand doctor" -s I -l interface -d 'Leave through this interface' -r
complete -c synquest -n "__fish_synquest_using_subcommand doctor" -s S -l source -d 'Send from this address of this host' -r
complete -c synquest -n "__fish_synquest_using_subcommand doctor" -l mark -d 'Firewall mark of the probes (decimal or 0x…)' -r
complete -c synquest -n "__fish_synquest_using_subcommand doctor" -l color -d 'When to colour [NO_COLOR is honoured by auto]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c synquest -n "__fish_synquest_using_subcommand doctor" -s 4 -l ipv4 -d 'IPv4 only'
complete -c synquest -n "__fish_synquest_using_subcommand doctor" -s 6 -l ipv6 -d 'IPv6 only'
complete -c synquest -n "__fish_synquest_using_subcommand doctor" -l json -d 'Write JSON, one document a line'
complete -c synquest -n "__fish_synquest_using_subcommand doctor" -s v -l verbose -d 'Say on stderr what is being done; twice for more'
complete -c synquest -n "__fish_synquest_using_subcommand doctor" -s q -l quiet -d 'One line an endpoint and no progress'
complete -c synquest -n "__fish_synquest_using_subcommand doctor" -s h -l help -d 'Print help'
complete -c synquest -n "__fish_synquest_using_subcommand doctor" -s V -l version -d 'Print version'
complete -c synquest -n "__fish_synquest_using_subcommand generate" -l color -d 'When to colour [NO_COLOR is honoured by auto]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c synquest -n "__fish_synquest_using_subcommand generate" -l json -d 'Write JSON, one document a line'
complete -c synquest -n "__fish_synquest_using_subcommand generate" -s v -l verbose -d 'Say on stderr what is being done; twice for more'
complete -c synquest -n "__fish_synquest_using_subcommand generate" -s q -l quiet -d 'One line an endpoint and no progress'
complete -c synquest -n "__fish_synquest_using_subcommand generate" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c synquest -n "__fish_synquest_using_subcommand generate" -s V -l version -d 'Print version'
complete -c synquest -n "__fish_synquest_using_subcommand help; and not __fish_seen_subcommand_from probe sweep merge explain rules doctor generate help" -f -a "probe" -d 'Diagnose one or a few endpoints'
complete -c synquest -n "__fish_synquest_using_subcommand help; and not __fish_seen_subcommand_from probe sweep merge explain rules doctor generate help" -f -a "sweep" -d 'Diagnose every endpoint of a list'
complete -c synquest -n "__fish_synquest_using_subcommand help; and not __fish_seen_subcommand_from probe sweep merge explain rules doctor generate help" -f -a "merge" -d 'Join the results of the shards of one sweep'
complete -c synquest -n "__fish_synquest_using_subcommand help; and not __fish_seen_subcommand_from probe sweep merge explain rules doctor generate help" -f -a "explain" -d 'Give the verdicts again from a capture alone, ours or one of tcpdump\'s'
complete -c synquest -n "__fish_synquest_using_subcommand help; and not __fish_seen_subcommand_from probe sweep merge explain rules doctor generate help" -f -a "rules" -d 'Say which firewall rule of a host decides on a connection, and how to let it in'
complete -c synquest -n "__fish_synquest_using_subcommand help; and not __fish_seen_subcommand_from probe sweep merge explain rules doctor generate help" -f -a "doctor" -d 'Show what this host can and cannot do'
complete -c synquest -n "__fish_synquest_using_subcommand help; and not __fish_seen_subcommand_from probe sweep merge explain rules doctor generate help" -f -a "generate" -d 'Write the man pages or the shell completions'
complete -c synquest -n "__fish_synquest_using_subcommand help; and not __fish_seen_subcommand_from probe sweep merge explain rules doctor generate help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
