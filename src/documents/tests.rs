//! What a whole document must be.

use chrono::NaiveDate;
use rust_decimal::Decimal;

use super::composed::{Composed, Part};
use super::sheet::{Item, MARGIN, PAGE_HEIGHT, PAGE_WIDTH, Place};
use super::*;
use crate::domain::entrypoints::theme::Language;

fn line(description: &str) -> Line {
    Line {
        description: description.to_owned(),
        quantity: Decimal::from(2),
        unit_price: Decimal::new(1050, 2),
        tax_rate: Decimal::from(20),
        discount: Decimal::from(1),
        net: Decimal::from(20),
        tax: Decimal::from(4),
        total: Decimal::from(24),
    }
}

fn invoice(lines: usize) -> Invoice {
    Invoice {
        number: "INV-1".to_owned(),
        issued: NaiveDate::from_ymd_opt(2026, 11, 29).unwrap(),
        due: NaiveDate::from_ymd_opt(2026, 12, 29),
        currency: Currency { code: "EUR".to_owned(), decimals: 2 },
        store: "Boutique".to_owned(),
        seller: Seller { name: "Crème SARL".to_owned(), ..Seller::default() },
        buyer: Buyer { name: "Zoë".to_owned(), ..Buyer::default() },
        lines: (0..lines).map(|number| line(&format!("Article {number}"))).collect(),
        taxes: vec![TaxSum { rate: Decimal::from(20), net: Decimal::from(20), tax: Decimal::from(4) }],
        total: Decimal::from(24),
        amount_due: Some(Decimal::from(24)),
        state: Some(PaymentState::Open),
        notes: "Thank you".to_owned(),
        footer: "Crème SARL".to_owned(),
        ..Invoice::default()
    }
}

/// What stands on each page: the texts of its lines.
fn pages(invoice: &Invoice) -> Vec<Vec<String>> {
    let composed = compose::compose(invoice).unwrap();
    composed.pages.iter().map(|items| items.iter().filter_map(shown).collect()).collect()
}

/// The part of a paragraph's text that stands on one line.
fn shown(item: &Item) -> Option<String> {
    let Item::Text { line, .. } = item else {
        return None;
    };
    let mut ranges: Vec<_> =
        line.runs.iter().flat_map(|run| &run.glyphs).map(|glyph| glyph.text_range.clone()).collect();
    ranges.sort_by_key(|range| range.start);
    ranges.dedup();
    Some(ranges.into_iter().map(|range| &line.text[range]).collect())
}

fn count(bytes: &[u8], word: &[u8]) -> usize {
    bytes.windows(word.len()).filter(|window| *window == word).count()
}

#[test]
fn the_same_invoice_gives_the_same_bytes() {
    let invoice = invoice(3);
    let first = render(&invoice).unwrap();
    assert!(first == render(&invoice).unwrap());
    let later = std::thread::spawn(move || render(&invoice).unwrap()).join().unwrap();
    assert!(first == later);
    assert!(first.starts_with(b"%PDF-1.7"));
    // It is an archive file, made on the day of issue, and says its language.
    assert_eq!(count(&first, b"<pdfaid:part>2</pdfaid:part>"), 1);
    assert!(count(&first, b"D:20261129") >= 1);
    assert!(count(&first, b"/Lang (en)") + count(&first, b"/Lang(en)") >= 1);
}

#[test]
fn a_short_invoice_is_one_small_page() {
    let bytes = render(&invoice(5)).unwrap();
    assert!(bytes.len() < 60_000, "{}", bytes.len());
    assert_eq!(pages(&invoice(5)).len(), 1);
}

#[test]
fn every_page_has_the_header_of_the_table_and_its_number() {
    for lines in [1, 24, 25, 26, 27, 28, 29, 30, 120, 500] {
        let pages = pages(&invoice(lines));
        let total = pages.len();
        for (index, page) in pages.iter().enumerate() {
            let has = |text: &str| page.iter().any(|line| line == text);
            assert!(has(&format!("page {} of {total}", index + 1)), "{lines} lines, {page:?}");
            assert!(has("Crème SARL"));
            if page.iter().any(|line| line.starts_with("Article ")) {
                assert!(has("Unit price") || (has("Unit") && has("price")), "{lines} lines");
            }
        }
        let articles: Vec<&String> =
            pages.iter().flatten().filter(|line| line.starts_with("Article ")).collect();
        assert_eq!(articles.len(), lines);
        assert_eq!(
            articles.last().map(|line| line.as_str()),
            Some(format!("Article {}", lines - 1).as_str())
        );
    }
    assert!(pages(&invoice(500)).len() > 10);
}

