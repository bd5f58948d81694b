//! The values of filters: their wire forms, and the forms in which they compare (rules 8).

use std::collections::BTreeSet;

use chrono::{NaiveDate, NaiveTime};
use strum::VariantArray as _;

use super::column::ordinal;
use super::dialled::TypedPhone;
use super::field::{FilterField, Kind, Op};
use super::plain::{self, plain};
use crate::domain::customers::record::{Lifecycle, Status};
use crate::domain::customers::{country, email};
use crate::domain::kernel::money::Money;
use crate::domain::kernel::problem::ValueError;
use crate::domain::kernel::text::{fold, hint, typed};
use crate::domain::kernel::time::{Micros, SECOND_US};
use crate::domain::methods;

/// The separator of the items of `in` and `nin`.
const SEPARATOR: char = '|';
const CODE: &str = "invalid_value";
/// Microseconds of a day; leap seconds do not count.
const DAY_US: i64 = 24 * 60 * 60 * SECOND_US;

/// The whole numbers from `first` to `last`, both included; none if `first` is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// The smallest.
    pub first: i64,
    /// The greatest.
    pub last: i64,
}

impl Span {
    /// The span of one number.
    pub const fn of(number: i64) -> Span {
        Span { first: number, last: number }
    }

    /// Whether a number is in it.
    pub const fn holds(self, number: i64) -> bool {
        self.first <= number && number <= self.last
    }
}

/// A filter's value, ready to be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A folded text.
    Text(String),
    /// A name in its plain form.
    Name(String),
    /// An e-mail address or a part of one.
    Email(TypedEmail),
    /// A phone or a part of one.
    Phone(TypedPhone),
    /// A number or the span of a day, in the field's unit (see [`FilterField::number`]).
    Span(Span),
    /// Several numbers in the field's unit.
    Among(BTreeSet<i64>),
    /// Words for statuses of stored methods.
    Methods {
        /// The words.
        words: BTreeSet<&'static str>,
        /// The time at which they hold; [`Filter::at`](super::Filter::at) sets it.
        now: Micros,
    },
}

/// A typed e-mail address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypedEmail {
    /// The form in which whole addresses compare.
    pub whole: String,
    /// A spelling by which parts are looked for: the typed one without case, or that of the whole address if the typed one
    /// mixes two.
    pub part: String,
}

impl TypedEmail {
    fn of(text: &str) -> TypedEmail {
        let whole = email::comparable(text);
        let mut spellings = email::spellings(text).into_iter();
        let typed = spellings.next().unwrap_or_default();
        // The typed one is the first, and comes again only if it differs from the others.
        let mut part = if spellings.len() < 2 { typed } else { whole.clone() };
        if part.is_empty() {
            // White space alone is part of no address.
            part = text.into();
        }
        TypedEmail { whole: whole.into(), part: part.into() }
    }

    /// Whether this is the stored address.
    pub(super) fn is(&self, stored: &str) -> bool {
        email::comparable(stored) == self.whole
    }

    /// Whether a spelling of the stored address contains this.
    pub(super) fn is_part(&self, stored: &str) -> bool {
        email::spellings(stored).iter().any(|spelling| spelling.contains(&self.part))
    }
}

