//! Customers in many scripts, with the forms of their texts by rules 8. The folded and the plain form of every piece
//! are written by hand: a reference that computed them would share a library's mistakes with the program.

use std::collections::BTreeMap;

use fastrand::Rng;
use serde_json::{Value, json};

/// Ways to write a piece, its folded form (NFC and full case folding), and its form without marks and invisible
/// characters. No piece composes with the one before it, so the forms of a text are those of its pieces in a row.
const PIECES: [(&[&str], &str, &str); 42] = [
    (&["ë", "Ë", "e\u{308}", "E\u{308}"], "ë", "e"),
    (&["é", "É", "e\u{301}", "E\u{301}"], "é", "e"),
    (&["ễ", "Ễ", "e\u{302}\u{303}", "Ê\u{303}"], "ễ", "e"),
    (&["ñ", "Ñ", "n\u{303}"], "ñ", "n"),
    (&["å", "Å", "\u{212b}", "A\u{30a}"], "å", "a"),
    (&["ø", "Ø"], "ø", "o"),
    (&["ł", "Ł"], "ł", "l"),
    (&["ß", "ẞ", "ss", "SS", "sS"], "ss", "ss"),
    (&["ﬁ", "fi", "FI"], "fi", "fi"),
    (&["ａ", "Ａ"], "ａ", "a"),
    (&["k", "K", "\u{212a}"], "k", "k"),
    // Turkish: the dotted capital is an i and a combining dot; the dotless small letter is a letter of its own.
    (&["İ", "i\u{307}", "I\u{307}"], "i\u{307}", "i"),
    (&["ı"], "ı", "i"),
    (&["i", "I"], "i", "i"),
    // Greek: three sigmas are one letter, a tonos is a mark, an iota subscript is an iota after the letter.
    (&["ς", "σ", "Σ"], "σ", "σ"),
    (&["έ", "Έ", "ε\u{301}"], "έ", "ε"),
    (&["δ", "Δ"], "δ", "δ"),
    (&["ᾳ", "ᾼ", "α\u{345}"], "αι", "αι"),
    (&["ё", "Ё", "е\u{308}", "Е\u{308}"], "ё", "е"),
    (&["ж", "Ж"], "ж", "ж"),
    (&["й", "Й", "и\u{306}"], "й", "и"),
    (&["ა", "Ა"], "ა", "ა"),
    // Cherokee: the small letters came later to Unicode, so they fold to the capitals.
    (&["Ꭰ", "ꭰ"], "Ꭰ", "Ꭰ"),
    (&["أ", "ا\u{654}"], "أ", "ا"),
    (&["مُ"], "مُ", "م"),
    (&["ح"], "ح", "ح"),
    (&["د"], "د", "د"),
    (&["\u{fb2a}", "ש\u{5c1}"], "ש\u{5c1}", "ש"),
    (&["李"], "李", "李"),
    (&["雷"], "雷", "雷"),
    (&["\u{f900}", "\u{8c48}"], "\u{8c48}", "\u{8c48}"),
    (&["が", "か\u{3099}"], "が", "か"),
    (&["김", "\u{1100}\u{1175}\u{11b7}"], "김", "\u{1100}\u{1175}\u{11b7}"),
    (&["ㄱ"], "ㄱ", "\u{1100}"),
    (&["कु"], "कु", "कु"),
    (&["क"], "क", "क"),
    (&["é\u{323}", "ẹ\u{301}", "e\u{323}\u{301}"], "ẹ\u{301}", "e"),
    (&["👩\u{200d}👩\u{200d}👧"], "👩\u{200d}👩\u{200d}👧", "👩👩👧"),
    (&["👩"], "👩", "👩"),
    (&["👍🏽"], "👍🏽", "👍🏽"),
    (&["❤\u{fe0f}"], "❤\u{fe0f}", "❤"),
    (&["𐐨", "𐐀"], "𐐨", "𐐨"),
];

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Piece {
    /// In lower case.
    Ascii(char),
    /// The index in [`PIECES`].
    Other(usize),
}

/// A text, independent of the way it is written.
pub type Text = Vec<Piece>;

pub fn ascii(text: &str) -> Text {
    text.chars().map(|c| Piece::Ascii(c.to_ascii_lowercase())).collect()
}

pub fn folded(text: &[Piece]) -> String {
    text.iter()
        .map(|piece| match piece {
            Piece::Ascii(c) => c.to_string(),
            Piece::Other(place) => PIECES[*place].1.to_owned(),
        })
        .collect()
}

pub fn plain(text: &[Piece]) -> String {
    text.iter()
        .map(|piece| match piece {
            Piece::Ascii(c) => c.to_string(),
            Piece::Other(place) => PIECES[*place].2.to_owned(),
        })
        .collect()
}

/// A random way to write the text.
pub fn write(rng: &mut Rng, text: &[Piece]) -> String {
    let shouts = rng.u8(0..4) == 0;
    text.iter()
        .map(|piece| match piece {
            Piece::Ascii(c) if shouts => c.to_ascii_uppercase().to_string(),
            Piece::Ascii(c) => c.to_string(),
            Piece::Other(place) => {
                let ways = PIECES[*place].0;
                ways[rng.usize(0..ways.len())].to_owned()
            }
        })
        .collect()
}

