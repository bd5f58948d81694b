//! Rows, right and wrong.

use super::*;
use crate::domain::customers::draft::{Change, Input};
use crate::domain::customers::record::Status;
use crate::domain::exports::unneutralise;
use crate::domain::imports::records::{Position, RecordItem, RecordReader};
use crate::domain::imports::report::{RowError, rejection_notes};
use crate::domain::kernel::time::Micros;

const NOW: Micros = Micros(1_772_359_200_000_000);

fn read_all(csv: &str, pairs: &[(&str, &str)], country: Option<&str>) -> Vec<Result<RowDraft, Vec<RowNote>>> {
    let options = ImportOptions::parse(pairs).unwrap();
    let context = Context { now: NOW, country, entrypoint_country: country };
    let mut reader = RecordReader::new(b',', Position::default());
    let mut input = csv.as_bytes();
    let mut records = Vec::new();
    while let Some(item) = reader.read(&mut input).or_else(|| reader.finish()) {
        let RecordItem::Record(record) = item else { panic!("too long") };
        records.push(record);
    }
    let mapping = Mapping::of(records[0].cells(), &options).unwrap();
    records[1..].iter().map(|record| read_row(record, &mapping, &options, context)).collect()
}

fn one(csv: &str, pairs: &[(&str, &str)]) -> Result<RowDraft, Vec<RowNote>> {
    let mut rows = read_all(csv, pairs, None);
    assert_eq!(rows.len(), 1);
    rows.remove(0)
}

fn good(csv: &str, pairs: &[(&str, &str)]) -> Draft {
    let row = one(csv, pairs).unwrap();
    assert_eq!(row.warnings, []);
    row.draft
}

fn text(draft: &Draft, field: TextField) -> Option<&str> {
    match draft.text(field) {
        Change::Set(Input::Value(value) | Input::Mask(value)) => Some(value),
        Change::Keep => None,
        Change::Clear => panic!("an empty cell is absent"),
    }
}

fn notes(csv: &str, pairs: &[(&str, &str)]) -> Vec<String> {
    let notes = one(csv, pairs).unwrap_err();
    notes.iter().map(|note| format!("{} {}", note.field, note.code)).collect()
}

#[test]
fn rules_9_every_field_is_read() {
    let draft = good(
        "customerNumber,customerUsername,customerPsw,customerStatus,firstname,email,phone,birthday,country,balance,timeZone,labels,additional-tier,AdditionalFields,identifierFields,createdAt\n\
         'C-1,ada,  '=secret pass ,85,'=Ada,ada.roe@example.test,'+15555550117,12-04-1985,United States,12.50,+2, vip; news |vip,gold,\"{\"\"size\"\":\"\"9\"\",\"\"gone\"\":null}\",email;phone,2020-01-02T03:04:05.123456Z\n",
        &[],
    );
    assert_eq!(text(&draft, TextField::CustomerNumber), Some("'C-1"));
    assert_eq!(text(&draft, TextField::Firstname), Some("=Ada"));
    assert_eq!(text(&draft, TextField::Phone), Some("+15555550117"));
    assert_eq!(text(&draft, TextField::Birthday), Some("1985-04-12"));
    assert_eq!(text(&draft, TextField::Country), Some("US"));
    assert_eq!(text(&draft, TextField::City), None);
    let Change::Set(secret) = &draft.password else { panic!("no password") };
    assert_eq!(secret.expose(), "  '=secret pass ");
    assert_eq!(draft.status, Change::Set(Status::Locked));
    assert_eq!(draft.balance.value().unwrap().to_string(), "12.5");
    assert_eq!(draft.time_zone, Change::Set(2));
    assert_eq!(draft.labels, Change::Set(vec!["vip".into(), "news".into()]));
    let additional = draft.additional.value().unwrap();
    assert_eq!(additional["tier"], Some(Input::Value("gold".into())));
    assert_eq!((&additional["size"], &additional["gone"]), (&Some(Input::Value("9".into())), &None));
    assert_eq!(draft.identifier_fields, ["email", "phone"]);
    assert_eq!(draft.created_at.unwrap().to_rfc3339(), "2020-01-02T03:04:05.123456Z");
}

