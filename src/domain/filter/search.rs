//! `search=`: words or parts of words over name, company, e-mail, phone and customer number (rules 8).

use std::cell::OnceCell;

use compact_str::CompactString;

use super::dialled::{Dialled, common_grams};
use super::plain::{self, plain};
use crate::domain::customers::fields::TextField;
use crate::domain::customers::record::Customer;
use crate::domain::customers::{email, phone};
use crate::domain::kernel::problem::Problem;

/// The most characters of a search.
pub const SEARCH_CHARS_MAX: usize = 500;

/// The words of a search; a match has all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Search {
    words: Vec<Word>,
}

/// One word; it has no blanks and is not empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    /// Its plain form, which texts are searched for.
    pub plain: String,
    /// Its digits, with the mark of an extension, if it could be part of a phone. A word that has only separators
    /// (`555 - 0117`) has the digits of the word beside it, so that it matches where that one does.
    pub digits: Option<String>,
    /// The digits in E.164 of the words that stand together as one number, if that reads others: `00 44 161 496`.
    pub international: Option<String>,
}

impl Word {
    /// The trigrams of every customer that has the word. A word that may be part of a phone is found with or without its
    /// separators; both have the trigrams of its digits.
    pub(super) fn grams(&self) -> Vec<String> {
        let needle = self.digits.as_ref().unwrap_or(&self.plain);
        common_grams(needle, self.international.as_deref())
    }
}

impl Search {
    /// Splits a text into its words. A text without words matches everything.
    ///
    /// # Errors
    /// The text is too long.
    pub fn parse(text: &str) -> Result<Search, Problem> {
        if text.chars().count() > SEARCH_CHARS_MAX {
            let message = format!("must have at most {SEARCH_CHARS_MAX} characters");
            return Err(Problem::parameter("search", "too_long", message));
        }
        // The text is split in its plain form, since that may turn a spacing accent into a blank.
        let plain = plain(text);
        let typed: Vec<&str> = plain.split_whitespace().collect();
        let digits_at = |place: Option<usize>| {
            let word = typed.get(place?).filter(|word| plain::is_phone_like(word))?;
            Some(if word.contains(plain::EXTENSION) {
                plain::extended_of_plain(word)
            } else {
                plain::digits_of_plain(word)
            })
        };
        let mut words: Vec<Word> = Vec::new();
        let internationals = internationals(&typed);
        for ((place, word), international) in typed.iter().enumerate().zip(internationals) {
            let digits = if plain::is_separators(word) {
                digits_at(place.checked_sub(1)).or_else(|| digits_at(place.checked_add(1)))
            } else {
                digits_at(Some(place))
            };
            let word = Word { plain: (*word).to_owned(), digits, international };
            if !words.contains(&word) {
                words.push(word);
            }
        }
        Ok(Search { words })
    }

    /// Whether it has no words and so matches everything.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    pub(super) fn words(&self) -> &[Word] {
        &self.words
    }

    /// Whether every word occurs in the customer: in its names, company, e-mail or customer number, or, if the word has only
    /// digits and separators, in its phone's digits. A number in several words needs no rule of its own: each word is a run
    /// of the same digits, unless the words together begin with `00`.
    ///
    /// A `masked` search looks only at name, company and customer number (rules 1).
    pub fn matches(&self, customer: &Customer, masked: bool) -> bool {
        if self.words.is_empty() {
            return true;
        }
        let mut texts = public_texts(customer);
        if !masked {
            texts.extend(email_texts(customer));
        }
        // Most searches have no digits, and need no phone.
        let phone = OnceCell::new();
        let in_phone = |word: &Word| {
            let Some(stored) = customer.text(TextField::Phone).filter(|_| !masked) else { return false };
            let dialled = || phone.get_or_init(|| Dialled::of(stored));
            word.digits.as_ref().is_some_and(|digits| dialled().contains(digits))
                || word.international.as_ref().is_some_and(|digits| dialled().begins_with(digits))
        };
        self.words.iter().all(|word| texts.iter().any(|text| text.contains(&word.plain)) || in_phone(word))
    }

    /// A text that is equal for equal searches. It contains the words, so it must leave the process only as a hash.
    pub fn canonical(&self) -> String {
        let with_digits = |word: &Word| {
            let digits = [&word.digits, &word.international].into_iter().flatten();
            digits.fold(word.plain.clone(), |all, digits| format!("{all} {digits}"))
        };
        let mut words: Vec<String> = self.words.iter().map(with_digits).collect();
        words.sort_unstable();
        words.join("\n")
    }
}

