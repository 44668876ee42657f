//! The timestamps of an interface: units since some time, made nanoseconds since the Unix epoch.

const NANOSECONDS: u64 = 1_000_000_000;

/// What a unit of an interface's timestamps is, and when they begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Clock {
    unit: Unit,
    /// Seconds to add (`if_tsoffset`).
    offset: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    /// So many nanoseconds.
    Nanoseconds(u64),
    /// So many of them are a nanosecond.
    Finer(u128),
    /// So many halvings of a second.
    Halvings(u8),
}

impl Clock {
    /// The clock of `if_tsresol` and `if_tsoffset` (pcapng §4.2): microseconds unless said otherwise.
    pub(super) fn new(resolution: Option<u8>, offset: i64) -> Self {
        let resolution = resolution.unwrap_or(6);
        let exponent = resolution & 0x7f;
        let unit = if resolution & 0x80 != 0 {
            Unit::Halvings(exponent)
        } else if let Some(fewer) = 9_u8.checked_sub(exponent) {
            Unit::Nanoseconds(10_u64.saturating_pow(fewer.into()))
        } else {
            Unit::Finer(10_u128.saturating_pow(exponent.saturating_sub(9).into()))
        };
        Self { unit, offset }
    }

    /// Nanoseconds from the Unix epoch to the time `stamp`; `None` where 64 bits cannot hold them.
    #[inline]
    pub(super) fn read(self, stamp: u64) -> Option<u64> {
        if let (Unit::Nanoseconds(count), 0) = (self.unit, self.offset) {
            return stamp.checked_mul(count);
        }
        let stamp = u128::from(stamp);
        let since = match self.unit {
            Unit::Nanoseconds(count) => stamp.checked_mul(count.into())?,
            Unit::Finer(count) => stamp.checked_div(count)?,
            Unit::Halvings(shift) => stamp
                .checked_mul(NANOSECONDS.into())?
                .checked_shr(shift.into())?,
        };
        let offset = i128::from(self.offset).checked_mul(NANOSECONDS.into())?;
        u64::try_from(i128::try_from(since).ok()?.checked_add(offset)?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_resolution_comes_out_in_nanoseconds_or_not_at_all() {
        let check = |resolution: Option<u8>, offset: i64, stamp: u64, expected: Option<u64>| {
            assert_eq!(
                Clock::new(resolution, offset).read(stamp),
                expected,
                "{resolution:?} {offset} {stamp}"
            );
        };
        check(
            None,
            0,
            1_700_000_000_123_456,
            Some(1_700_000_000_123_456_000),
        );
        check(Some(6), 0, 7, Some(7_000));
        check(Some(9), 0, 7, Some(7));
        check(Some(0), 0, 7, Some(7_000_000_000));
        check(Some(3), 0, 7, Some(7_000_000));
        check(Some(12), 0, 7_999, Some(7));
        check(Some(127), 0, u64::MAX, Some(0));
        // 2^-20 s, as some hardware counts; 2^-0 s is a second.
        check(Some(0x80 | 20), 0, 3 << 19, Some(1_500_000_000));
        check(Some(0x80), 0, 2, Some(2_000_000_000));
        check(Some(0x80 | 127), 0, u64::MAX, Some(0));
        check(Some(6), 10, 1, Some(10_000_001_000));
        check(Some(9), -1, 1_000_000_005, Some(5));
        check(Some(9), -1, 5, None);
        check(Some(0), 0, u64::MAX, None);
        check(Some(0x80), 0, u64::MAX, None);
        check(Some(9), i64::MAX, u64::MAX, None);
        check(Some(9), i64::MIN, u64::MAX, None);
    }
}
