//! The options, and recognised files of other systems.

use super::*;

both!(rules_9_map_assigns_a_column_to_a_field, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let file = "Who,E-mail,Frist Name,Tier,Town,Note\nN-1,ada@example.test,Ada,gold,Oakton,x\n";
    let query = "demo?map=who:customerNumber&map=E-mail:email&map=Frist%20Name:fullname&map=tier:additional-loyalty\
        &map=Town:-&map=note:labels";
    let data = imported(&client, query, file).await;
    assert_eq!(counts(&data), [1, 0, 0], "{data}");
    assert_eq!(data["columnsLeftOut"], json!(["Town"]));
    let record = &client.list("demo").await[0];
    assert_eq!(record["customerNumber"], "N-1");
    assert_eq!(record["Email"], "ada@example.test");
    assert_eq!(record["Fullname"], "Ada");
    assert_eq!(record["City"], Value::Null);
    assert_eq!(record["Labels"], json!(["x"]));
    assert_eq!(record["AdditionalFields"], json!({"loyalty": "gold"}));
    for (map, code, part) in [
        ("map=Nobody:email", "missing_column", "Nobody"),
        ("map=Who:email", "duplicate_column", "both mean email"),
        (
            "map=Who:customerNumber&map=Tier:customerNumber",
            "duplicate_column",
            "column 1 (Who) and column 4 (Tier)",
        ),
    ] {
        let answer = upload(&client, &format!("demo?unknownColumns=ignore&{map}"), file).await;
        let found = file_problems(&answer);
        assert!(found.iter().any(|(_, found, _)| found == code), "{map}: {}", answer.text);
        assert!(answer.text.contains(part), "{map}: {}", answer.text);
    }
    assert_eq!(total(&client, "demo").await, 1);
});

both!(rules_9_unknown_columns_are_refused_ignored_or_kept, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let file = "\n\nemail,Frist Name,Shoe Size,Zzz\nada@example.test,Ada,38,\n";
    let answer = upload(&client, "demo", file).await;
    let found = file_problems(&answer);
    assert_eq!(found.len(), 3, "{}", answer.text);
    for ((line, code, message), part) in
        found.iter().zip(["column 2 (Frist Name)", "column 3 (Shoe Size)", "column 4 (Zzz)"])
    {
        assert_eq!((*line, code.as_str()), (3, "unknown_column"), "{}", answer.text);
        assert!(message.contains(part), "{message}");
    }
    assert!(found[0].2.contains("did you mean firstname?"), "{}", answer.text);
    nothing_is_there(&server, &client).await;

    let ignored = imported(&client, "demo?unknownColumns=ignore", file).await;
    assert_eq!(ignored["columnsLeftOut"], json!(["Frist Name", "Shoe Size", "Zzz"]));
    let kept = imported(&client, "demo?unknownColumns=additional&mergeExisting=1", file).await;
    assert_eq!((&kept["columnsLeftOut"], &kept["merged"]), (&json!([]), &json!(1)), "{kept}");
    let record = &client.list("demo").await[0];
    assert_eq!(record["AdditionalFields"], json!({"Frist Name": "Ada", "Shoe Size": "38"}));
    let bad = upload(&client, "demo?unknownColumns=additional", "email,Größe\na@example.test,5\n").await;
    assert_eq!(file_problems(&bad)[0].1, "invalid_name", "{}", bad.text);
    // Two columns with one meaning are refused, however they are spelt.
    let doubled = upload(&client, "demo", "E-mail,email address,First Name,firstname\n").await;
    let found = file_problems(&doubled);
    assert_eq!(found.iter().filter(|(_, code, _)| code == "duplicate_column").count(), 2, "{}", doubled.text);
    assert!(found[0].2.contains("column 1 (E-mail) and column 2 (email address) both mean email"));
});

