//! The fonts in the program, and which of them has a character. `fonts/make.sh` makes their files.

use std::sync::OnceLock;

use harfrust::{FontRef, Shaper, ShaperData};
use krilla::text::Font;
use skrifa::charmap::Charmap;
use skrifa::instance::{LocationRef, Size};
use skrifa::{GlyphId, MetadataProvider as _};

/// One font file. It is read when text first needs it, and then kept.
pub(super) struct Face {
    bytes: &'static [u8],
    opened: OnceLock<Option<Opened>>,
    shapes: OnceLock<ShaperData>,
    drawn: OnceLock<Option<Font>>,
}

/// What is read first: enough to know which characters the font has.
struct Opened {
    font: FontRef<'static>,
    characters: Charmap<'static>,
    units_per_em: f32,
}

/// The place of a font in the list of all fonts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FaceNumber(usize);

macro_rules! faces {
    ($($file:literal,)+) => {
        /// All fonts. Text is looked up in them in this order.
        static FACES: [Face; FACES_COUNT] = [$(Face::new(include_bytes!(concat!("fonts/", $file))),)+];
        /// How many fonts the list has.
        pub(super) const FACES_COUNT: usize = [$($file,)+].len();
    };
}

faces! {
    "NotoSans-Bold.ttf",
    "NotoSans-Regular.ttf",
    "DroidSansFallbackFull.ttf",
    "Hangul-Regular.ttf",
    "NotoSansArabic-Regular.ttf",
    "NotoSansHebrew-Regular.ttf",
    "NotoSansThai-Regular.ttf",
    "NotoSansDevanagari-Regular.ttf",
    "NotoSansArmenian-Regular.ttf",
    "NotoSansGeorgian-Regular.ttf",
    "NotoSansBengali-Regular.ttf",
    "NotoSansTamil-Regular.ttf",
    "NotoSansTelugu-Regular.ttf",
    "NotoSansGujarati-Regular.ttf",
    "NotoSansGurmukhi-Regular.ttf",
    "NotoSansKannada-Regular.ttf",
    "NotoSansMalayalam-Regular.ttf",
    "NotoSansOriya-Regular.ttf",
    "NotoSansSinhala-Regular.ttf",
    "NotoSansKhmer-Regular.ttf",
    "NotoSansLao-Regular.ttf",
    "NotoSansMyanmar-Regular.ttf",
    "NotoSansEthiopic-Regular.ttf",
    "NotoSansThaana-Regular.ttf",
    "NotoSansTifinagh-Regular.ttf",
    "NotoSansNKo-Regular.ttf",
    "NotoSansCherokee-Regular.ttf",
    "NotoSansMath-Regular.ttf",
    "NotoSansSymbols2-Regular.ttf",
    "NotoSansSymbols-Regular.ttf",
    "NotoEmoji-Regular.ttf",
}

/// The font of headings.
const BOLD: FaceNumber = FaceNumber(0);
/// The font of everything else in Latin, Greek and Cyrillic. It has the sign for a missing character too.
pub(super) const REGULAR: FaceNumber = FaceNumber(1);
/// What is printed for a character that no font has.
pub(super) const REPLACEMENT: char = '\u{fffd}';

impl FaceNumber {
    /// The font itself.
    pub(super) fn face(self) -> Option<&'static Face> {
        FACES.get(self.0)
    }

    /// Its place in a list of [`FACES_COUNT`] elements.
    pub(super) const fn index(self) -> usize {
        self.0
    }
}

/// The first font that has all these characters. Emoji are looked up in their own font first.
pub(super) fn face_for(characters: &[char], bold: bool, emoji: bool) -> Option<FaceNumber> {
    let has_all = |number: &FaceNumber| {
        number.face().is_some_and(|face| characters.iter().all(|&character| face.has(character)))
    };
    let emoji_face = FaceNumber(FACES_COUNT - 1);
    let first = emoji.then_some(emoji_face).into_iter();
    let headings = bold.then_some(BOLD).into_iter();
    first.chain(headings).chain((REGULAR.0..FACES_COUNT).map(FaceNumber)).find(has_all)
}

impl Face {
    const fn new(bytes: &'static [u8]) -> Self {
        Face { bytes, opened: OnceLock::new(), shapes: OnceLock::new(), drawn: OnceLock::new() }
    }

    fn opened(&'static self) -> Option<&'static Opened> {
        let open = || {
            let font = FontRef::from_index(self.bytes, 0).ok()?;
            let characters = font.charmap();
            let units = font.metrics(Size::unscaled(), LocationRef::default()).units_per_em;
            Some(Opened { font, characters, units_per_em: f32::from(units.max(1)) })
        };
        self.opened.get_or_init(open).as_ref()
    }

    /// Whether the font has a glyph for a character.
    pub(super) fn has(&'static self, character: char) -> bool {
        self.glyph(character).is_some()
    }

    /// The glyph of a character.
    pub(super) fn glyph(&'static self, character: char) -> Option<u32> {
        // Glyph 0 is the box for a missing character.
        self.opened()?.characters.map(character).map(GlyphId::to_u32).filter(|&glyph| glyph != 0)
    }

    /// How many of the font's units are the font size.
    pub(super) fn units_per_em(&'static self) -> f32 {
        self.opened().map_or(1000.0, |opened| opened.units_per_em)
    }

    /// What turns characters into glyphs.
    pub(super) fn shaper(&'static self) -> Option<Shaper<'static>> {
        let font = &self.opened()?.font;
        Some(self.shapes.get_or_init(|| ShaperData::new(font)).shaper(font).build())
    }

    /// The font as the PDF takes it.
    pub(super) fn font(&'static self) -> Option<Font> {
        self.drawn.get_or_init(|| Font::new(self.bytes.into(), 0)).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_font_can_be_read_and_is_small() {
        for face in &FACES {
            assert!(face.opened().is_some() && face.shaper().is_some() && face.font().is_some());
            assert!(face.bytes.len() <= 4_500_000);
        }
        assert!(FACES.iter().map(|face| face.bytes.len()).sum::<usize>() <= 7_000_000);
        assert!(REGULAR.face().unwrap().has(REPLACEMENT));
    }

    #[test]
    fn the_letters_of_names_have_a_font() {
        let sample = "AÉßøğŁằỳΩЖїՀქშابپگא‎ँहगুশிதెకગਗಕമଗසකខລမአއⵣߒᏣ我國龍あカー한글ｱ，฿ก★→№€₹₽✓";
        for character in sample.chars().filter(|character| *character != '\u{200e}') {
            assert!(face_for(&[character], false, false).is_some(), "{character:?}");
        }
    }
}
