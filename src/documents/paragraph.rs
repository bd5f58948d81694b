//! Breaks a text into lines, and puts the parts of each line in the order in which they are seen.

use std::ops::Range;
use std::rc::Rc;

use unicode_bidi::{Level, ParagraphBidiInfo};

use super::clean::clean;
use super::shaping::{Run, Typesetter, pieces};

/// A text without line breaks. Its measures are shares of the font size.
pub(super) struct Paragraph {
    text: Rc<str>,
    bold: bool,
    levels: Vec<Level>,
    is_right_to_left: bool,
    runs: Vec<Run>,
    width: f32,
}

/// One printed line. Its measures are shares of the font size.
#[derive(Clone)]
pub(super) struct TextLine {
    pub(super) text: Rc<str>,
    /// From left to right.
    pub(super) runs: Vec<Run>,
    pub(super) width: f32,
    /// The text of its paragraph is read from right to left.
    pub(super) is_right_to_left: bool,
}

impl TextLine {
    fn empty(text: Rc<str>) -> Self {
        TextLine { text, runs: Vec::new(), width: 0.0, is_right_to_left: false }
    }

    /// Where its text begins in that of its paragraph.
    fn start(&self) -> Option<usize> {
        let glyphs = self.runs.iter().flat_map(|run| &run.glyphs);
        glyphs.map(|glyph| glyph.text_range.start).min()
    }
}

/// A line is broken when it is wider than its space by more than this: sums of shares are not exact.
const TOLERANCE: f32 = 0.001;

impl Paragraph {
    /// Sets a text of any characters. Its line breaks are printed as spaces.
    pub(super) fn new(typesetter: &mut Typesetter, text: &str, bold: bool) -> Self {
        let text = clean(text);
        let bidi = ParagraphBidiInfo::new(&text, None);
        let (levels, is_right_to_left) = (bidi.levels, bidi.paragraph_level.is_rtl());
        let runs = runs(typesetter, &text, 0..text.len(), &levels, bold);
        let width = runs.iter().map(|run| run.width).sum();
        Paragraph { text: text.into(), bold, levels, is_right_to_left, runs, width }
    }

    /// How wide it is on one line.
    pub(super) const fn width(&self) -> f32 {
        self.width
    }

    /// Breaks it into lines of at most this width. It is broken within a word only if a word alone is wider.
    pub(super) fn into_lines(self, typesetter: &mut Typesetter, width: f32) -> Vec<TextLine> {
        if self.width <= width + TOLERANCE {
            return vec![self.line(self.runs.clone())];
        }
        let ends: Vec<usize> = typesetter.line_ends.segment_str(&self.text).skip(1).collect();
        let measure = Measure::new(&self);
        let mut lines = Vec::new();
        let mut line = |part: Range<usize>| {
            let part = part.start..part.start + measure.trimmed(&part).len();
            let runs = runs(typesetter, &self.text, part, &self.levels, self.bold);
            lines.push(self.line(runs));
        };
        let (mut start, mut fits) = (0, 0);
        for end in ends {
            while start < end && measure.width(start..end) > width + TOLERANCE {
                let cut = if fits > start { fits } else { measure.cut(start, width).min(end) };
                line(start..cut);
                (start, fits) = (cut, cut);
            }
            fits = end.max(start);
        }
        if start < self.text.len() {
            line(start..self.text.len());
        }
        lines
    }

    /// Its beginning, on one line; an ellipsis stands for the rest.
    pub(super) fn into_first_line(self, typesetter: &mut Typesetter, width: f32) -> TextLine {
        if self.width <= width + TOLERANCE {
            return self.line(self.runs.clone());
        }
        let measure = Measure::new(&self);
        let cut = measure.cut(0, (width - 1.0).max(1.0));
        let text = format!("{}…", self.text.get(..cut).unwrap_or_default());
        let shortened = Paragraph::new(typesetter, &text, self.bold);
        shortened.line(shortened.runs.clone())
    }