both!(rules_9_a_bad_value_rejects_its_row_or_is_left_out_with_a_warning, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let file = "customerNumber,email,phone,birthday,balance,timeZone,country\n\
        N-1,nobody,12,31-02-1990,ten,99,Atlantis\n\
        N-2,b@example.test,+15555550117,24-08-1990,1.5,7,ID\n\
        ,nobody,,,,,\n";
    let data = imported(&client, "demo?dryRun=true", file).await;
    assert_eq!(counts(&data), [1, 0, 2], "{data}");
    let found = row_problems(&client, &data).await;
    let fields: Vec<_> = found.iter().map(|(line, field, _)| (*line, field.as_str())).collect();
    for field in ["email", "phone", "birthday", "balance", "timeZone", "country"] {
        assert!(fields.contains(&(2, field)), "{field} is not among {fields:?}");
    }
    assert!(fields.contains(&(4, "email")), "{fields:?}");

    let data = imported(&client, "demo?onBadValue=blank", file).await;
    assert_eq!(counts(&data), [2, 0, 1], "{data}");
    let report = rows(&client, &data, "").await;
    let mut warned: Vec<_> = report[0]["warnings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|note| note["field"].as_str().unwrap())
        .collect();
    warned.sort_unstable();
    assert_eq!(warned, ["balance", "birthday", "country", "email", "phone", "timeZone"], "{report:?}");
    assert_eq!((&report[0]["outcome"], &report[2]["outcome"]), (&json!("created"), &json!("rejected")));
    let first = &by(&client, "customerNumber").await["N-1"];
    for member in ["Email", "Phone", "Birthday", "TimeZone", "Country"] {
        assert_eq!(first[member], Value::Null, "{first}");
    }
    // The number identifies the customer, so it is never left out.
    let long = format!("customerNumber,email\n{},c@example.test\n", "9".repeat(300));
    assert_eq!(counts(&imported(&client, "demo?onBadValue=blank", long).await), [0, 0, 1]);
});

both!(rules_9_delimiter_and_date_format_can_be_given, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    // The header has more semicolons than commas, but commas separate it.
    let file = "email,\"Label;s;;\",birthday\na@example.test,x;y,04/12/1985\n";
    let query = "demo?delimiter=comma&map=Label;s;;:labels&dateFormat=MM/DD/YYYY";
    assert_eq!(counts(&imported(&client, query, file).await), [1, 0, 0]);
    let odd = "email;note,one,two,three\nb@example.test;x\n";
    file_problems(&upload(&client, "demo?unknownColumns=ignore", odd).await);
    let data = imported(&client, "demo?unknownColumns=ignore&delimiter=;", odd).await;
    assert_eq!((counts(&data), &data["columnsLeftOut"]), ([1, 0, 0], &json!(["note,one,two,three"])));
    let hinted = imported(&client, "demo", "sep=|\r\nemail|company\r\nc@example.test|a,b;c\r\n").await;
    assert_eq!(counts(&hinted), [1, 0, 0], "{hinted}");
    for (header, query, date) in [
        ("birthday", "", "12-04-1985"),
        ("birthday", "", "1985-04-12"),
        ("Birthday (MM/DD/YYYY)", "", "4/12/1985"),
        ("dob", "?dateFormat=YYYYMMDD", "19850412"),
        ("Date of Birth", "?dateFormat=DD.MM.YYYY", "12.4.1985"),
    ] {
        let mail = format!("{}@example.test", fastrand::u32(..));
        let file = format!("email,{header}\n{mail},{date}\n");
        assert_eq!(
            counts(&imported(&client, &format!("demo{query}"), file).await),
            [1, 0, 0],
            "{header} {date}"
        );
        assert_eq!(by(&client, "Email").await[&mail]["Birthday"], "1985-04-12", "{header} {date}");
    }
    let other = imported(&client, "demo?dateFormat=YYYYMMDD", "email,dob\nd@example.test,12-04-1985\n").await;
    assert_eq!(row_problems(&client, &other).await, [problem(2, "birthday", "invalid_birthday")]);
    let first = &by(&client, "Email").await["a@example.test"];
    assert_eq!((&first["Birthday"], &first["Labels"]), (&json!("1985-04-12"), &json!(["x", "y"])));
});

both!(rules_3_identifier_fields_apply_to_every_row, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let file = "firstname,lastname,email,customerNumber\n\
        Ada,Roe,a@example.test,\n\
        ADA, roe ,b@example.test,\n\
        Ada,,c@example.test,\n\
        Ada,,d@example.test,N-1\n\
        ,,,N-1\n";
    let data = imported(&client, "demo?identifierFields=firstname,lastname", file).await;
    assert_eq!(counts(&data), [2, 2, 1], "{data}");
    let report = rows(&client, &data, "").await;
    let matched: Vec<_> = report.iter().map(|row| row["matchedOn"].clone()).collect();
    assert_eq!(
        matched,
        [json!([]), json!(["firstname", "lastname"]), json!([]), json!([]), json!(["customerNumber"])],
        "{report:?}"
    );
    assert_eq!(row_problems(&client, &data).await, [problem(4, "", "no_identifier")]);
});

