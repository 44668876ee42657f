//! The way as SYNs to the target's neighbours show it: where routers ration the errors that report
//! SYNs of limited TTL, this diagnosis' own may draw none.
//!
//! It is taken for the target's way, which it need not be: a firewall may treat each address otherwise.
//! So what rests on it is inferred, and at most likely; less where the neighbours differ.

use crate::model::verdict::{Confidence, HopRef};

use super::locate::End;
use super::loss;
use super::sign::Sign;
use super::trace::{Beside, Row};

/// Own SYNs to the port after which what a hop reports of them shows whether it rations.
const MANY: usize = 8;
/// Least reports and tries by which neighbours can be seen to differ.
const COMPARED: u32 = 4;

/// Where hops do not report this diagnosis' SYNs, to whichever port, carries the end of the port's flow on
/// as far as SYNs to the same port of neighbours got; and names the hop beyond that reports SYNs to other
/// ports.
pub(super) fn extend(rows: &[Row], end: &mut End) {
    let own = end.after.map_or(0, |hop| hop.ttl);
    let within = |row: &&Row| end.host.is_none_or(|host| row.ttl < host);
    let farther = rows.iter().rev().filter(within).find_map(|row| {
        let hop = reported(row, row.port_beside())?;
        (row.ttl > own).then_some(hop)
    });
    if let Some(hop) = farther {
        let mut between = rows
            .iter()
            .filter(|row| row.ttl > own && row.ttl <= hop.ttl);
        if !between.clone().any(|row| !row.control.silent.is_empty()) || between.any(speaks) {
            return;
        }
        end.after = Some(hop);
        end.before = end.before.filter(|before| before.ttl > hop.ttl);
        end.inferred = true;
    }
    let last = end.after.map_or(0, |hop| hop.ttl);
    let nearer = |hop: &HopRef| end.before.is_none_or(|before| hop.ttl < before.ttl);
    let beyond = rows.iter().filter(|row| row.ttl > last).filter(within);
    let next = beyond.filter_map(|row| reported(row, row.control_beside()));
    let next = next.min_by_key(|hop| hop.ttl);
    if let Some(hop) = next.filter(nearer) {
        end.before = Some(hop);
        end.inferred = true;
    }
    // What few own SYNs leave open, neighbours' may decide.
    let decides = rows
        .iter()
        .find(|row| end.before.is_some_and(|before| row.ttl == before.ttl));
    end.inferred |= decides.is_some_and(|row| row.control_beside().reports > 0 && !is_firm(row));
}

/// Whether a hop reports own SYNs to other ports and not to this, so that its silence is this port's own:
/// as far as few were sent, and where many were, beyond chance.
fn speaks(row: &Row) -> bool {
    row.control.reported() && (row.port.silent.len() < MANY || is_firm(row))
}

/// Whether loss hardly explains that a hop reports own SYNs to other ports and not to this.
fn is_firm(row: &Row) -> bool {
    let silent = loss::count(row.port.silent.len());
    row.control.loss().chance_of_silence(silent) <= loss::LIKELY
}

fn reported(row: &Row, beside: &Beside) -> Option<HopRef> {
    (beside.reports > 0).then(|| HopRef {
        ttl: row.ttl,
        address: beside.from.first().copied(),
    })
}

/// How firmly an inferred sign stands.
pub(super) fn weigh(rows: &[Row], end: &End, sign: Sign) -> Confidence {
    let last = end.after.map_or(0, |hop| hop.ttl);
    let here = rows.iter().find(|row| row.ttl == last);
    if here.is_some_and(differ) || sign == Sign::TraceInPath && chance(rows, last) > loss::LIKELY {
        Confidence::Possible
    } else {
        Confidence::Likely
    }
}

/// Whether a hop reports SYNs to the port far more seldom than others: some of the neighbours' do not
/// get there.
fn differ(row: &Row) -> bool {
    let [port, control] = both(row);
    let share = |(reports, silent): (u32, u32)| f64::from(reports) / f64::from(reports + silent);
    let is_much = control.0 >= COMPARED && port.0 + port.1 >= COMPARED;
    is_much && share(port) * 4.0 < share(control)
}