    /// Its beginning, on one line or on two; an ellipsis stands for the rest.
    pub(super) fn into_first_lines(
        self,
        typesetter: &mut Typesetter,
        width: f32,
    ) -> (TextLine, Option<TextLine>) {
        let (text, bold) = (Rc::clone(&self.text), self.bold);
        let mut lines = self.into_lines(typesetter, width).into_iter();
        let first = lines.next().unwrap_or_else(|| TextLine::empty(Rc::clone(&text)));
        let start = lines.next().and_then(|second| second.start());
        let rest =
            start.and_then(|start| text.get(start..)).map(|rest| Paragraph::new(typesetter, rest, bold));
        (first, rest.map(|rest| rest.into_first_line(typesetter, width)))
    }

    fn line(&self, runs: Vec<Run>) -> TextLine {
        let width = runs.iter().map(|run| run.width).sum();
        TextLine { text: Rc::clone(&self.text), runs, width, is_right_to_left: self.is_right_to_left }
    }
}

/// The lines of a text, as they were written. Each becomes a paragraph of its own.
pub(super) fn written_lines(text: &str) -> impl Iterator<Item = &str> {
    text.trim_end().split('\n').flat_map(|line| line.strip_suffix('\r').unwrap_or(line).split('\r'))
}

/// Sets a part of a text: its runs from left to right.
fn runs(
    typesetter: &mut Typesetter,
    text: &str,
    part: Range<usize>,
    levels: &[Level],
    bold: bool,
) -> Vec<Run> {
    let pieces = pieces(text, part, levels, bold);
    let piece_levels: Vec<Level> = pieces.iter().map(super::shaping::Piece::level).collect();
    let order = ParagraphBidiInfo::reorder_visual(&piece_levels);
    order
        .into_iter()
        .filter_map(|index| pieces.get(index))
        .map(|piece| typesetter.shape(text, piece))
        .collect()
}

/// How wide the parts of a paragraph are.
struct Measure<'a> {
    text: &'a str,
    /// Where the smallest parts begin that can stand alone, in the order of reading.
    starts: Vec<usize>,
    /// The width of all parts before each of them, and of all of them.
    sums: Vec<f32>,
}

impl<'a> Measure<'a> {
    fn new(paragraph: &'a Paragraph) -> Self {
        let glyphs = paragraph.runs.iter().flat_map(|run| &run.glyphs);
        let mut widths: Vec<(usize, f32)> =
            glyphs.map(|glyph| (glyph.text_range.start, glyph.x_advance)).collect();
        widths.sort_by_key(|&(start, _)| start);
        let (mut starts, mut sums, mut sum) = (Vec::new(), Vec::new(), 0.0);
        for (start, width) in widths {
            if starts.last() != Some(&start) {
                starts.push(start);
                sums.push(sum);
            }
            sum += width;
        }
        sums.push(sum);
        Measure { text: &paragraph.text, starts, sums }
    }

    /// The width of everything before a place.
    fn before(&self, place: usize) -> f32 {
        let index = self.starts.partition_point(|&start| start < place);
        self.sums.get(index).copied().unwrap_or_default()
    }

    /// A part without the spaces at its end.
    fn trimmed(&self, part: &Range<usize>) -> &'a str {
        self.text.get(part.clone()).unwrap_or_default().trim_end()
    }

    /// The width of a part without the spaces at its end.
    fn width(&self, part: Range<usize>) -> f32 {
        let start = part.start;
        self.before(start + self.trimmed(&part).len()) - self.before(start)
    }

    /// The end of the longest part from a place on that is not wider than this, but at least one sign.
    fn cut(&self, start: usize, width: f32) -> usize {
        let first = self.starts.partition_point(|&other| other <= start);
        let limit = self.before(start) + width + TOLERANCE;
        let rest = self.sums.get(first..).unwrap_or_default();
        let last = first + rest.partition_point(|&sum| sum <= limit).saturating_sub(1);
        self.starts.get(last).copied().unwrap_or(self.text.len())
    }
}
