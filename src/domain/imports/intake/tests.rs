//! Files in several encodings, whole and in pieces.

use encoding_rs::{UTF_16BE, UTF_16LE};
use proptest::prelude::*;

use super::*;

/// Reads bytes in pieces of a length.
fn read(bytes: &[u8], piece: usize, encoding: Option<&str>) -> Result<String, FileError> {
    let (mut intake, mut out) = (Intake::new(encoding), String::new());
    for part in bytes.chunks(piece.max(1)) {
        intake.push(part, &mut out)?;
    }
    intake.finish(&mut out)?;
    Ok(out)
}

fn utf16(text: &str, to_bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(to_bytes).collect()
}

fn refusal(bytes: &[u8], encoding: Option<&str>) -> FileError {
    let whole = read(bytes, bytes.len(), encoding).unwrap_err();
    for piece in [1, 2, 3, 7] {
        assert_eq!(read(bytes, piece, encoding).unwrap_err(), whole, "in pieces of {piece}");
    }
    whole
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the mark, the encoding and the cuts, the text is the same.
    #[test]
    fn rules_9_marks_and_encodings_give_the_same_text(tail in "[ -~éß中👩\r\n]{0,40}", piece in 1..50_usize) {
        let text = format!("email{tail}");
        let bytes = text.as_bytes();
        let marked = [b"\xef\xbb\xbf", bytes].concat();
        let le = [&b"\xff\xfe"[..], &utf16(&text, u16::to_le_bytes)].concat();
        let be = [&b"\xfe\xff"[..], &utf16(&text, u16::to_be_bytes)].concat();
        for (bytes, label) in [
            (bytes, None),
            (bytes, Some("utf-8")),
            (&marked, None),
            (&marked, Some("UTF-8")),
            (&le, None),
            (&le, Some(UTF_16LE.name())),
            (&le[2..], Some(UTF_16LE.name())),
            (&be, None),
            (&be, Some(UTF_16BE.name())),
            (&be[2..], Some(UTF_16BE.name())),
        ] {
            prop_assert_eq!(read(bytes, piece, label).unwrap(), text.as_str());
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), piece in 1..50_usize) {
        for label in [None, Some("utf-8"), Some("utf-16le"), Some("shift_jis"), Some("gb18030"), Some("windows-1252")] {
            let in_pieces = read(&bytes, piece, label);
            prop_assert_eq!(in_pieces.is_ok(), read(&bytes, bytes.len(), label).is_ok());
        }
    }
}

