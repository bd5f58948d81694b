//! Points in time: UTC, whole microseconds (rules 2, contract 3 and 13).

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

use super::problem::ValueError;

/// Microseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Micros(pub i64);

/// Microseconds in a second.
pub const SECOND_US: i64 = 1_000_000;
/// How far ahead a client's clock may run before `createdAt` is refused (rules 2).
const AHEAD_MAX_US: i64 = 5 * 60 * SECOND_US;
/// How far a clock may step back before the leases that began under it are void. A computer's clock is corrected by
/// fractions of a second.
const LEASE_SLACK_US: i64 = SECOND_US;
/// The first year a person may be born in, or a record created (rules 2).
const YEAR_MIN: i32 = 1900;

impl Micros {
    /// RFC 3339 with `Z` and six fraction digits, a form that every published SDK reads.
    pub fn to_rfc3339(self) -> String {
        self.utc().to_rfc3339_opts(SecondsFormat::Micros, true)
    }

    /// The form of a mail's `Date`, in UTC: `Tue, 15 Nov 1994 08:12:31 +0000`.
    pub fn to_rfc2822(self) -> String {
        self.utc().format("%a, %d %b %Y %H:%M:%S +0000").to_string()
    }

    /// The form in names of files: `19941115T081231Z`.
    pub fn to_compact(self) -> String {
        self.utc().format("%Y%m%dT%H%M%SZ").to_string()
    }

    /// This moment plus some seconds.
    #[must_use]
    pub const fn plus_secs(self, secs: i64) -> Micros {
        Micros(self.0.saturating_add(secs.saturating_mul(SECOND_US)))
    }

    /// Whether a lease until this moment still holds at `now`. `length_us` is the time that such leases last, in
    /// microseconds. An end much further ahead comes from another clock, or from before the clock was set back; such a
    /// lease is void, because nobody can tell whether its holder still lives.
    pub const fn is_lease_until(self, now: Micros, length_us: i64) -> bool {
        self.0 >= now.0 && self.0 <= now.latest_lease(length_us)
    }

    /// The latest end, in microseconds, that a lease of this length has at this moment.
    pub const fn latest_lease(self, length_us: i64) -> i64 {
        self.0.saturating_add(length_us).saturating_add(LEASE_SLACK_US)
    }

    /// Whole seconds since the epoch, the unit of token claims.
    pub const fn secs(self) -> i64 {
        self.0.div_euclid(SECOND_US)
    }

    /// The first moment of a month in UTC; `None` if there is no such month.
    pub fn of_month(year: i32, month: u32) -> Option<Micros> {
        let first = NaiveDate::from_ymd_opt(year, month, 1)?.and_hms_opt(0, 0, 0)?;
        Some(Micros(first.and_utc().timestamp_micros()))
    }

    /// The day in UTC, as `2026-03-01`.
    pub fn day(self) -> String {
        self.utc().format("%Y-%m-%d").to_string()
    }

    /// The date in UTC.
    pub fn date(self) -> NaiveDate {
        self.utc().date_naive()
    }

    /// The time of the day in UTC, as `14:05`.
    pub fn hour_and_minute(self) -> String {
        self.utc().format("%H:%M").to_string()
    }

    /// The year and the month in UTC.
    pub fn month(self) -> (i32, u32) {
        let utc = self.utc();
        (utc.year(), utc.month())
    }

    fn utc(self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.0).unwrap_or_default()
    }
}

/// Reads `createdAt`: RFC 3339, or `YYYY-MM-DD HH:mm:ss` in UTC. A time a little ahead counts as now.
///
/// # Errors
/// The text has another form, or the time is out of range.
pub fn created_at(text: &str, now: Micros) -> Result<Micros, ValueError> {
    const CODE: &str = "invalid_time";
    let moment = DateTime::parse_from_rfc3339(text)
        .map(|time| time.to_utc())
        .or_else(|_| NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").map(|time| time.and_utc()))
        .map_err(|_| {
            (CODE, "must be a time such as 2026-03-01T10:00:00Z or 2026-03-01 10:00:00 (UTC)".to_owned())
        })?;
    if moment.year() < YEAR_MIN {
        return Err((CODE, format!("must not be before {YEAR_MIN}")));
    }
    let micros = moment.timestamp_micros();
    if micros > now.0.saturating_add(AHEAD_MAX_US) {
        return Err((CODE, "must not be in the future".into()));
    }
    Ok(Micros(micros.min(now.0)))
}

/// Reads `birthday`: an ISO date in the past, not before 1900.
///
/// # Errors
/// The text has another form, or the day is out of range.
pub fn birthday(text: &str, now: Micros) -> Result<String, ValueError> {
    const CODE: &str = "invalid_birthday";
    let shaped = text.len() == 10 && text.is_ascii();
    let day = shaped
        .then(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok())
        .flatten()
        .ok_or_else(|| (CODE, "must be a date such as 1985-04-12".to_owned()))?;
    if day.year() < YEAR_MIN || day >= now.utc().date_naive() {
        return Err((CODE, format!("must be in the past and not before {YEAR_MIN}")));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Micros = Micros(1_772_359_200_000_000); // 2026-03-01T10:00:00Z

    #[test]
    fn a_lease_holds_for_its_length_and_no_longer() {
        let length = 15 * SECOND_US;
        let holds = |secs: i64| NOW.plus_secs(secs).is_lease_until(NOW, length);
        assert!(holds(0) && holds(1) && holds(15));
        // A clock that is corrected by a moment voids nothing; one that was wrong by an hour does.
        assert!(holds(16));
        assert!(!holds(17) && !holds(3_600) && !holds(-1));
        assert!(!Micros(i64::MAX).is_lease_until(NOW, length));
    }

    #[test]
    fn rules_2_created_at() {
        let ok = |text| created_at(text, NOW).unwrap().to_rfc3339();
        assert_eq!(ok("2020-01-02T03:04:05Z"), "2020-01-02T03:04:05.000000Z");
        assert_eq!(ok("2020-01-02T03:04:05.123456789+02:00"), "2020-01-02T01:04:05.123456Z");
        assert_eq!(ok("2020-01-02 03:04:05"), "2020-01-02T03:04:05.000000Z");
        assert_eq!(ok("2026-03-01T10:04:59Z"), NOW.to_rfc3339());
        for bad in ["2026-03-01T10:05:01Z", "2020-01-02", "01/02/2020", "1899-12-31T00:00:00Z", "x"] {
            assert!(created_at(bad, NOW).is_err(), "{bad}");
        }
    }

    #[test]
    fn rules_2_birthday() {
        assert_eq!(birthday("1985-04-12", NOW).unwrap(), "1985-04-12");
        assert!(birthday("2026-02-28", NOW).is_ok());
        for bad in ["2026-03-01", "1899-12-31", "1985-02-30", "12-04-1985", "1985-4-12", "+985-04-12"] {
            assert!(birthday(bad, NOW).is_err(), "{bad}");
        }
    }
}
