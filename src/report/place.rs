//! A place in words.

use super::record::{HopName, PlaceRecord};
use crate::model::verdict::PlaceKind;

/// Where it happens, as a phrase that follows a cause: `between hop 2 (10.9.1.2) and hop 3`.
/// `None` when nothing is known of it.
pub fn phrase(place: &PlaceRecord) -> Option<String> {
    if let Some(hop) = place.at_hop {
        return Some(format!("at {}", hop_phrase(hop)));
    }
    let known = match (place.kind.known(), place.after_hop, place.before_hop) {
        (_, Some(after), Some(before)) => {
            format!("between {} and {}", hop_phrase(after), hop_phrase(before))
        }
        (Some(PlaceKind::Edge), Some(after), None) => {
            format!("at the last router, {}, or behind it", hop_phrase(after))
        }
        (_, Some(after), None) => format!("after {}", hop_phrase(after)),
        (_, None, Some(before)) => format!("before {}", hop_phrase(before)),
        (Some(PlaceKind::Local), None, None) => "on this host".to_owned(),
        (Some(PlaceKind::Host), None, None) => match place.translated_at {
            Some(hop) => format!(
                "on the machine that {} forwards the port to",
                hop_phrase(hop)
            ),
            None => "on the target host".to_owned(),
        },
        (Some(PlaceKind::Edge), None, None) => "right before the target host".to_owned(),
        (Some(PlaceKind::Path), None, None) => "on the path".to_owned(),
        (Some(PlaceKind::Unknown) | None, None, None) => return None,
    };
    Some(known)
}

/// A hop in words: `hop 2 (10.9.1.2)`.
pub fn hop_phrase(hop: HopName) -> String {
    match hop.address {
        Some(address) => format!("hop {} ({address})", hop.ttl),
        None => format!("hop {}", hop.ttl),
    }
}