/// A file of another system, and its only customer.
struct Foreign {
    preset: &'static str,
    file: &'static str,
    record: Value,
    left_out: Value,
}

fn foreign() -> Vec<Foreign> {
    vec![
        Foreign {
            preset: "doku",
            file: "Full Name,Email,Phone Number,Country,Birthday (DD-MM-YYYY),Street Address,State,City,Postal Code,\
                Company Name,Reference ID,Label\r\n\
                Budi Santoso,budi@example.test,081234567890,Indonesia,24-08-1990,Jalan Melati 7,DKI Jakarta,Jakarta,10110,\
                PT Maju,REF-7,vip;retail\r\n",
            record: json!({"Fullname": "Budi Santoso", "Phone": "+6281234567890", "Country": "ID", "Birthday": "1990-08-24",
                "Address": "Jalan Melati 7", "Zip": "10110", "customerNumber": "REF-7", "Labels": ["vip", "retail"]}),
            left_out: json!([]),
        },
        Foreign {
            preset: "stripe",
            file: "id,Description,Email,Name,Created (UTC),Delinquent,Card Address Line1,Card Address City,Card Address Zip\n\
                cus_9s6XKzkNRiz8i3,a note,ada@example.test,Ada Roe,2020-01-02 03:04,false,9 Elm Row,Oakton,22124\n",
            record: json!({"References": [{"system": "stripe", "externalId": "cus_9s6XKzkNRiz8i3"}], "Fullname": "Ada Roe", "Address": "9 Elm Row",
                "City": "Oakton", "Zip": "22124", "Created": "2020-01-02T03:04:00.000000Z"}),
            left_out: json!(["Description", "Delinquent"]),
        },
        Foreign {
            preset: "shopify",
            file: "Customer ID,First Name,Last Name,Email,Accepts Email Marketing,Default Address Address1,\
                Default Address City,Default Address Province Code,Default Address Country Code,Default Address Zip,Phone,\
                Total Spent,Total Orders,Note,Tax Exempt,Tags\n\
                '207119551,Eve,Poe,eve@example.test,no,9 Elm Row,Oakton,VA,US,'22124,'+15555550117,10.00,2,,no,\"vip, retail\"\n",
            record: json!({"customerNumber": "207119551", "Firstname": "Eve", "State": "VA", "Zip": "22124",
                "Phone": "+15555550117", "Labels": ["vip", "retail"], "Balance": 0}),
            left_out: json!(["Accepts Email Marketing", "Total Spent", "Total Orders", "Note", "Tax Exempt"]),
        },
        Foreign {
            preset: "customary",
            file: "customerId,customerNumber,Firstname,Email,LastUpdated,Created,Balance,customerStatus\r\n\
                7,A-1,'=Ada,own@example.test,2021-01-01T00:00:00Z,2020-01-02T03:04:05.678901Z,-12.5,85\r\n",
            record: json!({"customerNumber": "A-1", "Firstname": "=Ada", "Balance": -12.5, "customerStatus": 85,
                "Created": "2020-01-02T03:04:05.678901Z"}),
            left_out: json!(["customerId", "LastUpdated"]),
        },
        Foreign {
            preset: "none",
            file: "First Name,E-mail\nZoe,zoe@example.test\n",
            record: json!({"Firstname": "Zoe"}),
            left_out: json!([]),
        },
    ]
}

both!(rules_9_files_of_other_systems_are_recognised_and_named, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    for Foreign { preset, file, record, left_out } in foreign() {
        let data = imported(&client, "demo", file).await;
        assert_eq!(counts(&data), [1, 0, 0], "{preset}: {data}");
        assert_eq!((&data["preset"], &data["columnsLeftOut"]), (&json!(preset), &left_out), "{data}");
        assert_eq!(client.get(&job_path("demo", &data)).await.expect(200).json["preset"], preset);
        let stored = &client.list("demo").await[0];
        for (member, value) in record.as_object().unwrap() {
            assert_eq!(&stored[member], value, "{member} of {preset}: {stored}");
        }
    }
});
