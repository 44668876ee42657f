//! Advice from what the server itself said to one full connection.

use std::net::IpAddr;

use super::case::Case;
use super::piece::{Advice, Owner};
use crate::model::greeting::{Greeting, Heard, Obstacle};
use crate::wire::greeting::{Answer, Protocol, Standing, USER};

/// What to do about a greeting, the most promising first.
pub(super) fn greeted(case: &Case<'_>, greeting: &Greeting) -> Vec<Advice> {
    match &greeting.heard {
        Heard::Answer(answer) => match answer.standing {
            Standing::Admitted => admitted(case, greeting, answer),
            Standing::Unguarded => unguarded(greeting),
            Standing::NotAllowed => not_allowed(case, greeting, answer),
            Standing::Blocked => blocked(case, answer),
            Standing::Full => full(greeting),
            Standing::NotReady => vec![Advice::new(
                Owner::DatabaseAdmin,
                "The server is starting, stopping or recovering and takes nobody in: wait until its \
                 log says that it is ready, then test again.",
            )],
            Standing::TlsRequired => vec![Advice::new(
                Owner::You,
                "The server takes connections with TLS only: switch TLS on in the settings of this \
                 connection.",
            )],
            Standing::Refused => vec![Advice::new(
                Owner::DatabaseAdmin,
                "The server refuses in its own words (see Greeting): look there and in its log for \
                 the reason.",
            )],
        },
        Heard::Words(_) => vec![Advice::new(
            Owner::DatabaseAdmin,
            format!(
                "What listens on port {} speaks a protocol that was not expected there (see \
                 Greeting): check that this is the database's address and port.",
                case.port
            ),
        )],
        Heard::Nothing => silent(case, greeting),
        Heard::Unfinished => unfinished(case),
        Heard::Closed => vec![Advice::new(
            Owner::DatabaseAdmin,
            "The connection is taken and closed without a word: a proxy or load balancer without a \
             live database behind it, an access list (hosts.deny), or a port for TLS only. The log \
             of the server or the proxy says which.",
        )],
        Heard::Unconnected(obstacle) => unconnected(case, *obstacle),
    }
}

fn admitted(case: &Case<'_>, greeting: &Greeting, answer: &Answer) -> Vec<Advice> {
    let tls = match greeting.tls {
        Some(true) => ", or TLS, which the server offers",
        Some(false) => ", or TLS, which the server does not offer",
        None => ", or TLS",
    };
    let text = format!(
        "The server lets this address in as far as the login{}. If the connection test still fails, \
         it is the account, its password, what it may do{tls}.",
        seen(case, answer)
    );
    let (host, port) = (case.target, case.port);
    let advice = Advice::new(Owner::DatabaseAdmin, text);
    vec![match greeting.protocol {
        Some(Protocol::Mysql) => advice.run(format!("mysql -h {host} -P {port} -u USER -p")),
        Some(Protocol::Postgres) => {
            advice.run(format!("psql -h {host} -p {port} -U USER DATABASE"))
        }
        Some(Protocol::Redis) => advice.run(format!("redis-cli -h {host} -p {port} --askpass")),
        None => advice,
    }]
}

fn unguarded(greeting: &Greeting) -> Vec<Advice> {
    let advice = Advice::new(
        Owner::DatabaseAdmin,
        "The server lets in whoever reaches it, without a password: nothing stands in the way of the \
         connection test, nor of anybody else. Set a password.",
    );
    vec![match greeting.protocol {
        Some(Protocol::Redis) => advice.run("redis-cli CONFIG SET requirepass PASSWORD"),
        Some(Protocol::Mysql) => {
            advice.run("mysql -u root -p -e \"SELECT user, host FROM mysql.user WHERE user = ''\"")
        }
        Some(Protocol::Postgres) => advice.run(
            "psql -U postgres -c \"SELECT * FROM pg_hba_file_rules WHERE auth_method = 'trust'\"",
        ),
        None => advice,
    }]
}

