//! Durations as people write them: `45s`, `2m`, `1m30s`, `500ms`.

use std::str::FromStr as _;
use std::time::Duration;

use jiff::SignedDuration;

/// The longest time budget of one endpoint: a day.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Why a duration was not understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// Not a number with a unit.
    #[error("write a number with a unit, such as 45s, 2m or 500ms")]
    Malformed,
    /// Zero or negative.
    #[error("must be longer than zero")]
    NotPositive,
    /// Longer than a day.
    #[error("must not be longer than 24h")]
    TooLong,
}

/// Reads a duration; a bare number counts seconds.
///
/// # Errors
///
/// When it is malformed, not positive, or longer than a day.
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    let text = text.trim();
    let signed = match text.parse::<i64>() {
        Ok(seconds) => SignedDuration::from_secs(seconds),
        Err(_) => SignedDuration::from_str(text).map_err(|_| DurationError::Malformed)?,
    };
    if signed <= SignedDuration::ZERO {
        return Err(DurationError::NotPositive);
    }
    Duration::try_from(signed)
        .ok()
        .filter(|duration| *duration <= LONGEST)
        .ok_or(DurationError::TooLong)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{DurationError, parse};

    #[test]
    fn durations_read_as_people_write_them() {
        let check = |text: &str, millis: u64| {
            assert_eq!(parse(text), Ok(Duration::from_millis(millis)), "{text}");
        };
        check("45s", 45_000);
        check("2m", 120_000);
        check("1m30s", 90_000);
        check("500ms", 500);
        check("90", 90_000);
        check("24h", 86_400_000);
    }

    #[test]
    fn what_is_no_duration_is_refused_with_its_reason() {
        let check = |text: &str, reason| assert_eq!(parse(text), Err(reason), "{text}");
        check("", DurationError::Malformed);
        check("soon", DurationError::Malformed);
        check("5 parsecs", DurationError::Malformed);
        check("0", DurationError::NotPositive);
        check("-5s", DurationError::NotPositive);
        check("25h", DurationError::TooLong);
    }
}