impl Value {
    /// Reads a value for a field and an operator that the field takes.
    ///
    /// # Errors
    /// A stable code and a message, which never contains the value.
    pub fn parse(field: &FilterField, op: Op, text: &str) -> Result<Value, ValueError> {
        let text = &*typed(text);
        let list = matches!(op, Op::In | Op::Nin);
        match field.kind() {
            Kind::Text => Ok(Value::Text(needle(op, text))),
            // Trims before `plain`, not after: `plain` turns a sign such as ¨ into a blank, here and in the stored
            // name.
            Kind::Name if matches!(op, Op::Eq | Op::Ne) => Ok(Value::Name(plain(text.trim()).into())),
            Kind::Name => Ok(Value::Name(plain(text).into())),
            Kind::Country => Ok(Value::Text(match op {
                Op::Eq | Op::Ne => country::country(text.trim()).map_or_else(|_| needle(op, text), |code| fold(&code).into()),
                _ => needle(op, text),
            })),
            Kind::Email => Ok(Value::Email(TypedEmail::of(text))),
            Kind::Phone => {
                if plain::digits(text).is_empty() && !text.trim().is_empty() {
                    return Err((CODE, "must have digits, since phones compare by their digits".into()));
                }
                Ok(Value::Phone(TypedPhone::of(text)))
            }
            Kind::Number if list => among(text, number),
            Kind::Number => number(text).map(|number| Value::Span(Span::of(number))),
            Kind::Money => {
                let money = Money::parse(text.trim()).map_err(|error| (CODE, error.to_string()))?;
                Ok(Value::Span(Span::of(money.units())))
            }
            Kind::Moment => moment(text.trim()).map(Value::Span).ok_or_else(|| {
                let message = "must be a day such as 2026-03-01 (in UTC) or a time such as 2026-03-01T10:00:00 \
                               (UTC unless it ends in an offset)";
                (CODE, message.to_owned())
            }),
            // A single status or stage is a list of one.
            Kind::Status if list => among(text, status),
            Kind::Status => Ok(Value::Among(BTreeSet::from([status(text)?]))),
            Kind::MethodStatus => {
                let items: Vec<&str> = if list { text.split(SEPARATOR).collect() } else { vec![text] };
                let words = items.into_iter().map(method_status).collect::<Result<_, ValueError>>()?;
                Ok(Value::Methods { words, now: Micros::default() })
            }
            Kind::Lifecycle if list => among(text, lifecycle),
            Kind::Lifecycle => Ok(Value::Among(BTreeSet::from([lifecycle(text)?]))),
        }
    }
}

/// A text to look for. Stored texts are trimmed, so a value of `eq` loses leading and trailing blanks, with which nothing
/// would be equal. In a value of `ct` they mean the ends of words.
fn needle(op: Op, text: &str) -> String {
    let folded = match op {
        Op::Eq | Op::Ne => fold(text.trim()),
        _ => fold(text),
    };
    folded.into()
}

fn among(text: &str, item: impl Fn(&str) -> Result<i64, ValueError>) -> Result<Value, ValueError> {
    let items = text.split(SEPARATOR).map(item).collect::<Result<BTreeSet<i64>, ValueError>>();
    items.map(Value::Among).map_err(|(code, message)| (code, format!("each item between | {message}")))
}

fn number(text: &str) -> Result<i64, ValueError> {
    text.trim().parse().map_err(|_| (CODE, "must be a whole number".to_owned()))
}

fn status(text: &str) -> Result<i64, ValueError> {
    let code = number(text).ok().and_then(Status::of_code);
    code.map(|status| i64::from(status.code())).ok_or_else(|| {
        let codes: Vec<String> = Status::VARIANTS.iter().map(|known| known.code().to_string()).collect();
        (CODE, format!("must be one of {}", codes.join(", ")))
    })
}

fn lifecycle(text: &str) -> Result<i64, ValueError> {
    text.trim().parse().map(ordinal).map_err(|_| {
        let names: Vec<&str> = Lifecycle::VARIANTS.iter().map(|stage| stage.name()).collect();
        let hint = hint(text.trim(), names.iter().copied());
        (CODE, format!("must be one of {}{hint}", names.join(", ")))
    })
}

fn method_status(text: &str) -> Result<&'static str, ValueError> {
    let known = methods::status_words().find(|word| word.eq_ignore_ascii_case(text.trim()));
    known.ok_or_else(|| {
        let hint = hint(text.trim(), methods::status_words());
        (CODE, format!("must be one of {}{hint}", methods::status_words().collect::<Vec<_>>().join(", ")))
    })
}

