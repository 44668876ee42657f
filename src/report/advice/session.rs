//! Advice where a running session died: what ended it, whose that is, how to keep it alive.

use std::time::Duration;

use super::case::Case;
use super::piece::{Advice, Owner};
use crate::model::session::{End, Party, Session};

/// What forgets idle connections does so after minutes.
const FORGOTTEN: Duration = Duration::from_secs(60);

/// What to do about a session that died on an open port.
pub(super) fn died(case: &Case<'_>, session: &Session) -> Vec<Advice> {
    let client = case.vantage.source;
    let pair = format!("{client} and {} port {}", case.target, case.port);
    let owner = match (session.by, session.at_hop) {
        (Party::Device, Some(hop)) => format!("network team of hop {hop}"),
        _ => Owner::NetworkTeam.word().to_owned(),
    };
    let what = match session.end {
        End::Reset => "resets running sessions",
        End::Icmp => "refuses the packets of running sessions",
        End::Silence | End::Fin | End::Alive => "discards the packets of running sessions",
    };
    let who = match (session.by, session.end) {
        (Party::Server, _) => "The server's own firewall",
        (_, End::Silence) => {
            "The connection was let in, and now nothing passes: either end has gone, or something \
             between them"
        }
        _ => "A device on the way",
    };
    let mut advice = vec![Advice::new(
        owner,
        format!(
            "{who} {what} between {pair}: a rule that was changed, a state table that was cleared or \
             failed over, or an inspection that objects. Its log at that time says which."
        ),
    )];
    if session.idle >= FORGOTTEN {
        advice.insert(
            0,
            Advice::new(
                Owner::You,
                format!(
                    "The session had been idle for {} s before it died: something on the way forgets \
                     idle connections sooner. Let the client send keep-alives, more often than that.",
                    session.idle.as_secs()
                ),
            )
            .run("sysctl -w net.ipv4.tcp_keepalive_time=60 net.ipv4.tcp_keepalive_intvl=15"),
        );
    }
    if session.end == End::Silence {
        advice.push(
            Advice::new(
                Owner::You,
                "Whether new connections pass at this moment tells a forgotten session from a path \
                 that is closed.",
            )
            .run(format!("synquest probe {}", case.argument())),
        );
    }
    advice
}
