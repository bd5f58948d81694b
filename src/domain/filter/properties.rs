//! Properties of filters, searches and plans, over generated customers.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use strum::VariantArray as _;

use super::terms::terms_of;
use super::*;
use crate::domain::customers::email;
use crate::domain::customers::fields::{Shape, TextField};
use crate::domain::customers::record::{Customer, Lifecycle, Status, Stored};
use crate::domain::entrypoints::Entrypoint;
use crate::domain::kernel::money::Money;
use crate::domain::kernel::text::clean;
use crate::domain::kernel::time::Micros;

/// A term as [`terms_of`] names it.
fn named(term: &Term) -> (String, String) {
    (term.group.key().concat(), term.text.clone())
}

/// Pieces, between `|`, that fold, compose, decompose or look like parts of phones. Customers and search words share them.
const PIECES: &str = "a|A|b|ada|ADA|roe| |  |é|e\u{301}|E\u{301}|\u{301}|\u{308}|ß|SS|ss|ς|Σ|İ|ı|I|\u{345}|ᾳ|ŉ|ﬁ|Å|\
    \u{212b}|か\u{3099}|が|김|ㄱ|ø|中文|👩\u{200d}👧|æ|O’|o'|@bücher.|@xn--bcher-kva.|0044|١٢٣|123|555|01|-|+|(|x|.|@example.test";
const PHONES: [&str; 5] =
    ["+15555550117", "+15555550117 x12", "+441614960123", "+33123456789", "+1555123123"];
const TIMES: [&str; 6] = [
    "2026-03-01",
    "2026-03-02",
    "2026-03-01T10:00:00",
    "2026-03-01T10:00:00.5Z",
    "2026-03-01T10:00:00.0000001",
    "2026-03-01T12:00:00+02:00",
];
/// 2026-03-01T10:00:00Z.
const TEN: i64 = 1_772_359_200_000_000;
const DAY: i64 = 86_400_000_000;

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => vec(select(PIECES.split('|').collect::<Vec<_>>()), 0..6).prop_map(|pieces| pieces.concat()),
        1 => "\\PC{0,6}",
    ]
}

fn piece_of(text: &str, from: Index, to: Index) -> String {
    let chars: Vec<char> = text.chars().collect();
    let (a, b) = (from.index(chars.len() + 1), to.index(chars.len() + 1));
    chars[a.min(b)..a.max(b)].iter().collect()
}

/// A text in its stored form.
fn value() -> impl Strategy<Value = Option<String>> {
    text().prop_map(|text| clean(&text, 1_000).ok().filter(|text| !text.is_empty()).map(Into::into))
}

fn moment() -> impl Strategy<Value = Micros> {
    let near = vec![-10 * 3_600_000_000 - 1, -10 * 3_600_000_000, 0, 1, 500_000, 14 * 3_600_000_000, DAY];
    select(near).prop_map(|shift| Micros(TEN + shift))
}

prop_compose! {
    fn customer()(
        values in vec(value(), crate::domain::customers::fields::FIELD_COUNT),
        phone in proptest::option::of(select(PHONES.to_vec())),
        country in proptest::option::of(select(vec!["US", "CA", "CI"])),
        status in select(Status::VARIANTS.to_vec()),
        lifecycle in select(Lifecycle::VARIANTS.to_vec()),
        units in select(vec![0_i64, 1, -125_000, 125_000]),
        additional in btree_map(select(vec!["tier", "Tier", "other"]), value(), 0..3),
        labels in vec(value(), 0..3),
        created_at in moment(),
        updated_at in moment(),
    ) -> Customer {
        let mut customer = Customer {
            status,
            lifecycle,
            balance: Money::from_units(units).unwrap(),
            labels: labels.into_iter().flatten().collect(),
            created_at,
            updated_at,
            ..Customer::default()
        };
        for (field, value) in TextField::all().zip(values) {
            let value = match field.spec().shape {
                Shape::Phone => phone.map(str::to_owned),
                Shape::Country => country.map(str::to_owned),
                Shape::Email => value.map(|value| email::cleaned(&value).into_owned()),
                _ => value,
            };
            customer.texts.set(field, value.map(Into::into));
        }
        let pairs = additional.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        customer.additional = pairs.collect();
        customer
    }
}

fn stored() -> impl Strategy<Value = Stored> {
    (1_i64..6, customer()).prop_map(|(id, customer)| Stored { id, version: 1, customer, erased: false })
}

fn entrypoint() -> Entrypoint {
    Entrypoint {
        id: 3,
        org_id: 2,
        org_name: "Ada Roe".into(),
        legal_name: Some("SS".into()),
        ..Entrypoint::default()
    }
}

