//! What a customer paid over time: the periods and intervals of `Statistic/customerbasic` (contract 12.5, rules 15).
//!
//! Days are those of UTC, and weeks begin on Monday.

use std::collections::BTreeMap;

use chrono::{
    DateTime, Datelike as _, Days, Months, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike as _,
};
use strum::{EnumString, IntoStaticStr, VariantNames};

use crate::domain::kernel::time::Micros;

/// The period of a statistic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString, IntoStaticStr, VariantNames, utoipa::ToSchema)]
#[strum(serialize_all = "lowercase")]
#[schema(rename_all = "lowercase")]
pub enum Mode {
    /// This year so far.
    Ytd,
    /// This month so far.
    Mtd,
    /// This week so far.
    Wtd,
    /// Today so far.
    Today,
    /// The last twelve months, this one included.
    M12,
    /// The last thirty days, today included.
    D30,
    /// The last twenty-four hours, this one included.
    H24,
    /// Last year.
    LastY,
    /// Last month.
    LastM,
    /// Last week.
    LastW,
    /// Yesterday.
    Yesterday,
}

/// The length of the intervals of a statistic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString, IntoStaticStr, VariantNames, utoipa::ToSchema)]
#[strum(serialize_all = "lowercase")]
#[schema(rename_all = "lowercase")]
pub enum Freq {
    /// Months, such as `2026-9`.
    M,
    /// Weeks by ISO 8601, such as `2026-37`.
    W,
    /// Days, such as `2026-9-14`.
    D,
    /// Hours, such as `2026-9-14 13`.
    H,
}

/// What was paid in one interval.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Interval {
    /// Its name.
    pub name: String,
    /// How many confirmed sales there were.
    pub count: i64,
    /// What they came to, in ten-thousandths of the base currency.
    pub volume: i128,
}

fn midnight(day: NaiveDate) -> NaiveDateTime {
    day.and_time(NaiveTime::MIN)
}

fn first_of_month(day: NaiveDate) -> NaiveDate {
    day.with_day(1).unwrap_or(day)
}

fn first_of_year(day: NaiveDate) -> NaiveDate {
    first_of_month(day).with_month(1).unwrap_or(day)
}

fn monday(day: NaiveDate) -> NaiveDate {
    day.checked_sub_days(Days::new(day.weekday().num_days_from_monday().into())).unwrap_or(day)
}

fn full_hour(time: NaiveDateTime) -> NaiveDateTime {
    time.date().and_hms_opt(time.hour(), 0, 0).unwrap_or(time)
}

fn micros(time: NaiveDateTime) -> Micros {
    Micros(time.and_utc().timestamp_micros())
}

fn time_of(micros: Micros) -> NaiveDateTime {
    DateTime::from_timestamp_micros(micros.0).unwrap_or_default().naive_utc()
}

impl Mode {
    /// From when to when: the first moment, and the first one after.
    pub fn period(self, now: Micros) -> (Micros, Micros) {
        let time = time_of(now);
        let today = time.date();
        let tomorrow = today.checked_add_days(Days::new(1)).unwrap_or(today);
        let back = |day: NaiveDate, days: u64| day.checked_sub_days(Days::new(days)).unwrap_or(day);
        let months_back = |months: u32| {
            let month = first_of_month(today);
            month.checked_sub_months(Months::new(months)).unwrap_or(month)
        };
        let (from, to) = match self {
            Mode::Ytd => (first_of_year(today), tomorrow),
            Mode::Mtd => (first_of_month(today), tomorrow),
            Mode::Wtd => (monday(today), tomorrow),
            Mode::Today => (today, tomorrow),
            Mode::M12 => (months_back(11), tomorrow),
            Mode::D30 => (back(today, 29), tomorrow),
            Mode::H24 => {
                let hour = full_hour(time);
                return (micros(hour - TimeDelta::hours(23)), micros(hour + TimeDelta::hours(1)));
            }
            Mode::LastY => {
                let year = first_of_year(today);
                (year.checked_sub_months(Months::new(12)).unwrap_or(year), year)
            }
            Mode::LastM => (months_back(1), months_back(0)),
            Mode::LastW => (back(monday(today), 7), monday(today)),
            Mode::Yesterday => (back(today, 1), today),
        };
        (micros(midnight(from)), micros(midnight(to)))
    }
}

impl Freq {
    /// The beginning of the interval of a time.
    fn begin(self, time: NaiveDateTime) -> NaiveDateTime {
        match self {
            Freq::M => midnight(first_of_month(time.date())),
            Freq::W => midnight(monday(time.date())),
            Freq::D => midnight(time.date()),
            Freq::H => full_hour(time),
        }
    }