fn not_allowed(case: &Case<'_>, greeting: &Greeting, answer: &Answer) -> Vec<Advice> {
    let address = allowed(case, answer);
    match greeting.protocol {
        Some(Protocol::Postgres) => not_in_pg_hba(case, greeting, answer, &address),
        Some(Protocol::Redis) => vec![
            Advice::new(
                Owner::DatabaseAdmin,
                "The server is in protected mode: without a password it takes connections from its \
                 own host only. Set a password there, which ends it; do not merely switch the mode \
                 off.",
            )
            .run("redis-cli CONFIG SET requirepass PASSWORD"),
            Advice::new(Owner::DatabaseAdmin, "Then keep the setting.")
                .run("redis-cli --askpass CONFIG REWRITE"),
        ],
        Some(Protocol::Mysql) | None => vec![
            Advice::new(
                Owner::DatabaseAdmin,
                format!(
                    "No account of the server admits this instance{}. See which hosts the accounts \
                     are for.",
                    seen(case, answer)
                ),
            )
            .run("mysql -u root -p -e 'SELECT user, host FROM mysql.user'"),
            Advice::new(
                Owner::DatabaseAdmin,
                "Then create the account for the address that the server sees, and grant it what \
                 the migration needs.",
            )
            .run(format!(
                "mysql -u root -p -e \"CREATE USER 'USER'@'{address}' IDENTIFIED BY 'PASSWORD'; \
                 GRANT SELECT, REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO 'USER'@'{address}'\""
            )),
        ],
    }
}

/// What no entry of `pg_hba.conf` admits.
fn not_in_pg_hba(
    case: &Case<'_>,
    greeting: &Greeting,
    answer: &Answer,
    address: &str,
) -> Vec<Advice> {
    let mut advice = Vec::new();
    if greeting.tls == Some(true) {
        advice.push(
            Advice::new(
                Owner::You,
                "The server speaks TLS, and an entry may admit this address with TLS only \
                 (hostssl), which this unencrypted question does not meet: try with TLS \
                 first.",
            )
            .run(format!(
                "psql 'host={} port={} user=USER dbname=DATABASE sslmode=require'",
                case.target, case.port
            )),
        );
    }
    let rejected = if answer.words.contains("rejects") {
        "An entry of pg_hba.conf rejects"
    } else {
        "No entry of pg_hba.conf admits"
    };
    advice.push(
        Advice::new(
            Owner::DatabaseAdmin,
            format!(
                "{rejected} this instance{} as it asked: user {USER}, database {USER}, \
                 without TLS. Others may be admitted. If the migration's own user is not, \
                 add this line above any that rejects (SHOW hba_file says where).",
                seen(case, answer)
            ),
        )
        .run(format!(
            "host DATABASE USER {} scram-sha-256",
            block(address)
        )),
    );
    advice.push(
        Advice::new(Owner::DatabaseAdmin, "Then have the server read it.")
            .run("psql -U postgres -c 'SELECT pg_reload_conf()'"),
    );
    advice
}

fn blocked(case: &Case<'_>, answer: &Answer) -> Vec<Advice> {
    vec![
        Advice::new(
            Owner::DatabaseAdmin,
            format!(
                "The server blocks this instance{}: too many connections were begun and not \
                 finished (max_connect_errors). Have it forget them.",
                seen(case, answer)
            ),
        )
        .run("mysqladmin -u root -p flush-hosts"),
        Advice::new(
            Owner::DatabaseAdmin,
            "From MySQL 8.4 on that command is gone, and this one does it (in MariaDB it does not).",
        )
        .run("mysql -u root -p -e 'TRUNCATE TABLE performance_schema.host_cache'"),
        Advice::new(
            Owner::DatabaseAdmin,
            "It comes back unless the cause ends: health checks and port tests that connect without \
             logging in, or a network that cuts connections short. Raise the limit if they cannot \
             be stopped.",
        )
        .run("mysql -u root -p -e 'SET GLOBAL max_connect_errors = 10000'"),
    ]
}

