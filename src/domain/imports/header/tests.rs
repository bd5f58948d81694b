//! Headers of all kinds.

use super::*;

fn map_with(header: &str, pairs: &[(&str, &str)]) -> Result<Mapping, Vec<HeaderProblem>> {
    Mapping::of(header.split(','), &ImportOptions::parse(pairs).unwrap())
}

fn map(header: &str) -> Mapping {
    map_with(header, &[]).unwrap()
}

/// Each column's field, with `?` before a fallback and `+` before a part; `-` for a column that is left out, the empty text for a nameless one.
fn fields(mapping: &Mapping) -> String {
    let name = |column: &Column| match &column.usage {
        ColumnUse::Fills { target, rule: FillRule::Always, .. } => target.name().into_owned(),
        ColumnUse::Fills { target, rule: FillRule::IfEmpty, .. } => format!("?{target}"),
        ColumnUse::Fills { target, rule: FillRule::Joined, .. } => format!("+{target}"),
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
    let ColumnUse::Fills { reading, .. } = &mapping.columns()[4].usage else { panic!("not filled") };
    assert_eq!(reading.dates, Some(DateFormat::DAY_FIRST));
}

#[test]
fn rules_9_stripes_export() {
    let header = "id,Description,Email,Name,Created (UTC),Delinquent,Card ID,Card Last4,Card Address Line1,Card Address Line2,Card Address City,Card Address State,Card Address Country,Card Address Zip,Plan,Status,Account Balance,Total Spend,Payment Count,Shipping Name,Shipping Address Line1,Shipping Address Line2,Shipping Address City,Shipping Address State,Shipping Address Country,Shipping Address Postal Code";
    let wanted = "reference-stripe,-,email,fullname,createdAt,-,-,-,address,address1,city,state,country,zip,-,-,-,-,-,address-shipping-name,shippingAddress,shippingAddress1,shippingCity,shippingState,shippingCountry,shippingZip";
    map_as(Preset::Stripe, header, wanted);
    // A customer's own address takes precedence over a card's.
    let mapping =
        map("id,Created (UTC),Email,Card Address City,Address City,Address Line1,Card Address Line1");
    assert_eq!(fields(&mapping), "reference-stripe,createdAt,email,-,city,address,-");
    // Custom fields have names that only their owner knows.
    let header = "id,Email,Created (UTC),tier (metadata)";
    assert_eq!(problems(header, &[])[0].1, "unknown_column");
    let mapping = map_with(header, &[("unknownColumns", "additional")]).unwrap();
    assert_eq!(fields(&mapping), "reference-stripe,email,createdAt,additional-tier");
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
fn rules_9_matrixifys_sheet() {
    let header = "ID,Email,Command,First Name,Last Name,Phone,State,Email Marketing: Status,Email Marketing: Level,SMS Marketing: Status,Created At,Updated At,Note,Verified Email,Tax Exempt,Tags,Tags Command,Total Spent,Total Orders,Row #,Top Row,Address ID,Address Command,Address First Name,Address Last Name,Address Phone,Address Company,Address Line 1,Address Line 2,Address City,Address Province,Address Province Code,Address Country,Address Country Code,Address Zip,Address Is Default,Metafield: custom.tier [single_line_text_field]";
    let wanted = "customerNumber,email,-,firstname,lastname,phone,-,-,-,-,createdAt,-,-,-,-,labels,-,-,-,-,-,-,-,+address-billing-name,+address-billing-name,address-billing-phone,address-billing-company,address,address1,city,?state,state,?country,country,zip,address-billing-isDefaultBilling,-";
    map_as(Preset::Matrixify, header, wanted);
    let fewer = "Email,First Name,Address Line 1,Address City,Address Is Default";
    map_as(Preset::Matrixify, fewer, "email,firstname,address,city,address-billing-isDefaultBilling");
}

/// A file of another system: its header, and what each column means.
const SHEETS: [(Preset, &str, &str); 17] = [
    (
        Preset::QuickBooksDesktop,
        ",Active Status,Customer,Balance,Balance Total,Company,Mr./Ms./...,First Name,M.I.,Last Name,Primary Contact,Main Phone,Fax,Alt. Phone,Secondary Contact,Job Title,Main Email,Bill to 1,Bill to 2,Bill to 3,Bill to 4,Bill to 5,Ship to 1,Ship to 2,Ship to 3,Ship to 4,Ship to 5,Customer Type,Terms,Rep,Sales Tax Code,Tax item,Resale Num,Account No.,Credit Limit,Job Status,Job Type,Job Description,Start Date,Projected End,End Date",
        ",customerStatus,fullname,-,-,company,-,firstname,-,lastname,-,phone,-,?phone,-,-,email,+address,+address,+address,+address,+address,+shippingAddress,+shippingAddress,+shippingAddress,+shippingAddress,+shippingAddress,-,-,-,-,-,-,customerNumber,-,-,-,-,-,-,-",
    ),
    (
        Preset::QuickBooksOnline,
        "Name,Company name,Street Address,City,State,Country,Zip,Phone,Email,Customer type,Attachments,Open balance,Notes",
        "?fullname,company,address,city,state,country,zip,phone,email,-,-,-,-",
    ),
    (
        Preset::QuickBooksOnline,
        ",Customer full name,Phone numbers,Email,Full name,Bill address,Ship address",
        ",?fullname,phone,email,fullname,address,shippingAddress",
    ),
    (
        Preset::QuickBooksOnline,
        "Customer,Phone Numbers,Email,Full Name,Billing Address,Shipping Address",
        "?fullname,phone,email,fullname,address,shippingAddress",
    ),
    (
        Preset::Xero,
        "*ContactName,AccountNumber,EmailAddress,FirstName,LastName,POAttentionTo,POAddressLine1,POAddressLine2,POAddressLine3,POAddressLine4,POCity,PORegion,POPostalCode,POCountry,SAAttentionTo,SAAddressLine1,SAAddressLine2,SAAddressLine3,SAAddressLine4,SACity,SARegion,SAPostalCode,SACountry,PhoneNumber,FaxNumber,MobileNumber,DDINumber,SkypeName,BankAccountName,BankAccountNumber,BankAccountParticulars,TaxNumberType,TaxNumber,DefaultTaxBills,DefaultTaxSales,Website,LegalName,Discount,CompanyNumber,DueDateBillDay,DueDateBillTerm,SalesAccount,PurchasesAccount,TrackingName1,SalesTrackingOption1,PurchasesTrackingOption1,BrandingTheme,Person1FirstName,Person1LastName,Person1Email",
        "fullname,customerNumber,email,firstname,lastname,-,address,+address1,+address1,+address1,city,state,zip,country,-,shippingAddress,+shippingAddress1,+shippingAddress1,+shippingAddress1,shippingCity,shippingState,shippingZip,shippingCountry,phone,-,?phone,-,-,-,-,-,-,-,-,-,-,company,-,-,-,-,-,-,-,-,-,-,-,-,-",
    ),
    (
        Preset::HubSpot,
        "Record ID,First Name,Last Name,Email,Phone Number,Contact owner,Primary Company,Last Activity Date (EST),Lead Status,Marketing contact status,Create Date (EST),Street Address,City,State/Region,Postal Code,Country/Region,Mobile Phone Number,Lifecycle Stage,Original Traffic Source,Time Zone,Associated Company IDs (Primary),Date of birth",
        "customerNumber,firstname,lastname,email,phone,-,?company,-,-,-,createdAt,address,city,state,zip,country,?phone,-,-,-,-,birthday",
    ),
    (
        Preset::HubSpot,
        "Record ID - Contact,Email,Company Name,Lifecycle Stage,Create Date",
        "customerNumber,email,company,-,createdAt",
    ),
    (
        Preset::Mailchimp,
        "Email Address,First Name,Last Name,Address,Phone Number,Birthday,MEMBER_RATING,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,CONFIRM_IP,LATITUDE,LONGITUDE,GMTOFF,DSTOFF,TIMEZONE,CC,REGION,LAST_CHANGED,LEID,EUID,NOTES,TAGS",
        "email,firstname,lastname,address,phone,birthday,-,createdAt,-,?createdAt,-,-,-,-,-,-,-,-,-,-,-,-,labels",
    ),
    (
        Preset::Mailchimp,
        "Email Address,First Name,UNSUB_TIME,UNSUB_CAMPAIGN_TITLE,UNSUB_REASON_OTHER,MEMBER_RATING,LAST_CHANGED",
        "email,firstname,-,-,-,-,-",
    ),
    (
        Preset::Recurly,
        "account_code,account_email,account_username,account_company_name,account_first_name,account_last_name,account_has_billing_info,account_created_at,account_address1,account_address2,account_city,account_state,account_postal_code,account_country,account_vat_number,account_phone,billing_first_name,billing_last_name,billing_address1,billing_city,billing_country,card_type,card_last_four,paypal_agreement_id,parent_account_code,tax_location_valid,primary_payment_method,billing_info_id",
        "customerNumber,email,-,company,firstname,lastname,-,createdAt,address,address1,city,state,zip,country,-,phone,?firstname,?lastname,?address,?city,?country,-,-,-,-,-,-,-",
    ),
    (
        Preset::Chargebee,
        "Customer Id,Customer First Name,Customer Last Name,Customer Email,Phone,Company,VAT Number,Auto Collection,Net Term Days,Created At,Taxability,Billing Address First Name,Billing Address Line 1,Billing Address Line 2,Billing Address Line 3,Billing Address City,Billing Address State,Billing Address Zip,Billing Address Country,Card Status",
        "customerNumber,firstname,lastname,email,phone,company,-,-,-,createdAt,-,?firstname,address,+address1,+address1,city,state,zip,country,-",
    ),
    (
        Preset::Chargebee,
        "customer[id],customer[first_name],customer[email],customer[auto_collection],customer[net_term_days],billing_address[line1],billing_address[city],billing_address[country],payment_method[type]",
        "customerNumber,firstname,email,-,-,address,city,country,-",
    ),
    (
        Preset::Chargebee,
        "customers.id,customers.email,customers.auto_collection,customers.created_at,customers.locale",
        "customerNumber,email,-,createdAt,-",
    ),
    (
        Preset::WooCommerce,
        "Name,Username,Last Active,Date Registered,Email,Orders,Total Spend,AOV,Country / Region,City,Region,Postal Code",
        "fullname,-,-,createdAt,email,-,-,-,country,city,state,zip",
    ),
    (
        Preset::WooCommerce,
        "ID,user_login,user_pass,user_email,user_registered,display_name,first_name,last_name,roles,billing_first_name,billing_last_name,billing_company,billing_email,billing_phone,billing_address_1,billing_address_2,billing_city,billing_postcode,billing_country,billing_state,shipping_first_name,shipping_address_1,shipping_address_2,shipping_city,shipping_postcode,shipping_country,wp_capabilities",
        "?customerNumber,-,-,email,createdAt,?fullname,firstname,lastname,-,?firstname,?lastname,?company,?email,?phone,address,address1,city,zip,country,state,+address-shipping-name,shippingAddress,shippingAddress1,shippingCity,shippingZip,shippingCountry,-",
    ),
    (
        Preset::Square,
        "Reference ID,First Name,Last Name,Email Address,Phone Number,Nickname,Company Name,Street Address 1,Street Address 2,City,State,Postal Code,Birthday,Memo,Square Customer ID,Creation Source,First Visit,Last Visit,Transaction Count,Lifetime Spend,Email Subscription Status,Instant Profile",
        "customerNumber,firstname,lastname,email,phone,-,company,address,address1,city,state,zip,birthday,-,?customerNumber,-,-,-,-,-,-,-",
    ),
    (Preset::None, "Customer Name,E-mail,Tags", "fullname,email,labels"),
];

#[test]
fn rules_9_sheets_of_other_systems() {
    for (preset, header, wanted) in SHEETS {
        map_as(preset, header, wanted);
    }
    let mapping = map(SHEETS[5].1);
    let ColumnUse::Fills { reading, .. } = &mapping.columns()[10].usage else { panic!("not filled") };
    assert_eq!(reading.zone, Some(-300));
    // What the merchant added to the system is the merchant's to decide.
    for (_, header, _) in &SHEETS[..16] {
        let found = problems(&format!("{header},Shoe size"), &[]);
        assert_eq!(
            found.iter().map(|(_, code, _)| *code).collect::<Vec<_>>(),
            ["unknown_column"],
            "{header}"
        );
    }
}

#[test]
fn rules_9_a_hint_never_leads_to_a_password() {
    for header in ["Customer", "Customer PW", "Customr Psw", "Custmer Username", "Customer pass"] {
        let found = problems(&format!("email,{header}"), &[]);
        assert!(!found[0].2.contains("did you mean"), "{found:?}");
    }
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
