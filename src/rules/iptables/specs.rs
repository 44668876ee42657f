//! The options that are read one by one: how each is spelled, how many values it takes, whether `!`
//! may negate it, and what it asks. An option that is not here is a target's, or is not understood.

/// One option.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct OptionSpec {
    /// Every way to spell it.
    pub(super) names: &'static [&'static str],
    /// How many values follow it.
    pub(super) values: usize,
    /// Whether `!` may stand before it.
    pub(super) negatable: bool,
    /// What it asks.
    pub(super) meaning: Meaning,
}

/// What an option asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// An option of every rule, whatever it matches.
    General(General),
    /// An option of a match extension.
    Of(Match),
}

/// What an option of every rule is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum General {
    Source,
    Destination,
    Protocol,
    InInterface,
    OutInterface,
    Fragment,
    Version4,
    Version6,
    Counters,
    MatchModule,
    Jump,
    Goto,
}

/// What an option of a match extension compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Match {
    Comment,
    /// The port of `-m tcp` or `-m udp`.
    SourcePort,
    DestinationPort,
    /// The ports of `-m multiport`.
    SourcePorts,
    DestinationPorts,
    EitherPorts,
    Syn,
    TcpFlags,
    SourceRange,
    DestinationRange,
    Mark,
    ConnectionState,
    ConnectionDirection,
    OriginalSource,
    OriginalDestination,
    OriginalDestinationPort,
    SourceType,
    DestinationType,
    SetMember,
    PacketType,
}

const fn general(
    names: &'static [&'static str],
    values: usize,
    negatable: bool,
    meaning: General,
) -> OptionSpec {
    OptionSpec {
        names,
        values,
        negatable,
        meaning: Meaning::General(meaning),
    }
}

const fn own(names: &'static [&'static str], values: usize, meaning: Match) -> OptionSpec {
    OptionSpec {
        names,
        values,
        negatable: !matches!(meaning, Match::Comment),
        meaning: Meaning::Of(meaning),
    }
}

/// iptables(8) and iptables-extensions(8).
static OPTIONS: [OptionSpec; 32] = [
    general(&["-s", "--source", "--src"], 1, true, General::Source),
    general(
        &["-d", "--destination", "--dst"],
        1,
        true,
        General::Destination,
    ),
    general(&["-p", "--protocol"], 1, true, General::Protocol),
    general(&["-i", "--in-interface"], 1, true, General::InInterface),
    general(&["-o", "--out-interface"], 1, true, General::OutInterface),
    general(&["-f", "--fragment"], 0, true, General::Fragment),
    general(&["-4", "--ipv4"], 0, false, General::Version4),
    general(&["-6", "--ipv6"], 0, false, General::Version6),
    general(&["-c", "--set-counters"], 1, false, General::Counters),
    general(&["-m", "--match"], 1, false, General::MatchModule),
    general(&["-j", "--jump"], 1, false, General::Jump),
    general(&["-g", "--goto"], 1, false, General::Goto),
    own(&["--comment"], 1, Match::Comment),
    own(&["--sport", "--source-port"], 1, Match::SourcePort),
    own(
        &["--dport", "--destination-port"],
        1,
        Match::DestinationPort,
    ),
    own(&["--sports", "--source-ports"], 1, Match::SourcePorts),
    own(
        &["--dports", "--destination-ports"],
        1,
        Match::DestinationPorts,
    ),
    own(&["--ports"], 1, Match::EitherPorts),
    own(&["--syn"], 0, Match::Syn),
    own(&["--tcp-flags"], 2, Match::TcpFlags),
    own(&["--src-range"], 1, Match::SourceRange),
    own(&["--dst-range"], 1, Match::DestinationRange),
    own(&["--mark"], 1, Match::Mark),
    own(&["--ctstate", "--state"], 1, Match::ConnectionState),
    own(&["--ctdir"], 1, Match::ConnectionDirection),
    own(&["--ctorigsrc"], 1, Match::OriginalSource),
    own(&["--ctorigdst"], 1, Match::OriginalDestination),
    own(&["--ctorigdstport"], 1, Match::OriginalDestinationPort),
    own(&["--src-type"], 1, Match::SourceType),
    own(&["--dst-type"], 1, Match::DestinationType),
    own(&["--match-set"], 2, Match::SetMember),
    own(&["--pkt-type"], 1, Match::PacketType),
];

/// Match extensions whose options are in the table; any other is read as a whole.
const MODULES: [&str; 14] = [
    "tcp",
    "udp",
    "multiport",
    "iprange",
    "comment",
    "mark",
    "connmark",
    "addrtype",
    "conntrack",
    "state",
    "set",
    "pkttype",
    "icmp",
    "icmp6",
];

/// Options whose value is anybody's words.
const FREE_TEXT: [&str; 4] = ["--comment", "--log-prefix", "--nflog-prefix", "--string"];

/// The option of that spelling.
pub(super) fn spec(name: &str) -> Option<&'static OptionSpec> {
    OPTIONS.iter().find(|option| option.names.contains(&name))
}

/// Whether an option is one of every rule's, whatever it matches.
pub(super) fn is_general(name: &str) -> bool {
    spec(name).is_some_and(|option| matches!(option.meaning, Meaning::General(_)))
}

/// Whether an option belongs to a protocol as `-p` names it, so that it may stand without `-m`.
pub(super) fn is_of_protocol(name: &str) -> bool {
    let meaning = spec(name).map(|option| option.meaning);
    let Some(Meaning::Of(meaning)) = meaning else {
        return false;
    };
    matches!(
        meaning,
        Match::DestinationPort | Match::SourcePort | Match::Syn | Match::TcpFlags
    )
}

/// The name of a match extension whose options are in the table.
pub(super) fn module(name: &str) -> Option<&'static str> {
    MODULES.into_iter().find(|known| *known == name)
}

/// Whether the value of an option is anybody's words.
pub(super) fn takes_free_text(name: &str) -> bool {
    FREE_TEXT.contains(&name)
}
