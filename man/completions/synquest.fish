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
complete -c synquest -n "__fish_synquest_needs_command" -f -a "probe" -d 'Hold an inquest into one or a few endpoints'
complete -c synquest -n "__fish_synquest_needs_command" -f -a "explain" -d 'Give the verdicts again from a capture alone, ours or one of tcpdump\'s'
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
complete -c synquest -n "__fish_synquest_using_subcommand probe" -l pcap -d 'Capture of our probes and their replies (pcapng), written as it happens' -r -F
complete -c synquest -n "__fish_synquest_using_subcommand probe" -l report -d 'Report (.html, .htm, .md); may be repeated' -r -F
complete -c synquest -n "__fish_synquest_using_subcommand probe" -l bundle -d 'Archive of all there is (.tar.zst, .tar.gz): JSON, report, capture, routes, settings and counters of this host, drops of its firewall by chain and rule number' -r -F
complete -c synquest -n "__fish_synquest_using_subcommand probe" -l scenario -d 'Where the database is: cross-cloud, on-prem or same-region-vm [default: read from the addresses and the route]' -r -f -a "cross-cloud\t'In another provider\'s cloud, over the public network'
on-prem\t'In a data centre, over a VPN or the public network'
same-region-vm\t'Self-built on a virtual machine of the same region, in this VPC or a peered one'"
complete -c synquest -n "__fish_synquest_using_subcommand probe" -l public-address -d 'Address under which public networks see this instance (its EIP)' -r
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
complete -c synquest -n "__fish_synquest_using_subcommand probe" -l no-mtu -d 'Do not check an open port with full-size packets'
complete -c synquest -n "__fish_synquest_using_subcommand probe" -l force -d 'Replace files that exist; links, directories and devices never are'
complete -c synquest -n "__fish_synquest_using_subcommand probe" -l dry-run -d 'Print what would be sent, and send nothing'
complete -c synquest -n "__fish_synquest_using_subcommand probe" -l exit-zero -d 'Exit with 0 also when an endpoint is not open or undecided'
complete -c synquest -n "__fish_synquest_using_subcommand probe" -l json -d 'Write JSON, one document a line'
complete -c synquest -n "__fish_synquest_using_subcommand probe" -s v -l verbose -d 'Say on stderr what is being done; twice for more'
complete -c synquest -n "__fish_synquest_using_subcommand probe" -s q -l quiet -d 'One line an endpoint and no progress'
complete -c synquest -n "__fish_synquest_using_subcommand probe" -s h -l help -d 'Print help'
complete -c synquest -n "__fish_synquest_using_subcommand probe" -s V -l version -d 'Print version'
complete -c synquest -n "__fish_synquest_using_subcommand explain" -l report -d 'Report (.html, .htm, .md); may be repeated' -r -F
complete -c synquest -n "__fish_synquest_using_subcommand explain" -l scenario -d 'Where the database is: cross-cloud, on-prem or same-region-vm [default: read from the addresses and the route]' -r -f -a "cross-cloud\t'In another provider\'s cloud, over the public network'
on-prem\t'In a data centre, over a VPN or the public network'
same-region-vm\t'Self-built on a virtual machine of the same region, in this VPC or a peered one'"
complete -c synquest -n "__fish_synquest_using_subcommand explain" -l public-address -d 'Address under which public networks see this instance (its EIP)' -r
complete -c synquest -n "__fish_synquest_using_subcommand explain" -l color -d 'When to colour [NO_COLOR is honoured by auto]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c synquest -n "__fish_synquest_using_subcommand explain" -l force -d 'Replace files that exist; links, directories and devices never are'
complete -c synquest -n "__fish_synquest_using_subcommand explain" -l exit-zero -d 'Exit with 0 also when an endpoint is not open or undecided'
complete -c synquest -n "__fish_synquest_using_subcommand explain" -l json -d 'Write JSON, one document a line'
complete -c synquest -n "__fish_synquest_using_subcommand explain" -s v -l verbose -d 'Say on stderr what is being done; twice for more'
complete -c synquest -n "__fish_synquest_using_subcommand explain" -s q -l quiet -d 'One line an endpoint and no progress'
complete -c synquest -n "__fish_synquest_using_subcommand explain" -s h -l help -d 'Print help'
complete -c synquest -n "__fish_synquest_using_subcommand explain" -s V -l version -d 'Print version'
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
complete -c synquest -n "__fish_synquest_using_subcommand help; and not __fish_seen_subcommand_from probe explain doctor generate help" -f -a "probe" -d 'Hold an inquest into one or a few endpoints'
complete -c synquest -n "__fish_synquest_using_subcommand help; and not __fish_seen_subcommand_from probe explain doctor generate help" -f -a "explain" -d 'Give the verdicts again from a capture alone, ours or one of tcpdump\'s'
complete -c synquest -n "__fish_synquest_using_subcommand help; and not __fish_seen_subcommand_from probe explain doctor generate help" -f -a "doctor" -d 'Show what this host can and cannot do'
complete -c synquest -n "__fish_synquest_using_subcommand help; and not __fish_seen_subcommand_from probe explain doctor generate help" -f -a "generate" -d 'Write the man pages or the shell completions'
complete -c synquest -n "__fish_synquest_using_subcommand help; and not __fish_seen_subcommand_from probe explain doctor generate help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
