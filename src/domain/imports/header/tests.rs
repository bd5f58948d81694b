//! Headers of all kinds.

use super::*;

fn map_with(header: &str, pairs: &[(&str, &str)]) -> Result<Mapping, Vec<HeaderProblem>> {
    Mapping::of(header.split(','), &ImportOptions::parse(pairs).unwrap())
}

fn map(header: &str) -> Mapping {
    map_with(header, &[]).unwrap()
}

/// Each column's field, with `?` before a fallback; `-` for a column that is left out, the empty text for a nameless one.
fn fields(mapping: &Mapping) -> String {
    let name = |column: &Column| match &column.usage {
        ColumnUse::Fills { target, if_empty: false, .. } => target.name().into_owned(),
        ColumnUse::Fills { target, if_empty: true, .. } => format!("?{target}"),
        ColumnUse::LeftOut => "-".to_owned(),
        ColumnUse::Nameless => String::new(),
    };
    mapping.columns().iter().map(name).collect::<Vec<_>>().join(",")
}

fn map_as(preset: Preset, header: &str, wanted: &str) -> Mapping {
    let mapping = map(header);
    assert_eq!((mapping.preset(), fields(&mapping).as_str()), (preset, wanted));
    mapping
}

fn problems(header: &str, pairs: &[(&str, &str)]) -> Vec<(Option<usize>, &'static str, String)> {
    let found = map_with(header, pairs).unwrap_err();
    found.into_iter().map(|problem| (problem.column, problem.code, problem.message)).collect()
}

#[test]
fn rules_9_our_own_export_maps_onto_itself() {
    let header = "customerId,customerNumber,customerUsername,customerStatus,Company,Firstname,Lastname,Fullname,Birthday,Phone,Email,Address,Address1,City,State,Zip,Country,ShippingAddress,ShippingAddress1,ShippingCity,ShippingState,ShippingZip,ShippingCountry,Balance,TimeZone,LastUpdated,Created,AdditionalFields,IdentifierFields,Labels,Lifecycle,PaypointLegalname,PaypointDbaname,ParentOrgName,ParentOrgId,PaypointEntryname,externalPaypointID,pageidentifier";
    let wanted = "-,customerNumber,customerUsername,customerStatus,company,firstname,lastname,fullname,birthday,phone,email,address,address1,city,state,zip,country,shippingAddress,shippingAddress1,shippingCity,shippingState,shippingZip,shippingCountry,balance,timeZone,-,createdAt,additionalFields,identifierFields,labels,-,-,-,-,-,-,-,-";
    let mapping = map_as(Preset::Customary, header, wanted);
    assert_eq!(mapping.left_out().take(3).collect::<Vec<_>>(), ["customerId", "LastUpdated", "Lifecycle"]);
}

#[test]
fn rules_9_dokus_sheet() {
    let header = "Full Name,Email,Phone Number,Country,Birthday (DD-MM-YYYY),Street Address,State,City,Postal Code,Company Name,Reference ID,Label";
    let wanted = "fullname,email,phone,country,birthday,address,state,city,zip,company,customerNumber,labels";
    let mapping = map_as(Preset::Doku, header, wanted);
    let ColumnUse::Fills { dates, .. } = &mapping.columns()[4].usage else { panic!("not filled") };
    assert_eq!(*dates, Some(DateFormat::DAY_FIRST));
}