    /// The beginning of the next interval.
    fn next(self, begin: NaiveDateTime) -> Option<NaiveDateTime> {
        match self {
            Freq::M => begin.checked_add_months(Months::new(1)),
            Freq::W => begin.checked_add_days(Days::new(7)),
            Freq::D => begin.checked_add_days(Days::new(1)),
            Freq::H => begin.checked_add_signed(TimeDelta::hours(1)),
        }
    }

    fn name(self, begin: NaiveDateTime) -> String {
        let (year, month, day) = (begin.year(), begin.month(), begin.day());
        match self {
            Freq::M => format!("{year}-{month}"),
            Freq::W => format!("{}-{}", begin.iso_week().year(), begin.iso_week().week()),
            Freq::D => format!("{year}-{month}-{day}"),
            Freq::H => format!("{year}-{month}-{day} {}", begin.hour()),
        }
    }
}

/// The intervals of a period with the sales in them, oldest first; those without a sale too.
pub fn intervals(mode: Mode, freq: Freq, now: Micros, sales: &[(Micros, i64)]) -> Vec<Interval> {
    let (from, to) = mode.period(now);
    let mut sums: BTreeMap<NaiveDateTime, (i64, i128)> = BTreeMap::new();
    let mut begin = Some(freq.begin(time_of(from)));
    while let Some(at) = begin.filter(|at| micros(*at) < to) {
        sums.insert(at, (0, 0));
        begin = freq.next(at);
    }
    for (at, amount) in sales.iter().filter(|(at, _)| (from..to).contains(at)) {
        let (count, volume) = sums.entry(freq.begin(time_of(*at))).or_default();
        *count += 1;
        *volume += i128::from(*amount);
    }
    let interval = |(begin, (count, volume))| Interval { name: freq.name(begin), count, volume };
    sums.into_iter().map(interval).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Wednesday, 16 September 2026, 13:45 UTC.
    const NOW: Micros = Micros(1_789_566_300_000_000);

    fn shown(mode: Mode) -> (String, String) {
        let (from, to) = mode.period(NOW);
        let short = |at: Micros| at.to_rfc3339().get(..13).unwrap().to_owned();
        (short(from), short(to))
    }

    #[test]
    fn contract_12_5_periods_begin_and_end_where_they_say() {
        assert!(NOW.to_rfc3339().starts_with("2026-09-16T13:45"), "{}", NOW.to_rfc3339());
        for (mode, from, to) in [
            (Mode::Ytd, "2026-01-01T00", "2026-09-17T00"),
            (Mode::Mtd, "2026-09-01T00", "2026-09-17T00"),
            (Mode::Wtd, "2026-09-14T00", "2026-09-17T00"),
            (Mode::Today, "2026-09-16T00", "2026-09-17T00"),
            (Mode::M12, "2025-10-01T00", "2026-09-17T00"),
            (Mode::D30, "2026-08-18T00", "2026-09-17T00"),
            (Mode::H24, "2026-09-15T14", "2026-09-16T14"),
            (Mode::LastY, "2025-01-01T00", "2026-01-01T00"),
            (Mode::LastM, "2026-08-01T00", "2026-09-01T00"),
            (Mode::LastW, "2026-09-07T00", "2026-09-14T00"),
            (Mode::Yesterday, "2026-09-15T00", "2026-09-16T00"),
        ] {
            assert_eq!(shown(mode), (from.into(), to.into()), "{mode:?}");
        }
    }

    #[test]
    fn contract_12_5_sales_fall_into_intervals() {
        let day = 24 * 3_600 * 1_000_000;
        let sales =
            [(NOW, 100), (Micros(NOW.0 - day), 20), (Micros(NOW.0 - 40 * day), 7), (Micros(NOW.0 + day), 1)];
        let of = |mode, freq| intervals(mode, freq, NOW, &sales);
        let names = |found: &[Interval]| found.iter().map(|it| it.name.clone()).collect::<Vec<_>>();
        let months = of(Mode::Ytd, Freq::M);
        assert_eq!(months.len(), 9);
        assert_eq!(months.last().unwrap(), &Interval { name: "2026-9".into(), count: 2, volume: 120 });
        assert_eq!(months.iter().map(|it| it.count).sum::<i64>(), 3);
        assert_eq!(names(&of(Mode::Wtd, Freq::D)), ["2026-9-14", "2026-9-15", "2026-9-16"]);
        assert_eq!(names(&of(Mode::Wtd, Freq::W)), ["2026-38"]);
        let hours = of(Mode::Today, Freq::H);
        assert_eq!((hours.len(), hours[13].name.as_str(), hours[13].volume), (24, "2026-9-16 13", 100));
        // A period that begins within an interval counts only what is in the period.
        assert_eq!(of(Mode::Mtd, Freq::W)[0], Interval { name: "2026-36".into(), count: 0, volume: 0 });
        for (word, mode) in [("lasty", Mode::LastY), ("m12", Mode::M12), ("yesterday", Mode::Yesterday)] {
            assert_eq!(word.parse::<Mode>(), Ok(mode));
        }
    }
}