#[test]
fn rules_9_empty_cells_are_absent_and_rows_may_be_ragged() {
    let csv = "email,firstname,balance,labels,,city\na@example.test\nb@example.test, ,, ,,,,\n";
    for row in read_all(csv, &[], None) {
        let draft = row.unwrap().draft;
        assert_eq!(text(&draft, TextField::Firstname), None);
        assert_eq!((&draft.balance, &draft.labels), (&Change::Keep, &Change::Keep));
    }
    assert_eq!(notes("email\na@example.test,x,,y\n", &[]), [" surplus_cells"]);
    assert_eq!(notes("email,\na@example.test,x\n", &[]), [" unnamed_column"]);
    assert_eq!(notes("email,city\na@example.test,\"Oak\n", &[]), [" unclosed_quote"]);
}

#[test]
fn rules_9_dates_in_every_format() {
    let birthday = |header: &str, cell: &str, pairs: &[(&str, &str)]| {
        let draft = one(&format!("email,{header}\na@example.test,{cell}\n"), pairs).ok()?.draft;
        text(&draft, TextField::Birthday).map(str::to_owned)
    };
    for (header, cell, format, wanted) in [
        ("Birthday", "1985-04-12", "", Some("1985-04-12")),
        ("Birthday", "12-04-1985", "", Some("1985-04-12")),
        ("Birthday", "***", "", Some("***")),
        ("Birthday", "12/04/1985", "", None),
        ("Birthday", "31-02-1985", "", None),
        ("Birthday", "4/12/1985", "MM/DD/YYYY", Some("1985-04-12")),
        ("Birthday", "12-04-1985", "MM/DD/YYYY", None),
        ("Birthday (MM/DD/YYYY)", "4/12/1985", "", Some("1985-04-12")),
        ("Birthday (MM/DD/YYYY)", "19850412", "YYYYMMDD", Some("1985-04-12")),
    ] {
        assert_eq!(
            birthday(header, cell, &[("dateFormat", format)]).as_deref(),
            wanted,
            "{header} {cell} {format}"
        );
    }
    let created =
        |csv: &str, pairs: &[(&str, &str)]| one(csv, pairs).ok()?.draft.created_at.map(Micros::to_rfc3339);
    let stripe = created("id,Email,Created (UTC)\ncus_1,a@example.test,2020-01-02 03:04\n", &[]);
    assert_eq!(stripe.as_deref(), Some("2020-01-02T03:04:00.000000Z"));
    let seconds = created("email,created\na@example.test,2020-01-02 03:04:05\n", &[]);
    assert_eq!(seconds.as_deref(), Some("2020-01-02T03:04:05.000000Z"));
    let day = created("email,created\na@example.test,2020-01-02\n", &[("dateFormat", "DD/MM/YYYY")]);
    assert_eq!(day.as_deref(), Some("2020-01-02T00:00:00.000000Z"));
    let zone = created(
        "email,Create Date (EST)\na@example.test,2020-01-02 03:04\n",
        &[("map", "Create Date (EST):createdAt")],
    );
    assert_eq!(zone.as_deref(), Some("2020-01-02T08:04:00.000000Z"));
    let day = "email,created\na@example.test,02-01-2020\n";
    assert_eq!(created(day, &[]), None);
    let day = created(day, &[("dateFormat", "DD-MM-YYYY")]);
    assert_eq!(day.as_deref(), Some("2020-01-02T00:00:00.000000Z"));
}

#[test]
fn rules_9_every_problem_of_a_row_at_once_and_no_value_in_it() {
    let csv = "email,phone,birthday,balance,timeZone,customerStatus,labels,AdditionalFields,additional-x,city,createdAt,customerPsw\n\
               Grace at home,Grace,Grace,Grace,Grace,Grace,[Grace,{Grace,\0Grace,Gra\0ce,Grace,Grace\n";
    let found = one(csv, &[]).unwrap_err();
    let text = RowError { line: 2, notes: found.clone() }.text();
    assert!(text.starts_with("Error on line 2: ") && !text.contains("Grace"), "{text}");
    let mut fields: Vec<&str> = found.iter().map(|note| &*note.field).collect();
    fields.sort_unstable();
    assert_eq!(
        fields.join(" "),
        "additional-x additionalFields balance birthday city createdAt customerPsw customerStatus email labels \
         phone timeZone"
    );
    assert_eq!(notes("email,balance\na@example.test,1_000\n", &[]), ["balance invalid_amount"]);
    assert_eq!(notes("email,balance\na@example.test,0.00001\n", &[]), ["balance invalid_amount"]);
    assert_eq!(notes("email,customerStatus\na@example.test,-99\n", &[]), ["customerStatus invalid_status"]);
    assert_eq!(notes("email,labels\na@example.test,[1]\n", &[]), ["labels wrong_type"]);
    let both = "email,additional-x,AdditionalFields\na@example.test,1,\"{\"\"x\"\":\"\"2\"\"}\"\n";
    assert_eq!(notes(both, &[]), ["additional-x duplicate_field"]);
}

