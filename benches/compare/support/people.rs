//! Generated customers. The `n`th of a seed is always the same person, so the benches need not store them.
//! E-mails and numbers are random, because sequential values would make every index look faster.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

const FIRST: [&str; 96] = [
    "Ada", "Adrian", "Agnes", "Aidan", "Alba", "Amara", "Amina", "Anders", "Anna", "Anton", "Aria", "Arthur",
    "Beatriz", "Bela", "Benno", "Bianca", "Boris", "Bridget", "Bruno", "Camille", "Carla", "Carmen", "Chidi",
    "Chloe", "Clara", "Colin", "Daria", "David", "Delia", "Derek", "Diego", "Dmitri", "Dora", "Edgar",
    "Edith", "Elena", "Elias", "Emil", "Enzo", "Erik", "Esther", "Fatima", "Felix", "Fiona", "Frida",
    "Gabriel", "Gerda", "Gita", "Greta", "Hana", "Hector", "Hilda", "Hugo", "Ida", "Igor", "Ines", "Ingrid",
    "Isaac", "Ivan", "Jana", "Jasper", "Jose", "Judith", "Kaito", "Karin", "Kofi", "Lara", "Leila", "Leon",
    "Lin", "Lorenz", "Lucia", "Magnus", "Malik", "Mara", "Mateo", "Mina", "Nadia", "Nils", "Noor", "Olga",
    "Omar", "Oscar", "Paula", "Petra", "Quentin", "Rafael", "Ravi", "Rosa", "Samir", "Selma", "Sven", "Tara",
    "Ulla", "Viktor", "Zelda",
];
const SYLLABLES: [&str; 48] = [
    "al", "an", "ar", "bel", "ber", "bo", "bran", "cas", "chen", "dal", "dor", "el", "en", "fal", "fer",
    "gar", "gor", "hal", "hol", "il", "jor", "kal", "ker", "lan", "len", "lin", "lor", "mal", "mar", "mon",
    "nor", "ol", "os", "pel", "per", "quin", "ram", "ros", "sal", "sen", "ter", "tor", "ul", "val", "ver",
    "wal", "win", "zor",
];
const STREETS: [&str; 12] = [
    "Acorn Way",
    "Birch Road",
    "Canal Street",
    "Dune Avenue",
    "Elm Street",
    "Ferry Lane",
    "Grove Street",
    "Harbour Road",
    "Iris Court",
    "Juniper Drive",
    "Kiln Lane",
    "Lime Street",
];
/// City, state, the first three digits of the postal code, telephone area code.
const CITIES: [(&str, &str, u16, u16); 16] = [
    ("New York", "NY", 100, 212),
    ("Chicago", "IL", 606, 312),
    ("San Francisco", "CA", 941, 415),
    ("Washington", "DC", 200, 202),
    ("Miami", "FL", 331, 305),
    ("Atlanta", "GA", 303, 404),
    ("Boston", "MA", 21, 617),
    ("Las Vegas", "NV", 891, 702),
    ("Houston", "TX", 770, 713),
    ("Seattle", "WA", 981, 206),
    ("Denver", "CO", 802, 303),
    ("Austin", "TX", 787, 512),
    ("Phoenix", "AZ", 850, 602),
    ("Portland", "OR", 972, 503),
    ("Columbus", "OH", 432, 614),
    ("Raleigh", "NC", 276, 919),
];
const DOMAINS: [&str; 10] = [
    "post.example",
    "mail.example",
    "inbox.example",
    "letters.example",
    "example.com",
    "example.net",
    "example.org",
    "home.example",
    "work.example",
    "web.example",
];
const LABELS: [&str; 6] = ["wholesale", "retail", "newsletter", "priority", "trial", "partner"];

/// A customer as in a request: 30 values.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Person {
    pub customer_number: String,
    pub customer_status: i32,
    pub company: String,
    pub firstname: String,
    pub lastname: String,
    pub birthday: String,
    pub phone: String,
    pub email: String,
    pub address: String,
    pub address1: String,
    pub city: String,
    pub state: String,
    pub zip: String,
    pub country: String,
    pub shipping_address: String,
    pub shipping_address1: String,
    pub shipping_city: String,
    pub shipping_state: String,
    pub shipping_zip: String,
    pub shipping_country: String,
    pub balance: f64,
    pub time_zone: i32,
    pub labels: [String; 2],
    pub additional_fields: Additional,
    pub created_at: String,
}

/// The caller's own fields.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Additional {
    pub client_id: String,
    pub segment: String,
    pub source: String,
    pub sales_rep: String,
    pub tier: String,
}

/// The header of [`Person::csv`]: 25 columns.
pub const CSV_HEADER: &str = "customerNumber,customerStatus,company,firstname,lastname,birthday,phone,email,address,address1,city,state,zip,country,\
shippingAddress,shippingAddress1,shippingCity,shippingState,shippingZip,shippingCountry,balance,timeZone,labels,\
additional-clientId,additional-segment\n";