/// The microseconds that a text names: all those of a day, the one of a time, and none for a time that is finer than a
/// microsecond (`gt` and `lt` are still right for it).
///
/// Dates have four-digit years. A blank may replace the `T`, and the `+` of the offset: forms decode a bare `+` as a
/// blank.
pub(crate) fn moment(text: &str) -> Option<Span> {
    let (day, rest) = text.split_at_checked(10)?;
    let shaped = day.bytes().enumerate().all(|(place, byte)| match place {
        4 | 7 => byte == b'-',
        _ => byte.is_ascii_digit(),
    });
    if !shaped {
        return None;
    }
    let day = NaiveDate::parse_from_str(day, "%Y-%m-%d").ok()?;
    if rest.is_empty() {
        let first = day.and_time(NaiveTime::MIN).and_utc().timestamp_micros();
        return Some(Span { first, last: first + DAY_US - 1 });
    }
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let (clock, offset_secs) = match rest.strip_suffix(['Z', 'z']) {
        Some(clock) => (clock, 0),
        None => match rest.rfind(['+', '-', ' ']) {
            Some(place) => (rest.get(..place)?, offset(rest.get(place..)?)?),
            None => (rest, 0),
        },
    };
    let clock = clock.trim_end();
    if clock.as_bytes().get(2) != Some(&b':') {
        return None;
    }
    let form = if clock.len() == 5 { "%H:%M" } else { "%H:%M:%S%.f" };
    let time = day.and_time(NaiveTime::parse_from_str(clock, form).ok()?).and_utc();
    let nanos = i64::from(time.timestamp_subsec_nanos());
    let micros = (time.timestamp() - offset_secs) * SECOND_US + nanos / 1_000;
    Some(Span { first: micros + i64::from(nanos % 1_000 != 0), last: micros })
}

/// Seconds east of UTC: `+02:00`, `-0530`, `+02`; a blank means `+`.
fn offset(text: &str) -> Option<i64> {
    let (sign, clock) = text.split_at_checked(1)?;
    let digits: String = clock.chars().filter(|c| *c != ':').collect();
    let shaped = digits.bytes().all(|byte| byte.is_ascii_digit())
        && match clock.len() {
            2 => digits.len() == 2,
            4 => digits.len() == 4,
            5 => clock.as_bytes().get(2) == Some(&b':') && digits.len() == 4,
            _ => false,
        };
    if !shaped {
        return None;
    }
    let hours: i64 = digits.get(..2)?.parse().ok()?;
    let minutes: i64 = digits.get(2..).filter(|rest| !rest.is_empty()).map_or(Ok(0), str::parse).ok()?;
    if hours > 23 || minutes > 59 {
        return None;
    }
    let seconds = hours * 3_600 + minutes * 60;
    Some(if sign == "-" { -seconds } else { seconds })
}

