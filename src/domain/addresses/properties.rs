//! The two views of addresses agree, whatever is written to either (rules 11).

use std::collections::BTreeSet;

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use super::book::Address;
use super::draft::{AddressDraft, Form};
use super::fields::{AddressField, Role};
use super::view::addresses;
use super::write::{add, change, remove};
use crate::domain::customers::apply;
use crate::domain::customers::draft::{Context, Draft};
use crate::domain::customers::fields::TextField;
use crate::domain::customers::record::Customer;
use crate::domain::kernel::members::Members;
use crate::domain::kernel::time::Micros;

#[derive(Debug, Clone)]
enum Step {
    /// A PUT of flat fields.
    Flat(Value),
    /// A PUT of the whole list: the addresses at these places of the present list, changed, and new ones.
    List(Vec<(Option<usize>, Value)>),
    Add(Value),
    Change(usize, Value),
    Remove(usize),
    /// A create with `replaceExisting`.
    Replace(Value),
}

/// Few values, so that addresses often agree.
fn text() -> impl Strategy<Value = Value> {
    select(vec![json!("Elm Row"), json!("Oak Lane"), json!("X")])
}

fn flat() -> impl Strategy<Value = Value> {
    let names: Vec<&str> =
        Role::ALL.into_iter().flat_map(|role| role.shared().map(|(_, flat)| flat.name())).collect();
    let names: Vec<&str> =
        names.into_iter().filter(|name| !name.to_lowercase().ends_with("country")).collect();
    let all_empty: Value = names
        .iter()
        .take(5)
        .map(|name| ((*name).to_owned(), Value::Null))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let some = btree_map(select(names), prop_oneof![3 => text(), 1 => Just(Value::Null)], 0..4);
    prop_oneof![4 => some.prop_map(|some| json!(some)), 1 => Just(all_empty)]
}

fn address(street: bool) -> impl Strategy<Value = Value> {
    let names = vec!["name", "company", "address1", "address2", "city", "district", "note", "state"];
    let texts = btree_map(select(names), text(), 0..3);
    let defaults = (option::of(any::<bool>()), option::of(any::<bool>()));
    let kind = option::of(select(vec!["billing", "shipping", "other"]));
    (texts, text(), defaults, kind).prop_map(move |(texts, line, (billing, shipping), kind)| {
        let mut body = json!(texts);
        if street {
            body["address"] = line;
        }
        for (name, value) in [("isDefaultBilling", billing), ("isDefaultShipping", shipping)] {
            if let Some(value) = value {
                body[name] = json!(value);
            }
        }
        if let Some(kind) = kind {
            body["kind"] = json!(kind);
        }
        body
    })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => flat().prop_map(Step::Flat),
        2 => vec((option::of(0_usize..6), address(true)), 0..4).prop_map(Step::List),
        2 => address(true).prop_map(Step::Add),
        3 => (0_usize..6, address(false)).prop_map(|(place, body)| Step::Change(place, body)),
        2 => (0_usize..6).prop_map(Step::Remove),
        1 => flat().prop_map(Step::Replace),
    ]
}

fn draft(body: &Value) -> Draft {
    let text = body.to_string();
    let members: Members<'_> = serde_json::from_str(&text).unwrap();
    let context = Context { now: Micros(1), country: None, entrypoint_country: None };
    Draft::parse(&members, context).unwrap_or_else(|problems| panic!("{body}: {problems:?}"))
}

fn one(body: &Value, form: Form) -> AddressDraft {
    let text = body.to_string();
    let members: Members<'_> = serde_json::from_str(&text).unwrap();
    AddressDraft::parse(&members, &[], None, form).unwrap_or_else(|problems| panic!("{body}: {problems:?}"))
}

/// An address as an answer shows it, so as a client sends it back.
fn shown(address: &Address) -> Value {
    let mut body: Value = address
        .texts
        .present()
        .map(|(field, value)| (field.name().to_owned(), json!(value)))
        .collect::<serde_json::Map<_, _>>()
        .into();
    body["id"] = json!(address.id);
    body["kind"] = json!(address.kind.name());
    for role in Role::ALL {
        body[role.member()] = json!(address.is_default(role));
    }
    body
}

fn flat_of(customer: &Customer, role: Role) -> Vec<Option<String>> {
    role.shared().map(|(_, flat)| customer.text(flat).map(str::to_owned)).collect()
}

fn default_of(list: &[Address], role: Role) -> Option<&Address> {
    list.iter().find(|address| address.is_default(role))
}

