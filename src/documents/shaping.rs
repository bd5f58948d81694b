//! Turns characters into glyphs: finds a font for each of them, and lets the font's rules join, stack and place them.

use std::ops::Range;

use harfrust::{BufferFlags, Direction, GlyphBuffer, Script, ShapeOptions, ShapePlan, Shaper, UnicodeBuffer};
use icu_properties::CodePointSetData;
use icu_properties::props::{EmojiModifier, EmojiPresentation, ExtendedPictographic};
use icu_segmenter::options::LineBreakOptions;
use icu_segmenter::{LineSegmenter, LineSegmenterBorrowed};
use krilla::text::{GlyphId, KrillaGlyph};
use unicode_bidi::Level;
use unicode_segmentation::UnicodeSegmentation as _;

use super::clean::is_ignorable;
use super::fonts::{FACES_COUNT, FaceNumber, REGULAR, REPLACEMENT, face_for};

/// What one document needs again and again to set text.
pub(super) struct Typesetter {
    /// Where lines may end.
    pub(super) line_ends: LineSegmenterBorrowed<'static>,
    buffer: Option<UnicodeBuffer>,
    faces: Vec<Option<Prepared>>,
}

/// A font that text was shaped with before.
struct Prepared {
    shaper: Shaper<'static>,
    plans: Vec<(Direction, Option<Script>, ShapePlan)>,
}

/// Glyphs of one font and one direction, from left to right. Their measures are shares of the font size.
#[derive(Clone)]
pub(super) struct Run {
    pub(super) face: FaceNumber,
    pub(super) glyphs: Vec<KrillaGlyph>,
    pub(super) width: f32,
}

/// A part of a text in one font and one direction.
pub(super) struct Piece {
    range: Range<usize>,
    face: FaceNumber,
    level: Level,
    /// No font has it.
    is_missing: bool,
}

impl Piece {
    /// How deep it is in text of the other direction.
    pub(super) const fn level(&self) -> Level {
        self.level
    }
}

impl Typesetter {
    pub(super) fn new() -> Self {
        Typesetter {
            line_ends: LineSegmenter::new_lstm(LineBreakOptions::default()),
            buffer: None,
            faces: std::iter::repeat_with(|| None).take(FACES_COUNT).collect(),
        }
    }

    /// The glyphs of a piece of a text.
    pub(super) fn shape(&mut self, text: &str, piece: &Piece) -> Run {
        let run = self.shape_with_font(text, piece);
        // The rules of a font may ask for a character that it does not have. Its box must not be printed.
        if run.glyphs.iter().any(|glyph| glyph.glyph_id.to_u32() == 0) && !piece.is_missing {
            let missing =
                Piece { range: piece.range.clone(), face: REGULAR, level: piece.level, is_missing: true };
            return self.shape_with_font(text, &missing);
        }
        run
    }

    fn shape_with_font(&mut self, text: &str, piece: &Piece) -> Run {
        let empty = Run { face: piece.face, glyphs: Vec::new(), width: 0.0 };
        let (Some(face), Some(part)) = (piece.face.face(), text.get(piece.range.clone())) else {
            return empty;
        };
        let mut buffer = self.buffer.take().unwrap_or_default();
        if piece.is_missing {
            buffer.push_str(REPLACEMENT.encode_utf8(&mut [0; 4]));
        } else {
            buffer.push_str(part);
        }
        buffer.set_direction(if piece.level.is_rtl() {
            Direction::RightToLeft
        } else {
            Direction::LeftToRight
        });
        buffer.guess_segment_properties();
        buffer.set_flags(BufferFlags::REMOVE_DEFAULT_IGNORABLES);
        let Some(prepared) = self.faces.get_mut(piece.face.index()) else {
            return empty;
        };
        if prepared.is_none() {
            *prepared = face.shaper().map(|shaper| Prepared { shaper, plans: Vec::new() });
        }
        let Some(prepared) = prepared else {
            return empty;
        };
        let shaped = prepared.shape(buffer);
        let run = run_of(&shaped, piece, face.units_per_em());
        self.buffer = Some(shaped.clear());
        run
    }
}

impl Prepared {
    fn shape(&mut self, buffer: UnicodeBuffer) -> GlyphBuffer {
        let (direction, script) = (buffer.direction(), Some(buffer.script()));
        let known = self.plans.iter().position(|plan| (plan.0, plan.1) == (direction, script));
        if known.is_none() {
            let plan = ShapePlan::new(&self.shaper, direction, script, None, &[]);
            self.plans.push((direction, script, plan));
        }
        let plan = known.map_or_else(|| self.plans.last(), |position| self.plans.get(position));
        self.shaper.shape(buffer, ShapeOptions::new().plan(plan.map(|plan| &plan.2)))
    }
}