/// Compares a number with the span of a day or a time: `gt` means after its end, `ge` from its start.
pub(crate) fn compare(op: Op, number: i64, span: Span) -> bool {
    match op {
        Op::Gt => number > span.last,
        Op::Ge => number >= span.first,
        Op::Lt => number < span.first,
        Op::Le => number <= span.last,
        _ => span.holds(number) != op.is_negative(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::customers::fields::TextField;

    const TEN: i64 = 1_772_359_200_000_000; // 2026-03-01T10:00:00Z
    const MIDNIGHT: i64 = TEN - 10 * 3_600 * SECOND_US;

    #[test]
    fn rules_8_dates_with_and_without_time_and_zone() {
        assert_eq!(moment("2026-03-01"), Some(Span { first: MIDNIGHT, last: MIDNIGHT + DAY_US - 1 }));
        // A blank before the offset is a `+` that a form decoded.
        for text in "2026-03-01T10:00:00|2026-03-01T10:00|2026-03-01t10:00:00z|2026-03-01 10:00:00|2026-03-01T10:00:00Z|\
             2026-03-01T10:00:00.000Z|2026-03-01T10:00:00.0000000+00:00|2026-03-01T12:00:00+02:00|\
             2026-03-01T12:00:00+0200|2026-03-01T12:00:00+02|2026-03-01T12:00:00 02:00|2026-03-01 12:00:00 02:00|\
             2026-03-01T04:30:00-05:30|2026-03-01T04:30-05:30|2026-02-28T23:30:00-10:30".split('|') {
            assert_eq!(moment(text), Some(Span::of(TEN)), "{text}");
        }
        assert_eq!(moment("2026-03-01T10:00:00.000001Z"), Some(Span::of(TEN + 1)));
        let finer = Span { first: TEN + 1, last: TEN };
        assert_eq!(moment("2026-03-01T10:00:00.0000004"), Some(finer));
        assert!(!finer.holds(TEN) && !finer.holds(TEN + 1));
        for bad in
            "|2026|2026-3-1|2026-02-30|01/03/2026|+026-03-01|2026-03-01T|2026-03-01T25:00:00|2026-03-01T10|\
             2026-03-01Z|2026-03-01T10:00:00+2|2026-03-01T10:00:00+25:00|2026-03-01T10:00:00+1:000|\
             2026-03-01T10:00:00x|2026-03-01é10:00|2026-03-0é|now"
                .split('|')
        {
            assert_eq!(moment(bad), None, "{bad}");
        }
    }

    #[test]
    fn rules_8_values_are_read_by_the_field() {
        let phone = FilterField::Text(TextField::Phone);
        let digits = |text| match Value::parse(&phone, Op::Ct, text) {
            Ok(Value::Phone(phone)) => Some((phone.digits, phone.international.unwrap_or_default())),
            _ => None,
        };
        let read = |digits: &str, international: &str| Some((digits.to_owned(), international.to_owned()));
        assert_eq!(digits("+1 (555) 555-0117 x12"), read("1555555011712", ""));
        assert_eq!(digits("০১৭০০"), read("01700", ""));
        assert_eq!(digits("+44 (0)161 496 0123 ext 7"), read("44016149601237", "4416149601237"));
        assert_eq!(digits("0044 161 496 0123 x7"), read("004416149601237", "4416149601237"));
        assert_eq!(digits("0044 16"), read("004416", "4416"));
        assert_eq!(digits(""), read("", ""));
        assert_eq!(digits("none"), None);

        let country = FilterField::Text(TextField::Country);
        for text in ["us", "USA", "United States", " us "] {
            assert_eq!(Value::parse(&country, Op::Eq, text), Ok(Value::Text("us".into())), "{text}");
        }
        assert_eq!(Value::parse(&country, Op::Eq, "Atlantis"), Ok(Value::Text("atlantis".into())));
        assert_eq!(Value::parse(&country, Op::Ct, "USA"), Ok(Value::Text("usa".into())));

        let among = |items: &[i64]| Ok(Value::Among(items.iter().copied().collect()));
        assert_eq!(Value::parse(&FilterField::Status, Op::In, "1|0| -99"), among(&[-99, 0, 1]));
        assert_eq!(Value::parse(&FilterField::Status, Op::Eq, "85"), among(&[85]));
        assert_eq!(Value::parse(&FilterField::Lifecycle, Op::Nin, "idle|Churned"), among(&[3, 4]));
        assert_eq!(Value::parse(&FilterField::CustomerId, Op::In, "7|8"), among(&[7, 8]));
        let money = |text| Value::parse(&FilterField::Balance, Op::Gt, text);
        assert_eq!(money("-12.5"), Ok(Value::Span(Span::of(-125_000))));
        let city = FilterField::Text(TextField::City);
        assert_eq!(Value::parse(&city, Op::Eq, " ZOE\u{308} "), Ok(Value::Text("zoë".into())));
        assert_eq!(Value::parse(&city, Op::Ct, " A"), Ok(Value::Text(" a".into())));
        assert_eq!(Value::parse(&city, Op::Eq, "Oak\u{ad}\nton\u{200b}"), Ok(Value::Text("oak ton".into())));
    }

    #[test]
    fn rules_8_bad_values_are_refused_and_never_repeated() {
        for (field, op, text) in [
            (FilterField::Status, Op::Eq, "7"),
            (FilterField::Status, Op::Eq, "1|0"),
            (FilterField::Status, Op::In, ""),
            (FilterField::Status, Op::In, "1||0"),
            (FilterField::Status, Op::In, "active"),
            (FilterField::Lifecycle, Op::Eq, "Prospct"),
            (FilterField::Balance, Op::Eq, "12,5"),
            (FilterField::Balance, Op::Eq, "0.00001"),
            (FilterField::Balance, Op::Eq, "1e99"),
            (FilterField::CustomerId, Op::Gt, "1.5"),
            (FilterField::CustomerId, Op::In, "1|x"),
            (FilterField::OrgId, Op::Eq, "demo"),
            (FilterField::CreatedDate, Op::Gt, "yesterday"),
        ] {
            let (code, message) = Value::parse(&field, op, text).unwrap_err();
            assert_eq!(code, CODE);
            assert!(message.contains("must"), "{message}");
            assert!(text.len() < 3 || !message.contains(text), "{message}");
        }
        let (_, message) = Value::parse(&FilterField::Lifecycle, Op::Eq, "Prospct").unwrap_err();
        assert!(message.ends_with("did you mean Prospect?"), "{message}");
    }
}
