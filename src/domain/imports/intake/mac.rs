//! Recognises Latin text of old Macs, which the detector of browsers does not know: they meet none of it on the web.

use encoding_rs::{Encoding, MACINTOSH};

/// The letters of a Mac encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Script {
    /// Mac OS Roman.
    Western,
    /// Mac OS Central European. No Encoding Standard has it, so no decoder reads it.
    CentralEuropean,
}

/// How many bytes are looked at.
const BYTES_MAX: usize = 64 << 10;

/// The upper half of Mac OS Central European as far as it is letters; a blank stands for the rest.
const CENTRAL_EUROPEAN: &str = "ÄĀāÉĄÖÜáąČäčĆćéŹźĎíďĒēĖóėôöõúĚěü  Ę    ß   ę  ģĮįĪ  īĶ  łĻļĽľĹĺŅņŃ  ńŇ     ňŐÕőŌ        ōŔŕŘ  řŖŗŠ  šŚśÁŤťÍŽžŪÓÔūŮÚůŰűŲųÝýķŻŁżĢ ";

/// Letters of Mac OS Roman that no name has; Mac OS Central European has letters in their places.
const SIGNS: [char; 8] = ['ﬁ', 'ﬂ', 'ƒ', 'π', 'µ', 'Ω', 'ª', 'º'];

/// Which Mac encoding explains the bytes better than the guessed one. Only letters within words speak: in Mac encodings
/// most accented letters are where the Windows encodings have signs, and the other way round.
pub(super) fn guess(bytes: &[u8], guessed: &'static Encoding) -> Option<Script> {
    if !guessed.is_single_byte() {
        return None;
    }
    let bytes = bytes.get(..BYTES_MAX.min(bytes.len())).unwrap_or_default();
    let central: Vec<char> = CENTRAL_EUROPEAN.chars().collect();
    let of = |encoding: &'static Encoding| {
        move |byte: u8| {
            let letter = encoding.decode_without_bom_handling(&[byte]).0.chars().next();
            letter.filter(|letter| !SIGNS.contains(letter)).unwrap_or(' ')
        }
    };
    let central =
        |byte: u8| usize::from(byte).checked_sub(0x80).and_then(|at| central.get(at)).copied().unwrap_or(' ');
    let (windows, western, central) =
        (plausible(bytes, of(guessed)), plausible(bytes, of(MACINTOSH)), plausible(bytes, central));
    match () {
        () if western > windows && western >= central => Some(Script::Western),
        () if central > windows && central > western => Some(Script::CentralEuropean),
        () => None,
    }
}

/// How many bytes beside another letter are letters of the right case: small ones not among capitals, capital ones at the
/// beginning of a word or after a capital.
fn plausible(bytes: &[u8], letter: impl Fn(u8) -> char) -> usize {
    let read = |byte: u8| if byte.is_ascii() { char::from(byte) } else { letter(byte) };
    let at = |index: Option<usize>| index.and_then(|index| bytes.get(index)).map_or(' ', |byte| read(*byte));
    let is_plausible = |(index, byte): (usize, &u8)| {
        if byte.is_ascii() {
            return false;
        }
        let (before, after) = (at(index.checked_sub(1)), at(index.checked_add(1)));
        let among_capitals = before.is_uppercase() && at(index.checked_sub(2)).is_uppercase();
        let letter = letter(*byte);
        (before.is_alphabetic() || after.is_alphabetic())
            && ((letter.is_lowercase() && !among_capitals)
                || (letter.is_uppercase() && !before.is_lowercase()))
    };
    bytes.iter().enumerate().filter(|found| is_plausible(*found)).count()
}

/// A text in Mac OS Central European.
#[cfg(test)]
pub(super) fn central(text: &str) -> Vec<u8> {
    let place = |c: char| {
        CENTRAL_EUROPEAN.chars().position(|own| own == c).map(|at| u8::try_from(at + 0x80).unwrap())
    };
    text.chars().map(|c| if c.is_ascii() { u8::try_from(c).unwrap() } else { place(c).unwrap() }).collect()
}

#[cfg(test)]
mod tests {
    use encoding_rs::{WINDOWS_1250, WINDOWS_1251, WINDOWS_1252};

    use super::*;

    #[test]
    fn latin_text_of_macs_is_told_from_that_of_windows() {
        assert_eq!(CENTRAL_EUROPEAN.chars().count(), 128);
        for text in
            ["Zoë", "René Muñoz", "José,München", "François\nÉmile", "Jürgen Groß", "Åsa Öberg", "ANDRÉ"]
        {
            let mac = MACINTOSH.encode(text).0;
            for guessed in [WINDOWS_1250, WINDOWS_1252] {
                assert_eq!(guess(&mac, guessed), Some(Script::Western), "{text}");
            }
            let windows = WINDOWS_1252.encode(text).0;
            assert_eq!(guess(&windows, WINDOWS_1252), None, "{text}");
        }
        for text in ["Łukasz Wałęsa", "Kraków", "Dvořák,Škoda", "Žižka Jiří", "Erdős Pál"] {
            let windows = WINDOWS_1250.encode(text).0;
            assert_eq!(guess(&windows, WINDOWS_1250), None, "{text}");
        }
        for text in ["Łukasz Wałęsa", "Dvořák,Škoda", "Žižka Jiří", "Lukáš,Brno", "Jiří", "Cześć"]
        {
            assert_eq!(guess(&central(text), WINDOWS_1250), Some(Script::CentralEuropean), "{text}");
        }
        let cyrillic = WINDOWS_1251.encode("Анна Иванова,Санкт-Петербург").0;
        assert_eq!(guess(&cyrillic, WINDOWS_1251), None);
        assert_eq!(guess(b"", WINDOWS_1252), None);
    }
}