/// Takes over what the shaper made of a piece.
fn run_of(shaped: &GlyphBuffer, piece: &Piece, units_per_em: f32) -> Run {
    let infos = shaped.glyph_infos();
    let place = |cluster: u32| {
        // A cluster is a place in the piece, so it fits.
        let offset = if piece.is_missing { 0 } else { usize::try_from(cluster).unwrap_or_default() };
        piece.range.start + offset
    };
    let mut starts: Vec<usize> = infos.iter().map(|info| place(info.cluster)).collect();
    starts.sort_unstable();
    starts.dedup();
    let range = |start: usize| {
        let next = starts.partition_point(|&other| other <= start);
        start..starts.get(next).copied().unwrap_or(piece.range.end)
    };
    let share = |units: i32| {
        // Fonts store their measures in 16 bits; a sum of some of them that is greater is nonsense.
        f32::from(i16::try_from(units).unwrap_or_default()) / units_per_em
    };
    let glyphs: Vec<KrillaGlyph> = infos
        .iter()
        .zip(shaped.glyph_positions())
        .map(|(info, position)| KrillaGlyph {
            glyph_id: GlyphId::new(info.glyph_id),
            text_range: range(place(info.cluster)),
            x_advance: share(position.x_advance),
            x_offset: share(position.x_offset),
            y_offset: share(position.y_offset),
            y_advance: 0.0,
            location: None,
        })
        .collect();
    let width = glyphs.iter().map(|glyph| glyph.x_advance).sum();
    Run { face: piece.face, glyphs, width }
}

/// Splits a part of a text into pieces of one font and one direction, in the order of reading.
pub(super) fn pieces(text: &str, part: Range<usize>, levels: &[Level], bold: bool) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut visible = Vec::new();
    for (offset, cluster) in text.get(part.clone()).unwrap_or_default().grapheme_indices(true) {
        let start = part.start + offset;
        let level = levels.get(start).copied().unwrap_or(Level::ltr());
        visible.clear();
        visible.extend(cluster.chars().filter(|&character| !is_ignorable(character)));
        // Something invisible stays with the text before it, so that words are not torn apart for it. So does a space between
        // words from right to left: programs that copy text out put such words in order only if they stand in one piece.
        let before =
            pieces.last().filter(|last| last.level == level && !last.is_missing).map(|last| last.face);
        let stays = |face: &FaceNumber| match *visible {
            [] => true,
            [space @ (' ' | '\u{a0}')] => level.is_rtl() && face.face().is_some_and(|face| face.has(space)),
            _ => false,
        };
        if let Some(face) = before.filter(stays).or_else(|| face_for(&visible, bold, is_emoji(cluster))) {
            add(&mut pieces, Piece { range: start..start + cluster.len(), face, level, is_missing: false });
            continue;
        }
        // No font has all of it: each character for itself.
        for (offset, character) in cluster.char_indices() {
            let start = start + offset;
            let range = start..start + character.len_utf8();
            let found =
                if is_ignorable(character) { Some(REGULAR) } else { face_for(&[character], bold, false) };
            let piece = Piece { range, face: found.unwrap_or(REGULAR), level, is_missing: found.is_none() };
            add(&mut pieces, piece);
        }
    }
    pieces
}

/// Adds a piece, or makes the last one longer by it.
fn add(pieces: &mut Vec<Piece>, piece: Piece) {
    match pieces.last_mut() {
        Some(last)
            if last.face == piece.face
                && last.level == piece.level
                && !last.is_missing
                && !piece.is_missing =>
        {
            last.range.end = piece.range.end;
        }
        _ => pieces.push(piece),
    }
}

/// Whether a cluster is to look like an emoji and not like a letter or sign.
fn is_emoji(cluster: &str) -> bool {
    let Some(first) = cluster.chars().next() else {
        return false;
    };
    if cluster.len() == 1 || cluster.contains('\u{fe0e}') {
        return false;
    }
    CodePointSetData::new::<EmojiPresentation>().contains(first)
        || cluster.contains(['\u{fe0f}', '\u{20e3}'])
        || (CodePointSetData::new::<ExtendedPictographic>().contains(first)
            && cluster.chars().any(|character| {
                character == '\u{200d}' || CodePointSetData::new::<EmojiModifier>().contains(character)
            }))
}
