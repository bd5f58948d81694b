//! Time zones as sheets name them.

/// The abbreviations that every system means alike, with their minutes east of UTC.
const NAMES: [(&str, i32); 13] = [
    ("Z", 0),
    ("UTC", 0),
    ("GMT", 0),
    ("EST", -5 * 60),
    ("EDT", -4 * 60),
    ("CST", -6 * 60),
    ("CDT", -5 * 60),
    ("MST", -7 * 60),
    ("MDT", -6 * 60),
    ("PST", -8 * 60),
    ("PDT", -7 * 60),
    ("AKST", -9 * 60),
    ("AKDT", -8 * 60),
];
const MINUTES_MAX: i32 = 14 * 60;

/// How many minutes east of UTC a zone is: `Z`, `UTC`, `GMT`, an abbreviation of the United States, or an offset such as
/// `+02:00`, `-0500`, `UTC+2` (rules 9).
pub(crate) fn zone_minutes(text: &str) -> Option<i32> {
    let text = text.trim();
    if let Some((_, minutes)) = NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)) {
        return Some(*minutes);
    }
    let upper = text.to_ascii_uppercase();
    let offset = upper.strip_prefix("UTC").or_else(|| upper.strip_prefix("GMT")).unwrap_or(&upper);
    let (sign, digits) = match (offset.strip_prefix('+'), offset.strip_prefix('-')) {
        (Some(digits), _) => (1, digits),
        (_, Some(digits)) => (-1, digits),
        _ => return None,
    };
    let (hours, minutes) = match digits.split_once(':') {
        Some(parts) => parts,
        None if digits.len() == 4 => digits.split_at_checked(2)?,
        None => (digits, "00"),
    };
    let number = |text: &str| {
        let is_number = (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        if is_number { text.parse::<i32>().ok() } else { None }
    };
    let total = number(hours)? * 60 + number(minutes).filter(|minutes| *minutes < 60)?;
    (total <= MINUTES_MAX).then_some(sign * total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_are_read_by_name_and_by_offset() {
        for (text, minutes) in [
            ("Z", Some(0)),
            ("utc", Some(0)),
            ("GMT", Some(0)),
            ("PDT", Some(-420)),
            ("est", Some(-300)),
            ("+02:00", Some(120)),
            ("-0530", Some(-330)),
            ("UTC+2", Some(120)),
            ("GMT-03:30", Some(-210)),
            ("+14", Some(840)),
            ("+15", None),
            ("+02:60", None),
            ("CEST", None),
            ("", None),
            ("2", None),
            ("+", None),
            ("+0é", None),
        ] {
            assert_eq!(zone_minutes(text), minutes, "{text}");
        }
    }
}