fn full(greeting: &Greeting) -> Vec<Advice> {
    let advice = Advice::new(
        Owner::DatabaseAdmin,
        "The server has as many connections as it takes, in all or of this user: see who holds \
         them, close what idles, or raise the limit.",
    );
    vec![match greeting.protocol {
        Some(Protocol::Mysql) => advice.run(
            "mysql -u root -p -e \"SHOW FULL PROCESSLIST; SHOW VARIABLES LIKE 'max_connections'\"",
        ),
        Some(Protocol::Postgres) => advice.run(
            "psql -U postgres -c 'SELECT usename, client_addr, state, count(*) FROM \
             pg_stat_activity GROUP BY 1, 2, 3'",
        ),
        Some(Protocol::Redis) => advice.run("redis-cli CLIENT LIST"),
        None => advice,
    }]
}

fn silent(case: &Case<'_>, greeting: &Greeting) -> Vec<Advice> {
    let text = match (greeting.protocol, Protocol::usual_on(case.port)) {
        (None, Some(Protocol::Mysql)) => {
            "The connection is taken and nothing is said: the server hangs, or looks up the name of \
             this address in a DNS that does not answer (skip_name_resolve ends that). A connection \
             that is given up meanwhile counts against max_connect_errors: do not repeat this test \
             before the server's own side was looked at."
        }
        (None, Some(Protocol::Postgres | Protocol::Redis)) => {
            "The connection is taken and nothing is said: the server hangs, or another program \
             listens there. Look at its log and its load."
        }
        (None, None) => {
            "The connection is taken and nothing is said: the server waits for its client to begin \
             (name its protocol: --greeting=mysql, --greeting=postgresql or --greeting=redis), or \
             it hangs."
        }
        (Some(_), _) => {
            "The server began and then fell silent: it hangs, or answers too large for the path are \
             lost (see the MTU)."
        }
    };
    vec![Advice::new(Owner::DatabaseAdmin, text)]
}

/// The port answers SYNs and does not take the third step.
fn unfinished(case: &Case<'_>) -> Vec<Advice> {
    let port = case.port;
    vec![
        Advice::new(
            Owner::NetworkTeam,
            "The last step of the handshake is lost on its way, most often at a firewall that keeps \
             state and sees one direction only (asymmetric routes), or that takes the ACK for \
             invalid. At the server these connections wait in SYN-RECV.",
        )
        .run(format!("ss -tn state syn-recv 'sport = :{port}'")),
        Advice::new(
            Owner::DatabaseAdmin,
            "Or the server's queue of new connections filled up meanwhile: these counters rise then.",
        )
        .run("nstat -az TcpExtListenOverflows TcpExtListenDrops"),
    ]
}

fn unconnected(case: &Case<'_>, obstacle: Obstacle) -> Vec<Advice> {
    let text = match obstacle {
        Obstacle::Refused | Obstacle::Unreachable | Obstacle::TimedOut => {
            "The probes were answered and the full connection was not: the port has closed \
             meanwhile, or a filter lets a handshake begin and not end. Test again."
        }
        Obstacle::Local => {
            "This host refuses the full connection, which it does not do to the probes: look at the \
             local firewall's rules on users and programs (owner, cgroup)."
        }
        Obstacle::Stopped => "The run was stopped before the greeting.",
    };
    vec![Advice::new(Owner::You, text).run(case.probe(" --greeting"))]
}

/// How the server sees us, as a clause that follows a noun; empty where it does not say.
fn seen(case: &Case<'_>, answer: &Answer) -> String {
    let own = case.vantage.source;
    match answer.caller.as_deref() {
        None => String::new(),
        Some(name) if name.parse() == Ok(own) => format!(" ({own})"),
        Some(name) if name.parse::<IpAddr>().is_ok() => format!(
            ", which it sees as {name} and not as {own}: a NAT stands between, and {name} is the \
             address to allow"
        ),
        Some(_) => ", under the name that its DNS has for the address (see Greeting)".to_owned(),
    }
}

