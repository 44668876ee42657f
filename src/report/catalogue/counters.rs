//! The counters of a kernel that move with a cause.

/// Counters of the kernel, by `nstat`'s names; of IPv4 and of IPv6.
pub(in crate::report) type Counters = [&'static [&'static str]; 2];

/// None: no packet of ours gets that far, or all is well.
pub(in crate::report) const NONE: Counters = [&[], &[]];
/// How far packets get.
pub(in crate::report) const HOW_FAR: Counters = [
    &[
        "IpInReceives",
        "IpInDelivers",
        "IpInDiscards",
        "TcpExtIPReversePathFilter",
        "TcpExtListenDrops",
    ],
    &[
        "Ip6InReceives",
        "Ip6InDelivers",
        "Ip6InDiscards",
        "TcpExtListenDrops",
    ],
];
/// Refusals sent.
pub(in crate::report) const REFUSALS: Counters = [
    &["IcmpOutDestUnreachs", "TcpOutRsts"],
    &["Icmp6OutDestUnreachs", "TcpOutRsts"],
];
/// The queue of new connections.
pub(in crate::report) const QUEUE: Counters = [QUEUES, QUEUES];
const QUEUES: &[&str] = &[
    "TcpExtListenOverflows",
    "TcpExtListenDrops",
    "TcpExtTCPReqQFullDrop",
    "TcpExtTCPReqQFullDoCookies",
];
/// What is too large.
pub(in crate::report) const SIZES: Counters = [
    &[
        "IpFragFails",
        "IcmpOutDestUnreachs",
        "TcpRetransSegs",
        "TcpExtTCPMTUPFail",
    ],
    &[
        "Ip6InTooBigErrors",
        "Icmp6OutPktTooBigs",
        "TcpRetransSegs",
        "TcpExtTCPMTUPFail",
    ],
];
/// Packets without a route.
pub(in crate::report) const ROUTES: Counters = [
    &["IpOutNoRoutes", "IpExtInNoRoutes"],
    &["Ip6OutNoRoutes", "Ip6InNoRoutes"],
];

/// Resets sent.
pub(in crate::report) const RESETS: Counters = [&["TcpOutRsts"], &["TcpOutRsts"]];