/// A random contiguous part.
pub fn cut(rng: &mut Rng, text: &[Piece], most: usize) -> Text {
    if text.is_empty() {
        return Text::new();
    }
    let from = rng.usize(0..text.len());
    let length = rng.usize(1..=most.min(text.len() - from));
    text[from..from + length].to_vec()
}

/// The words that form names, companies and cities; many share their beginning.
pub struct Words(Vec<Text>);

const SYLLABLES: [&str; 12] = ["ada", "ro", "zo", "jos", "stra", "e", "n", "o'", "mi", "x-", "12", "l"];

impl Words {
    pub fn new(rng: &mut Rng) -> Self {
        let mut words: Vec<Text> = Vec::new();
        for _ in 0..40 {
            let mut word = match rng.u8(0..3) {
                0 if !words.is_empty() => words[rng.usize(0..words.len())].clone(),
                _ => Text::new(),
            };
            for _ in 0..rng.usize(1..4) {
                if rng.bool() {
                    word.extend(ascii(SYLLABLES[rng.usize(0..SYLLABLES.len())]));
                } else {
                    word.push(Piece::Other(rng.usize(0..PIECES.len())));
                }
            }
            words.push(word);
        }
        Self(words)
    }

    pub fn one(&self, rng: &mut Rng) -> Text {
        self.0[rng.usize(0..self.0.len())].clone()
    }

    /// One word or two, separated by one blank or two.
    pub fn some(&self, rng: &mut Rng) -> Text {
        let mut text = self.one(rng);
        if rng.u8(0..3) == 0 {
            text.extend(ascii(if rng.u8(0..4) == 0 { "  " } else { " " }));
            text.extend(self.one(rng));
        }
        text
    }
}

/// The texts of a customer by their request names, and how many customers in ten have each.
const TEXTS: [(&str, u8); 12] = [
    ("firstname", 7),
    ("lastname", 7),
    ("fullname", 2),
    ("company", 4),
    ("address", 3),
    ("city", 7),
    ("state", 4),
    ("zip", 4),
    ("email", 7),
    ("customerNumber", 8),
    ("customerUsername", 3),
    ("shippingCity", 3),
];

/// 2024-02-28T00:00:00Z; two days later it is March.
pub const FIRST_DAY: i64 = 1_709_078_400;
pub const DAY: i64 = 86_400;
const DAYS: [&str; 3] = ["2024-02-28", "2024-02-29", "2024-03-01"];

/// A second within the three days as a UTC time, without the `Z`.
pub fn time(second: i64) -> String {
    let (day, rest) = ((second - FIRST_DAY) / DAY, (second - FIRST_DAY) % DAY);
    let day = DAYS[usize::try_from(day).unwrap()];
    format!("{day}T{:02}:{:02}:{:02}", rest / 3_600, rest / 60 % 60, rest % 60)
}

/// Ten-thousandths as a decimal.
pub fn decimal(units: i64) -> String {
    let sign = if units < 0 { "-" } else { "" };
    format!("{sign}{}.{:04}", units.abs() / 10_000, units.abs() % 10_000)
}

pub fn random_second(rng: &mut Rng) -> i64 {
    // Mistakes happen at midnight.
    let of_day = [0, 1, 36_000, 43_200, DAY - 1][rng.usize(0..5)];
    FIRST_DAY + rng.i64(0..3) * DAY + of_day
}

pub fn random_balance(rng: &mut Rng) -> i64 {
    [-20_000, -12_500, -1, 0, 0, 0, 1, 2_500, 10_000, 10_001][rng.usize(0..10)]
}

/// A telephone number: `+`, its digits, and sometimes an extension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phone {
    number: String,
    extension: String,
}

impl Phone {
    fn random(rng: &mut Rng) -> Self {
        let extension = if rng.u8(0..5) == 0 { rng.u8(1..100).to_string() } else { String::new() };
        Self { number: format!("1202555{:04}", rng.u16(0..10_000)), extension }
    }

    pub fn digits(&self) -> String {
        format!("{}{}", self.number, self.extension)
    }

    /// As rules 2 store it.
    pub fn stored(&self) -> String {
        let mark = if self.extension.is_empty() { "" } else { " x" };
        format!("+{}{mark}{}", self.number, self.extension)
    }

    /// With its country code, so that no region is needed to read it.
    pub fn write(&self, rng: &mut Rng) -> String {
        let (area, office, line) = (&self.number[1..4], &self.number[4..7], &self.number[7..]);
        let number = match rng.u8(0..5) {
            0 => format!("+1{area}{office}{line}"),
            1 => format!("+1 ({area}) {office}-{line}"),
            2 => format!("+1-{area}-{office}-{line}"),
            3 => format!("+1 {area}.{office}.{line}"),
            _ => format!("+1 {area} {office} {line}"),
        };
        match (self.extension.as_str(), rng.bool()) {
            ("", _) => number,
            (extension, true) => format!("{number} x{extension}"),
            (extension, false) => format!("{number} ext. {extension}"),
        }
    }
}