/// The address to allow, as it may stand in a command: as the server names it, or else as it must
/// see us. A name is a network's word and only taken where it is nothing but one.
fn allowed(case: &Case<'_>, answer: &Answer) -> String {
    let plain = |name: &&String| {
        name.chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | ':' | '-' | '_'))
    };
    match answer.caller.as_ref().filter(plain) {
        Some(name) => name.clone(),
        None => case.seen_as(),
    }
}

/// An address as a block of one; a word in capitals as it is.
fn block(address: &str) -> String {
    match address.parse() {
        Ok(IpAddr::V4(address)) => format!("{address}/32"),
        Ok(IpAddr::V6(address)) => format!("{address}/128"),
        Err(_) => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::model::greeting::{Greeting, Heard};
    use crate::model::verdict::{Cause, PlaceKind};
    use crate::report::advice::advise::greeted;
    use crate::report::advice::piece::Advice;
    use crate::report::advice::situation::Situation;
    use crate::report::advice::tests::outcome;
    use crate::wire::greeting::{Answer, Protocol, Standing};

    fn advice(protocol: Protocol, standing: Standing, caller: Option<&str>) -> Vec<Advice> {
        let mut open = outcome(Cause::Open, PlaceKind::Host, "10.0.0.2", "203.0.113.9");
        open.vantage.gateway = "10.0.0.1".parse().ok();
        let greeting = Greeting {
            protocol: Some(protocol),
            server: None,
            tls: Some(true),
            heard: Heard::Answer(Answer {
                standing,
                code: None,
                words: "no".to_owned(),
                caller: caller.map(str::to_owned),
            }),
            connections: 1,
            took: Duration::ZERO,
        };
        greeted(&open, &Situation::default(), &greeting)
    }

    fn text(advice: &[Advice]) -> String {
        let lines = advice.iter().map(|piece| format!("{piece:?}\n"));
        lines.collect()
    }

    #[test]
    fn behind_a_nat_the_address_that_the_server_names_is_the_one_to_allow() {
        let eip = Some("198.51.100.7");
        let mysql = text(&advice(Protocol::Mysql, Standing::NotAllowed, eip));
        assert!(
            mysql.contains("198.51.100.7 and not as 10.0.0.2"),
            "{mysql}"
        );
        assert!(
            mysql.contains("CREATE USER 'USER'@'198.51.100.7'"),
            "{mysql}"
        );
        let postgres = text(&advice(Protocol::Postgres, Standing::NotAllowed, eip));
        let line = "host DATABASE USER 198.51.100.7/32 scram-sha-256";
        assert!(postgres.contains(line), "{postgres}");
        let unnamed = text(&advice(Protocol::Postgres, Standing::NotAllowed, None));
        assert!(
            unnamed.contains("host DATABASE USER EIP scram-sha-256"),
            "{unnamed}"
        );
    }

    #[test]
    fn a_name_that_a_server_makes_up_cannot_break_out_of_a_command() {
        let name = Some("x'; DROP USER root; --\"$(reboot)");
        for piece in advice(Protocol::Mysql, Standing::NotAllowed, name) {
            let command = piece.command.unwrap_or_default();
            assert!(!command.contains("reboot"), "{command}");
        }
    }

    #[test]
    fn every_standing_has_advice_with_an_owner_and_a_sentence() {
        let standings = [
            Standing::Admitted,
            Standing::Unguarded,
            Standing::NotAllowed,
            Standing::Blocked,
            Standing::Full,
            Standing::NotReady,
            Standing::TlsRequired,
            Standing::Refused,
        ];
        for standing in standings {
            for protocol in [Protocol::Mysql, Protocol::Postgres, Protocol::Redis] {
                let given = advice(protocol, standing, None);
                assert!(!given.is_empty());
                for piece in given {
                    assert!(!piece.owner.word().is_empty());
                    assert!(piece.text.ends_with('.'), "{}", piece.text);
                }
            }
        }
    }
}
