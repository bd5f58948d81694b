//! E-mail addresses: their form, the form in which they compare, and the one to which mail goes (rules 2 and 3).

use std::borrow::Cow;
use std::net::IpAddr;

use compact_str::CompactString;
use icu_casemap::CaseMapper;
use icu_normalizer::ComposingNormalizerBorrowed;
use icu_properties::CodePointMapData;
use icu_properties::props::{GeneralCategory, GeneralCategoryGroup};
use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

use crate::domain::kernel::invisible::without_ignorable;
use crate::domain::kernel::problem::ValueError;
use crate::domain::kernel::text::{checked, nfc};

/// The most characters of an e-mail address.
pub const EMAIL_CHARS_MAX: usize = 320;
/// The most bytes of the part before the `@` (RFC 5321, 4.5.3.1.1).
const LOCAL_BYTES_MAX: usize = 64;

const NFKC: ComposingNormalizerBorrowed<'static> = ComposingNormalizerBorrowed::new_nfkc();
/// The mapping of domain names; it is not transitional, so `ß` stays.
const UTS46: Uts46 = Uts46::new();
/// How the ASCII form of a label begins that has other letters.
const ACE_PREFIX: &str = "xn--";

/// An address without invisible characters and white space at its ends, in NFKC: full-width letters become plain ones.
pub fn cleaned(text: &str) -> Cow<'_, str> {
    let text = if text.is_ascii() {
        Cow::Borrowed(text)
    } else {
        let normal = NFKC.normalize(&without_ignorable(text)).replace('\u{3002}', ".");
        // The normal form of a character may be an invisible one.
        Cow::Owned(without_ignorable(&normal).into_owned())
    };
    if text.trim().len() == text.len() { text } else { Cow::Owned(text.trim().to_owned()) }
}

/// The stored form of an address: [`cleaned`], else as sent.
///
/// # Errors
/// The text has another form, or more characters than allowed.
pub fn email(text: &str) -> Result<CompactString, ValueError> {
    let address = checked(&cleaned(text), EMAIL_CHARS_MAX)?;
    let parts = address.rsplit_once('@');
    if parts.is_some_and(|(local, domain)| is_local(local) && ascii_domain(domain).is_some()) {
        Ok(address)
    } else {
        Err(("invalid_email", "must be an e-mail address such as ada.roe@example.test".into()))
    }
}

/// Whether a text may stand before the `@`: HTML's characters, and letters, marks and digits of other scripts (RFC 6531).
fn is_local(local: &str) -> bool {
    let allowed = |c: char| match c {
        '.' | '!' | '#' | '$' | '%' | '&' | '\'' | '*' | '+' | '/' | '=' | '?' | '^' | '_' | '`' | '{'
        | '|' | '}' | '~' | '-' => true,
        c if c.is_ascii() => c.is_ascii_alphanumeric(),
        c => {
            let category = CodePointMapData::<GeneralCategory>::new().get(c);
            c.is_alphanumeric() || GeneralCategoryGroup::Mark.contains(category)
        }
    };
    !local.is_empty() && local.len() <= LOCAL_BYTES_MAX && local.chars().all(allowed)
}

/// The ASCII form of a domain (UTS #46), or of an address literal; none if the text is neither.
fn ascii_domain(domain: &str) -> Option<Cow<'_, str>> {
    if let Some(literal) = domain.strip_prefix('[') {
        let address: IpAddr = literal.strip_suffix(']')?.parse().ok()?;
        return Some(Cow::Owned(format!("[{address}]")));
    }
    // Some real domains have hyphens in the third and fourth place.
    UTS46.to_ascii(domain.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast, DnsLength::Verify).ok()
}

/// The form of a domain with the letters that people see.
fn unicode_domain(domain: &str) -> Option<Cow<'_, str>> {
    let (unicode, valid) = UTS46.to_unicode(domain.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast);
    valid.ok().map(|()| unicode)
}

/// Whether a domain has another spelling than its own in lower case.
fn has_spellings(domain: &str) -> bool {
    let starts =
        |label: &str| label.get(..ACE_PREFIX.len()).is_some_and(|it| it.eq_ignore_ascii_case(ACE_PREFIX));
    !domain.is_ascii() || domain.starts_with('[') || domain.split('.').any(starts)
}

/// A text without case. Unlike [`fold`](crate::domain::kernel::text::fold), it changes no character into several, so that
/// `ß` is not `ss`: these are two mailboxes.
pub fn fold(text: &str) -> CompactString {
    if text.is_ascii() {
        return text.to_ascii_lowercase().into();
    }
    let mapper = CaseMapper::new();
    let folded: String = text.chars().map(|c| mapper.simple_fold(c)).collect();
    nfc(&folded).into()
}

