use proptest::prelude::*;

use super::*;

/// Numbers that networks publish for tests, one of each kind and length.
const CARDS: [&str; 12] = [
    "4111111111111111",
    "4000000000000000006",
    "5555555555554444",
    "2223003122003222",
    "378282246310005",
    "341111111111111",
    "6011111111111117",
    "6445644564456445",
    "3530111333300000",
    "30569309025904",
    "36227206271667",
    "6205500000000000004",
];

#[test]
fn rules_10_each_network_is_known_in_every_spelling() {
    for card in CARDS {
        let spaced: String = card.chars().flat_map(|c| [c, ' ']).collect();
        let grouped: Vec<&str> =
            card.as_bytes().chunks(4).map(|four| std::str::from_utf8(four).unwrap()).collect();
        let wide: String =
            card.chars().map(|c| char::from_u32(u32::from(c) - 0x30 + 0xff10).unwrap()).collect();
        let arabic: String =
            card.chars().map(|c| char::from_u32(u32::from(c) - 0x30 + 0x660).unwrap()).collect();
        for text in [
            card.to_owned(),
            spaced,
            grouped.join("-"),
            grouped.join("\u{a0}"),
            grouped.join(" - "),
            grouped.join("\u{2013}"),
            grouped.join("\u{200b}"),
            grouped.join("\n"),
            wide,
            arabic,
            format!("PAN{card}"),
            format!("pay with {card} 12/27, please"),
            format!("12 {card} 123"),
            format!("{card}.00"),
        ] {
            assert!(holds(&text), "{text:?}");
        }
        // One digit more or less, or another last digit, is no card.
        let (rest, last) = card.split_at(card.len() - 1);
        let other = (last.parse::<u8>().unwrap() + 1) % 10;
        assert!(!holds(&format!("{rest}{other}")), "{card}");
        assert!(!holds(&format!("0000{card}9")), "{card}");
    }
}

#[test]
fn rules_10_other_numbers_pass() {
    for text in [
        "4222222222222",
        "4111111111111",
        "1234567890123456",
        "2026-03-01 2026-04-01",
        "+1 415 555 2671",
        "12 High St, Flat 3, 22124-4567",
        "00000000000000000000",
        "4111-1111-11a1-1111",
        "4111/1111/1111/1111",
        "41111111-1111-4111-8111-111111111111",
        "",
    ] {
        assert!(!holds(text), "{text:?}");
    }
    for text in [
        "4.111111111111111E+15",
        "5,555555555554444e15",
        "'4.111111111111111E+15",
        "=\"4.111111111111111E15\"",
        " 4.11111111111111E+15 ",
    ] {
        assert_eq!(holds(text), text != " 4.11111111111111E+15 ", "{text:?}");
    }
    for text in [
        "4.111111111111111E+14",
        "1.5E+10",
        "4.111111111111111E-15",
        "x4.111111111111111E+15",
        "4.111111111111111E+15a",
        "E+15",
    ] {
        assert!(!holds(text), "{text:?}");
    }
}

#[test]
fn rules_10_names_that_ask_are_known_in_every_spelling() {
    for name in ["cvv", "CVC", "cardNumber", "card_number", "Card Number", "card-number", "CVV2", "cardcvv"] {
        assert!(asks(name), "{name}");
    }
    let hung = "additional-cvv additional_CardNumber Additional.CVC2 additionalFields.cvv reference-cvv method-2-cvv method-cvc \
        address-12-CardNumber additional-cvv(eq)";
    for name in hung.split(' ').chain(["Additional Card Number", "Method 2 CVV"]) {
        assert!(asks(name), "{name}");
    }
    let others = "additional-cvvx additional-card additional-number reference-card method-2-brand method-cvvs xadditional-cvv";
    for name in others.split(' ') {
        assert!(!asks(name), "{name}");
    }
    for name in ["card", "cardnumbers", "number", "cvvx", "cardexp", "customerNumber", "CVC Check"] {
        assert!(!asks(name), "{name}");
    }
}

fn places(body: &str) -> Vec<String> {
    in_json(body.as_bytes())
        .iter()
        .map(|found| format!("{}{}", if found.is_id { "id " } else { "" }, found.problem))
        .collect()
}

fn pointers(body: &str) -> Vec<String> {
    let pointer = |text: &String| text.split(':').next().unwrap_or_default().to_owned();
    places(body).iter().map(pointer).collect()
}