#[test]
fn no_line_leaves_the_page() {
    let mut invoice = invoice(40);
    invoice.lines.push(line(&"x".repeat(300)));
    invoice.lines.push(line(&"lorem ipsum ".repeat(600)));
    invoice.number = "9".repeat(200);
    invoice.seller.address = vec!["w".repeat(500); 30];
    let great = Decimal::new(i64::MAX, 4);
    invoice.lines.push(Line { unit_price: great, net: great, tax: great, total: great, ..line("dear") });
    let pages = compose::compose(&invoice).unwrap().pages;
    for item in pages.iter().flatten() {
        if let Item::Text { x, y, line, style, .. } = item {
            let right = x + line.width * style.size;
            assert!(*x >= MARGIN - 0.1 && right <= PAGE_WIDTH - MARGIN + 0.1, "{:?}", shown(item));
            assert!(*y > 10.0 && *y < PAGE_HEIGHT - 20.0);
        }
    }
}

#[test]
fn a_row_is_on_one_page_unless_it_is_higher_than_a_page() {
    let mut invoice = invoice(0);
    invoice.lines = (0..60).map(|number| line(&"some words ".repeat(number))).collect();
    invoice.lines.push(line(&"word ".repeat(4_000)));
    let Composed { pages, parts, .. } = compose::compose(&invoice).unwrap();
    let table = parts.iter().position(|part| *part == Part::Table).unwrap();
    let pages_of = |wanted: usize| {
        let has = |items: &&Vec<Item>| {
            items.iter().any(|item| {
                matches!(item, Item::Text { place: Place::Cell { part, row, .. }, .. } if *part == table && *row == wanted)
            })
        };
        pages.iter().filter(has).count()
    };
    for row in 1..=60 {
        assert_eq!(pages_of(row), 1, "row {row}");
    }
    assert!(pages_of(61) > 1);
}

#[test]
fn every_rate_of_tax_is_printed_under_one_header_a_page() {
    for (lines, rates) in [(1, 1), (10, 3), (20, 5), (22, 8), (23, 30), (24, 60), (25, 100), (1, 500)] {
        let mut invoice = invoice(lines);
        let sum = |rate| TaxSum { rate: Decimal::new(rate, 1) + Decimal::from(1_000), ..TaxSum::default() };
        invoice.taxes = (0..rates).map(sum).collect();
        let pages = pages(&invoice);
        let printed = pages.iter().flatten().filter(|line| line.starts_with("1,0") && line.ends_with('%'));
        assert_eq!(i64::try_from(printed.count()).unwrap(), rates);
        for page in &pages {
            let rates = page.iter().filter(|line| line.starts_with("1,0") && line.ends_with('%')).count();
            let headers = page.iter().filter(|line| *line == "Tax rate").count();
            assert_eq!(headers, usize::from(rates > 0), "{lines} lines: {page:?}");
        }
        // The sums stand together.
        let with_sums: Vec<_> = pages.iter().filter(|page| page.contains(&"Subtotal".to_owned())).collect();
        assert_eq!(with_sums.len(), 1);
        assert!(with_sums[0].contains(&"Amount due".to_owned()));
    }
}

#[test]
fn every_script_is_printed() {
    let texts = [
        "Nguyễn Thị Ánh Łódź",
        "Γιώργος",
        "Щукина",
        "Արամ",
        "შოთა",
        "محمد بن عبد الله",
        "שלום עולם",
        "श्रीकृष्ण",
        "শ্রীকৃষ্ণ",
        "கோவிந்த",
        "శ్రీనివాస్",
        "ક્ષત્રિય",
        "ਸਿੰਘ",
        "ಶ್ರೀನಿವಾಸ",
        "ശ്രീകുമാർ",
        "ଶ୍ରୀ",
        "ශ්‍රී",
        "กรุงเทพมหานคร",
        "ភ្នំពេញ",
        "ວຽງຈັນ",
        "ရန်ကုန်",
        "አዲስ",
        "北京臺灣",
        "ミライ・ひらがな",
        "서울특별시",
        "👩‍👩‍👧‍👦 👍🏽 🇫🇷 ❤️",
        "Invoice فاتورة 42 שלום",
    ];
    for text in texts {
        let mut typesetter = shaping::Typesetter::new();
        let paragraph = paragraph::Paragraph::new(&mut typesetter, text, false);
        let line = paragraph.into_first_line(&mut typesetter, 1_000.0);
        for run in &line.runs {
            let replacement = run.face.face().unwrap().glyph(fonts::REPLACEMENT);
            for glyph in &run.glyphs {
                let id = glyph.glyph_id.to_u32();
                assert!(
                    id != 0 && Some(id) != replacement,
                    "{text}: {:?}",
                    &line.text[glyph.text_range.clone()]
                );
            }
        }
        assert!(!line.runs.is_empty());
    }
    let mut invoice = invoice(0);
    invoice.lines = texts.iter().map(|text| line(text)).collect();
    let printed = pages(&invoice).concat();
    for text in texts {
        assert!(printed.iter().any(|line| line == text), "{text}");
    }
}

