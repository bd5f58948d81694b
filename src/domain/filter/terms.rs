//! What of a customer is indexed so that filters and searches find it: the store hashes these texts, each
//! with its group, into blind terms (rules 7).
//!
//! | group | texts | serves |
//! | --- | --- | --- |
//! | `=<request name>` | every text field's value, folded, blanks collapsed | `eq` on that field |
//! | `=additional:<name in lower case>` | the same of an additional field's value | `eq` on it |
//! | `=label` | the same of each label | `eq` on `label` |
//! | `~search` | trigrams of names, company, e-mail, customer number, and of the phone's digits | `search=`, `ct` on these, `eq` and `ct` on `phone` |
//!
//! Identities compare customer numbers and additional fields exactly (rules 3), so the matcher indexes those
//! values as they are, too; where they have no capitals that is the same term.

#[cfg(test)]
use std::collections::BTreeSet;

use super::plain::{self, plain};
use super::search::public_texts;
use crate::domain::customers::fields::TextField;
use crate::domain::customers::record::Customer;
use crate::domain::kernel::text::{fold_spaces, one_blank};

/// The most trigrams of one condition or search; more cost the index more than they narrow.
pub(super) const NEEDLE_GRAMS_MAX: usize = 10;

const EXACT: &str = "=";
const EXACT_ADDITIONAL: &str = "=additional:";
const LABEL: &str = "label";
const TRIGRAM: &str = "~search";

/// The name of [`Group::Trigram`].
const TRIGRAM_KEY: [&str; 2] = [TRIGRAM, ""];

/// A set of fields whose values share their terms.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// Whole values of a text field.
    Text(TextField),
    /// Whole values of an additional field; the name in lower case.
    Additional(String),
    /// Whole labels.
    Label,
    /// Trigrams of all that `search=` covers.
    Trigram,
}

impl Group {
    /// The group's name in two parts, which goes into the hash.
    pub fn key(&self) -> [&str; 2] {
        match self {
            Group::Text(field) => [EXACT, field.name()],
            Group::Additional(name) => [EXACT_ADDITIONAL, name],
            Group::Label => [EXACT, LABEL],
            Group::Trigram => TRIGRAM_KEY,
        }
    }
}

/// A text in its group, before hashing: what a customer is indexed by, or what one must have been.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Term {
    /// The group.
    pub group: Group,
    /// The normalised value or trigram.
    pub text: String,
}

impl Term {
    /// Of a whole value that is folded already; none of the empty text, which stands for no value.
    pub(super) fn exact(group: Group, folded: &str) -> Option<Term> {
        let text = one_blank(folded.into());
        (!text.is_empty()).then_some(Term { group, text: text.into() })
    }
}

/// Takes what a customer is indexed by. Names and texts are lent, not made: a customer has some sixty of them, and each
/// is only hashed.
pub trait TermVisitor {
    /// The texts that follow are of the group with this name, in two parts.
    fn group(&mut self, name: [&str; 2]);
    /// A text in the group.
    fn text(&mut self, text: &str);
}

/// Shows a visitor everything that a live customer must be indexed by; some may come twice. A deleted customer needs
/// nothing: filters that ask for deleted ones are never narrowed by terms.
pub fn each_term(customer: &Customer, visitor: &mut impl TermVisitor) {
    let mut whole = |group: [&str; 2], value: &str| {
        visitor.group(group);
        visitor.text(&fold_spaces(value));
    };
    for (field, value) in customer.texts.present() {
        whole([EXACT, field.name()], value);
    }
    for (name, value) in &customer.additional {
        whole([EXACT_ADDITIONAL, &name.to_ascii_lowercase()], value);
    }
    for label in &customer.labels {
        whole([EXACT, LABEL], label);
    }
    visitor.group(TRIGRAM_KEY);
    each_trigram(customer, |gram| visitor.text(gram));
}

/// The trigrams of a customer: of everything `search=` covers, and of first and last name, which need not be
/// part of [`Customer::name`] but take `ct` of their own.
fn each_trigram(customer: &Customer, mut visit: impl FnMut(&str)) {
    let public = public_texts(customer);
    for text in &public {
        plain::each_index_gram(text, &mut visit);
    }
    for field in [TextField::Firstname, TextField::Lastname, TextField::Email] {
        let Some(text) = customer.text(field).map(plain) else { continue };
        // Who is part of another text is found by its trigrams.
        if !public.iter().any(|whole| whole.contains(text.as_str())) {
            plain::each_index_gram(&text, &mut visit);
        }
    }
    if let Some(phone) = customer.text(TextField::Phone) {
        plain::each_phone_gram(&plain(phone), &mut visit);
    }
}

/// Everything a live customer must be indexed by, as [`each_term`] names it.
#[cfg(test)]
pub(super) fn terms_of(customer: &Customer) -> BTreeSet<(String, String)> {
    #[derive(Default)]
    struct Seen {
        group: String,
        terms: BTreeSet<(String, String)>,
    }
    impl TermVisitor for Seen {
        fn group(&mut self, name: [&str; 2]) {
            self.group = name.concat();
        }
        fn text(&mut self, text: &str) {
            self.terms.insert((self.group.clone(), text.to_owned()));
        }
    }
    let mut seen = Seen::default();
    each_term(customer, &mut seen);
    seen.terms
}

/// The trigrams that whatever contains a text has been indexed by: at most ten, spread over it. None for
/// fewer than three characters; then only a scan finds it.
pub fn trigrams_of_needle(needle: &str) -> Vec<String> {
    plain::spread(plain::grams(&plain(needle)), NEEDLE_GRAMS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_customer_is_indexed_by_whole_values_and_trigrams() {
        let mut customer = Customer::default();
        customer.texts.set(TextField::Firstname, Some("Zoë".into()));
        customer.texts.set(TextField::Fullname, Some("Z  Roe".into()));
        customer.texts.set(TextField::Phone, Some("+123456 x7".into()));
        customer.texts.set(TextField::City, Some("Oakton".into()));
        customer.additional.insert("Tier".into(), "GOLD".into());
        customer.labels = vec!["VIP".into()];
        let terms = terms_of(&customer);
        let wanted = [
            ("=firstname", "zoë"),
            ("=fullname", "z roe"),
            ("=phone", "+123456 x7"),
            ("=city", "oakton"),
            ("=additional:tier", "gold"),
            ("=label", "vip"),
            ("~search", "  r"),
            ("~search", " ro"),
            ("~search", "123"),
            ("~search", "234"),
            ("~search", "345"),
            ("~search", "456"),
            ("~search", "567"),
            ("~search", "56x"),
            ("~search", "6x7"),
            ("~search", "roe"),
            ("~search", "z  "),
            ("~search", "zoe"),
        ];
        assert_eq!(terms, wanted.map(|(group, text)| (group.to_owned(), text.to_owned())).into());
    }

    #[test]
    fn needles_have_few_trigrams() {
        assert_eq!(trigrams_of_needle("JOSÉ"), ["jos", "ose"]);
        assert!(trigrams_of_needle("éo").is_empty());
        let long = trigrams_of_needle("abcdefghijklmnopqrstuvwxyz");
        assert_eq!(long.len(), NEEDLE_GRAMS_MAX);
        assert_eq!((long[0].as_str(), long[9].as_str()), ("abc", "xyz"));
    }
}