#[test]
fn other_kinds_of_files_are_told_what_to_do() {
    for (bytes, part) in [
        (&b"\x1f\x8b\x08\0\0"[..], "gzip file, not CSV; unpack it first"),
        (b"PK\x03\x04\x14\0customers.csv", "zip file, not CSV; unpack"),
        (b"PK\x03\x04\x14\0\x06\0\x08\0!\0[Content_Types].xml", "spreadsheet, not CSV; save it as CSV UTF-8"),
        (b"PK\x03\x04mimetypeapplication/vnd.oasis.opendocument.spreadsheet", "spreadsheet"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0\0", "old Excel"),
        (b"%PDF-1.7\n", "PDF"),
        (b"{\\rtf1 x}", "RTF"),
        (b" [ {\"email\": \"x\"}]", "JSON"),
        (b"{\n \"email\": 1}", "JSON"),
        (b"\xef\xbb\xbf<!DOCTYPE HTML><p>", "web page"),
        (b"\xff\xfe\0\0e\0\0\0", "UTF-32"),
        (b"7z\xbc\xaf\x27\x1c\0", "7-Zip"),
    ] {
        let found = refusal(bytes, None);
        assert_eq!(found.code, "not_csv", "{found:?}");
        assert!(found.message.contains(part), "{found:?}");
    }
    for fine in [&b"[id],name\n"[..], b"{x},y\n", b"BZ,x\n", b"PK,name\n1,Ada\n"] {
        assert!(read(fine, 5, None).is_ok(), "{fine:?}");
    }
}

#[test]
fn rules_9_an_empty_file_is_refused() {
    for bytes in [&b""[..], b"\xef\xbb\xbf", b" \r\n\t\n", b"\xff\xfe", b"\xff\xfe \0\n\0"] {
        assert_eq!(refusal(bytes, None).code, "empty_file", "{bytes:?}");
    }
    assert_eq!(read(b"email\n", 3, None).unwrap(), "email\n");
}

#[test]
fn rules_9_invalid_utf8_names_line_and_likely_encoding() {
    let latin = refusal(b"name,city\r\nAda,Paris\r\nZo\xeb,M\xfcnchen\r\n", None);
    assert_eq!((latin.code, latin.line), ("invalid_encoding", Some(3)));
    assert!(latin.message.contains("line 3") && latin.message.contains("encoding=windows-1252"), "{latin:?}");
    let (cyrillic, ..) = encoding_rs::WINDOWS_1251.encode("name,city\nАнна Иванова,Санкт-Петербург\n");
    let found = read(&cyrillic, cyrillic.len(), None).unwrap_err();
    assert!(found.message.contains("encoding=windows-1251"), "{found:?}");
    let decoded = read(&cyrillic, 3, Some("windows-1251")).unwrap();
    assert_eq!(decoded, "name,city\nАнна Иванова,Санкт-Петербург\n");
    let (mac, ..) = encoding_rs::MACINTOSH.encode("name,city\nZoë Muñoz,München\nRené,Orléans\n");
    let found = refusal(&mac, None);
    assert!(found.message.contains("Mac OS Roman; send encoding=macintosh"), "{found:?}");
    assert_eq!(read(&mac, 3, Some("macintosh")).unwrap(), "name,city\nZoë Muñoz,München\nRené,Orléans\n");
    // The file ends within a character, long after the first bytes.
    let long = [b"name\n".repeat(2000), b"Zo\xc3".to_vec()].concat();
    assert_eq!(refusal(&long, None).line, Some(2001));
    // Half a surrogate.
    assert_eq!(refusal(b"\xff\xfea\0\n\0\x00\xd8x\0", None).line, Some(2));
}

#[test]
fn rules_9_utf16_without_a_mark_says_so() {
    for (bytes, label) in [
        (utf16("email,name\nx,y\n", u16::to_le_bytes), "utf-16le"),
        (utf16("email,name\nx,y\n", u16::to_be_bytes), "utf-16be"),
    ] {
        let found = refusal(&bytes, None);
        assert_eq!(found.code, "unmarked_utf16");
        assert!(found.message.contains(label), "{found:?}");
        assert_eq!(read(&bytes, 4, Some(label)).unwrap(), "email,name\nx,y\n");
    }
    // A stray NUL is a problem of its row.
    assert_eq!(read(b"email,name\nx,\0\0y\n", 4, None).unwrap(), "email,name\nx,\0\0y\n");
}

#[test]
fn a_mark_of_another_encoding_than_asked_for_is_refused() {
    for (bytes, label) in
        [(&b"\xef\xbb\xbfa"[..], "windows-1252"), (b"\xff\xfea\0", "utf-8"), (b"\xfe\xff\0a", "utf-16le")]
    {
        assert_eq!(refusal(bytes, Some(label)).code, "encoding_conflict");
    }
    // The byte order mark in GB 18030.
    assert_eq!(read(b"\x84\x31\x95\x33email\n", 1, Some("gb18030")).unwrap(), "email\n");
}

#[test]
fn rules_9_central_european_text_of_macs_is_told_by_name() {
    for text in [
        "name,city\nŁukasz Wałęsa,Łódź\nMałgorzata Świątek,Gdańsk\nStanisław Dąbrowski,Kraków\n",
        "jméno,město\nJiří Dvořák,Plzeň\nVáclav Novotný,České Budějovice\nTomáš Kučera,Ústí nad Labem\n",
        "meno,mesto\nĽubomír Štúr,Žilina\nMária Kováčová,Košice\nJán Šťastný,Bratislava\n",
        "név,város\nErdős Pál,Győr\nSzűcs Ágnes,Székesfehérvár\nKovács Béla,Pécs\nTóth Ödön,Hódmezővásárhely\n",
        "vārds,pilsēta\nJānis Bērziņš,Rīga\nIlze Kalniņa,Jūrmala\nGuntis Ozoliņš,Liepāja\n",
        "vardas,miestas\nJonas Žukauskas,Šiauliai\nRūta Jankauskienė,Panevėžys\n",
        "ime,grad\nŽeljko Šarić,Čakovec\nMarko Jurišić,Požega\n",
        "name,city\nJosé Dvořák,Brno\nJan Žižka,Praha\n",
        "name,city\nLukáš,Brno\n",
    ] {
        let found = refusal(&mac::central(text), None);
        let message =
            "is probably Mac OS Central European, which this service cannot read; save the file as CSV UTF-8";
        assert!(found.code == "invalid_encoding" && found.message.contains(message), "{found:?} for {text}");
    }
    // Estonian letters of both encodings stand in the same places, so either reads the file.
    let text = "nimi,linn\nÜlle Mägi,Tõrva\nJüri Põld,Võru\n";
    assert_eq!(encoding_rs::MACINTOSH.encode(text).0, mac::central(text));
    assert!(refusal(&mac::central(text), None).message.contains("encoding=macintosh"));
}