#[test]
fn a_character_without_a_font_is_printed_as_a_sign() {
    let mut typesetter = shaping::Typesetter::new();
    let paragraph = paragraph::Paragraph::new(&mut typesetter, "a\u{12000}b", false);
    let line = paragraph.into_first_line(&mut typesetter, 100.0);
    let sign = fonts::REGULAR.face().unwrap().glyph(fonts::REPLACEMENT).unwrap();
    let glyphs: Vec<_> = line.runs.iter().flat_map(|run| &run.glyphs).collect();
    assert_eq!(glyphs.len(), 3);
    assert_eq!(glyphs[1].glyph_id.to_u32(), sign);
    assert_eq!(&line.text[glyphs[1].text_range.clone()], "\u{12000}");
}

#[test]
fn words_from_right_to_left_are_put_in_order() {
    let mut typesetter = shaping::Typesetter::new();
    let paragraph = paragraph::Paragraph::new(&mut typesetter, "שלום 42 עולם", false);
    let line = paragraph.into_first_line(&mut typesetter, 100.0);
    let seen: String = line
        .runs
        .iter()
        .flat_map(|run| &run.glyphs)
        .map(|glyph| &line.text[glyph.text_range.clone()])
        .collect();
    assert_eq!(seen, "םלוע 42 םולש");
    assert!(line.is_right_to_left);
}

#[test]
fn a_text_is_broken_into_lines_without_loss() {
    let mut typesetter = shaping::Typesetter::new();
    for text in [
        "some words and some more",
        "unbreakable".repeat(20).as_str(),
        "กรุงเทพมหานครสินค้าคุณภาพดี",
        "العربية طويلة جدا",
        "北京市朝阳区建国门外大街一号",
        "👩‍👩‍👧‍👦👩‍👩‍👧‍👦👩‍👩‍👧‍👦",
        "a    b          c",
    ] {
        for width in [0.1, 1.0, 3.0, 7.5] {
            let paragraph = paragraph::Paragraph::new(&mut typesetter, text, false);
            let lines = paragraph.into_lines(&mut typesetter, width);
            let mut places: Vec<_> = lines
                .iter()
                .flat_map(|line| &line.runs)
                .flat_map(|run| &run.glyphs)
                .flat_map(|glyph| glyph.text_range.clone())
                .collect();
            places.sort_unstable();
            places.dedup();
            let missing =
                text.bytes().enumerate().filter(|(place, byte)| *byte != b' ' && !places.contains(place));
            assert_eq!(missing.count(), 0, "{text} in {width}");
            // The narrowest hold a single sign, which may be wider than they are.
            if width > 2.0 {
                assert!(lines.iter().all(|line| line.width <= width + 0.01), "{text} in {width}");
            }
        }
    }
}

#[test]
fn both_languages_and_kinds_have_their_words() {
    let mut invoice = invoice(1);
    assert!(pages(&invoice)[0].contains(&"Invoice INV-1".to_owned()));
    invoice.language = Language::French;
    invoice.kind = Kind::CreditNote;
    invoice.corrects = Some("INV-0".to_owned());
    let page = pages(&invoice).concat();
    for text in [
        "Avoir INV-1",
        "Corrige la facture",
        "INV-0",
        "29\u{a0}novembre 2026",
        "page 1 sur 1",
        "24,00\u{a0}EUR",
    ] {
        assert!(page.contains(&text.to_owned()), "{text}: {page:?}");
    }
}

#[test]
fn too_much_is_refused() {
    let mut long = invoice(LINES_MAX + 1);
    assert_eq!(render(&long), Err(Error::TooLong));
    long.lines.truncate(1);
    long.notes = "\n".repeat(TEXT_BYTES_MAX);
    assert_eq!(render(&long), Err(Error::TooLong));
    long.notes = "\n".repeat(TEXT_BYTES_MAX / 2) + "a";
    assert_eq!(render(&long), Err(Error::TooLong));
}