#[test]
fn rules_9_stripes_export() {
    let header = "id,Description,Email,Name,Created (UTC),Delinquent,Card ID,Card Last4,Card Address Line1,Card Address Line2,Card Address City,Card Address State,Card Address Country,Card Address Zip,Plan,Status,Account Balance,Total Spend,Payment Count,Shipping Name,Shipping Address Line1,Shipping Address Line2,Shipping Address City,Shipping Address State,Shipping Address Country,Shipping Address Postal Code";
    let wanted = "customerNumber,-,email,fullname,createdAt,-,-,-,address,address1,city,state,country,zip,-,-,-,-,-,-,shippingAddress,shippingAddress1,shippingCity,shippingState,shippingCountry,shippingZip";
    map_as(Preset::Stripe, header, wanted);
    // A customer's own address takes precedence over a card's.
    let mapping =
        map("id,Created (UTC),Email,Card Address City,Address City,Address Line1,Card Address Line1");
    assert_eq!(fields(&mapping), "customerNumber,createdAt,email,-,city,address,-");
    // Custom fields have names that only their owner knows.
    let header = "id,Email,Created (UTC),tier (metadata)";
    assert_eq!(problems(header, &[])[0].1, "unknown_column");
    let mapping = map_with(header, &[("unknownColumns", "additional")]).unwrap();
    assert_eq!(fields(&mapping), "customerNumber,email,createdAt,additional-tier");
    let mapping = map_with(header, &[("map", "tier (metadata):labels"), ("map", "id:additional-stripe id")]);
    assert_eq!(fields(&mapping.unwrap()), "additional-stripe id,email,createdAt,labels");
}

#[test]
fn rules_9_shopifys_export() {
    let header = "Customer ID,First Name,Last Name,Email,Accepts Email Marketing,Default Address Company,Default Address Address1,Default Address Address2,Default Address City,Default Address Province Code,Default Address Country Code,Default Address Zip,Default Address Phone,Phone,Accepts SMS Marketing,Total Spent,Total Orders,Note,Tax Exempt,Tags";
    let wanted = "customerNumber,firstname,lastname,email,-,company,address,address1,city,state,country,zip,?phone,phone,-,-,-,-,-,labels";
    map_as(Preset::Shopify, header, wanted);
    let older = "First Name,Last Name,Email,Accepts Email Marketing,Company,Address1,Address2,City,Province,Province Code,Country,Country Code,Zip,Phone,Total Spent,Total Orders,Tags,Note,Tax Exempt";
    assert_eq!(
        fields(&map(older)),
        "firstname,lastname,email,-,company,address,address1,city,?state,state,?country,country,zip,phone,-,-,labels,-,-"
    );
}

#[test]
fn rules_9_numbered_streets() {
    for (header, wanted) in [
        ("email,Address 1,Address 2", "email,address,address1"),
        ("email,Address,Address 1", "email,address,address1"),
        ("email,Address,Address 2", "email,address,address1"),
        ("email,Address1", "email,address1"),
        ("email,Address 2", "email,address1"),
        ("email,Shipping Address 1,shipping_address_2", "email,shippingAddress,shippingAddress1"),
        ("email,Shipping Address,Shipping Address 1", "email,shippingAddress,shippingAddress1"),
    ] {
        assert_eq!(fields(&map(header)), wanted, "{header}");
    }
    assert_eq!(problems("email,Address,Address 1,Address 2", &[])[0].1, "duplicate_column");
    let mapping = map_with("email,Address 1,Address 2", &[("map", "Address 1:-")]).unwrap();
    assert_eq!(fields(&mapping), "email,-,address1");
}

#[test]
fn rules_9_unknown_columns() {
    let header = "email,Frist Name,Shoe Size,customerId";
    let found = problems(header, &[]);
    assert_eq!(
        found.iter().map(|(column, code, _)| (*column, *code)).collect::<Vec<_>>(),
        [(Some(2), "unknown_column"), (Some(3), "unknown_column"), (Some(4), "unknown_column")]
    );
    assert!(found[0].2.contains("column 2 (Frist Name)") && found[0].2.contains("did you mean firstname?"));
    assert!(found[1].2.contains("map="), "{found:?}");
    assert!(found[2].2.contains("given by this service"), "{found:?}");
    let ignored = map_with(header, &[("unknownColumns", "ignore")]).unwrap();
    assert_eq!(fields(&ignored), "email,-,-,-");
    let added = map_with(header, &[("unknownColumns", "additional")]).unwrap();
    assert_eq!(fields(&added), "email,additional-Frist Name,additional-Shoe Size,additional-customerId");
    let mapped =
        [("map", "frist_name:firstname"), ("map", "Shoe Size:-"), ("map", "customerId:customerNumber")];
    assert_eq!(fields(&map_with(header, &mapped).unwrap()), "email,firstname,-,customerNumber");
    let found = problems("email,Größe,tier,Tier (metafield),tier (x)", &[("unknownColumns", "additional")]);
    assert_eq!(
        found.iter().map(|(column, code, _)| (*column, *code)).collect::<Vec<_>>(),
        [(Some(2), "invalid_name"), (Some(5), "duplicate_column")]
    );
}