/// The chance that a router which reports SYNs regardless of their port reported, of all beyond a hop,
/// none to this port: each report fell on another's.
fn chance(rows: &[Row], last: u8) -> f64 {
    let mut chance = 1.0;
    for row in rows.iter().filter(|row| row.ttl > last) {
        let [port, control] = both(row);
        let all = f64::from(port.1 + control.0 + control.1);
        if control.0 > 0 {
            let others = f64::from(control.0 + control.1);
            chance *= (others / all).powi(i32::try_from(control.0).unwrap_or(i32::MAX));
        }
    }
    chance
}

/// Reports and silence of SYNs to the port, and to others, own and neighbours' together.
fn both(row: &Row) -> [(u32, u32); 2] {
    let [port, control] = [
        (&row.port, row.port_beside()),
        (&row.control, row.control_beside()),
    ];
    [port, control].map(|(own, beside)| {
        let own = own.loss();
        (
            own.answered.saturating_add(beside.reports),
            own.lost.saturating_add(beside.silent),
        )
    })
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;
    use crate::model::probe::ProbeId;
    use crate::model::time::Moment;

    const ROUTER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 9, 1, 2));

    fn beside(reports: u32, silent: u32) -> Beside {
        Beside {
            from: vec![ROUTER],
            reports,
            silent,
        }
    }

    /// A row of what neighbours drew: at the port, and at others.
    fn row(ttl: u8, port: (u32, u32), control: (u32, u32)) -> Row {
        Row {
            ttl,
            siblings: [beside(port.0, port.1), beside(control.0, control.1)],
            ..Row::default()
        }
    }

    /// None of its own SYNs is reported there.
    fn mute(mut row: Row) -> Row {
        row.control.silent = vec![(ProbeId(1), Moment::START)];
        row
    }

    fn end(rows: &[Row]) -> End {
        let mut end = End::default();
        end.host = Some(4);
        extend(rows, &mut end);
        end
    }

    #[test]
    fn the_way_goes_on_as_far_as_neighbours_got() {
        let rows = [
            row(1, (6, 30), (0, 0)),
            mute(row(2, (5, 40), (0, 0))),
            row(3, (0, 40), (16, 40)),
        ];
        let end = end(&rows);
        assert!(end.inferred);
        assert_eq!(end.after.map(|hop| hop.ttl), Some(2));
        assert_eq!(end.before.map(|hop| hop.ttl), Some(3));
        assert_eq!(weigh(&rows, &end, Sign::TraceInPath), Confidence::Likely);
    }

    #[test]
    fn a_few_reports_of_others_may_have_fallen_there_by_chance() {
        let rows = [row(2, (5, 40), (0, 0)), row(3, (0, 4), (3, 4))];
        assert_eq!(
            weigh(&rows, &end(&rows), Sign::TraceInPath),
            Confidence::Possible
        );
    }

    #[test]
    fn what_stops_some_of_the_neighbours_may_stop_this_one() {
        let rows = [mute(row(3, (1, 60), (20, 40)))];
        let end = end(&rows);
        assert_eq!(end.after.map(|hop| hop.ttl), Some(3));
        assert_eq!(weigh(&rows, &end, Sign::TraceToEdge), Confidence::Possible);
    }

    #[test]
    fn what_a_hop_reports_of_this_address_but_not_of_its_port_says_more_than_neighbours() {
        let mut own = row(2, (5, 40), (0, 0));
        own.control.expired.push((ProbeId(1), ROUTER));
        own.port.silent = vec![(ProbeId(2), Moment::START)];
        assert_eq!(end(&[own]).after, None);
    }

    #[test]
    fn nothing_of_neighbours_infers_nothing() {
        assert!(!end(&[Row::default()]).inferred);
    }
}
