//! Whether a filter matches a decrypted customer: the definition of a match (rules 8).

use super::dialled::Dialled;
use super::field::Op;
use super::standing::Standing;
use super::value::{Value, compare};
use super::{Filter, Predicate};
use crate::domain::customers::record::Stored;
use crate::domain::entrypoints::Entrypoint;
use crate::domain::kernel::plain::plain;
use crate::domain::kernel::text::fold;
use crate::domain::methods;

impl Filter {
    /// Whether every condition on the record holds; [`Filter::holds_for`] checks those on what its transactions come to.
    /// Deleted records match only if the filter asks for them.
    pub fn matches(&self, stored: &Stored, entrypoint: &Entrypoint) -> bool {
        let mut of_record = self.predicates.iter().filter(|predicate| predicate.field.standing().is_none());
        (!stored.customer.is_deleted() || self.wants_deleted())
            && of_record.all(|predicate| predicate.holds(stored, entrypoint))
    }

    /// Whether the conditions on the entrypoint and its organisation hold. If they do not, none of its customers
    /// matches.
    pub fn admits_entrypoint(&self, entrypoint: &Entrypoint) -> bool {
        let nobody = Stored::default();
        let mut about = self.predicates.iter().filter(|predicate| predicate.field.is_of_entrypoint());
        about.all(|predicate| predicate.holds(&nobody, entrypoint))
    }
}

impl Predicate {
    /// Whether the condition holds. A negative operator holds exactly if its positive one does not: of several labels,
    /// `ne` and `nct` hold if no label is equal or contains the value.
    ///
    /// A condition on what transactions come to is decided as for a customer without any, since the record does not tell it.
    pub fn holds(&self, stored: &Stored, entrypoint: &Entrypoint) -> bool {
        if let Some(holds) = self.holds_for(Standing::default()) {
            return holds;
        }
        match &self.value {
            Value::Text(needle) => {
                let texts = self.field.texts(stored, entrypoint);
                self.any(&texts, |text| fold(text) == *needle, |text| fold(text).contains(needle))
            }
            Value::Name(needle) => {
                let texts = self.field.texts(stored, entrypoint);
                self.any(&texts, |text| plain(text) == *needle, |text| plain(text).contains(needle))
            }
            Value::Email(needle) => {
                let texts = self.field.texts(stored, entrypoint);
                self.any(&texts, |text| needle.is(text), |text| needle.is_part(text))
            }
            Value::Phone(needle) => {
                let texts = self.field.texts(stored, entrypoint);
                self.any(
                    &texts,
                    |text| needle.is(&Dialled::of(text)),
                    |text| needle.is_part(&Dialled::of(text)),
                )
            }
            Value::Span(span) => {
                self.field.number(stored, entrypoint).is_some_and(|number| compare(self.op, number, *span))
            }
            Value::Among(numbers) => {
                let number = self.field.number(stored, entrypoint);
                number.is_some_and(|number| numbers.contains(&number) != self.op.is_negative())
            }
            Value::Methods { words, now } => {
                let status = methods::status_of(&stored.customer.methods, *now);
                words.contains(methods::status_word(status)) != self.op.is_negative()
            }
        }
    }