/// The form in which addresses compare: the part before the `@` without case, and the ASCII form of the domain. Two
/// spellings of a domain have one form. A text that is no address has its form without case.
pub fn comparable(address: &str) -> CompactString {
    let address = cleaned(address);
    let Some((local, domain)) = address.rsplit_once('@').filter(|(_, domain)| has_spellings(domain)) else {
        return fold(&address);
    };
    with_domain(&fold(local), &ascii_domain(domain).unwrap_or_else(|| fold(domain).to_string().into()))
}

/// Every spelling of an address by which people look for it, without case: as stored, and with the other forms of its
/// domain.
pub fn spellings(address: &str) -> Vec<CompactString> {
    let address = &*cleaned(address);
    let mut all = vec![fold(address)];
    if let Some((local, domain)) = address.rsplit_once('@').filter(|(_, domain)| has_spellings(domain)) {
        for domain in [ascii_domain(domain), unicode_domain(domain)].into_iter().flatten() {
            let spelling = with_domain(&fold(local), &domain);
            if !all.contains(&spelling) {
                all.push(spelling);
            }
        }
    }
    all
}

/// The spelling with the letters that people see, so that all spellings of an address have one.
pub fn readable(address: &str) -> Cow<'_, str> {
    let Some((local, domain)) = address.rsplit_once('@').filter(|(_, domain)| has_spellings(domain)) else {
        return Cow::Borrowed(address);
    };
    match unicode_domain(domain) {
        Some(domain) => Cow::Owned(with_domain(local, &domain).into()),
        None => Cow::Borrowed(address),
    }
}

/// The address to which mail goes: the ASCII form of the domain. A part before the `@` beyond ASCII stays; only servers
/// with SMTPUTF8 take it (RFC 6531).
pub fn deliverable(address: &str) -> Cow<'_, str> {
    match address.rsplit_once('@') {
        Some((local, domain)) if !domain.is_ascii() => match ascii_domain(domain) {
            Some(domain) => Cow::Owned(with_domain(local, &domain).into()),
            None => Cow::Borrowed(address),
        },
        _ => Cow::Borrowed(address),
    }
}