impl Person {
    /// The `number`th person of a seed.
    pub fn of(seed: u64, number: u64) -> Person {
        // An odd multiplier spreads neighbouring numbers over the generator's states.
        let mut rng =
            fastrand::Rng::with_seed(seed ^ number.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(23));
        let firstname = (*pick(&mut rng, &FIRST)).to_owned();
        let lastname = surname(&mut rng);
        let &(city, state, zip, area) = pick(&mut rng, &CITIES);
        let &(shipping_city, shipping_state, shipping_zip, _) = pick(&mut rng, &CITIES);
        let street = |rng: &mut fastrand::Rng| format!("{} {}", rng.u16(1..2000), pick(rng, &STREETS));
        let own = base_26(number);
        let email = format!(
            "{}.{}{}{own}@{}",
            firstname.to_ascii_lowercase(),
            lastname.to_ascii_lowercase(),
            letters(&mut rng, 3),
            pick(&mut rng, &DOMAINS)
        );
        Person {
            customer_number: format!("C-{}{own}", letters(&mut rng, 6)).to_ascii_uppercase(),
            customer_status: 1,
            company: format!("{} {}", surname(&mut rng), pick(&mut rng, &["LLC", "Inc", "Trading", "Works"])),
            birthday: format!("{}-{:02}-{:02}", rng.u16(1940..2005), rng.u8(1..=12), rng.u8(1..=28)),
            // Exchanges start with two digits from 2 to 9, so none is x11, and libphonenumber accepts the numbers.
            phone: format!(
                "+1{area}{}{}{}{:04}",
                rng.u8(2..=9),
                rng.u8(2..=9),
                rng.u8(0..=9),
                rng.u16(0..10_000)
            ),
            email,
            address: street(&mut rng),
            address1: format!("Unit {}", rng.u16(1..400)),
            city: city.to_owned(),
            state: state.to_owned(),
            zip: format!("{zip:03}{:02}", rng.u8(0..100)),
            country: "US".to_owned(),
            shipping_address: street(&mut rng),
            shipping_address1: format!("Dock {}", rng.u8(1..40)),
            shipping_city: shipping_city.to_owned(),
            shipping_state: shipping_state.to_owned(),
            shipping_zip: format!("{shipping_zip:03}{:02}", rng.u8(0..100)),
            shipping_country: "US".to_owned(),
            balance: f64::from(rng.u32(0..10_000_000)) / 100.0,
            time_zone: rng.i32(-8..=-5),
            labels: [(*pick(&mut rng, &LABELS[..3])).to_owned(), (*pick(&mut rng, &LABELS[3..])).to_owned()],
            additional_fields: Additional {
                client_id: letters(&mut rng, 12),
                segment: (*pick(&mut rng, &["north", "south", "east", "west"])).to_owned(),
                source: (*pick(&mut rng, &["web", "shop", "fair", "referral"])).to_owned(),
                sales_rep: (*pick(&mut rng, &FIRST)).to_owned(),
                tier: (*pick(&mut rng, &["gold", "silver", "bronze"])).to_owned(),
            },
            created_at: format!(
                "{}-0{}-{:02}T10:{:02}:00Z",
                rng.u16(2018..2025),
                rng.u8(1..=9),
                rng.u8(1..=28),
                rng.u8(0..60)
            ),
            firstname,
            lastname,
        }
    }

    /// As a request's body.
    pub fn json(&self) -> String {
        serde_json::to_string(self).expect("plain data")
    }

    /// The texts from the company to the shipping country, in the order of [`CSV_HEADER`].
    pub fn texts(&self) -> [&str; 18] {
        [
            &self.company,
            &self.firstname,
            &self.lastname,
            &self.birthday,
            &self.phone,
            &self.email,
            &self.address,
            &self.address1,
            &self.city,
            &self.state,
            &self.zip,
            &self.country,
            &self.shipping_address,
            &self.shipping_address1,
            &self.shipping_city,
            &self.shipping_state,
            &self.shipping_zip,
            &self.shipping_country,
        ]
    }

    /// As a row under [`CSV_HEADER`]; no value needs quotes.
    pub fn csv(&self, to: &mut String) {
        write!(to, "{},{}", self.customer_number, self.customer_status).expect("a string");
        for field in self.texts() {
            write!(to, ",{field}").expect("a string");
        }
        let own = &self.additional_fields;
        writeln!(
            to,
            ",{:.2},{},{};{},{},{}",
            self.balance, self.time_zone, self.labels[0], self.labels[1], own.client_id, own.segment
        )
        .expect("a string");
    }
}

fn pick<'a, T>(rng: &mut fastrand::Rng, from: &'a [T]) -> &'a T {
    &from[rng.usize(..from.len())]
}

/// A number in letters, lowest digit first. It follows a random part in values that must be unique: among millions of
/// people, two would get the same random part.
fn base_26(mut number: u64) -> String {
    let mut text = String::new();
    loop {
        text.push(char::from(b'a' + (number % 26) as u8));
        number /= 26;
        if number == 0 {
            return text;
        }
    }
}

fn surname(rng: &mut fastrand::Rng) -> String {
    let mut name = String::new();
    for _ in 0..rng.u8(2..=3) {
        name.push_str(SYLLABLES[rng.usize(..SYLLABLES.len())]);
    }
    name[..1].make_ascii_uppercase();
    name
}

fn letters(rng: &mut fastrand::Rng, count: usize) -> String {
    const FROM: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    (0..count).map(|_| char::from(*pick(rng, FROM))).collect()
}
