//! Puts rows of text under each other on as many pages as they need. All measures are points, from the top left corner of a page.

use super::invoice::Color;
use super::paragraph::TextLine;

/// The size of a page: A4.
pub(super) const PAGE_WIDTH: f32 = 595.276;
pub(super) const PAGE_HEIGHT: f32 = 841.89;
/// The space at the left and at the right.
pub(super) const MARGIN: f32 = 48.0;
/// The width of all text.
pub(super) const CONTENT_WIDTH: f32 = PAGE_WIDTH - 2.0 * MARGIN;
/// Where text begins on all pages but the first.
const TOP: f32 = 62.0;

/// The most pages of a document.
pub(super) const PAGES_MAX: usize = 2_000;

/// How many of a long group of rows stand on one page at least: as many as there are sums, and a header.
const ROWS_TOGETHER: usize = 8;

/// The look of a text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    /// The font size.
    pub(super) size: f32,
    /// The height of a line.
    pub(super) leading: f32,
    pub(super) bold: bool,
    pub(super) color: Color,
}

/// At which side of its space a text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Align {
    Left,
    Right,
    /// Where reading begins.
    Start,
}

/// What a text is part of, for programs that read the document aloud or take data out of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Of nothing: it only decorates or repeats.
    Decoration,
    /// Of the part with this number.
    Part(usize),
    /// Of a cell of the table that is the part with this number.
    Cell { part: usize, row: usize, column: usize },
}

/// A text in its space.
#[derive(Clone)]
pub(super) struct Cell {
    pub(super) x: f32,
    pub(super) width: f32,
    pub(super) align: Align,
    pub(super) lines: Vec<(TextLine, Style)>,
    pub(super) place: Place,
}

impl Cell {
    fn height(&self) -> f32 {
        self.lines.iter().map(|(_, style)| style.leading).sum()
    }
}

/// Texts beside each other.
#[derive(Clone, Default)]
pub(super) struct Row {
    pub(super) cells: Vec<Cell>,
    /// The space above and below the texts.
    pub(super) padding: f32,
    /// The line below: its colour, its thickness, where it begins and how wide it is.
    pub(super) rule: Option<(Color, f32, f32, f32)>,
    /// It may be cut between two of its lines even where it would fit on a page of its own.
    pub(super) may_be_cut: bool,
}

impl Row {
    /// The height of the highest text, with the space around it.
    pub(super) fn height(&self) -> f32 {
        self.cells.iter().map(Cell::height).fold(0.0, f32::max) + 2.0 * self.padding
    }

    /// Takes the lines off that fit into this height.
    fn take(&mut self, height: f32) -> Row {
        let cells = self.cells.iter_mut().map(|cell| {
            let mut left = height - 2.0 * self.padding;
            let fitting = cell.lines.iter().take_while(|(_, style)| {
                left -= style.leading;
                left >= 0.0
            });
            let count = fitting.count();
            let rest = cell.lines.split_off(count);
            let lines = std::mem::replace(&mut cell.lines, rest);
            Cell { lines, ..*cell }
        });
        Row { cells: cells.collect(), rule: None, ..*self }
    }

    fn is_empty(&self) -> bool {
        self.cells.iter().all(|cell| cell.lines.is_empty())
    }
}

/// Something at its place on a page.
pub(super) enum Item {
    /// A line of text: where it begins, and the height of its letters' feet.
    Text { x: f32, y: f32, line: TextLine, style: Style, place: Place },
    /// A filled rectangle.
    Bar { x: f32, y: f32, width: f32, height: f32, color: Color },
}

/// The pages of a document while it is made.
pub(super) struct Sheet {
    /// What is on each page.
    pub(super) pages: Vec<Vec<Item>>,
    /// Where the next row begins.
    y: f32,
    /// Where the rows of a page must end.
    bottom: f32,
    /// More rows came than may be printed.
    pub(super) is_overfull: bool,
}

impl Sheet {
    /// The first page, whose rows begin and end here.
    pub(super) fn new(top: f32, bottom: f32) -> Self {
        Sheet { pages: vec![Vec::new()], y: top, bottom, is_overfull: false }
    }

    /// Leaves space before the next row.
    pub(super) fn skip(&mut self, height: f32) {
        self.y += height;
    }

    /// Begins the next page if less than this is left of the current one, and a whole page has it.
    pub(super) fn need(&mut self, height: f32) {
        let (left, whole) = (self.bottom - self.y, self.bottom - TOP);
        if height > left && height <= whole && self.pages.len() < PAGES_MAX {
            self.pages.push(Vec::new());
            self.y = TOP;
        }
    }

    /// Adds something to the current page.
    pub(super) fn draw(&mut self, item: Item) {
        if let Some(page) = self.pages.last_mut() {
            page.push(item);
        }
    }

    /// Adds a row. If it does not fit on the page, it begins the next one, under this header.
    pub(super) fn place(&mut self, mut row: Row, header: Option<&Row>) {
        let header_height = header.map_or(0.0, Row::height);
        let page_height = self.bottom - TOP - header_height;
        loop {
            let left = self.bottom - self.y;
            if row.height() <= left {
                return self.put(row);
            }
            if row.may_be_cut || row.height() > page_height {
                let part = row.take(left);
                let took_nothing = part.is_empty();
                self.put(part);
                // A line that is higher than a page does not exist; if it did, this would never end.
                if row.is_empty() || (took_nothing && self.is_at_top(header_height)) {
                    return;
                }
            }
            if self.pages.len() >= PAGES_MAX {
                self.is_overfull = true;
                return;
            }
            self.pages.push(Vec::new());
            self.y = TOP;
            if let Some(header) = header {
                self.put(repeated(header));
            }
        }
    }

    /// Adds rows, of which the first is the header: on one page if there is a page that holds them all, and else so that at least
    /// the first of them stand together.
    pub(super) fn place_together(&mut self, rows: Vec<Row>, header: Option<&Row>) {
        self.need(rows.iter().map(Row::height).sum());
        self.need(rows.iter().take(ROWS_TOGETHER).map(Row::height).sum());
        for (index, row) in rows.into_iter().enumerate() {
            self.place(row, header.filter(|_| index > 0));
        }
    }

    /// Whether nothing but the header is on the page.
    fn is_at_top(&self, header_height: f32) -> bool {
        self.y <= TOP + header_height + 0.5
    }

    /// Draws a row here.
    fn put(&mut self, row: Row) {
        let height = row.height();
        for cell in row.cells {
            let mut y = self.y + row.padding;
            for (line, style) in cell.lines {
                let free = cell.width - line.width * style.size;
                let at_right = match cell.align {
                    Align::Left => false,
                    Align::Right => true,
                    Align::Start => line.is_right_to_left,
                };
                let x = if at_right { cell.x + free } else { cell.x };
                // Capital letters, which are 0.72 of the size high, stand in the middle of their line.
                let baseline = y + style.leading.midpoint(0.72 * style.size);
                self.draw(Item::Text { x, y: baseline, line, style, place: cell.place });
                y += style.leading;
            }
        }
        self.y += height;
        if let Some((color, thickness, x, width)) = row.rule {
            self.draw(Item::Bar { x, y: self.y - thickness, width, height: thickness, color });
        }
    }
}

/// A header as it stands on a later page.
fn repeated(header: &Row) -> Row {
    let mut header = header.clone();
    for cell in &mut header.cells {
        cell.place = Place::Decoration;
    }
    header
}