    /// Whether the operator holds for the texts of the field.
    fn any(
        &self,
        texts: &[impl AsRef<str>],
        is: impl Fn(&str) -> bool,
        contains: impl Fn(&str) -> bool,
    ) -> bool {
        let mut texts = texts.iter().map(AsRef::as_ref);
        let any = match self.op {
            Op::Ct | Op::Nct => texts.any(contains),
            _ => texts.any(is),
        };
        any != self.op.is_negative()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::customers::fields::TextField;
    use crate::domain::customers::record::{Customer, Lifecycle, Status};
    use crate::domain::kernel::money::Money;
    use crate::domain::kernel::time::{Micros, SECOND_US};

    const TEN: i64 = 1_772_359_200_000_000; // 2026-03-01T10:00:00Z
    const MIDNIGHT: i64 = TEN - 10 * 3_600 * SECOND_US;

    fn entrypoint() -> Entrypoint {
        Entrypoint {
            id: 31,
            org_id: 12,
            org_name: "Demo Org".into(),
            legal_name: Some("Oakton Tools LLC".into()),
            ..Entrypoint::default()
        }
    }

    fn ada() -> Stored {
        let mut customer = Customer {
            balance: Money::parse("12.5").unwrap(),
            lifecycle: Lifecycle::Idle,
            labels: vec!["VIP".into(), "Newsletter".into()],
            created_at: Micros(TEN),
            updated_at: Micros(TEN + 1),
            ..Customer::default()
        };
        for (field, value) in [
            (TextField::Firstname, "Zoë"),
            (TextField::Lastname, "Straße"),
            (TextField::Phone, "+15555550117 x12"),
            (TextField::Email, "Zoe.Roe@Example.test"),
            (TextField::Country, "US"),
            (TextField::CustomerNumber, "ACC-1001"),
        ] {
            customer.texts.set(field, Some(value.into()));
        }
        customer.additional.insert("tier".into(), "Gold".into());
        Stored { id: 7001, version: 1, customer, erased: false }
    }

    fn holds_for(stored: &Stored, name: &str, value: &str) -> bool {
        Filter::parse(&[(name, value)]).unwrap().matches(stored, &entrypoint())
    }

    fn check(rows: &[(&str, &str, bool)]) {
        check_for(&ada(), rows);
    }

    fn check_for(stored: &Stored, rows: &[(&str, &str, bool)]) {
        for (name, value, wanted) in rows {
            assert_eq!(holds_for(stored, name, value), *wanted, "{name}={value}");
        }
    }

    #[test]
    fn rules_8_text_compares_after_nfc_and_folding() {
        check(&[
            ("firstname", "ZOË", true),
            ("firstname", "zoe\u{308}", true),
            ("firstname", "zoé", true),
            ("firstname", "zo", false),
            ("firstname(ct)", "oË", true),
            ("firstname(nct)", "oa", true),
            ("lastname", "STRASSE", true),
            ("lastname(ne)", "strasse", false),
            ("name(ct)", "ë stra", true),
            ("name(nct)", "roe", true),
            ("email", "zoe.roe@example.TEST", true),
            ("customerNumber", "acc-1001", true),
            ("additional-tier", "gold", true),
            ("additional-TIER(ct)", "OL", true),
            ("additional-tier(ne)", "gold", false),
        ]);
    }

    #[test]
    fn rules_8_names_compare_as_search_does() {
        use TextField::{City, Company, Firstname, Fullname, Lastname};
        for (stored, typed, part) in [
            ("Lætitia", "laetitia", "aet"),
            ("laetitia", "LÆTITIA", "lætit"),
            ("Œuvrard", "oeuvrard", "oeu"),
            ("O’Brien", "o'brien", "o'b"),
            ("O'Brien", "O\u{2bc}BRIEN", "o’br"),
            ("O`Brien", "O´Brien", "'brien"),
            ("José Müller", "jose muller", "se mu"),
            ("jose muller", "JOSÉ MÜLLER", "É MÜ"),
            ("Øystein Łukasz Đorđe Þór", "oystein lukasz dorde thor", "z Đor"),
            ("Groß", "gross", "oss"),
            ("Ａｄａ １２", "ada 12", "a 1"),
            ("Zo\u{200d}ë", "zoe", "zo"),
        ] {
            for field in [Company, Firstname, Fullname, Lastname] {
                let mut own = ada();
                own.customer.texts.set(field, Some(stored.into()));
                let named = |op: &str| format!("{}({op})", field.name());
                for (op, value, wanted) in [
                    ("eq", typed, true),
                    ("ne", typed, false),
                    ("ct", part, true),
                    ("nct", part, false),
                    ("eq", part, false),
                    ("ne", part, true),
                ] {
                    assert_eq!(
                        holds_for(&own, &named(op), value),
                        wanted,
                        "{field}({op})={value} in {stored}"
                    );
                }
                if field != Company {
                    assert!(holds_for(&own, "name(ct)", part), "{part} in {stored}");
                    assert!(!holds_for(&own, "name(nct)", part), "{part} in {stored}");
                }
            }
            let shop = Entrypoint {
                org_name: stored.into(),
                legal_name: Some(stored.into()),
                dba_name: Some(stored.into()),
                ..Entrypoint::default()
            };
            for field in ["orgName", "paypointLegal", "paypointDba"] {
                let holds = |op: &str, value| {
                    Filter::parse(&[(format!("{field}({op})"), value)]).unwrap().matches(&ada(), &shop)
                };
                assert!(holds("eq", typed) && holds("ct", part), "{field} {stored}");
                assert!(!holds("ne", typed) && !holds("nct", part), "{field} {stored}");
            }
            // What is no name keeps its marks.
            let mut other = ada();
            other.customer.texts.set(City, Some("Málaga".into()));
            assert!(holds_for(&other, "city", "MÁLAGA") && !holds_for(&other, "city(ct)", "mala"));
        }
    }

    #[test]
    fn rules_8_an_absent_value_is_the_empty_text() {
        check(&[
            ("city", "", true),
            ("city(ne)", "Oakton", true),
            ("city(ne)", "", false),
            ("city(nct)", "a", true),
            ("city(ct)", "", true),
            ("city(nct)", "", false),
            ("firstname", "", false),
            ("firstname(ct)", "", true),
            ("additional-other(ne)", "x", true),
            ("additional-other", "", true),
            ("phone(ne)", "", true),
            ("paypointDba", "", true),
        ]);
        let mut bare = ada();
        bare.customer.labels.clear();
        bare.customer.texts.set(TextField::Phone, None);
        let names = [("label", ""), ("label(ne)", "vip"), ("phone", ""), ("phone(nct)", "1")];
        check_for(&bare, &names.map(|(name, value)| (name, value, true)));
    }

    #[test]
    fn rules_8_phones_compare_by_digits() {
        check(&[
            ("phone", "+1 (555) 555-0117 ext. 12", true),
            ("phone", "1555555011712", true),
            ("phone", "+15555550117", false),
            ("phone(ne)", "+15555550117", true),
            ("phone(ct)", "555-0117", true),
            ("phone(ct)", "0118", false),
            ("phone(nct)", "555 0117", false),
        ]);
    }

    #[test]
    fn rules_8_phones_are_found_as_people_dial_them() {
        let mut briton = ada();
        briton.customer.texts.set(TextField::Phone, Some("+441614960123".into()));
        check_for(
            &briton,
            &[
                ("phone", "0161 496 0123", true),
                ("phone", "0044 161 496 0123", true),
                ("phone", "+44 (0)161 496 0123", true),
                ("phone", "011 44 161 4960123", true),
                ("phone", "161 496 0123", true),
                ("phone", "496 0123", false),
                ("phone(ct)", "161 496 0123", true),
                ("phone(ct)", "0161 496", true),
                ("phone(ct)", "0044", true),
                ("phone(ct)", "0049", false),
                ("phone(nct)", "0161", false),
                ("phone(ne)", "0161 496 0123", false),
                ("phone", "0161 496 0124", false),
                ("phone", "0033 161 496 0123", false),
            ],
        );
    }

    #[test]
    fn rules_8_addresses_compare_in_both_spellings() {
        let mut shop = ada();
        for stored in ["Kontakt@bücher-lager.example", "kontakt@XN--bcher-lager-thb.example"] {
            shop.customer.texts.set(TextField::Email, Some(stored.into()));
            check_for(
                &shop,
                &[
                    ("email", "KONTAKT@BÜCHER-LAGER.example", true),
                    ("email", "kontakt@xn--bcher-lager-thb.example", true),
                    ("email", "kontakt@bu\u{308}cher\u{ad}-lager.example", true),
                    ("email", "kontakt@bucher-lager.example", false),
                    ("email(ct)", "@bücher", true),
                    ("email(ct)", "xn--bcher-lager", true),
                    ("email(ct)", "t@bücher-lager.ex", true),
                    ("email(nct)", "bücher", false),
                    ("email(ne)", "kontakt@bücher-lager.example", false),
                ],
            );
        }
        shop.customer.texts.set(TextField::Email, Some("info@straße.example".into()));
        check_for(
            &shop,
            &[
                ("email", "info@strasse.example", false),
                ("email(ct)", "strasse", false),
                ("email(ct)", "Straße", true),
            ],
        );
    }

    #[test]
    fn rules_8_name_is_that_of_the_company_and_that_of_the_person() {
        let mut both = ada();
        both.customer.texts.set(TextField::Fullname, Some("Oakton Tools LLC".into()));
        check_for(
            &both,
            &[
                ("name(ct)", "oakton tools", true),
                ("name(ct)", "zoë straße", true),
                ("name(nct)", "zoë", false),
                ("name(nct)", "oakton", false),
                ("name(ct)", "LLC Zoë", false),
                ("name(nct)", "roe", true),
            ],
        );
    }

    #[test]
    fn rules_8_countries_by_code_or_name() {
        check(&[
            ("country", "USA", true),
            ("country", "United States", true),
            ("country(ne)", "us", false),
            ("country(ne)", "Canada", true),
            ("country(ct)", "u", true),
            ("shippingcountry", "US", false),
        ]);
    }

    #[test]
    fn rules_8_labels_hold_for_any() {
        check(&[
            ("label", "vip", true),
            ("label(ct)", "news", true),
            ("label(ne)", "VIP", false),
            ("label(ne)", "other", true),
            ("label(nct)", "letter", false),
            ("label", "", false),
        ]);
    }

    #[test]
    fn rules_8_numbers_and_statuses() {
        check(&[
            ("balance", "12.50", true),
            ("balance(gt)", "12.4999", true),
            ("balance(gt)", "12.5", false),
            ("balance(ge)", "12.5", true),
            ("balance(lt)", "12.5", false),
            ("balance(le)", "12.5", true),
            ("balance(ne)", "12.5001", true),
            ("customerId", "7001", true),
            ("customerId(in)", "1|7001", true),
            ("customerId(nin)", "1|7001", false),
            ("customerId(gt)", "7000", true),
            ("customerId(le)", "-5", false),
            ("status(in)", "1|0", true),
            ("status(nin)", "1|0", false),
            ("status(ne)", "85", true),
            ("lifecycle", "idle", true),
            ("lifecycle(nin)", "Idle|Churned", false),
        ]);
    }

    #[test]
    fn rules_8_a_date_without_time_is_that_utc_day() {
        check(&[
            ("createdDate", "2026-03-01", true),
            ("createdDate(ne)", "2026-03-01", false),
            ("createdDate(gt)", "2026-03-01", false),
            ("createdDate(ge)", "2026-03-01", true),
            ("createdDate(lt)", "2026-03-01", false),
            ("createdDate(le)", "2026-03-01", true),
            ("createdDate(gt)", "2026-02-28", true),
            ("createdDate", "2026-03-01T10:00:00", true),
            ("createdDate", "2026-03-01T12:00:00+02:00", true),
            ("createdDate(gt)", "2026-03-01T10:00:00Z", false),
            ("lastUpdated(gt)", "2026-03-01T10:00:00Z", true),
            ("lastUpdated", "2026-03-01T10:00:00Z", false),
            ("lastUpdated(lt)", "2026-03-01T10:00:00.0000019Z", true),
            ("lastUpdated(ge)", "2026-03-01T10:00:00.0000011Z", false),
        ]);
        let mut edge = ada();
        for (micros, ops) in [
            (MIDNIGHT - 1, "lt le ne"),
            (MIDNIGHT, "eq ge le"),
            (MIDNIGHT + 86_400 * SECOND_US - 1, "eq ge le"),
            (MIDNIGHT + 86_400 * SECOND_US, "gt ge ne"),
        ] {
            edge.customer.created_at = Micros(micros);
            for op in ["eq", "ne", "gt", "ge", "lt", "le"] {
                let holds = holds_for(&edge, &format!("createdDate({op})"), "2026-03-01");
                assert_eq!(holds, ops.split(' ').any(|known| known == op), "{micros} {op}");
            }
        }
    }

    #[test]
    fn contract_6_2_entrypoint_and_organisation() {
        check(&[
            ("orgId", "12", true),
            ("orgId", "13", false),
            ("paypointId", "31", true),
            ("paypointId(ne)", "31", false),
            ("paypointLegal(ct)", "tools", true),
            ("paypointDba(ne)", "x", true),
            ("orgName", "demo org", true),
        ]);
        let elsewhere = Filter::parse(&[("orgId", "13"), ("city(ne)", "x")]).unwrap();
        assert!(!elsewhere.admits_entrypoint(&entrypoint()));
        let here = Filter::parse(&[("orgId", "12"), ("city", "Nowhere")]).unwrap();
        assert!(here.admits_entrypoint(&entrypoint()) && !here.matches(&ada(), &entrypoint()));
    }

    #[test]
    fn rules_8_deleted_records_only_where_asked_for() {
        let mut deleted = ada();
        deleted.customer.status = Status::Deleted;
        check_for(
            &deleted,
            &[
                ("status", "-99", true),
                ("status(in)", "1|-99", true),
                ("status(ne)", "1", false),
                ("status(nin)", "1|0", false),
                ("status(ne)", "-99", false),
                ("customerId", "7001", false),
            ],
        );
        assert!(!Filter::default().matches(&deleted, &entrypoint()));
        assert!(Filter::default().matches(&ada(), &entrypoint()));
        let both = Filter::parse(&[("status", "-99"), ("firstname", "Zoë")]).unwrap();
        assert!(both.matches(&deleted, &entrypoint()) && !both.matches(&ada(), &entrypoint()));
    }

    #[test]
    fn rules_1_masked_fields_are_named() {
        let filter = Filter::parse(&[
            ("email(ct)", "x"),
            ("Phone", "1"),
            ("city", "x"),
            ("address1(ne)", "x"),
            ("birthday", "1985-04-12"),
            ("parameters[additional-tier]", "x"),
            ("name(ct)", "x"),
            ("shippingaddress(ct)", "x"),
        ])
        .unwrap();
        let names: Vec<String> = filter.masked_fields().iter().map(ToString::to_string).collect();
        let starts = [
            "email(ct): email",
            "Phone: phone",
            "address1(ne): ",
            "birthday: ",
            "parameters[additional-tier]: ",
            "shippingaddress(ct): ",
        ];
        assert_eq!(names.len(), starts.len(), "{names:?}");
        assert!(names.iter().zip(starts).all(|(name, start)| name.starts_with(start)), "{names:?}");
    }
}