/// A filter as `(name, value)`; the value is mostly a piece of a value of the customer.
fn pair_for(stored: &Stored) -> impl Strategy<Value = (String, String)> + use<> {
    let mut names: Vec<&'static str> = FilterField::names().collect();
    names.extend(["additional-tier", "additional-TIER", "additional-none"]);
    let stored = stored.clone();
    (select(names), any::<Index>(), any::<Index>(), any::<Index>(), text(), 0..4).prop_map(
        move |(name, op, from, to, other, style)| {
            let field = FilterField::of_name(name).unwrap();
            let op = *op.get(field.ops());
            let value = match field.kind() {
                Kind::Text | Kind::Name | Kind::Email | Kind::Phone | Kind::Country => {
                    let here = entrypoint();
                    let own = field.texts(&stored, &here);
                    let own = from.get(&own);
                    match style {
                        0 => own.to_string(),
                        1 => piece_of(own, from, to),
                        2 => own.to_uppercase(),
                        _ => other,
                    }
                }
                Kind::Number => (from.index(7)).to_string(),
                Kind::Money => ["0", "0.0001", "12.5", "-12.5"][from.index(4)].to_owned(),
                Kind::Moment => TIMES[from.index(TIMES.len())].to_owned(),
                Kind::Status => Status::VARIANTS[from.index(4)].code().to_string(),
                Kind::Lifecycle => Lifecycle::VARIANTS[from.index(8)].name().to_lowercase(),
                Kind::MethodStatus => ["none", "Active", "Expired"][from.index(3)].to_owned(),
            };
            let value = match op {
                Op::In | Op::Nin if style > 1 => format!("{value}|{value}"),
                _ => value,
            };
            (format!("{name}({})", op.name()), value)
        },
    )
}

/// Words of a search: pieces of the customer's values.
fn words_for(stored: &Stored) -> impl Strategy<Value = String> + use<> {
    let customer = &stored.customer;
    let mut own = vec![customer.name()];
    let searched = [TextField::Company, TextField::Email, TextField::Phone, TextField::CustomerNumber];
    own.extend(searched.into_iter().filter_map(|field| customer.text(field)).map(str::to_owned));
    let piece = (select(own), any::<Index>(), any::<Index>(), 0..3).prop_map(|(own, from, to, style)| {
        let piece = piece_of(&own, from, to);
        match style {
            0 => piece,
            1 => piece.to_uppercase(),
            // A phone, in groups of digits.
            _ => piece
                .chars()
                .enumerate()
                .map(|(i, c)| if i % 4 == 3 { format!("-{c}") } else { c.into() })
                .collect(),
        }
    });
    vec(prop_oneof![5 => piece, 1 => text()], 0..3).prop_map(|words| words.join(" "))
}