#[test]
fn huge_cells_are_refused_without_looking_at_each_part() {
    let joined = |part: fn(i32) -> String, between| (0..50_000).map(part).collect::<Vec<_>>().join(between);
    let labels = joined(|number| format!("l{number}"), ";");
    assert_eq!(notes(&format!("email,labels\na@example.test,{labels}\n"), &[]), ["labels too_many"]);
    let fields = joined(|number| format!("\"\"k{number}\"\":\"\"v\"\""), ",");
    let csv = format!("email,AdditionalFields\na@example.test,\"{{{fields}}}\"\n");
    assert_eq!(notes(&csv, &[]), ["additionalFields too_many"]);
}

#[test]
fn rules_9_on_bad_value_blank_empties_and_warns() {
    let blank = [("onBadValue", "blank")];
    let csv = "email,phone,birthday,balance,labels,AdditionalFields,additional-x,city\n\
               a@example.test,Grace,Grace,Grace,\"a;\0\",\"{\"\"a\"\":1,\"\"b\"\":\"\"2\"\"}\",\0,Oakton\n";
    let row = one(csv, &blank).unwrap();
    let mut fields: Vec<&str> = row.warnings.iter().map(|note| &*note.field).collect();
    fields.sort_unstable();
    assert_eq!(fields, ["additional-a", "additional-x", "balance", "birthday", "labels", "phone"]);
    assert_eq!(text(&row.draft, TextField::Email), Some("a@example.test"));
    assert_eq!(text(&row.draft, TextField::City), Some("Oakton"));
    assert_eq!(text(&row.draft, TextField::Phone), None);
    assert_eq!(row.draft.additional.value().unwrap().len(), 1);
    assert_eq!(row.draft.labels, Change::Keep);
    // A row without an identifier passes; the policy decides later whether it may be created.
    assert_eq!(text(&one("email\nGrace\n", &blank).unwrap().draft, TextField::Email), None);
    // Values that identify somebody stay.
    let long = format!("email,customerNumber\na@example.test,{}\n", "x".repeat(251));
    assert_eq!(notes(&long, &blank), ["customerNumber too_long"]);
    let by_email = [("onBadValue", "blank"), ("identifierFields", "email,tier")];
    assert_eq!(notes("email,firstname\nGrace,Grace\n", &by_email), ["email invalid_email"]);
    assert_eq!(
        notes("firstname,additional-tier\nGrace,\0\n", &by_email),
        ["additional-tier control_character"]
    );
    assert_eq!(notes("firstname,AdditionalFields\nGrace,{\n", &by_email), ["additionalFields invalid_json"]);
    // A problem of the whole row is not a bad value.
    assert_eq!(
        notes("email,phone\na@example.test,Grace,x\n", &blank),
        [" surplus_cells", "phone invalid_phone"]
    );
}

#[test]
fn rules_9_a_local_phone_goes_with_its_country() {
    let csv = "email,country,phone\na@example.test,Atlantis,(555) 555-0117\nb@example.test,Atlantis,+15555550117\nc@example.test,,030 1\n";
    let rows = read_all(csv, &[("onBadValue", "blank")], Some("US"));
    let phones: Vec<Option<String>> = rows
        .iter()
        .map(|row| text(&row.as_ref().unwrap().draft, TextField::Phone).map(str::to_owned))
        .collect();
    assert_eq!(phones, [None, Some("+15555550117".to_owned()), None]);
    let warned: Vec<usize> = rows.iter().map(|row| row.as_ref().unwrap().warnings.len()).collect();
    assert_eq!(warned, [2, 1, 1]);
    // Without `onBadValue=blank`, the writer decides on a local number: it knows the stored record.
    let row = read_all("email,phone\nc@example.test,030 1\n", &[], Some("US")).remove(0).unwrap();
    assert!(row.draft.local_phone.unwrap().refusal.is_some());
}

#[test]
fn rules_9_identifier_fields_hold_for_all_rows() {
    let pairs = [("identifierFields", "firstname lastname")];
    let draft = good("email,firstname,identifierFields\na@example.test,Ada,email\n", &pairs);
    assert_eq!(draft.identifier_fields, ["firstname", "lastname"]);
}

