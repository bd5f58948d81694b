//! Which passwords are refused: short ones, common ones, and those made of what others know of a person.

use crate::domain::customers::fields::TextField;
use crate::domain::customers::record::Customer;
use crate::domain::kernel::text::fold;

/// The fewest characters of a password (rules 2).
pub const PASSWORD_CHARS_MIN: usize = 10;
/// The most characters of a password; nobody can make argon2 hash megabytes.
pub const PASSWORD_CHARS_MAX: usize = 250;
/// A password that needs fewer guesses is refused. `zxcvbn` counts them: it knows common passwords, names, words, dates
/// and keyboard patterns, and how people disguise them.
const GUESSES_MIN: u64 = 1_000_000;
/// A shorter piece of a name or an address does not tell who the person is.
const PIECE_CHARS_MIN: usize = 3;
/// How many characters a password must have besides names and addresses of the person and the store.
const REST_CHARS_MIN: usize = 6;
/// Up to so many digits and signs around a common password do not make it a good one.
const DECORATION_CHARS_MAX: usize = 5;
/// A password that needs fewer guesses is common, whatever is added around it.
const DECORATED_GUESSES_MIN: u64 = 10_000;
/// How many characters of a password the check looks at; its work grows faster than their number.
const GUESSED_CHARS_MAX: usize = 40;
const PIECES_MAX: usize = 40;

/// Why a password is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weakness {
    /// Fewer than [`PASSWORD_CHARS_MIN`] characters.
    Short,
    /// More than [`PASSWORD_CHARS_MAX`] characters.
    Long,
    /// Control characters, which nobody types on purpose.
    Control,
    /// Easy to guess.
    Common,
    /// Made of the person's or the store's own name or address.
    Personal,
}

impl Weakness {
    /// A stable code, and what would do.
    pub fn problem(self) -> (&'static str, String) {
        match self {
            Weakness::Short => ("too_short", format!("must have at least {PASSWORD_CHARS_MIN} characters")),
            Weakness::Long => ("too_long", format!("must have at most {PASSWORD_CHARS_MAX} characters")),
            Weakness::Control => ("control_character", "must not hold control characters".into()),
            Weakness::Common => {
                ("common_password", "is too easy to guess; a few unrelated words make a good one".into())
            }
            Weakness::Personal => (
                "personal_password",
                "must not be made of the person's or the store's name or address".into(),
            ),
        }
    }
}

/// What others know of a person: names, e-mail address, login.
pub fn personal(customer: &Customer) -> Vec<String> {
    [
        TextField::Email,
        TextField::CustomerUsername,
        TextField::Fullname,
        TextField::Firstname,
        TextField::Lastname,
        TextField::Company,
        TextField::Birthday,
        TextField::CustomerNumber,
    ]
    .into_iter()
    .filter_map(|field| customer.text(field).map(str::to_owned))
    .collect()
}

/// Why a password is refused, if it is; `known` is what others know of the person and the store.
pub fn weakness(password: &str, known: &[String]) -> Option<Weakness> {
    let chars = password.chars().count();
    if chars < PASSWORD_CHARS_MIN {
        return Some(Weakness::Short);
    }
    if chars > PASSWORD_CHARS_MAX {
        return Some(Weakness::Long);
    }
    if password.chars().any(char::is_control) {
        return Some(Weakness::Control);
    }
    let pieces = pieces(known);
    if is_mostly(password, &pieces) {
        return Some(Weakness::Personal);
    }
    if guesses(password, &[]) < GUESSES_MIN || is_decorated(password) {
        return Some(Weakness::Common);
    }
    let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
    (!pieces.is_empty() && guesses(password, &pieces) < GUESSES_MIN).then_some(Weakness::Personal)
}

/// Whether few characters of a password remain without these pieces. The longest piece is removed first.
fn is_mostly(password: &str, pieces: &[String]) -> bool {
    let letters = letters_of(password);
    let mut own: Vec<String> = pieces.iter().map(|piece| letters_of(piece)).collect();
    own.sort_by_key(|piece| std::cmp::Reverse(piece.len()));
    let mut rest = letters.clone();
    for piece in own.iter().filter(|piece| piece.chars().count() >= PIECE_CHARS_MIN) {
        rest = rest.replace(piece.as_str(), "");
    }
    rest != letters && rest.chars().count() < REST_CHARS_MIN
}

/// Whether a password is a common one with a few digits and signs before or after it.
fn is_decorated(password: &str) -> bool {
    let core = password.trim_matches(|c: char| !c.is_alphabetic());
    let added = password.chars().count() - core.chars().count();
    (1..=DECORATION_CHARS_MAX).contains(&added) && guesses(core, &[]) < DECORATED_GUESSES_MIN
}

fn guesses(password: &str, pieces: &[&str]) -> u64 {
    let end = password.char_indices().nth(GUESSED_CHARS_MAX).map_or(password.len(), |(at, _)| at);
    zxcvbn::zxcvbn(password.get(..end).unwrap_or(password), pieces).guesses()
}

/// The letters and digits, folded: signs between them do not disguise a name.
fn letters_of(text: &str) -> String {
    fold(text).chars().filter(|c| c.is_alphanumeric()).collect()
}

fn pieces(known: &[String]) -> Vec<String> {
    let mut pieces: Vec<String> = known
        .iter()
        .flat_map(|value| {
            let folded = fold(value);
            let words = folded.split(|c: char| !c.is_alphanumeric()).map(str::to_owned).collect::<Vec<_>>();
            words.into_iter().chain([folded.into()])
        })
        .filter(|piece| piece.chars().count() >= PIECE_CHARS_MIN)
        .collect();
    pieces.sort_unstable();
    pieces.dedup();
    pieces.truncate(PIECES_MAX);
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_2_common_passwords_are_refused() {
        for common in
            "password12 1234567890 qwertyuiop Passw0rd123 iloveyou12 aaaaaaaaaaaa abcdefghij letmein123! \
             1q2w3e4r5t administrator football2024"
                .split(' ')
        {
            assert_eq!(weakness(common, &[]), Some(Weakness::Common), "{common}");
        }
        for good in
            ["long enough", "correct horse battery", "tulip-carbon-94", "über die brücke", "9sJ2kd0vLq"]
        {
            assert_eq!(weakness(good, &[]), None, "{good}");
        }
        assert_eq!(weakness("123456789", &[]), Some(Weakness::Short));
        assert_eq!(weakness(&"é".repeat(251), &[]), Some(Weakness::Long));
        assert_eq!(weakness("tulip\u{7}carbon-94", &[]), Some(Weakness::Control));
    }

    #[test]
    fn rules_2_passwords_made_of_the_person_are_refused() {
        let known: Vec<String> = ["ada.byron@example.test", "Ada Byron", "Analytical Engines", "1985-04-12"]
            .map(str::to_owned)
            .into();
        for own in "ada.byron@example.test|AdaByron1985|byron-ada-1985|analyticalengines|Analytical Engines1|1985-04-12|\
             ada.byron!!|ada.byron-2024".split('|') {
            assert_eq!(weakness(own, &known), Some(Weakness::Personal), "{own}");
        }
        assert_eq!(weakness("ada sells nineteen tulips", &known), None);
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
        #[test]
        fn no_password_breaks_the_check(password in "\\PC{0,300}", known in proptest::collection::vec("\\PC{0,60}", 0..4)) {
            let _ = weakness(&password, &known);
        }
    }
}
