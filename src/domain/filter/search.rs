//! `search=`: words or parts of words over name, company, e-mail, phone and customer number (rules 8).

use compact_str::CompactString;

use super::plain::{self, plain};
use crate::domain::customers::fields::TextField;
use crate::domain::customers::record::Customer;
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
        for (place, word) in typed.iter().enumerate() {
            let digits = if plain::is_separators(word) {
                digits_at(place.checked_sub(1)).or_else(|| digits_at(place.checked_add(1)))
            } else {
                digits_at(Some(place))
            };
            let word = Word { plain: (*word).to_owned(), digits };
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

    /// Whether every word occurs in the customer: in its name, company, e-mail or customer number, or, if the word has only
    /// digits and separators, in its phone's digits. A number in several words needs no rule of its own: each word is a run
    /// of the same digits.
    ///
    /// A `masked` search looks only at name, company and customer number (rules 1).
    pub fn matches(&self, customer: &Customer, masked: bool) -> bool {
        if self.words.is_empty() {
            return true;
        }
        let mut texts = public_texts(customer);
        // A word without the mark of an extension is searched in the digits alone, one with it in digits and marks.
        let (mut digits_of_phone, mut extended_phone) = (String::new(), String::new());
        if !masked {
            texts.extend(customer.text(TextField::Email).map(plain));
            let phone = customer.text(TextField::Phone).map(plain).unwrap_or_default();
            digits_of_phone = plain::digits_of_plain(&phone);
            extended_phone = plain::extended_of_plain(&phone);
        }
        let in_phone = |digits: &String| digits_of_phone.contains(digits) || extended_phone.contains(digits);
        self.words.iter().all(|word| {
            texts.iter().any(|text| text.contains(&word.plain)) || word.digits.as_ref().is_some_and(in_phone)
        })
    }

    /// A text that is equal for equal searches. It contains the words, so it must leave the process only as a hash.
    pub fn canonical(&self) -> String {
        let with_digits = |word: &Word| match &word.digits {
            Some(digits) => format!("{} {digits}", word.plain),
            None => word.plain.clone(),
        };
        let mut words: Vec<String> = self.words.iter().map(with_digits).collect();
        words.sort_unstable();
        words.join("\n")
    }
}

/// Name, company and customer number as plain text, which every token may search.
pub(super) fn public_texts(customer: &Customer) -> Vec<CompactString> {
    let texts = [TextField::Company, TextField::CustomerNumber];
    let mut plains = vec![plain(&customer.name())];
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
        for text in ["555-0118", "0117555", "0117a", "00 1555", "jose )", "555 - 0118"] {
            assert!(!finds(text, false), "{text}");
        }
        // Digits with separators are also found as text.
        assert!(finds("10/01", false));
        assert!(finds("-10", false));
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
