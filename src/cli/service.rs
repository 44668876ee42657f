//! Service names as port numbers: what this host's table says, then the databases we know.

use std::path::Path;

/// This host's table of services.
const TABLE: &str = "/etc/services";

/// The databases people migrate, by the names they use, for hosts without a table and for names
/// that IANA never registered.
const DATABASES: [(&str, u16); 11] = [
    ("mysql", 3306),
    ("mariadb", 3306),
    ("postgresql", 5432),
    ("postgres", 5432),
    ("mssql", 1433),
    ("ms-sql-s", 1433),
    ("sqlserver", 1433),
    ("oracle", 1521),
    ("mongodb", 27017),
    ("mongo", 27017),
    ("redis", 6379),
];

/// The TCP port of the service called `name`; `None` when neither this host nor this program knows
/// it.
pub fn port(name: &str) -> Option<u16> {
    // A host without a table, or with an unreadable one, is a host whose table knows nothing.
    let table = std::fs::read_to_string(Path::new(TABLE)).unwrap_or_default();
    in_table(&table, name).or_else(|| among_databases(name))
}

fn among_databases(name: &str) -> Option<u16> {
    let known = DATABASES
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name));
    known.map(|(_, port)| *port)
}

/// Looks `name` up in a table in the form of services(5): `name port/protocol aliases… # comment`.
fn in_table(table: &str, name: &str) -> Option<u16> {
    table.lines().find_map(|line| {
        let line = line.split('#').next().unwrap_or_default();
        let mut words = line.split_whitespace();
        let official = words.next()?;
        let port = words.next()?.strip_suffix("/tcp")?.parse().ok()?;
        let named = std::iter::once(official)
            .chain(words)
            .any(|known| known.eq_ignore_ascii_case(name));
        (named && port != 0).then_some(port)
    })
}

#[cfg(test)]
mod tests {
    use super::{among_databases, in_table};

    const TABLE: &str = "# comment\nmysql\t\t3306/tcp\nntp 123/udp\n\
                         www 80/tcp http # WorldWideWeb\nbroken\nzero 0/tcp\n";

    #[test]
    fn a_table_is_read_by_name_and_alias_for_tcp_only() {
        let check = |name: &str, port| assert_eq!(in_table(TABLE, name), port, "{name}");
        check("mysql", Some(3306));
        check("MySQL", Some(3306));
        check("http", Some(80));
        check("ntp", None);
        check("WorldWideWeb", None);
        check("broken", None);
        check("zero", None);
    }

    #[test]
    fn databases_are_known_without_a_table() {
        assert_eq!(in_table("", "mysql"), None);
        assert_eq!(among_databases("mysql"), Some(3306));
        assert_eq!(among_databases("Redis"), Some(6379));
        assert_eq!(among_databases("gopher"), None);
    }
}