#[test]
fn rules_9_shopifys_cells() {
    let csv = "Customer ID,Email,Accepts Email Marketing,Default Address Zip,Default Address Province,Default Address Province Code,Default Address Phone,Phone,Total Orders,Tags\n\
               '7001,a@example.test,yes,'22124,Virginia,VA,+15555550117,,3,\"vip, horeca\"\n\
               '7002,b@example.test,no,22124,Virginia,,+15555550117,'+15555550118,0,\n";
    let rows: Vec<Draft> = read_all(csv, &[], None).into_iter().map(|row| row.unwrap().draft).collect();
    let values = |field| rows.iter().map(|draft| text(draft, field).unwrap()).collect::<Vec<_>>();
    assert_eq!(values(TextField::CustomerNumber), ["7001", "7002"]);
    assert_eq!(values(TextField::Zip), ["22124", "22124"]);
    assert_eq!(values(TextField::State), ["VA", "Virginia"]);
    assert_eq!(values(TextField::Phone), ["+15555550117", "+15555550118"]);
    assert_eq!(rows[0].labels, Change::Set(vec!["vip".into(), "horeca".into()]));
}

#[test]
fn rules_9_exactly_one_neutralising_quote_is_stripped() {
    for (cell, wanted) in [
        ("'=1", "=1"),
        ("''=1", "'=1"),
        ("'+1", "+1"),
        ("'-1", "-1"),
        ("'@x", "@x"),
        ("'\tx", "\tx"),
        ("'\rx", "\rx"),
        ("'''@", "''@"),
        ("'x", "'x"),
        ("'07", "07"),
        ("''x", "''x"),
        ("'", "'"),
        ("=1", "=1"),
        ("", ""),
    ] {
        assert_eq!(unneutralise(cell), wanted, "{cell:?}");
    }
}

#[test]
fn a_local_phone_is_refused_beside_other_values() {
    assert_eq!(
        notes("email,phone,balance\na@example.test,030 901820,0.00001\n", &[]),
        ["balance invalid_amount", "phone invalid_phone"]
    );
}

#[test]
fn contract_8_errors_are_sentences() {
    use crate::domain::kernel::problem::Rejection;
    let of = |rejection: &Rejection| RowError { line: 62, notes: rejection_notes(rejection) }.text();
    let wanted = vec!["email".to_owned()];
    assert_eq!(
        of(&Rejection::NoIdentifier { wanted }),
        "Error on line 62: Invalid customer identifiers: email"
    );
    let problems = vec![
        Problem::field(&["phone"], "invalid_phone", "is none"),
        Problem::field(&["additionalFields", "a/b"], "x", "is bad"),
        Problem::field(&["labels", "0"], "x", "is long"),
    ];
    assert_eq!(
        of(&Rejection::Invalid(problems)),
        "Error on line 62: phone: is none; additional-a/b: is bad; labels: is long"
    );
}

#[test]
fn rules_9_marks_of_spreadsheets_double_nobody() {
    let csv = "customerNumber,zip,company,phone,additional-code\n\
               '04101,\"=\"\"04102\"\"\",'t Hooft,\"=\"\"+15555550117\"\"\",'0099\n";
    let draft = good(csv, &[]);
    assert_eq!(text(&draft, TextField::CustomerNumber), Some("04101"));
    assert_eq!(text(&draft, TextField::Zip), Some("04102"));
    assert_eq!(text(&draft, TextField::Company), Some("'t Hooft"));
    assert_eq!(text(&draft, TextField::Phone), Some("+15555550117"));
    assert_eq!(draft.additional.value().unwrap()["code"], Some(Input::Value("0099".into())));
}

#[test]
fn rules_9_line_breaks_and_tabs_are_white_space() {
    let csv = "email,address,address1,shippingAddress,company,labels,additional-x\n\
               a@example.test,\"9 Elm Row\n\r\nFloor 2,\nDoor\t 7\",\"c/o\u{2028}Roe\",\"1 Dock\rBerth 2\",\"Roe\t&\n Sons\",\"a\nb;c\",\"one\ntwo\"\n";
    let draft = good(csv, &[]);
    assert_eq!(text(&draft, TextField::Address), Some("9 Elm Row, Floor 2, Door 7"));
    assert_eq!(text(&draft, TextField::Address1), Some("c/o, Roe"));
    assert_eq!(text(&draft, TextField::ShippingAddress), Some("1 Dock, Berth 2"));
    assert_eq!(text(&draft, TextField::Company), Some("Roe & Sons"));
    assert_eq!(draft.labels, Change::Set(vec!["a b".into(), "c".into()]));
    assert_eq!(draft.additional.value().unwrap()["x"], Some(Input::Value("one two".into())));
}