fn with_domain(local: &str, domain: &str) -> CompactString {
    let mut address = CompactString::with_capacity(local.len() + 1 + domain.len());
    address.push_str(local);
    address.push('@');
    address.push_str(domain);
    address
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    #[test]
    fn rules_2_emails_have_the_shape_of_one() {
        for good in [
            "ada.roe@example.test",
            "a+b@x.co",
            "ada@bücher.example",
            "ada@xn--bcher-kva.example",
            "ada@[192.0.2.1]",
            "用户@例え.example",
            "ada@ab--c.example",
            "O'Brien@localhost",
        ] {
            assert_eq!(email(good).as_deref(), Ok(good), "{good}");
        }
        for bad in [
            "ada",
            "@x.test",
            "a@",
            "a b@x.test",
            "a@b@c.test",
            "a@-x.test",
            "a@x-.test",
            "a@x..test",
            "a@x.test.",
            "a@x_y.test",
            "a@[192.0.2]",
            "a@xn--a",
            "a@ex ample.test",
            "a\u{0}b@x.test",
            "a\u{2019}b@x.test",
            "a🔥b@x.test",
        ] {
            assert!(email(bad).is_err(), "{bad}");
        }
        assert!(email(&format!("{}@x.test", "é".repeat(33))).is_err());
        assert!(email(&format!("{}@x.test", "é".repeat(32))).is_ok());
    }

    #[test]
    fn rules_2_emails_lose_invisible_characters_and_full_width() {
        for typed in [
            "mo.vale@example.test\u{2060}",
            "mo.vale@exam\u{ad}ple.test",
            "\u{feff}mo.vale\u{200b}@example\u{200d}.test",
            "ｍｏ．ｖａｌｅ＠ｅｘａｍｐｌｅ．ｔｅｓｔ",
            "mo.vale@example\u{ff61}test\u{3000}",
            "mo.vale@example\u{3002}test\n",
        ] {
            assert_eq!(email(typed).as_deref(), Ok("mo.vale@example.test"), "{typed:?}");
        }
    }

    #[test]
    fn rules_3_both_spellings_of_a_domain_are_one() {
        for (one, other) in [
            ("kontakt@bücher-lager.example", "Kontakt@XN--BCHER-LAGER-THB.example"),
            ("a@BU\u{308}CHER.example", "a@bücher.EXAMPLE"),
            ("a@例え.test", "a@xn--r8jz45g.test"),
            ("ÉLAN@x.test", "élan@X.test"),
            ("a@[2001:db8:0:0::1]", "a@[2001:DB8::1]"),
        ] {
            assert_eq!(comparable(one), comparable(other), "{one} {other}");
        }
        for (one, other) in [
            ("info@straße.example", "info@strasse.example"),
            ("straße@x.example", "strasse@x.example"),
            ("a@faß.example", "a@fass.example"),
            ("a@βόλος.example", "a@βόλοσ.example"),
            ("ı@x.test", "i@x.test"),
        ] {
            assert_ne!(comparable(one), comparable(other), "{one} {other}");
        }
    }

    #[test]
    fn rules_8_people_find_every_spelling() {
        assert_eq!(spellings("A@Example.test"), ["a@example.test"]);
        assert_eq!(spellings("a@BÜCHER.example"), ["a@bücher.example", "a@xn--bcher-kva.example"]);
        assert_eq!(spellings("a@xn--bcher-kva.example"), ["a@xn--bcher-kva.example", "a@bücher.example"]);
        assert_eq!(readable("a@xn--bcher-kva.example"), "a@bücher.example");
        assert_eq!(deliverable("Jörg@Bücher.example"), "Jörg@xn--bcher-kva.example");
        assert_eq!(deliverable("Ada@Example.test"), "Ada@Example.test");
    }

    /// Addresses of different owners, between `|`: no two may become one.
    const OWNERS: &str = "info@straße.example|info@strasse.example|stra\u{df}e@x.example|strasse@x.example|ada@x.example|\
        adä@x.example|i@x.example|ı@x.example|\u{e6}@x.example|ae@x.example|a.b@x.example|ab@x.example|a+b@x.example|\
        ada@bücher.example|ada@bucher.example|ada@buecher.example|s1@fa\u{df}.example|s1@fass.example|o'b@x.example|ob@x.example";

    /// A spelling of an address as people send it: with invisible characters, in another case, full-width.
    fn respelled(address: &'static str) -> impl Strategy<Value = String> {
        let ignorable = "\u{ad}|\u{200b}|\u{200c}|\u{200d}|\u{2060}|\u{feff}|\u{fe0f}|\u{202a}|\u{3164}|\u{e0061}|\u{34f}|";
        let length = address.chars().count();
        let marks = vec(select(ignorable.split('|').collect::<Vec<_>>()), length + 1);
        (marks, vec(0..4_u8, length)).prop_map(move |(marks, styles)| {
            let mut text = String::from(marks[0]);
            for ((c, style), mark) in address.chars().zip(styles).zip(&marks[1..]) {
                match style {
                    // Only letters whose capital has one way back.
                    0 if c.is_ascii_lowercase() || "äüé".contains(c) => text.extend(c.to_uppercase()),
                    1 if c.is_ascii_graphic() => text.extend(char::from_u32(u32::from(c) + 0xfee0)),
                    _ => text.push(c),
                }
                text.push_str(mark);
            }
            text
        })
    }

    proptest! {
        /// However an address is typed, it is one customer's, and nobody else's.
        #[test]
        fn rules_3_a_spelling_leads_to_its_owner_alone(
            (owner, typed) in select(OWNERS.split('|').collect::<Vec<_>>())
                .prop_flat_map(|owner| (Just(owner), respelled(owner)))
        ) {
            let stored = email(&typed);
            prop_assert!(stored.is_ok(), "{typed:?}");
            let key = comparable(&stored.unwrap());
            for other in OWNERS.split('|') {
                prop_assert_eq!(key == comparable(other), other == owner, "{:?} and {}", typed, other);
            }
        }

        /// The comparable form is its own comparable form, and that of every spelling.
        #[test]
        fn comparing_is_idempotent(local in "[a-zA-Zßſéİıςά.+]{1,6}", domain in "(xn--bcher-kva|[a-zA-Zßüς例-]{1,6})\\.test") {
            let address = format!("{local}@{domain}");
            let key = comparable(&address);
            prop_assert_eq!(comparable(&key), key.as_str());
            prop_assert_eq!(comparable(&cleaned(&address)), key.as_str());
            if email(&address).is_ok() {
                // The first is the typed one without case, which in a domain may be another one: ς is a letter there.
                for spelling in spellings(&address).into_iter().skip(1) {
                    prop_assert_eq!(comparable(&spelling), key.as_str(), "{}", spelling);
                }
                prop_assert_eq!(comparable(&deliverable(&cleaned(&address))), key.as_str());
            }
        }
    }
}