#[test]
fn amounts_and_dates_of_any_size_are_printed() {
    for (amount, issued) in [
        (Decimal::MAX, NaiveDate::MAX),
        (Decimal::MIN, NaiveDate::MIN),
        (Decimal::new(-1, 28), NaiveDate::MIN),
    ] {
        let mut invoice = invoice(1);
        invoice.issued = issued;
        invoice.due = Some(issued);
        for sum in [
            &mut invoice.subtotal,
            &mut invoice.discount,
            &mut invoice.tax,
            &mut invoice.total,
            &mut invoice.paid,
            &mut invoice.credit,
        ] {
            *sum = amount;
        }
        invoice.amount_due = Some(amount);
        let line = line("dear");
        invoice.lines = vec![
            Line { quantity: amount, unit_price: amount, tax_rate: amount, discount: amount, ..line.clone() },
            Line { net: amount, tax: amount, total: amount, ..line },
        ];
        invoice.taxes = vec![TaxSum { rate: amount, net: amount, tax: amount }];
        let bytes = render(&invoice).unwrap();
        assert_eq!(count(&bytes, b"<pdfaid:part>"), 1);
    }
}

/// Numbers that look random and are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from(self.0 >> 33).unwrap() % limit
    }

    /// A text of characters of all planes.
    fn text(&mut self, characters: u32) -> String {
        let ranges = [
            (0, 0x20),
            (0x20, 0x7f),
            (0x80, 0x250),
            (0x300, 0x370),
            (0x590, 0x700),
            (0x900, 0x1000),
            (0xe00, 0xe80),
            (0x1000, 0x1200),
            (0x1780, 0x1800),
            (0x2000, 0x2070),
            (0x20d0, 0x2100),
            (0x3000, 0xa000),
            (0xac00, 0xd7b0),
            (0xe000, 0xf900),
            (0xfe00, 0xfe10),
            (0xfff0, 0x10000),
            (0x10000, 0x20000),
            (0x1f1e6, 0x1f200),
            (0x1f300, 0x1fb00),
            (0x20000, 0x30000),
            (0xe0000, 0xe01f0),
            (0x10_0000, 0x11_0000),
            (0, 0x11_0000),
        ];
        let only = self.below(40);
        let mut text = String::new();
        for _ in 0..characters {
            let range = if usize::try_from(only).unwrap() < ranges.len() && self.below(5) > 0 {
                only
            } else {
                self.below(23)
            };
            let (first, end) = ranges[usize::try_from(range).unwrap()];
            text.extend(char::from_u32(first + self.below(end - first)));
        }
        text
    }
}

/// An invoice whose every text is random.
fn random(numbers: &mut Numbers, characters: u32) -> Invoice {
    let mut text = || numbers.text(characters);
    let mut invoice = invoice(2);
    invoice.number = text();
    invoice.store = text();
    invoice.notes = text();
    invoice.footer = text();
    invoice.currency.code = text();
    invoice.seller =
        Seller { name: text(), address: vec![text(), text()], vat_number: Some(text()), email: Some(text()) };
    invoice.buyer = Buyer {
        name: text(),
        company: Some(text()),
        address: vec![text()],
        vat_number: None,
        email: Some(text()),
    };
    invoice.lines = vec![line(&text()), line(&text())];
    invoice
}

#[test]
fn any_text_can_be_printed() {
    let mut numbers = Numbers(1);
    for characters in [0, 1, 2, 5, 20, 20, 100, 100, 300] {
        let invoice = random(&mut numbers, characters);
        let bytes = render(&invoice).unwrap();
        // Nothing in it keeps it from being an archive file.
        assert_eq!(count(&bytes, b"<pdfaid:part>"), 1, "{characters}: {invoice:?}");
    }
}

#[test]
fn a_long_text_of_one_kind_can_be_printed() {
    for text in [
        "\u{301}",
        "a\u{301}\u{323}",
        "\u{200d}",
        "👩\u{200d}",
        "\u{1f1eb}",
        "\u{202e}",
        "\u{2067}",
        "ש(",
        "ا",
        "ก",
        "क्",
        "က္",
        "\n",
        "\u{12000}",
        "한",
        "龍",
        "\u{1100}",
        "\u{fe0f}",
        "\u{e0041}",
        " ",
        "\u{3000}",
        "\u{feff}",
        "ﷺ",
        "\u{34f}",
    ] {
        let mut invoice = invoice(1);
        invoice.lines[0].description = text.repeat(1_500 / text.chars().count());
        invoice.buyer.name = text.repeat(100);
        render(&invoice).unwrap();
    }
}