#[test]
fn rules_9_doubled_columns_are_refused_by_name() {
    let found = problems("E-mail,name,Email Address,EMAIL", &[]);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(
        found[0].2.contains("column 1 (E-mail) and column 3 (Email Address) both mean email"),
        "{found:?}"
    );
    assert!(found[1].2.contains("column 4 (EMAIL)"), "{found:?}");
    let one = map_with("E-mail,Email Address", &[("map", "Email Address:-")]).unwrap();
    assert_eq!(fields(&one), "email,-");
    assert_eq!(problems("a,additional-x,email", &[("map", "a:additional-x")])[0].1, "duplicate_column");
    // The case makes it another field: names of additional fields are exact.
    assert_eq!(fields(&map("email,additional-x,additional-X")), "email,additional-x,additional-X");
}

#[test]
fn rules_9_nameless_columns_and_odd_cells() {
    assert_eq!(
        fields(&map("email,, ,\u{feff} First Name ,'+x".trim_end_matches(",'+x"))),
        "email,,,firstname"
    );
    assert_eq!(fields(&map_with("email,'-x", &[("map", "-x:labels")]).unwrap()), "email,labels");
    let missing = problems("email", &[("map", "Mail:email")]);
    assert_eq!((missing[0].1, missing[0].2.contains("Mail")), ("missing_column", true));
}

#[test]
fn rules_6_a_first_line_that_is_a_customer_is_not_repeated() {
    for header in
        ["ada.roe@example.test,Ada,Roe", "Ada,Roe,Oakton", "5555550117", ",,", "x", "Emial,Frist Name"]
    {
        let found = problems(header, &[]);
        assert_eq!((found.len(), found[0].1), (1, "no_header"), "{found:?}");
        for part in header.split(',').filter(|part| part.len() > 1) {
            assert!(!found[0].2.contains(part), "{found:?}");
        }
    }
    assert!(
        problems("Emial,Frist Name", &[])[0].2.contains("column 1 may be email; column 2 may be firstname")
    );
    let found = problems("email,grace@example.test,Tel 5555550117", &[]);
    assert!(found.iter().all(|(_, _, message)| !message.contains("grace") && !message.contains("5555")));
    assert_eq!(found.len(), 2);
    let found = problems("ada@example.test,Ada", &[("unknownColumns", "additional")]);
    assert_eq!(found[0].1, "no_header");
}

#[test]
fn a_first_record_that_is_no_header_is_refused() {
    use crate::domain::imports::{Position, RECORD_BYTES_MAX, RecordReader};
    let of = |text: &str| {
        let mut reader = RecordReader::new(b',', Position::default());
        let first = reader.read(&mut text.as_bytes()).or_else(|| reader.finish());
        Mapping::of_first(first.as_ref(), &ImportOptions::default()).map_err(|problems| problems[0].code)
    };
    assert_eq!(fields(&of("email,name\nx,y\n").unwrap()), "email,fullname");
    assert_eq!(of(",,\n , \n"), Err("empty_file"));
    assert_eq!(of("email,\"name\nx,y\n"), Err("unclosed_quote"));
    assert_eq!(of(&"x".repeat(RECORD_BYTES_MAX + 1)), Err("too_long"));
    assert_eq!(of(&"email,".repeat(COLUMNS_MAX + 1)), Err("too_many"));
}
