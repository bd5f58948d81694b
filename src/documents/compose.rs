//! Puts an invoice together: the head, the parties, the lines, the sums, the notes and the foot.

use super::Error;
use super::composed::{About, Composed, Part};
use super::invoice::{Color, Invoice, Kind};
use super::paragraph::{Paragraph, TextLine, written_lines};
use super::shaping::Typesetter;
use super::sheet::{
    Align, CONTENT_WIDTH, Cell, Item, MARGIN, PAGE_HEIGHT, PAGE_WIDTH, Place, Row, Sheet, Style,
};
use super::words::{Words, page_of, words};
use crate::domain::numbers::date;

const BLACK: Color = Color { red: 0x1a, green: 0x1a, blue: 0x1a };
/// The colour of labels: readable on white.
const GREY: Color = Color { red: 0x59, green: 0x59, blue: 0x59 };
/// The colour of lines between rows.
pub(super) const PALE: Color = Color { red: 0xd9, green: 0xd9, blue: 0xd9 };
const WHITE: Color = Color { red: 0xff, green: 0xff, blue: 0xff };

const STORE: Style = Style { size: 19.0, leading: 25.0, bold: true, color: WHITE };
const TITLE: Style = Style { size: 16.0, leading: 22.0, bold: true, color: BLACK };
pub(super) const BODY: Style = Style { size: 9.0, leading: 12.8, bold: false, color: BLACK };
pub(super) const STRONG: Style = Style { bold: true, ..BODY };
const LABEL: Style = Style { size: 7.5, leading: 11.0, bold: false, color: GREY };
const FOOT: Style = Style { size: 7.0, leading: 9.6, bold: false, color: GREY };

/// The footer stands on every page if it has at most this many lines.
const FOOTER_LINES_MAX: usize = 6;
/// Where rows end if there is no footer.
const BOTTOM: f32 = PAGE_HEIGHT - 52.0;
/// The space between the rows and the footer.
const FOOTER_SPACE: f32 = 8.0;
/// The height of the feet of letters in the line with the number of the page.
const PAGE_NUMBER_Y: f32 = PAGE_HEIGHT - 30.0;
/// The space between the columns of the parties.
const GUTTER: f32 = 18.0;
/// The most printed lines of one text. More are not set at all, because they would not fit into a document.
const TEXT_LINES_MAX: usize = 100_000;
/// How many characters of a number, name or store stand in the file's own title.
const TITLE_CHARS_MAX: usize = 200;

/// A document while it is made.
pub(super) struct Composer<'a> {
    pub(super) invoice: &'a Invoice,
    pub(super) words: &'static Words,
    pub(super) typesetter: Typesetter,
    pub(super) sheet: Sheet,
    pub(super) parts: Vec<Part>,
}

/// Sets an invoice on pages.
pub(super) fn compose(invoice: &Invoice) -> Result<Composed, Error> {
    let mut typesetter = Typesetter::new();
    let footer = footer(&mut typesetter, invoice);
    let footer_height: f32 = footer.iter().flatten().map(|_| FOOT.leading).sum();
    let sheet = Sheet::new(0.0, BOTTOM - footer_height - FOOTER_SPACE);
    let mut composer =
        Composer { invoice, words: words(invoice.language), typesetter, sheet, parts: Vec::new() };
    composer.head();
    composer.parties();
    composer.lines();
    composer.sums();
    composer.notes(footer.is_none());
    composer.margins(&footer.unwrap_or_default(), BOTTOM - footer_height);
    if composer.sheet.is_overfull {
        return Err(Error::TooLong);
    }
    let about = composer.about();
    Ok(Composed { pages: composer.sheet.pages, parts: composer.parts, about })
}

/// The lines of the footer; `None` if it is too long to stand on every page.
fn footer(typesetter: &mut Typesetter, invoice: &Invoice) -> Option<Vec<TextLine>> {
    if invoice.footer.trim().is_empty() {
        return Some(Vec::new());
    }
    let mut lines = Vec::new();
    for written in written_lines(&invoice.footer) {
        let paragraph = Paragraph::new(typesetter, written, FOOT.bold);
        lines.extend(paragraph.into_lines(typesetter, CONTENT_WIDTH / FOOT.size));
        if lines.len() > FOOTER_LINES_MAX {
            return None;
        }
    }
    Some(lines)
}