/// A customer as the reference knows it.
pub struct Person {
    pub id: u64,
    pub texts: BTreeMap<&'static str, Text>,
    pub tier: Option<Text>,
    pub labels: Vec<Text>,
    pub phone: Option<Phone>,
    /// In ten-thousandths.
    pub balance: i64,
    pub status: i64,
    /// In seconds since 1970.
    pub created: i64,
    pub time_zone: Option<i64>,
}

impl Person {
    /// A new random customer.
    pub fn random(rng: &mut Rng, words: &Words, number: usize) -> Self {
        let mut texts = BTreeMap::new();
        for (field, tenths) in TEXTS {
            if rng.u8(0..10) >= tenths {
                continue;
            }
            let text = match field {
                "email" => ascii(&format!("u{}@example{}.test", rng.u16(0..60), rng.u8(0..3))),
                "customerNumber" => ascii(&format!("n-{number}")),
                "customerUsername" => ascii(&format!("user {number}")),
                "zip" => ascii(["22124", "22125", "k1a 0b1"][rng.usize(0..3)]),
                _ => words.some(rng),
            };
            texts.insert(field, text);
        }
        let is_known = ["firstname", "lastname", "fullname", "company", "email", "customerNumber"];
        if !is_known.iter().any(|field| texts.contains_key(field)) {
            texts.insert("customerNumber", ascii(&format!("n-{number}")));
        }
        Self {
            id: 0,
            texts,
            tier: (rng.u8(0..3) > 0).then(|| words.one(rng)),
            labels: (0..rng.usize(0..3)).map(|_| words.one(rng)).collect(),
            phone: (rng.u8(0..3) > 0).then(|| Phone::random(rng)),
            balance: random_balance(rng),
            status: [0, 1, 1, 85][rng.usize(0..4)],
            created: random_second(rng),
            time_zone: (rng.u8(0..3) > 0).then(|| rng.i64(-12..15)),
        }
    }

    /// The body that creates the customer.
    #[allow(clippy::cast_precision_loss, reason = "small multiples of a ten-thousandth print as they are")]
    pub fn body(&self, rng: &mut Rng) -> Value {
        let mut body = json!({
            "balance": self.balance as f64 / 10_000.0,
            "customerStatus": self.status,
            "createdAt": format!("{}Z", time(self.created)),
            "timeZone": self.time_zone,
            "phone": self.phone.as_ref().map(|phone| phone.write(rng)),
            "labels": self.labels.iter().map(|label| write(rng, label)).collect::<Vec<_>>(),
            "additionalFields": {"tier": self.tier.as_ref().map(|tier| write(rng, tier))},
        });
        for (field, text) in &self.texts {
            body[*field] = json!(write(rng, text));
        }
        body
    }

    pub fn is_deleted(&self) -> bool {
        self.status == -99
    }

    /// A text of the customer; an absent text is empty.
    pub fn text(&self, field: &str) -> &[Piece] {
        self.texts.get(field).map_or(&[], Vec::as_slice)
    }

    /// The names that `name` and a search look at: [`Person::name`], and first and last name beside a full name.
    pub fn names(&self) -> Vec<Text> {
        let mut names = vec![self.name()];
        names.extend(
            Some(self.person_name()).filter(|name| self.texts.contains_key("fullname") && !name.is_empty()),
        );
        names
    }

    /// The full name, or else first and last name.
    pub fn name(&self) -> Text {
        if let Some(full) = self.texts.get("fullname") {
            return full.clone();
        }
        self.person_name()
    }

    fn person_name(&self) -> Text {
        let parts: Vec<&Text> =
            ["firstname", "lastname"].iter().filter_map(|part| self.texts.get(part)).collect();
        parts
            .into_iter()
            .cloned()
            .reduce(|first, last| [first, ascii(" "), last].concat())
            .unwrap_or_default()
    }

    pub fn digits(&self) -> String {
        self.phone.as_ref().map(Phone::digits).unwrap_or_default()
    }

    /// Whether the customer has a word of a search, in the word's plain form.
    pub fn has_word(&self, word: &str) -> bool {
        let mut texts: Vec<String> =
            ["company", "email", "customerNumber"].map(|field| plain(self.text(field))).into();
        texts.extend(self.names().iter().map(|name| plain(name)));
        if texts.iter().any(|text| text.contains(word)) {
            return true;
        }
        let is_phone = word.chars().all(|c| c.is_ascii_digit() || "+-().x/".contains(c));
        let has_digits = word.chars().any(|c| c.is_ascii_digit());
        // A letter in the word marks the phone's extension.
        let typed: String = word.chars().filter(|c| c.is_ascii_digit() || *c == 'x').collect();
        let stored = self.phone.as_ref().map(Phone::stored).unwrap_or_default();
        let stored: String = stored.chars().filter(|c| c.is_ascii_digit() || *c == 'x').collect();
        is_phone && has_digits && (self.digits().contains(&typed) || stored.contains(&typed))
    }
}
