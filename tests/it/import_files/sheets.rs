//! Sheets as other systems and spreadsheets write them: marks, title lines, tags, dates, breaks (rules 9, around 27).

use super::*;

both!(rules_9_marks_of_spreadsheets_double_nobody, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let plain = "customerNumber,zip,company\r\n07301,04101,'t Hooft\r\n07302,10115,Roe\r\n";
    assert_eq!(counts(&imported(&client, "demo", plain).await), [2, 0, 0]);
    let marked = "customerNumber,zip,company\r\n'07301,\"=\"\"04101\"\"\",'t Hooft\r\n\"=\"\"07302\"\"\",'10115,Roe\r\n";
    assert_eq!(counts(&imported(&client, "demo", marked).await), [0, 2, 0]);
    let stored = by(&client, "customerNumber").await;
    assert_eq!(stored.len(), 2);
    assert_eq!((&stored["07301"]["Zip"], &stored["07301"]["Company"]), (&json!("04101"), &json!("'t Hooft")));
});

both!(rules_9_a_report_with_titles_breaks_and_lists_is_imported, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let report = "Hale & Daughters,,,,,\r\nCustomer Contact List,,,,,\r\n,,,,,\r\n\
        Customer full name,Phone numbers,Email,Full name,Bill address,Tags\r\n\
        Lind GmbH,Phone: +49 30 901820 Mobile: +49 151 23456789,mara@example.test,Mara Lind,\"Elm Row 9\nHof 2\nBerlin\",\"\"\"A, B\"\",\"\"C\"\"\"\r\n\
        Kim Hale,,kim@example.test,,,\"c, d\"\r\n\
        Broken,,nobody,,,\r\n";
    let data = imported(&client, "demo", report).await;
    assert_eq!((counts(&data), &data["preset"]), ([2, 0, 1], &json!("quickbooksonline")), "{data}");
    // The lines are those of the file, titles and breaks included.
    assert_eq!(row_problems(&client, &data).await, [problem(9, "email", "invalid_email")]);
    let stored = by(&client, "Email").await;
    let mara = &stored["mara@example.test"];
    assert_eq!((&mara["Fullname"], &mara["Phone"]), (&json!("Mara Lind"), &json!("+4930901820")));
    assert_eq!(mara["Address"], "Elm Row 9, Hof 2, Berlin");
    assert_eq!(mara["Labels"], json!(["A, B", "C"]));
    let kim = &stored["kim@example.test"];
    assert_eq!((&kim["Fullname"], &kim["Labels"]), (&json!("Kim Hale"), &json!(["c", "d"])));
});

both!(rules_9_dates_are_read_or_the_option_is_named, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let file = "email,created,birthday\n\
        a@example.test,2024-03-12,31/12/1985\n\
        b@example.test,2024-03-12 09:14 PST,01/02/1990\n\
        c@example.test,2024-03-12T09:14,12/24\n\
        d@example.test,12/24/2023,01/02/1990\n";
    let zone = "email,created\nz@example.test,2024-03-12 09:14 CET\n";
    let refused = imported(&client, "demo", zone).await["errors"].to_string();
    assert!(!refused.contains("would read it") && refused.contains("+01:00"), "{refused}");
    let data = imported(&client, "demo?dateFormat=DD/MM/YYYY", file).await;
    assert_eq!(counts(&data), [2, 0, 2], "{data}");
    let errors = data["errors"].to_string();
    assert!(
        errors.contains("without a year") && errors.contains("dateFormat=MM/DD/YYYY would read it"),
        "{errors}"
    );
    let stored = by(&client, "Email").await;
    let created = |email: &str| stored[email]["Created"].as_str().unwrap()[..16].to_owned();
    assert_eq!(created("a@example.test"), "2024-03-12T00:00");
    assert_eq!(created("b@example.test"), "2024-03-12T17:14");
    let blank = imported(&client, "demo?dateFormat=DD/MM/YYYY&onBadValue=blank", file).await;
    assert_eq!((counts(&blank), &blank["warnings"]), ([2, 2, 0], &json!(2)), "{blank}");
});

both!(rules_9_invisible_characters_in_headers_count_for_nothing, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let file = "Email\u{200b},\u{2060}First Name\u{200e},additional-ti\u{ad}er\na@example.test,Ada,gold\n";
    let data = imported(&client, "demo", file).await;
    assert_eq!(counts(&data), [1, 0, 0], "{data}");
    let stored = by(&client, "Email").await;
    let ada = &stored["a@example.test"];
    assert_eq!((&ada["Firstname"], &ada["AdditionalFields"]), (&json!("Ada"), &json!({"tier": "gold"})));
});