/// Takes a step; false if the request was refused.
fn take(customer: &mut Customer, step: &Step) -> bool {
    let before = addresses(customer);
    let id_at = |place: &usize| before.get(*place).map_or(99, |address| address.id);
    match step {
        Step::Flat(body) => {
            let (after, problems) = apply::update(customer, &draft(body), None);
            assert_eq!(problems, []);
            *customer = after;
            true
        }
        Step::List(items) => {
            let mut seen = BTreeSet::new();
            let mut taken = [false; 2];
            let mut list = Vec::new();
            for (place, body) in items {
                let mut body = body.clone();
                if let Some(id) = place.and_then(|place| before.get(place)).map(|address| address.id)
                    && seen.insert(id)
                {
                    body["id"] = json!(id);
                }
                for role in Role::ALL {
                    let is = body[role.member()] == true && !taken[role.index()];
                    taken[role.index()] |= is;
                    body[role.member()] = json!(is);
                }
                list.push(body);
            }
            let (after, problems) = apply::update(customer, &draft(&json!({"addresses": list})), None);
            assert_eq!(problems, []);
            *customer = after;
            true
        }
        Step::Add(body) => add(customer, &one(body, Form::New)).is_ok(),
        Step::Change(place, body) => change(customer, id_at(place), &one(body, Form::Part)).is_some(),
        Step::Remove(place) => remove(customer, id_at(place)),
        Step::Replace(body) => {
            let (after, problems) = apply::replace(customer, &draft(body), None);
            assert_eq!(problems, []);
            *customer = after;
            true
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn flat_fields_and_list_are_one_storage(steps in vec(step(), 1..14)) {
        let mut customer = Customer::default();
        let mut used: BTreeSet<i64> = BTreeSet::new();
        let mut gone: BTreeSet<i64> = BTreeSet::new();
        for step in &steps {
            let before = addresses(&customer);
            let stored = customer.clone();
            let flat_before = Role::ALL.map(|role| flat_of(&customer, role));
            if !take(&mut customer, step) {
                prop_assert_eq!(&addresses(&customer), &before, "a refused step changes nothing: {:?}", step);
                continue;
            }
            let after = addresses(&customer);
            // The same request again changes nothing.
            let mut again = customer.clone();
            let repeats = matches!(step, Step::Flat(_) | Step::Replace(_));
            if repeats && take(&mut again, step) {
                prop_assert_eq!(&again, &customer, "{:?} twice on {:?}", step, stored);
            }
            // An id is one address for good.
            let ids: BTreeSet<i64> = after.iter().map(|address| address.id).collect();
            prop_assert_eq!(ids.len(), after.len());
            prop_assert!(ids.is_disjoint(&gone), "{:?} of {:?} came again by {:?}", ids, gone, step);
            used.extend(&ids);
            gone.extend(used.difference(&ids));
            // The flat fields are the defaults, and a customer has at most one of each.
            for role in Role::ALL {
                prop_assert!(after.iter().filter(|address| address.is_default(role)).count() < 2);
                let texts = |address: &Address| -> Vec<Option<String>> {
                    role.shared().map(|(field, _)| address.texts.get(field).map(str::to_owned)).collect()
                };
                let wanted = default_of(&after, role).map_or_else(|| vec![None; 6], texts);
                prop_assert_eq!(flat_of(&customer, role), wanted, "{:?} after {:?}", role, step);
            }
            // Nobody loses what the other view wrote.
            match step {
                Step::Flat(body) => {
                    for address in before.iter().filter(|address| address.roles().next().is_none()) {
                        prop_assert!(after.contains(address), "{:?} lost {:?}", step, address);
                    }
                    for role in Role::ALL {
                        let flat = flat_of(&customer, role);
                        let Some(old) = default_of(&before, role) else { continue };
                        let Some(new) = default_of(&after, role) else {
                            prop_assert!(flat.iter().all(Option::is_none));
                            continue;
                        };
                        for field in AddressField::all().filter(|field| field.spec().flat.is_none()) {
                            prop_assert_eq!(new.texts.get(field), old.texts.get(field), "{:?} in {:?}", field, step);
                        }
                        if flat == flat_before[role.index()] {
                            prop_assert_eq!(&new.texts, &old.texts, "{:?} was not written by {:?}", role, body);
                        }
                    }
                }
                Step::Add(_) | Step::Change(..) | Step::Remove(_) => {
                    let touched = match step {
                        Step::Change(place, _) | Step::Remove(place) => before.get(*place).map(|address| address.id),
                        _ => None,
                    };
                    for old in before.iter().filter(|address| Some(address.id) != touched) {
                        let new = after.iter().find(|address| address.id == old.id);
                        prop_assert_eq!(new.map(|new| &new.texts), Some(&old.texts), "{:?}", step);
                    }
                }
                Step::List(_) | Step::Replace(_) => {}
            }
            // The document keeps it, and what an answer shows can be sent back.
            let document = serde_json::to_string(&customer).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Customer>(&document).unwrap(), &customer);
            let has_street = |address: &Address| address.texts.get(AddressField::Address).is_some();
            let sendable = after.iter().all(|address| has_street(address) || address.roles().next().is_some());
            if sendable {
                let list: Vec<Value> = after.iter().map(shown).collect();
                let (same, problems) = apply::update(&customer, &draft(&json!({"addresses": list})), None);
                prop_assert_eq!(problems, []);
                if list.is_empty() {
                    prop_assert_eq!(addresses(&same), []);
                } else {
                    prop_assert_eq!(&same, &customer, "sent back {:?}", list);
                }
                // Without ids it finds the same addresses.
                let bare: Vec<Value> = list.into_iter().map(|mut body| { body.as_object_mut().unwrap().remove("id"); body }).collect();
                let (same, problems) = apply::merge(&customer, &draft(&json!({"addresses": bare})), None);
                prop_assert_eq!(problems, []);
                prop_assert_eq!(&addresses(&same), &after);
            }
        }
    }
}

#[test]
fn rules_11_a_plain_customer_keeps_nothing_beside_the_flat_fields() {
    let (plain, _) = apply::update(
        &Customer::default(),
        &draft(&json!({"address": "9 Elm Row", "shippingCity": "Reston"})),
        None,
    );
    assert!(plain.addresses.is_plain());
    let list = addresses(&plain);
    assert_eq!(
        list.iter().map(|address| (address.id, address.kind.name())).collect::<Vec<_>>(),
        [(1, "billing"), (2, "shipping")]
    );
    assert_eq!(list[0].texts.get(AddressField::Address), Some("9 Elm Row"));
    // The list's first own address begins at 3.
    let mut customer = plain.clone();
    assert_eq!(add(&mut customer, &one(&json!({"address": "1 Side Rd"}), Form::New)), Ok(3));
    assert!(remove(&mut customer, 1) && !remove(&mut customer, 1));
    assert_eq!(customer.text(TextField::Address), None);
    assert_eq!(customer.text(TextField::ShippingCity), Some("Reston"));
    let (again, _) = apply::update(&customer, &draft(&json!({"address": "9 Elm Row"})), None);
    assert_eq!(
        addresses(&again).iter().map(|address| address.id).collect::<Vec<_>>(),
        [2, 3, 4],
        "1 is used up"
    );
}

#[test]
fn rules_11_a_default_of_both_is_split_by_a_flat_write() {
    let mut customer = Customer::default();
    let both =
        json!({"address": "9 Elm Row", "name": "Ada", "isDefaultBilling": true, "isDefaultShipping": true});
    assert_eq!(add(&mut customer, &one(&both, Form::New)), Ok(3));
    let (split, _) = apply::update(&customer, &draft(&json!({"shippingAddress": "12 Oak Lane"})), None);
    let list = addresses(&split);
    let row = |address: &Address| {
        (address.id, address.texts.get(AddressField::Address).map(str::to_owned), address.defaults)
    };
    let street = |text: &str| Some(text.to_owned());
    assert_eq!(
        list.iter().map(row).collect::<Vec<_>>(),
        [(3, street("9 Elm Row"), [true, false]), (4, street("12 Oak Lane"), [false, true])]
    );
    assert!(list.iter().all(|address| address.texts.get(AddressField::Name) == Some("Ada")));
}

#[test]
fn rules_11_an_address_of_a_request_is_checked() {
    for (body, code, place) in [
        (json!({}), "required", "/address"),
        (json!({"address": " "}), "required", "/address"),
        (json!({"address": 9}), "wrong_type", "/address"),
        (json!({"address": "x", "kind": "home"}), "invalid_value", "/kind"),
        (json!({"address": "x", "isDefaultBilling": "yes"}), "wrong_type", "/isDefaultBilling"),
        (json!({"address": "x", "id": 3}), "unknown_field", "/id"),
        (json!({"address": "x", "street": "y"}), "unknown_field", "/street"),
        (json!({"address": "x", "country": "Atlantis"}), "invalid_country", "/country"),
        (json!({"address": "x", "phone": "12"}), "invalid_phone", "/phone"),
        (json!({"address": "x", "address1": "y".repeat(101)}), "too_long", "/address1"),
    ] {
        let text = body.to_string();
        let members: Members<'_> = serde_json::from_str(&text).unwrap();
        let problems = AddressDraft::parse(&members, &[], None, Form::New).unwrap_err();
        let found: Vec<_> =
            problems.iter().map(|problem| (problem.code, format!("{:?}", problem.at))).collect();
        assert_eq!(found, [(code, format!("Pointer({place:?})"))], "{body}");
    }
}
