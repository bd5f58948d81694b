//! Filling in what a stored record lacks, as a payment's customer does (rules 14). Nothing that stands is overwritten.

use super::apply;
use super::draft::{Change, Draft, Input};
use super::fields::TextField;
use super::record::Customer;
use crate::domain::addresses::fields::Role;
use crate::domain::kernel::problem::Problem;

/// The record with those of its empty fields filled that the draft has values for. An address is one thing: where the draft
/// contradicts a part of it, none of its other parts is filled, as the two are different addresses.
pub fn fill(stored: &Customer, draft: &Draft, country: Option<&str>) -> (Customer, Vec<Problem>) {
    let mut lacking = Draft::default();
    lacking.local_phone.clone_from(&draft.local_phone);
    for field in TextField::all() {
        if let Change::Set(Input::Value(value)) = draft.text(field)
            && stored.text(field).is_none()
        {
            lacking.set_text(field, Change::Set(Input::Value(value.clone())));
        }
    }
    // A name is one thing too: who has one, in one piece or in parts, gets no second one.
    let has = |field: TextField| stored.text(field).is_some();
    if has(TextField::Firstname) || has(TextField::Lastname) {
        lacking.set_text(TextField::Fullname, Change::Keep);
    } else if has(TextField::Fullname) {
        lacking.set_text(TextField::Firstname, Change::Keep);
        lacking.set_text(TextField::Lastname, Change::Keep);
    }
    for role in Role::ALL {
        let contradicts = |field: TextField| match (stored.text(field), draft.text(field)) {
            (Some(kept), Change::Set(Input::Value(sent))) => field.comparable(kept) != field.comparable(sent),
            _ => false,
        };
        if role.shared().any(|(_, flat)| contradicts(flat)) {
            role.shared().for_each(|(_, flat)| lacking.set_text(flat, Change::Keep));
        }
    }
    if !lacking.text(TextField::Phone).is_sent() {
        lacking.local_phone = None;
    }
    if let Change::Set(sent) = &draft.additional {
        let is_new = |(name, _): &(&String, _)| !stored.additional.contains_key(*name);
        let new = sent.iter().filter(is_new).map(|(name, value)| (name.clone(), value.clone()));
        lacking.additional = Change::Set(new.collect());
    }
    if stored.labels.is_empty() {
        lacking.labels = draft.labels.clone();
    }
    if stored.references.is_empty() {
        lacking.references = draft.references.clone();
    }
    if stored.time_zone.is_none() {
        lacking.time_zone = draft.time_zone.clone();
    }
    apply::merge(stored, &lacking, country)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(values: &[(TextField, &str)]) -> Draft {
        let mut draft = Draft::default();
        for (field, value) in values {
            draft.set_text(*field, Change::Set(Input::Value((*value).into())));
        }
        draft
    }

    fn stored(values: &[(TextField, &str)]) -> Customer {
        let (customer, problems) =
            apply::create(&draft(values), None, crate::domain::kernel::time::Micros(1));
        assert!(problems.is_empty());
        customer
    }

    #[test]
    fn rules_14_who_has_a_name_gets_no_second_one() {
        use TextField::{Email, Firstname, Fullname, Lastname};
        for (known, sent, filled) in [
            (vec![(Firstname, "Ada"), (Lastname, "Roe")], vec![(Fullname, "Eve Moss")], Fullname),
            (vec![(Lastname, "Roe")], vec![(Fullname, "Eve Moss")], Fullname),
            (vec![(Fullname, "Ada Roe")], vec![(Firstname, "Eve")], Firstname),
        ] {
            let before = stored(&[known, vec![(Email, "ada@example.test")]].concat());
            assert_eq!(fill(&before, &draft(&sent), None).0.text(filled), None);
        }
        let before = stored(&[(Email, "ada@example.test"), (Firstname, "Ada")]);
        let after = fill(&before, &draft(&[(Lastname, "Roe")]), None).0;
        assert_eq!(after.text(Lastname), Some("Roe"));
        let before = stored(&[(Email, "ada@example.test")]);
        assert_eq!(fill(&before, &draft(&[(Fullname, "Ada Roe")]), None).0.text(Fullname), Some("Ada Roe"));
    }

    #[test]
    fn rules_14_only_empty_fields_are_filled() {
        use TextField::{Address, City, Company, Email, Firstname, Lastname, Zip};
        let before = stored(&[(Email, "ada@example.test"), (Firstname, "Ada"), (City, "Oakton")]);
        let sent = draft(&[
            (Email, "other@example.test"),
            (Firstname, "Eve"),
            (Lastname, "Roe"),
            (Company, "Acme"),
            (City, "OAKTON"),
            (Address, "9 Elm Row"),
        ]);
        let (after, problems) = fill(&before, &sent, None);
        assert!(problems.is_empty(), "{problems:?}");
        for (field, value) in [
            (Email, "ada@example.test"),
            (Firstname, "Ada"),
            (Lastname, "Roe"),
            (Company, "Acme"),
            (City, "Oakton"),
            (Address, "9 Elm Row"),
        ] {
            assert_eq!(after.text(field), Some(value));
        }
        let elsewhere = draft(&[(City, "Elsewhere"), (Address, "1 High Street"), (Zip, "22124")]);
        let (after, _) = fill(&before, &elsewhere, None);
        assert_eq!((after.text(City), after.text(Address), after.text(Zip)), (Some("Oakton"), None, None));
        assert_eq!(fill(&before, &Draft::default(), None).0, before);
    }
}