/// For each word the digits in E.164 of the number that it and the words beside it may be.
fn internationals(words: &[&str]) -> Vec<Option<String>> {
    let is_part = |word: &str| plain::is_phone_like(word) || plain::is_separators(word);
    let runs = words.chunk_by(|one, other| is_part(one) && is_part(other));
    runs.flat_map(|run| {
        let number =
            run.first().filter(|word| is_part(word)).and_then(|_| phone::international(&run.join(" ")));
        std::iter::repeat_n(number, run.len())
    })
    .collect()
}

/// The e-mail address as plain text, in every spelling.
pub(super) fn email_texts(customer: &Customer) -> impl Iterator<Item = CompactString> {
    let address = customer.text(TextField::Email);
    let others = address.map(email::spellings).unwrap_or_default().into_iter().skip(1);
    address.map(plain).into_iter().chain(others.map(|spelling| plain(&spelling)))
}

/// Names, company and customer number as plain text, which every token may search.
pub(super) fn public_texts(customer: &Customer) -> Vec<CompactString> {
    let texts = [TextField::Company, TextField::CustomerNumber];
    let mut plains: Vec<CompactString> = customer.names().iter().map(|name| plain(name)).collect();
    plains.extend(texts.into_iter().filter_map(|field| customer.text(field)).map(plain));
    plains
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ada() -> Customer {
        let mut customer = Customer::default();
        for (field, value) in [
            (TextField::Firstname, "José"),
            (TextField::Lastname, "de la Cruz"),
            (TextField::Company, "Studio 54"),
            (TextField::Email, "j.cruz+news@example.test"),
            (TextField::Phone, "+15555550117 x12"),
            (TextField::CustomerNumber, "ACC-10/01"),
            (TextField::City, "Oakton"),
        ] {
            customer.texts.set(field, Some(value.into()));
        }
        customer
    }

    fn finds(text: &str, masked: bool) -> bool {
        Search::parse(text).unwrap().matches(&ada(), masked)
    }

    #[test]
    fn rules_8_every_word_must_occur_somewhere() {
        for text in "jose|JOSÉ|jose\u{301}|é|cruz jos|de la cruz|studio cruz|54|news@ex|+news||  ".split('|')
        {
            assert!(finds(text, false), "{text}");
        }
        for text in ["acc-1001x", "oakton", "jose smith", "josé oakton", "@other"] {
            assert!(!finds(text, false), "{text}");
        }
    }

    #[test]
    fn rules_8_a_phone_is_found_by_any_run_of_its_digits() {
        for text in "+1 (555) 555-0117|+15555550117|+15555550117 x12|+15555550117x12|555-0117|555 0117|555.0117|5550117|\
             117 12|0117 jose|(555)|555 - 0117|+ 1 555|+15555550117 x|01|５５５‑０１１７|٠١١٧".split('|') {
            assert!(finds(text, false), "{text}");
        }
        for text in ["x12", "7x1", "0117-x12", "jose x12"] {
            assert!(finds(text, false), "{text}");
        }
        // An x between digits is part of a phone only where the extension begins.
        for text in ["5x5", "1x2", "017x2"] {
            assert!(!finds(text, false), "{text}");
        }
        for text in
            ["00 1555", "001 555 555", "011 1 555 555 0117", "0015555550117", "00 1 555-555-0117 jose"]
        {
            assert!(finds(text, false), "{text}");
        }
        for text in ["555-0118", "0117555", "0117a", "00 555", "0044 555", "jose )", "555 - 0118"] {
            assert!(!finds(text, false), "{text}");
        }
        // Digits with separators are also found as text.
        assert!(finds("10/01", false));
        assert!(finds("-10", false));
    }

    #[test]
    fn rules_8_a_phone_is_found_as_it_is_dialled_at_home() {
        let mut customer = ada();
        let mut check = |stored: &str, typed: &str, wanted: bool| {
            customer.texts.set(TextField::Phone, Some(stored.into()));
            let search = Search::parse(typed).unwrap();
            assert_eq!(search.matches(&customer, false), wanted, "{typed} in {stored}");
            assert!(!search.matches(&customer, true), "{typed} in {stored}, masked");
        };
        for typed in
            "0161 496 0123|01614960123|(0161) 496-0123|0044 161 496 0123|00441614960123|+44 (0)161 496 0123|\
             +44(0)1614960123|jose 0161|0161 cruz"
                .split('|')
        {
            check("+441614960123", typed, true);
            check("+441614960123 x9", typed, true);
        }
        check("+441614960123", "0161 496 0124", false);
        check("+441614960123", "0049 161 496 0123", false);
        check("+4930901820", "030 901820", true);
        check("+4930901820", "0 30 / 90 18 20", true);
        check("+74951234567", "8 (495) 123-45-67", true);
        check("+3612345678", "06 1 234 5678", true);
        check("+33123456789", "01 23 45 67 89", true);
        check("+393331234567", "333 1234567", true);
        check("+61212345678", "(02) 1234 5678", true);
    }

    #[test]
    fn rules_8_people_are_found_as_others_spell_them() {
        use TextField::{Company, Firstname, Fullname, Lastname};
        let found = |fields: &[(TextField, &str)], typed: &str| {
            let mut customer = Customer::default();
            for (field, value) in fields {
                customer.texts.set(*field, Some((*value).into()));
            }
            Search::parse(typed).unwrap().matches(&customer, true)
        };
        for (stored, typed) in [
            ("Lætitia", "laetitia"),
            ("laetitia", "Lætitia"),
            ("Œuvrard", "oeuvrard"),
            ("Sørensen Łukasz Đorđe Groß", "sorensen lukasz dorde gross"),
            ("O’Brien", "o'brien"),
            ("O'Brien", "O’BRIEN"),
            ("O`Brien", "O´Brien"),
            ("Ma‘ruf \u{2bb}Okina", "ma'ruf 'okina"),
        ] {
            for field in [Company, Firstname, Fullname, Lastname] {
                assert!(found(&[(field, stored)], typed), "{typed} in {stored}");
            }
        }
        let both = [(Fullname, "Oakton Tools LLC"), (Firstname, "Mo"), (Lastname, "Vale")];
        assert!(found(&both, "mo vale") && found(&both, "oakton") && found(&both, "vale tools"));
    }

    #[test]
    fn rules_1_a_masked_search_covers_names_company_and_number_alone() {
        for text in ["jose", "studio", "acc-10", "cruz 54"] {
            assert!(finds(text, true), "{text}");
        }
        for text in ["example.test", "5550117", "+news", "cruz 0117"] {
            assert!(!finds(text, true), "{text}");
        }
    }

    #[test]
    fn a_search_has_a_bounded_number_of_different_words() {
        assert_eq!(Search::parse("Ada ada ÁDA").unwrap().words().len(), 1);
        assert!(Search::parse("\u{301} \u{200b}").unwrap().is_empty());
        assert_eq!(Search::parse("roe ADA").unwrap().canonical(), "ada\nroe");
        assert_eq!(Search::parse(&"é".repeat(501)).unwrap_err().code, "too_long");
        assert!(Search::parse(&"é".repeat(500)).is_ok());
    }
}