fn case() -> impl Strategy<Value = (Stored, Vec<(String, String)>, String)> {
    stored().prop_flat_map(|stored| {
        let pairs = vec(pair_for(&stored), 0..3);
        let words = words_for(&stored);
        (Just(stored), pairs, words)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// The plan admits every match, and nobody else if columns decide.
    #[test]
    fn a_plan_admits_every_match((stored, pairs, words) in case()) {
        let search = Search::parse(&words).unwrap();
        let Ok(filter) = Filter::parse(&pairs) else { return Ok(()) };
        for search in [search, Search::default()] {
            let plan = Plan::of(&filter, &search);
            let here = filter.admits_entrypoint(&entrypoint());
            let matches = filter.matches(&stored, &entrypoint()) && search.matches(&stored.customer, false);
            if matches {
                prop_assert!(here && plan.admits(&stored));
                let terms = terms_of(&stored.customer);
                for term in &plan.terms {
                    prop_assert!(terms.contains(&named(term)), "{term:?} of {pairs:?} {words:?} is not in {terms:?}");
                }
            }
            if plan.columns_decide {
                prop_assert_eq!(matches, here && plan.admits(&stored));
            }
            if search.matches(&stored.customer, true) {
                prop_assert!(search.matches(&stored.customer, false));
            }
        }
    }

    /// A negative operator holds exactly if its positive one does not; `in` means any `eq`; `ge` means `gt` or within, and
    /// so on.
    #[test]
    fn operators_agree_with_each_other((stored, pairs, _) in case()) {
        for (name, value) in pairs {
            let Some((name, _)) = name.split_once('(') else { continue };
            let holds = |op: &str| -> Option<bool> {
                let filter = Filter::parse(&[(format!("{name}({op})"), value.clone())]).ok()?;
                Some(filter.predicates().iter().all(|predicate| predicate.holds(&stored, &entrypoint())))
            };
            for (positive, negative) in [("eq", "ne"), ("ct", "nct"), ("in", "nin"), ("gt", "le"), ("lt", "ge")] {
                if let (Some(yes), Some(no)) = (holds(positive), holds(negative)) {
                    prop_assert_ne!(yes, no, "{} {} {}", name, positive, value);
                }
            }
            if let (Some(one), Some(several)) = (holds("eq"), holds("in")) {
                prop_assert_eq!(one, several);
            }
            // `eq` ignores leading and trailing blanks of the value.
            if let (Some(eq), Some(ct), true) = (holds("eq"), holds("ct"), value.trim() == value) {
                prop_assert!(ct || !eq);
            }
            if let (Some(eq), Some(ge), Some(le)) = (holds("eq"), holds("ge"), holds("le")) {
                prop_assert_eq!(eq, ge && le);
            }
        }
    }

    /// Any piece of a searchable value without blanks finds the customer, in any case and normal form.
    #[test]
    fn every_piece_of_a_value_finds_the_customer(
        customer in customer(), from in any::<Index>(), to in any::<Index>(),
    ) {
        for own in [Some(customer.name()), customer.text(TextField::Email).map(str::to_owned),
                    customer.text(TextField::Phone).map(str::to_owned)].into_iter().flatten() {
            let piece = piece_of(&own, from, to);
            let nfd = icu_normalizer::DecomposingNormalizerBorrowed::new_nfd();
            let decomposed = nfd.normalize(&piece).into_owned();
            // Of a phone, a search finds the digits.
            let is_phone = Some(own.as_str()) == customer.text(TextField::Phone);
            if is_phone && !piece.contains(|c: char| c.is_ascii_digit()) {
                continue;
            }
            for typed in [piece.clone(), crate::domain::kernel::text::fold(&piece).into(), decomposed] {
                let search = Search::parse(&typed).unwrap();
                prop_assert!(search.matches(&customer, false), "{:?} in {:?}", typed, own);
                let terms = terms_of(&customer);
                let plan = Plan::of(&Filter::default(), &search);
                prop_assert!(plan.terms.iter().all(|term| terms.contains(&named(term))));
            }
        }
    }

    /// A text that is part of another has no other trigrams, so it needs no index entries of its own.
    #[test]
    fn a_part_has_no_trigrams_of_its_own(whole in text(), from in any::<Index>(), to in any::<Index>()) {
        let grams = |plain: &str| {
            let mut grams = std::collections::BTreeSet::new();
            super::plain::each_index_gram(plain, &mut |gram: &str| {
                grams.insert(gram.to_owned());
            });
            grams
        };
        let whole = super::plain::plain(&whole);
        let part = piece_of(&whole, from, to);
        prop_assert!(grams(&part).is_subset(&grams(&whole)), "{:?} in {:?}", part, whole);
    }

    /// The matcher looks for a name by its comparable form, and finds what the index holds by its folded form.
    #[test]
    fn names_that_match_have_one_term(name in value(), blanks in 1..3_usize) {
        let name = name.unwrap_or_default();
        let spaced = name.replace(' ', &" ".repeat(blanks)).replace('\'', "’");
        let comparable = TextField::Lastname.comparable(&name);
        prop_assert_eq!(&comparable, &TextField::Lastname.comparable(&spaced));
        let term = name_term(crate::domain::kernel::text::fold(&spaced));
        prop_assert_eq!(name_term(comparable), term, "{:?}", name);
    }

    /// The three forms of contract 6.3 mean the same, and no text makes the parser panic.
    #[test]
    fn the_three_wire_forms_mean_the_same(
        pairs in stored().prop_flat_map(|stored| vec(pair_for(&stored), 0..4)),
        junk in vec((text(), text()), 0..3),
    ) {
        let bracketed: Vec<(String, String)> =
            pairs.iter().map(|(name, value)| (format!("parameters[{name}]"), value.clone())).collect();
        let json: serde_json::Map<String, serde_json::Value> =
            pairs.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect();
        let canonical = |pairs: &[(String, String)]| {
            Filter::parse(pairs).map(|filter| filter.canonical()).map_err(|all| all.len())
        };
        prop_assert_eq!(canonical(&pairs), canonical(&bracketed));
        if json.len() == pairs.len() {
            let object = serde_json::to_string(&json).unwrap();
            prop_assert_eq!(canonical(&pairs), canonical(&[("parameters".into(), object)]));
        }
        let _ = Filter::parse(&junk);
        let dated = junk.iter().map(|(name, value)| (format!("createdDate({name})"), value));
        let _ = Filter::parse(&dated.collect::<Vec<_>>());
        for (name, value) in junk {
            let _ = Filter::parse(&[("createdDate".to_owned(), format!("2026-03-01{value}"))]);
            let _ = Filter::parse(&[("parameters".to_owned(), value)]);
            let _ = Sort::parse(&name);
        }
    }

    /// Every sort is a total order, and `desc` is `asc` read backwards.
    #[test]
    fn every_sort_is_a_total_order(
        customers in vec(customer(), 0..6),
        name in select(FilterField::names().filter(|name| *name != "paymentMethodStatus").chain(["TimeZone", "AdditionalFields", "MFA"]).collect::<Vec<_>>()),
    ) {
        let ids = |direction: &str| {
            let sort = Sort::parse(&format!("{direction}({name})")).unwrap();
            let mut keys: Vec<SortKey> = customers.iter().zip(1..).map(|(customer, id)| {
                let stored = Stored { id, version: 1, customer: customer.clone(), erased: false };
                sort.key(&stored, &entrypoint())
            }).collect();
            keys.sort();
            keys.iter().map(|key| key.id).collect::<Vec<i64>>()
        };
        let mut backwards = ids("desc");
        backwards.reverse();
        prop_assert_eq!(ids("asc"), backwards);
    }
}