#[test]
fn rules_10_a_body_is_searched_in_all_its_values_and_names() {
    for (body, wanted) in [
        (r#"{"company": "4111 1111 1111 1111"}"#, &["company"][..]),
        (r#"{"balance": 4111111111111111}"#, &["balance"]),
        (r#"{"balance": 4.111111111111111e15}"#, &["balance"]),
        (r#"{"balance": 411111111111111.1E+1}"#, &["balance"]),
        (r#"{"labels": ["a", "4111111111111111"]}"#, &["labels/1"]),
        (r#"{"additionalFields": {"phone": "4111111111111111"}}"#, &["additionalFields/phone"]),
        (r#"{"additionalFields": {"cvv": "123"}}"#, &["additionalFields/cvv"]),
        (r#"{"a": [[{"b": "4\u00311 1111111111111"}]]}"#, &["a/0/0/b"]),
        (r#"{"\u0063vv": 1}"#, &["cvv"]),
        (r#"{"c_v-v": 1}"#, &["c_v-v"]),
        (r#"{"4111111111111111": "x"}"#, &["…"]),
        (r#"{"customerNumber": "4111111111111111"}"#, &["id customerNumber"]),
        (r#"{"references": [{"externalId": "4111111111111111"}]}"#, &["id references/0/externalId"]),
        (
            r#""4111111111111111""#,
            &[
                "looks like a card number, which this service never takes; send the token of your payment provider instead",
            ],
        ),
        (r#"{"phone": "378282246310005", "shippingPhone": "378282246310005"}"#, &[]),
        (
            r#"{"zip": "22124", "phone": "+15555550117", "balance": 12.5, "createdAt": "2026-03-01T10:00:00Z"}"#,
            &[],
        ),
        (r#"{"company": "4111111111111111""#, &[]),
    ] {
        assert_eq!(pointers(body), wanted, "{body}");
        assert!(places(body).iter().all(|place| !place.contains("1111")), "{body}");
    }
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(in_json(format!("{deep} 41111111111111").as_bytes()).is_empty());
    assert!(in_json(deep.replacen("[]", "[\"4111111111111111\"]", 1).as_bytes()).is_empty());
}

#[test]
fn rules_10_a_parameter_is_searched_in_its_value_and_its_name() {
    let place = |name, value| in_parameter(name, value).map(|found| (found.problem.to_string(), found.is_id));
    let at = |name, value| {
        place(name, value).map(|(text, is_id)| (text.split(':').next().unwrap().to_owned(), is_id))
    };
    assert_eq!(at("search", "4111111111111111"), Some(("search".into(), true)));
    assert_eq!(at("company(eq)", "4111 1111 1111 1111"), Some(("company(eq)".into(), false)));
    assert_eq!(at("customerNumber(eq)", "4111111111111111"), Some(("customerNumber(eq)".into(), true)));
    assert_eq!(at("reference-shop(eq)", "4111111111111111"), Some(("reference-shop(eq)".into(), true)));
    assert_eq!(at("additional-phone(eq)", "4111111111111111"), Some(("additional-phone(eq)".into(), false)));
    assert_eq!(at("4111111111111111", "1"), Some(("query".into(), false)));
    assert_eq!(at("cvv", "1"), Some(("cvv".into(), false)));
    assert_eq!(at("additional-cvv(ne)", "1"), Some(("additional-cvv(ne)".into(), false)));
    assert_eq!(at("columnsExport", "Email,additional-cvv:Code"), Some(("columnsExport".into(), false)));
    assert_eq!(at("map", "Note:additional_card number"), Some(("map".into(), false)));
    assert_eq!(at("sortBy", "asc(additional-cvc)"), Some(("sortBy".into(), false)));
    assert_eq!(at("company", "additional-cvv"), None);
    assert_eq!(at("phone(ct)", "378282246310005"), None);
    assert_eq!(at("search", "ada"), None);
}

#[test]
fn rules_10_a_file_is_redacted_cell_by_cell() {
    let redacted = |text: &str| {
        let mut text = text.to_owned();
        redact(&mut text, true);
        text
    };
    let sixteen = REDACTED.to_string().repeat(16);
    assert_eq!(redacted("a,4111111111111111,b\n"), format!("a,{sixteen},b\n"));
    let [fifteen, two] = [15, 2].map(|number| REDACTED.to_string().repeat(number));
    assert_eq!(redacted("a,4.111111111111111E+15,b\n"), format!("a,{REDACTED}.{fifteen}E+{two},b\n"));
    assert_eq!(redacted("a;4,111111111111111e15;b"), format!("a;{REDACTED},{fifteen}e{two};b"));
    let four = REDACTED.to_string().repeat(4);
    assert_eq!(redacted("a,4111 1111 1111 1111,b\n"), format!("a,{four} {four} {four} {four},b\n"));
    // A number does not go on in the next cell or the next row.
    for text in ["4111\t1111\t1111\t1111\n", "x,41111111\n11111111,y\n", "ada,22124,1\n"] {
        assert_eq!(redacted(text), text);
    }
    assert!(holds(&sixteen) && !holds(&REDACTED.to_string().repeat(3)));
}

proptest! {
    /// However a file is cut into pieces, no piece keeps a card, and nothing else changes.
    #[test]
    fn rules_10_pieces_are_redacted_like_the_whole(
        cells in prop::collection::vec(prop_oneof![
            Just("4111 1111 1111 1111".to_owned()),
            Just("378282246310005".to_owned()),
            "[0-9]{1,6}",
            "[a-z é]{0,9}",
        ], 1..20),
        cuts in prop::collection::vec(0_usize..200, 0..6),
    ) {
        let file = cells.join(",") + "\n";
        let mut whole = file.clone();
        redact(&mut whole, true);
        prop_assert!(!holds(&whole.replace(REDACTED, "x")));
        let mut cuts: Vec<usize> = cuts.into_iter().filter(|cut| *cut < file.len() && file.is_char_boundary(*cut)).collect();
        cuts.sort_unstable();
        let (mut pieces, mut kept, mut from) = (String::new(), String::new(), 0);
        for to in cuts.into_iter().chain([file.len()]) {
            kept.push_str(&file[from..to]);
            let end = redact(&mut kept, to == file.len());
            pieces.push_str(&kept[..end]);
            kept.drain(..end);
            from = to;
        }
        prop_assert_eq!(&pieces, &whole);
        prop_assert_eq!(whole.chars().count(), file.chars().count());
    }

    #[test]
    fn rules_10_the_quick_look_misses_nothing(text in "[0-9 e.\\-é\u{660}-\u{669}]{0,40}") {
        prop_assert!(numbers(&text, true).is_empty() || may_hold(text.as_bytes()));
    }
}
