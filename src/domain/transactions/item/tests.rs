use super::*;

const NOW: Micros = Micros(1_800_000_000_000_000);

fn parse(json: &str) -> Result<Item, Vec<Problem>> {
    let members: Members<'_> = serde_json::from_str(json).unwrap();
    Item::parse(&members, Context { now: NOW, country: Some("US"), entrypoint_country: Some("US") })
}

fn codes(json: &str) -> Vec<(String, &'static str)> {
    let problems = parse(json).unwrap_err();
    problems.into_iter().map(|problem| (format!("{:?}", problem.at), problem.code)).collect()
}

#[test]
fn rules_14_a_whole_item_is_read() {
    let item = parse(
        r#"{"source":"Shop","externalId":"T-1","reference":{"system":"stripe","externalId":"cus_1"},
        "operation":"sale","status":1,"amount":"12.50","currency":"usd","fee":0.5,"net":12,
        "occurredAt":"2026-03-01T10:00:00+01:00","invoiceNumber":"I-1","orderId":"O-1","method":"Card",
        "maskedAccount":"•••• 4242","description":"Two seats","additionalData":{"seat":"12","row":4}}"#,
    )
    .unwrap();
    assert_eq!((item.source.as_str(), item.external_id.as_str()), ("shop", "T-1"));
    assert_eq!(item.occurred_at, Some(Micros(1_772_355_600_000_000)));
    assert_eq!((item.status, item.amount.to_string().as_str()), (Status::Approved, "12.5"));
    let optional = &item.optional;
    assert_eq!(optional.method.as_deref(), Some("card"));
    assert_eq!(optional.additional.as_ref().unwrap().get("row").unwrap(), "4");
    assert!(matches!(item.whose, Whose::Reference(_)));
    assert_eq!(item.check_digits(Currency::default()), Ok(()));
}

#[test]
fn rules_14_all_problems_of_an_item_are_told_at_once() {
    let told = codes(
        r#"{"amount":-1,"currency":"ZZZ","status":"paid","colour":1,"occurredAt":"2099-01-01T00:00:00Z"}"#,
    );
    let codes: Vec<&str> = told.iter().map(|(_, code)| *code).collect();
    assert_eq!(
        codes,
        [
            "invalid_amount",
            "unknown_currency",
            "invalid_value",
            "unknown_field",
            "invalid_time",
            "required",
            "required"
        ],
        "{told:?}"
    );
}

#[test]
fn rules_14_a_customer_is_named_in_one_way() {
    let head = r#""source":"s","externalId":"1","status":"approved","amount":1"#;
    let both = codes(&format!(r#"{{{head},"customerId":7,"customerNumber":"C-7"}}"#));
    assert_eq!(both.len(), 1);
    assert_eq!(both[0].1, "several_customers");
    let one = parse(&format!(r#"{{{head},"customerId":7,"customerNumber":null}}"#)).unwrap();
    assert!(matches!(one.whose, Whose::Id(7)));
    let who = parse(&format!(r#"{{{head},"customer":{{"email":"ada@example.test"}}}}"#)).unwrap();
    assert!(matches!(who.whose, Whose::Customer(_)));
    let wrong = codes(&format!(r#"{{{head},"customer":{{"email":"ada"}}}}"#));
    assert!(wrong[0].0.contains("customer") && wrong[0].0.contains("email"), "{wrong:?}");
}

#[test]
fn rules_10_no_card_number_and_no_long_account_gets_in() {
    let head = r#""source":"s","externalId":"1","status":"approved","amount":1"#;
    for (member, code) in [
        (r#""maskedAccount":"411111XXXXXX1111""#, "invalid_value"),
        (r#""description":"paid by 4111 1111 1111 1111""#, "raw_card_data"),
        (r#""additionalData":{"note":"4111111111111111"}"#, "raw_card_data"),
        (r#""additionalData":{"cvv":"123"}"#, "raw_card_data"),
        (r#""cvv":"123""#, "raw_card_data"),
        (r#""orderId":"5555-5555-5555-4444""#, "raw_card_data"),
    ] {
        let told = codes(&format!("{{{head},{member}}}"));
        assert_eq!((told.len(), told[0].1), (1, code), "{member}");
    }
}

#[test]
fn rules_14_too_many_digits_are_refused_by_currency() {
    let head = r#""source":"s","externalId":"1","status":"approved""#;
    let item =
        parse(&format!(r#"{{{head},"amount":10.5,"currency":"JPY","fee":0.1,"baseAmount":1.001}}"#)).unwrap();
    let problems = item.check_digits(Currency::default()).unwrap_err();
    assert_eq!(problems.len(), 3);
}

#[test]
fn rules_14_a_transaction_does_not_pay_itself_back() {
    let told = codes(
        r#"{"source":"s","externalId":"1","operation":"refund","status":"approved","amount":1,"refundOf":"1"}"#,
    );
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].1, "invalid_value");
}
