//! Segments on our flows whose numbers answer nothing we sent.

use super::*;
use crate::model::evidence::MOST_NEAR_MISSES;

#[test]
fn a_near_miss_heard_by_both_ears_counts_once_and_is_never_evidence() {
    let (mut prober, syn) = begun(one_syn, Family::V4);
    let forged = segment_back(&syn, RST_ACK, 0, 12345);
    prober.handle_frame(ms(3), TAP, &forged);
    prober.handle_frame(ms(3), STACK, &forged);
    assert_eq!(prober.near_misses(), 1);
    prober.handle_frame(ms(9), TAP, &forged);
    assert_eq!(prober.near_misses(), 2);
    assert_eq!(evidence(&prober).near_misses(), 2);
    assert_eq!(answer(&prober), None);
}

#[test]
fn a_flood_of_near_misses_is_counted_and_only_the_first_are_shown() {
    let (mut prober, syn) = begun(one_syn, Family::V4);
    let shown = (0..1000)
        .filter(|number| {
            let forged = segment_back(&syn, RST_ACK, 0, 12345 + number);
            prober.handle_frame(ms(3), TAP, &forged).is_some()
        })
        .count();
    assert_eq!(prober.near_misses(), 1000);
    assert_eq!(shown as u64, MOST_NEAR_MISSES);
    assert_eq!(answer(&prober), None);
}
