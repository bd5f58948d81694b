//! The texts under which the index holds a customer, so that filters and searches find it. The store hashes each text with
//! its group into a blind term (rules 7).
//!
//! | group | texts | serves |
//! | --- | --- | --- |
//! | `=<request name>` | every text field's value in its comparable form; a name in its plain form | `eq` on that field |
//! | `=additional:<name in lower case>` | an additional field's value, folded, blanks collapsed | `eq` on it |
//! | `=reference:<system>` | the same of each reference of the system | `eq` on it |
//! | `=label` | the same of each label | `eq` on `label` |
//! | `~search` | trigrams of names, company, e-mail in every spelling, customer number, and of the phone's digits in every form | `search=`, `ct` on these, `eq` and `ct` on `phone` |
//!
//! Identities compare customer numbers and additional fields exactly (rules 3), so the matcher indexes the unfolded values
//! too; a value without capitals has the same term.

#[cfg(test)]
use std::collections::BTreeSet;

use compact_str::CompactString;

use super::dialled::Dialled;
use super::plain::{self, plain};
use super::search::{email_texts, public_texts};
use crate::domain::customers::fields::{Shape, TextField};
use crate::domain::customers::record::Customer;
use crate::domain::kernel::text::{fold, fold_spaces, one_blank};

/// The most trigrams of one condition or search; more would cost more than they narrow.
pub(super) const NEEDLE_GRAMS_MAX: usize = 10;

const EXACT: &str = "=";
const EXACT_ADDITIONAL: &str = "=additional:";
const EXACT_REFERENCE: &str = "=reference:";
const LABEL: &str = "label";
const TRIGRAM: [&str; 2] = ["~search", ""];

/// A set of fields whose values have terms in common.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// Whole values of a text field.
    Text(TextField),
    /// Whole values of an additional field; the name in lower case.
    Additional(String),
    /// Whole references of a system.
    Reference(String),
    /// Whole labels.
    Label,
    /// Trigrams of all that `search=` covers.
    Trigram,
}

impl Group {
    /// The group's name, in two parts; the hash includes it.
    pub fn key(&self) -> [&str; 2] {
        match self {
            Group::Text(field) => [EXACT, field.name()],
            Group::Additional(name) => [EXACT_ADDITIONAL, name],
            Group::Reference(system) => [EXACT_REFERENCE, system],
            Group::Label => [EXACT, LABEL],
            Group::Trigram => TRIGRAM,
        }
    }
}

/// A text with its group, before hashing: the index holds a customer under it, or a query looks for it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Term {
    /// The group.
    pub group: Group,
    /// The normalised value or trigram.
    pub text: String,
}

impl Term {
    /// The term of a whole value in the form in which filters compare; none for the empty text, which means no value.
    pub(super) fn exact(group: Group, folded: &str) -> Option<Term> {
        let shape = match &group {
            Group::Text(field) => Some(field.spec().shape),
            _ => None,
        };
        let text = match shape {
            Some(Shape::Email) => folded.into(),
            _ => one_blank(folded.into()),
        };
        (!text.is_empty()).then_some(Term { group, text: text.into() })
    }
}

/// The text under which the index holds a whole name, from its folded form: the plain form, as filters compare it, with
/// single blanks. Names that match (rules 3) have the same one.
pub fn name_term(folded: CompactString) -> CompactString {
    one_blank(plain::bare(folded))
}

/// Receives the texts under which the index holds a customer. They are borrowed: a customer has about sixty, and the
/// visitor only hashes them.
pub trait TermVisitor {
    /// Begins the group with this name, in two parts.
    fn group(&mut self, name: [&str; 2]);
    /// A text in the group.
    fn text(&mut self, text: &str);
}

/// Calls the visitor with every text under which the index holds a live customer; some may come twice. Deleted customers
/// have none: terms never narrow filters that ask for deleted customers.
pub fn each_term(customer: &Customer, visitor: &mut impl TermVisitor) {
    let mut whole = |group: [&str; 2], comparable: &str| {
        visitor.group(group);
        visitor.text(comparable);
    };
    for (field, value) in customer.texts.present() {
        match field.spec().shape {
            Shape::Name => whole([EXACT, field.name()], &name_term(fold(value))),
            _ => whole([EXACT, field.name()], &field.comparable(value)),
        }
    }
    for (name, value) in &customer.additional {
        whole([EXACT_ADDITIONAL, &name.to_ascii_lowercase()], &fold_spaces(value));
    }
    for reference in &customer.references {
        whole([EXACT_REFERENCE, &reference.system], &fold_spaces(&reference.external_id));
    }
    for label in &customer.labels {
        whole([EXACT, LABEL], &fold_spaces(label));
    }
    visitor.group(TRIGRAM);
    each_trigram(customer, |gram| visitor.text(gram));
}

/// The trigrams of a customer: of everything that `search=` covers. Its names contain first and last name, which `ct` looks
/// for too.
fn each_trigram(customer: &Customer, mut visit: impl FnMut(&str)) {
    let public = public_texts(customer);
    for (place, text) in public.iter().enumerate() {
        // The trigrams of a text also find its parts.
        if !public.iter().take(place).any(|whole| whole.contains(text.as_str())) {
            plain::each_index_gram(text, &mut visit);
        }
    }
    for text in email_texts(customer) {
        if !public.iter().any(|whole| whole.contains(text.as_str())) {
            plain::each_index_gram(&text, &mut visit);
        }
    }
    if let Some(phone) = customer.text(TextField::Phone) {
        Dialled::of(phone).each_gram(&mut visit);
    }
}

/// All texts that [`each_term`] names.
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

/// Some trigrams of a text, spread over it. The index holds every customer whose value contains the text under all of
/// them. A text of fewer than three characters has none; only a scan finds it.
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
        let terms: Vec<String> =
            terms_of(&customer).iter().map(|(group, text)| format!("{group}:{text}")).collect();
        let wanted = "=additional:tier:gold|=city:oakton|=firstname:zoe|=fullname:z roe|=label:vip|=phone:+123456 x7|\
            ~search:  r|~search: ro|~search:123|~search:234|~search:345|~search:456|~search:567|~search:56x|\
            ~search:6x7|~search:roe|~search:z  |~search:zoe";
        assert_eq!(terms.join("|"), wanted);
    }

    #[test]
    fn a_search_word_has_a_bounded_number_of_trigrams() {
        assert_eq!(trigrams_of_needle("JOSÉ"), ["jos", "ose"]);
        assert!(trigrams_of_needle("éo").is_empty());
        let long = trigrams_of_needle("abcdefghijklmnopqrstuvwxyz");
        assert_eq!(long.len(), NEEDLE_GRAMS_MAX);
        assert_eq!((long[0].as_str(), long[9].as_str()), ("abc", "xyz"));
    }
}