impl Composer<'_> {
    /// Begins a new part of the document.
    pub(super) fn part(&mut self, part: Part) -> usize {
        self.parts.push(part);
        self.parts.len() - 1
    }

    /// Sets a text in a space of this width. Its line breaks are kept.
    pub(super) fn set(&mut self, text: &str, style: Style, width: f32) -> Vec<(TextLine, Style)> {
        let mut lines = Vec::new();
        for written in written_lines(text) {
            let paragraph = Paragraph::new(&mut self.typesetter, written, style.bold);
            let broken = paragraph.into_lines(&mut self.typesetter, width / style.size);
            lines.extend(broken.into_iter().map(|line| (line, style)));
            if lines.len() > TEXT_LINES_MAX {
                self.sheet.is_overfull = true;
                break;
            }
        }
        lines
    }

    /// Begins a new part with a text over the whole width.
    fn text(&mut self, part: Part, text: &str, style: Style) {
        let place = Place::Part(self.part(part));
        let lines = self.set(text, style, CONTENT_WIDTH);
        let cell = Cell { x: MARGIN, width: CONTENT_WIDTH, align: Align::Start, lines, place };
        self.sheet.place(Row { cells: vec![cell], may_be_cut: true, ..Row::default() }, None);
    }

    /// The band with the name of the store, and the title.
    fn head(&mut self) {
        let invoice = self.invoice;
        let store = if invoice.store.trim().is_empty() { &invoice.seller.name } else { &invoice.store };
        let store = Paragraph::new(&mut self.typesetter, store, STORE.bold);
        let width = CONTENT_WIDTH / STORE.size;
        // A name that does not fit on one line stands on two, and what does not fit on those is left out.
        let (first, rest) = store.into_first_lines(&mut self.typesetter, width);
        let style = Style { color: text_on(invoice.accent), ..STORE };
        let lines: Vec<_> = std::iter::once(first).chain(rest).map(|line| (line, style)).collect();
        let band_height = 40.0 + lines.iter().map(|(_, style)| style.leading).sum::<f32>();
        self.sheet.draw(Item::Bar {
            x: 0.0,
            y: 0.0,
            width: PAGE_WIDTH,
            height: band_height,
            color: invoice.accent,
        });
        self.sheet.skip(20.0);
        let place = Place::Part(self.part(Part::Paragraph));
        let cell = Cell { x: MARGIN, width: CONTENT_WIDTH, align: Align::Left, lines, place };
        self.sheet.place(Row { cells: vec![cell], ..Row::default() }, None);
        self.sheet.skip(20.0 + 22.0);
        let title = format!("{} {}", self.words.kind(invoice.kind), invoice.number);
        self.text(Part::Title, &title, TITLE);
        self.sheet.skip(12.0);
    }

    /// The seller, the buyer and the dates, beside each other.
    fn parties(&mut self) {
        let invoice = self.invoice;
        let words = self.words;
        let width = (CONTENT_WIDTH - 2.0 * GUTTER) / 3.0;
        let seller = &invoice.seller;
        let mut from = self.set(words.from, LABEL, width);
        self.party(&mut from, width, &[&seller.name], &seller.address);
        self.contact(&mut from, width, seller.vat_number.as_deref(), seller.email.as_deref());
        let buyer = &invoice.buyer;
        let label = match invoice.kind {
            Kind::Invoice => words.billed_to,
            Kind::CreditNote => words.credited_to,
        };
        let mut to = self.set(label, LABEL, width);
        let names = [buyer.company.as_deref().unwrap_or_default(), &buyer.name];
        self.party(&mut to, width, &names, &buyer.address);
        self.contact(&mut to, width, buyer.vat_number.as_deref(), buyer.email.as_deref());
        let mut details = Vec::new();
        for (label, value) in self.details() {
            details.extend(self.set(label, LABEL, width));
            details.extend(self.set(&value, BODY, width));
        }
        let mut cells = Vec::new();
        let mut x = MARGIN;
        for lines in [from, to, details] {
            let place = Place::Part(self.part(Part::Paragraph));
            cells.push(Cell { x, width, align: Align::Left, lines, place });
            x += width + GUTTER;
        }
        self.sheet.place(Row { cells, may_be_cut: true, ..Row::default() }, None);
        self.sheet.skip(22.0);
    }

    /// Names and an address. The first name is strong.
    fn party(&mut self, lines: &mut Vec<(TextLine, Style)>, width: f32, names: &[&str], address: &[String]) {
        let names = names.iter().copied().filter(|name| !name.trim().is_empty());
        for (position, name) in names.enumerate() {
            lines.extend(self.set(name, if position == 0 { STRONG } else { BODY }, width));
        }
        for line in address.iter().filter(|line| !line.trim().is_empty()) {
            lines.extend(self.set(line, BODY, width));
        }
    }

    fn contact(
        &mut self,
        lines: &mut Vec<(TextLine, Style)>,
        width: f32,
        vat_number: Option<&str>,
        email: Option<&str>,
    ) {
        if let Some(email) = email.filter(|email| !email.trim().is_empty()) {
            lines.extend(self.set(email, BODY, width));
        }
        if let Some(number) = vat_number.filter(|number| !number.trim().is_empty()) {
            let text = format!("{} {number}", self.words.vat_number);
            lines.extend(self.set(&text, BODY, width));
        }
    }

    /// The dates and references, each with its label.
    fn details(&self) -> Vec<(&'static str, String)> {
        let (invoice, words) = (self.invoice, self.words);
        let written = |day| date(invoice.language, day);
        let state = invoice.state.map(|state| words.payment(invoice.kind, state).to_owned());
        let all = [
            (words.number, Some(invoice.number.clone())),
            (words.issued, Some(written(invoice.issued))),
            (words.due, invoice.due.map(written)),
            (words.corrects, invoice.corrects.clone()),
            (words.purchase_order, invoice.purchase_order.clone()),
            (words.state, state),
        ];
        let filled = all.into_iter().filter_map(|(label, value)| Some((label, value?)));
        filled.filter(|(_, value)| !value.trim().is_empty()).collect()
    }

    /// Terms and notes, and a footer that is too long to stand on every page.
    fn notes(&mut self, with_footer: bool) {
        let invoice = self.invoice;
        let footer = if with_footer { invoice.footer.as_str() } else { "" };
        let texts = [invoice.notes.as_str(), footer];
        let mut texts = texts.into_iter().filter(|text| !text.trim().is_empty()).peekable();
        if texts.peek().is_none() {
            return;
        }
        self.sheet.skip(20.0);
        // The heading does not stand alone at the end of a page.
        self.sheet.need(LABEL.leading + 2.0 * BODY.leading);
        self.text(Part::Heading, self.words.notes, LABEL);
        for text in texts {
            self.text(Part::Paragraph, text, BODY);
            self.sheet.skip(6.0);
        }
    }

    /// What stands around the rows of every page: the footer, the number of the page, and from the second page on the title.
    fn margins(&mut self, footer: &[TextLine], bottom: f32) {
        let invoice = self.invoice;
        let title = format!("{} {}", self.words.kind(invoice.kind), invoice.number);
        let title = Paragraph::new(&mut self.typesetter, &title, LABEL.bold);
        let title = title.into_first_line(&mut self.typesetter, CONTENT_WIDTH / LABEL.size);
        let pages = self.sheet.pages.len();
        for (index, items) in self.sheet.pages.iter_mut().enumerate() {
            let mut text = |line: TextLine, x: f32, y: f32, style: Style| {
                items.push(Item::Text { x, y, line, style, place: Place::Decoration });
            };
            for (number, line) in (1_u8..).zip(footer) {
                let y = bottom + f32::from(number) * FOOT.leading;
                text(line.clone(), MARGIN, y, FOOT);
            }
            let number = page_of(invoice.language, index + 1, pages);
            let number = Paragraph::new(&mut self.typesetter, &number, FOOT.bold);
            let number = number.into_first_line(&mut self.typesetter, CONTENT_WIDTH / FOOT.size);
            let x = MARGIN + CONTENT_WIDTH - number.width * FOOT.size;
            text(number, x, PAGE_NUMBER_Y, FOOT);
            if index > 0 {
                text(title.clone(), MARGIN, 40.0, LABEL);
                let color = invoice.accent;
                items.push(Item::Bar { x: 0.0, y: 0.0, width: PAGE_WIDTH, height: 8.0, color });
            }
        }
    }

    fn about(&self) -> About {
        let invoice = self.invoice;
        let short =
            |text: &str| -> String { super::clean::clean(text).chars().take(TITLE_CHARS_MAX).collect() };
        About {
            title: short(&format!("{} {}", self.words.kind(invoice.kind), invoice.number)),
            author: short(&invoice.seller.name),
            language: self.words.code,
            date: invoice.issued,
        }
    }
}

/// Black or white, whichever is more readable on a colour (by WCAG's relative luminance).
fn text_on(color: Color) -> Color {
    let channel = |byte: u8| {
        let share = f32::from(byte) / 255.0;
        if share <= 0.040_45 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
    };
    let luminance =
        0.2126 * channel(color.red) + 0.7152 * channel(color.green) + 0.0722 * channel(color.blue);
    // At this luminance both are equally readable.
    if luminance > 0.179 { BLACK } else { WHITE }
}