both!(rules_9_each_reason_has_its_text_and_an_example, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let rows: Vec<_> =
        (0..120).map(|number| format!("a{number}@example.test,20255501{number:02}.0\n")).collect();
    let file = format!("email,phone\n{}b@example.test,2.02555E+09\nc@example.test,12\n", rows.concat());
    let data = imported(&client, "demo", file).await;
    let reasons: Vec<_> = data["reasons"].as_array().expect("reasons").iter().collect();
    assert_eq!(
        reasons.iter().map(|it| it["rows"].as_i64().unwrap()).collect::<Vec<_>>(),
        [120, 1, 1],
        "{data}"
    );
    for reason in reasons {
        let text = reason["message"].as_str().expect("a text");
        assert!(
            data["errors"].as_array().expect("errors").iter().any(|it| it.as_str().unwrap().contains(text)),
            "{text}"
        );
    }
});

both!(rules_9_rejected_rows_are_counted_by_reason_and_their_file_runs_nothing, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let rows: Vec<_> = (0..150).map(|number| format!("x{number},=1+{number},@c{number}\r\n")).collect();
    let rows = rows.concat();
    let file = format!("email,company,=HYPERLINK(1)\r\n{rows}ada@example.test,{},y\r\n", "z".repeat(251));
    let data = imported(&client, "demo?map=%3DHYPERLINK(1):lastname", file).await;
    assert_eq!(counts(&data), [0, 0, 151], "{data}");
    let reasons: Vec<_> = data["reasons"].as_array().expect("reasons").iter().collect();
    assert_eq!(reasons.len(), 2, "{data}");
    assert_eq!(
        (&reasons[0]["rows"], &reasons[0]["field"], &reasons[0]["code"]),
        (&json!(150), &json!("email"), &json!("invalid_email"))
    );
    assert_eq!((&reasons[1]["rows"], &reasons[1]["field"]), (&json!(1), &json!("company")));
    let told = client.get(&job_path("demo", &data)).await.expect(200);
    assert_eq!(told.json["reasons"], data["reasons"]);

    let mended = client.get(&format!("{}/rejected.csv", job_path("demo", &data))).await.expect(200).text;
    for line in mended.lines() {
        for cell in line.trim_start_matches('\u{feff}').split(',') {
            assert!(!cell.trim_start_matches('"').starts_with(['=', '+', '-', '@']), "{line}");
        }
    }
    // Mended, the rows say what they said.
    let mended = mended.replace(",x", ",x@example.test.x");
    let lines: Vec<_> =
        mended.lines().filter(|line| !line.contains("zzz")).map(|line| format!("{line}\r\n")).collect();
    let again = imported(&client, "demo?map=%3DHYPERLINK(1):lastname", lines.concat()).await;
    assert_eq!(counts(&again)[0], 150, "{again}");
    let stored = client.list("demo").await;
    assert!(
        stored.iter().any(|record| record["Company"] == "=1+7" && record["Lastname"] == "@c7"),
        "{stored:?}"
    );
});