#[test]
fn rules_9_lists_of_tags() {
    let labels = |header: &str, cell: &str| {
        let csv = format!("email,{header}\na@example.test,\"{}\"\n", cell.replace('"', "\"\""));
        let draft = good(&csv, &[]);
        draft.labels.value().cloned().unwrap_or_default().iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    for (header, cell, wanted) in [
        ("Tags", r#""VIP","Blog readers""#, &["VIP", "Blog readers"][..]),
        ("Labels", r#""VIP","Blog readers""#, &["VIP", "Blog readers"]),
        ("Tags", "vip, horeca ,", &["vip", "horeca"]),
        ("Tag", "vip;horeca|b", &["vip", "horeca", "b"]),
        ("Labels", "Roe, Ada;b", &["Roe, Ada", "b"]),
        ("Tags", r#""Roe, Ada" ; b,"say ""hi""""#, &["Roe, Ada", "b", "say \"hi\""]),
        ("Labels", r#"6" pipe;"x" y;"open"#, &["6\" pipe", "\"x\" y", "\"open"]),
        ("Labels", r#"["a,b","c"]"#, &["a,b", "c"]),
        ("Tags", ";,|", &[]),
    ] {
        assert_eq!(labels(header, cell), wanted, "{header} {cell}");
    }
}

#[test]
fn rules_9_cells_of_other_systems() {
    let csv = "Active Status,Customer,Main Phone,Bill to 1,Bill to 2,Bill to 3,Main Email\n\
               Not-active,Roe & Sons,(555) 555-0117,Roe & Sons,9 Elm Row,\"Oakton, VA 22124\",a@example.test\n";
    let draft = read_all(csv, &[], Some("US")).remove(0).unwrap().draft;
    assert_eq!(draft.status, Change::Set(Status::Inactive));
    assert_eq!(text(&draft, TextField::Address), Some("Roe & Sons, 9 Elm Row, Oakton, VA 22124"));
    let phones = |cell: &str| {
        let csv =
            format!("Customer,Phone Numbers,Email,Full Name,Billing Address\nRoe,{cell},a@example.test,,x\n");
        let draft = read_all(&csv, &[], Some("US")).remove(0).unwrap().draft;
        assert_eq!(text(&draft, TextField::Fullname), Some("Roe"));
        text(&draft, TextField::Phone).map(str::to_owned)
    };
    for (cell, wanted) in [
        ("Phone: (202) 555-0117 Mobile: (202) 555-0118", Some("+12025550117")),
        ("Mobile:(202) 555-0118", Some("+12025550118")),
        ("Fax: (202) 555-0118", None),
        ("(202) 555-0119", Some("+12025550119")),
    ] {
        assert_eq!(phones(cell).as_deref(), wanted, "{cell}");
    }
    let csv = "Email Address,First Name,Birthday,MEMBER_RATING,OPTIN_TIME,CONFIRM_TIME,LEID,EUID,TAGS\n\
               a@example.test,Ada,,2,,2015-03-16 14:40:47,1,x,\"\"\"VIP\"\",\"\"Blog readers\"\"\"\n";
    let draft = good(csv, &[]);
    assert_eq!(draft.created_at.unwrap().to_rfc3339(), "2015-03-16T14:40:47.000000Z");
    assert_eq!(draft.labels, Change::Set(vec!["VIP".into(), "Blog readers".into()]));
    let csv = "account_code,account_email,account_created_at\nA-1,a@example.test,2012-06-27 03:47:28 PDT\n";
    let draft = good(csv, &[]);
    assert_eq!(draft.created_at.unwrap().to_rfc3339(), "2012-06-27T10:47:28.000000Z");
}

#[test]
fn rules_9_a_birthday_without_a_year_can_be_left_out() {
    let csv = "email,birthday\na@example.test,04/12\n";
    let found = one(csv, &[]).unwrap_err();
    assert!(found[0].message.contains("without a year") && found[0].message.contains("onBadValue=blank"));
    let row = one(csv, &[("onBadValue", "blank")]).unwrap();
    assert_eq!(text(&row.draft, TextField::Birthday), None);
    assert_eq!(row.warnings.len(), 1);
}