both!(rules_9_sheets_of_other_systems_are_recognised, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    for (preset, file, name) in [
        (
            "mailchimp",
            "Email Address,First Name,Address,MEMBER_RATING,OPTIN_TIME,LEID,EUID,TAGS\na1@example.test,Ada,9 Elm Row  Oakton  VA,2,2015-03-16 14:40:47,1,x,\"\"\"VIP\"\",\"\"Blog readers\"\"\"\n",
            "labels",
        ),
        (
            "square",
            "Reference ID,First Name,Last Name,Email Address,Phone Number,Birthday,Memo,Square Customer ID,Creation Source,First Visit\n,Ada,Roe,a2@example.test,'+12025550117,,x,SQ1,Manual,2023-05-02\n",
            "number",
        ),
        (
            "recurly",
            "account_code,account_email,account_first_name,account_created_at,billing_address1,card_type\nR-1,a3@example.test,Ada,2012-06-27 03:47:28 PDT,9 Elm Row,visa\n",
            "address",
        ),
        (
            "chargebee",
            "customer[id],customer[email],customer[first_name],customer[auto_collection],customer[net_term_days],billing_address[line1]\nC-1,a4@example.test,Ada,on,0,9 Elm Row\n",
            "number",
        ),
        (
            "xero",
            "*ContactName,AccountNumber,EmailAddress,POAddressLine1,POAddressLine2,POAddressLine3,POCity,BankAccountNumber\nRoe & Sons,X-1,a5@example.test,9 Elm Row,Floor 2,Door 7,Oakton,12\n",
            "address",
        ),
        (
            "hubspot",
            "Record ID,First Name,Email,Contact owner,Lifecycle Stage,Create Date (EST),Time Zone\n901,Ada,a6@example.test,Bo,lead,2024-03-12 09:14,us/eastern\n",
            "number",
        ),
        (
            "woocommerce",
            "Name,Username,Last Active,Date Registered,Email,Orders,Total Spend,AOV,Country / Region,City,Region,Postal Code\nAda Roe,ada,2024-03-12 09:14:00,2024-03-12 09:14:00,a7@example.test,3,9.5,3.2,US,Oakton,VA,22124\n",
            "city",
        ),
        (
            "quickbooksdesktop",
            "Active Status,Customer,Balance,Balance Total,Main Phone,Main Email,Bill to 1,Bill to 2\nActive,Roe,1,1,,a8@example.test,Roe,9 Elm Row\n",
            "address",
        ),
        (
            "quickbooksonline",
            "Name,Company name,Street Address,City,State,Country,Zip,Phone,Email,Customer type,Attachments,Open balance\nAda,Roe,9 Elm Row,Oakton,VA,US,22124,,a9@example.test,,,\"1,250.00\"\n",
            "address",
        ),
    ] {
        let data = imported(&client, "demo", file).await;
        assert_eq!((&data["preset"], counts(&data)), (&json!(preset), [1, 0, 0]), "{name}: {data}");
        assert!(!data["columnsLeftOut"].as_array().unwrap().is_empty(), "{data}");
    }
    let stored = by(&client, "Email").await;
    let of = |number: u8, member: &str| stored[&format!("a{number}@example.test")][member].clone();
    assert_eq!(of(1, "Labels"), json!(["VIP", "Blog readers"]));
    assert_eq!((of(2, "customerNumber"), of(2, "Phone")), (json!("SQ1"), json!("+12025550117")));
    assert_eq!((of(3, "Address"), of(3, "customerNumber")), (json!("9 Elm Row"), json!("R-1")));
    assert_eq!((of(4, "Address"), of(4, "customerNumber")), (json!("9 Elm Row"), json!("C-1")));
    assert_eq!((of(5, "Address1"), of(5, "Fullname")), (json!("Floor 2, Door 7"), json!("Roe & Sons")));
    assert_eq!(of(6, "customerNumber"), "901");
    assert!(of(6, "Created").as_str().unwrap().starts_with("2024-03-12T14:14"), "{}", of(6, "Created"));
    assert_eq!((of(7, "Fullname"), of(7, "customerUsername")), (json!("Ada Roe"), Value::Null));
    assert_eq!((of(8, "Address"), of(8, "customerStatus")), (json!("Roe, 9 Elm Row"), json!(1)));
    assert_eq!(of(9, "Company"), "Roe");
});

#[tokio::test]
async fn rules_9_text_of_macs_is_told_by_name_and_hints_lead_to_no_password() {
    let server = Server::start(Db::Sqlite).await;
    let client = server.client();
    // "José Muñoz" and "Zoë" in Mac OS Roman.
    let mac = b"name,email\nJos\x8e Mu\x96oz,a@example.test\nZo\x91,b@example.test\n".to_vec();
    let refused = upload(&client, "demo", mac.clone()).await;
    let problems = file_problems(&refused);
    assert_eq!((problems[0].0, problems[0].1.as_str()), (2, "invalid_encoding"));
    assert!(problems[0].2.contains("encoding=macintosh"), "{problems:?}");
    assert_eq!(counts(&imported(&client, "demo?encoding=macintosh", mac).await), [2, 0, 0]);
    assert_eq!(by(&client, "Email").await["a@example.test"]["Fullname"], "José Muñoz");
    // "Łukasz Wałęsa" and "Jiří Dvořák" in Mac OS Central European, which no decoder reads.
    let central =
        b"name,email\n\xfcukasz Wa\xb8\xabsa,l@example.test\nJi\xde\x92 Dvo\xde\x87k,j@example.test\n"
            .to_vec();
    let refused = upload(&client, "demo", central).await;
    let problems = file_problems(&refused);
    assert_eq!((problems[0].0, problems[0].1.as_str()), (2, "invalid_encoding"));
    let words = ["Mac OS Central European", "save the file as CSV UTF-8"];
    assert!(words.iter().all(|word| problems[0].2.contains(word)), "{problems:?}");
    for label in ["x-mac-ce", "mac-centraleurope", "x-mac-centraleurroman"] {
        let refused = upload(&client, &format!("demo?encoding={label}"), "email\nx@example.test\n").await;
        assert!(refused.expect_error(400).text.contains("save a file in any other encoding as CSV UTF-8"));
    }
    for header in ["Customer", "Customer pasw", "customer psw2", "Custmer Username"] {
        let refused = upload(&client, "demo", format!("email,{header}\nc@example.test,x\n")).await;
        let text = &refused.expect_error(400).text;
        assert!(!text.contains("customerPsw") && !text.contains("customerUsername"), "{text}");
    }
}
