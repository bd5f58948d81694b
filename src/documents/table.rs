//! The tables of an invoice: what is sold, the tax by rate, and the sums.

use rust_decimal::Decimal;

use super::compose::{BODY, Composer, PALE, STRONG};
use super::composed::Part;
use super::invoice::{Kind, Line};
use super::paragraph::Paragraph;
use super::sheet::{Align, CONTENT_WIDTH, Cell, MARGIN, Place, Row, Style};
use crate::domain::numbers::{amount, money, percent, quantity};

/// The space left of each column of numbers.
const GAP: f32 = 9.0;
/// The width that descriptions have at least.
const DESCRIPTION_WIDTH_MIN: f32 = 150.0;
/// The sizes in which lines are tried until their numbers fit beside each other.
const SIZES: [f32; 6] = [8.5, 8.0, 7.5, 7.0, 6.5, SIZE_MIN];
/// The smallest size. Numbers that do not fit even in it are broken into lines.
const SIZE_MIN: f32 = 6.0;
/// The space above and below the text of a line.
const PADDING: f32 = 3.2;
/// The share of the width that the tax by rate has; the sums stand right of it.
const TAX_WIDTH: f32 = 0.48;
/// Where the sums begin.
const SUMS_X: f32 = MARGIN + CONTENT_WIDTH * (TAX_WIDTH + 0.06);
/// The width of the rates in the tax by rate.
const RATE_WIDTH: f32 = 50.0;

/// A column of numbers, not yet in its place.
struct Column {
    header: &'static str,
    numbers: Vec<Paragraph>,
    /// The width it needs, as a share of the font size.
    width: f32,
}

/// Where a column is.
#[derive(Clone, Copy)]
struct Track {
    x: f32,
    width: f32,
}

/// The style in which texts of this width, as a share of the size, fit beside each other; the smallest one if none does.
fn fitting(needed: f32, free: f32) -> Style {
    let size = SIZES.into_iter().find(|size| needed * size <= free).unwrap_or(SIZE_MIN);
    Style { size, leading: size * 1.4, ..BODY }
}

/// Takes from the widest columns what is too much for the free width. Their numbers are broken into lines.
fn shared(mut widths: Vec<f32>, free: f32) -> Vec<f32> {
    let mut sorted = widths.clone();
    sorted.sort_by(f32::total_cmp);
    let mut left = free;
    let mut columns = f32::from(u8::try_from(widths.len()).unwrap_or(u8::MAX));
    let mut widest = f32::MAX;
    for width in sorted {
        if width * columns > left {
            widest = left / columns;
            break;
        }
        left -= width;
        columns -= 1.0;
    }
    for width in &mut widths {
        *width = width.min(widest);
    }
    widths
}

impl Composer<'_> {
    /// The table of what is sold.
    pub(super) fn lines(&mut self) {
        if self.invoice.lines.is_empty() {
            return;
        }
        let part = self.part(Part::Table);
        let columns = self.columns();
        let gaps: f32 = columns.iter().map(|_| GAP).sum();
        let free = CONTENT_WIDTH - DESCRIPTION_WIDTH_MIN - gaps;
        let style = fitting(columns.iter().map(|column| column.width).sum(), free);
        let bold = Style { bold: true, ..style };
        let widths = shared(columns.iter().map(|column| column.width * style.size).collect(), free);
        let mut x = MARGIN + CONTENT_WIDTH - gaps - widths.iter().sum::<f32>();
        let mut tracks = vec![Track { x: MARGIN, width: x - MARGIN }];
        for width in widths {
            tracks.push(Track { x: x + GAP, width });
            x += GAP + width;
        }

        let headers =
            std::iter::once(self.words.description).chain(columns.iter().map(|column| column.header));
        let header = self.header(part, headers, &tracks, bold);

        let mut numbers: Vec<_> = columns.into_iter().map(|column| column.numbers.into_iter()).collect();
        let invoice = self.invoice;
        for (index, line) in invoice.lines.iter().enumerate() {
            let mut cells = Vec::new();
            for (column, track) in tracks.iter().enumerate() {
                let numbers = column.checked_sub(1).and_then(|column| numbers.get_mut(column));
                let (lines, align) = match numbers {
                    None => (self.set(&line.description, style, track.width), Align::Start),
                    Some(numbers) => (self.broken(numbers.next(), style, track.width), Align::Right),
                };
                let place = Place::Cell { part, row: index + 1, column };
                cells.push(Cell { x: track.x, width: track.width, align, lines, place });
            }
            let rule = Some((PALE, 0.5, MARGIN, CONTENT_WIDTH));
            let row = Row { cells, padding: PADDING, rule, may_be_cut: false };
            if index == 0 {
                self.sheet.need(header.height() + row.height());
                self.sheet.place(header.clone(), None);
            }
            self.sheet.place(row, Some(&header));
            if self.sheet.is_overfull {
                return;
            }
        }
        self.sheet.skip(14.0);
    }

    /// The columns of numbers that the document needs.
    fn columns(&mut self) -> Vec<Column> {
        let (invoice, words) = (self.invoice, self.words);
        let (language, currency) = (invoice.language, &invoice.currency);
        let has_discount = invoice.lines.iter().any(|line| !line.discount.is_zero());
        let has_tax = !invoice.taxes.is_empty();
        let shown = |value: Decimal| amount(language, currency.decimals, value);
        let taken_off = |value: Decimal| if value.is_zero() { String::new() } else { shown(-value) };
        let mut columns = vec![
            self.column(words.quantity, |line| quantity(language, line.quantity)),
            self.column(words.unit_price, |line| shown(line.unit_price)),
        ];
        if has_discount {
            columns.push(self.column(words.discount, |line| taken_off(line.discount)));
        }
        if has_tax {
            columns.push(self.column(words.tax_rate, |line| percent(language, line.tax_rate)));
            columns.push(self.column(words.net, |line| shown(line.net)));
            columns.push(self.column(words.tax, |line| shown(line.tax)));
            columns.push(self.column(words.total, |line| shown(line.total)));
        } else {
            columns.push(self.column(words.untaxed_total, |line| shown(line.total)));
        }
        columns
    }

    fn column(&mut self, header: &'static str, number: impl Fn(&Line) -> String) -> Column {
        let lines = &self.invoice.lines;
        let numbers: Vec<Paragraph> =
            lines.iter().map(|line| Paragraph::new(&mut self.typesetter, &number(line), false)).collect();
        let widest_number = numbers.iter().map(Paragraph::width).fold(0.0, f32::max);
        let words = header.split(' ').map(|word| Paragraph::new(&mut self.typesetter, word, true).width());
        let width = words.fold(widest_number, f32::max);
        Column { header, numbers, width }
    }

    /// The row with the names of the columns: the first on the left, the others on the right.
    fn header(
        &mut self,
        part: usize,
        names: impl Iterator<Item = &'static str>,
        tracks: &[Track],
        style: Style,
    ) -> Row {
        let mut cells = Vec::new();
        for (column, (name, track)) in names.zip(tracks).enumerate() {
            let lines = self.set(name, style, track.width);
            let place = Place::Cell { part, row: 0, column };
            let align = if column == 0 { Align::Left } else { Align::Right };
            cells.push(Cell { x: track.x, width: track.width, align, lines, place });
        }
        let left = tracks.first().map_or(MARGIN, |track| track.x);
        let right = tracks.last().map_or(left, |track| track.x + track.width);
        let rule = Some((self.invoice.accent, 1.2, left, right - left));
        Row { cells, padding: PADDING, rule, may_be_cut: false }
    }

    /// Breaks a text that is set already.
    fn broken(
        &mut self,
        paragraph: Option<Paragraph>,
        style: Style,
        width: f32,
    ) -> Vec<(super::paragraph::TextLine, Style)> {
        let lines = paragraph.map(|number| number.into_lines(&mut self.typesetter, width / style.size));
        lines.unwrap_or_default().into_iter().map(|line| (line, style)).collect()
    }

    /// The tax by rate on the left, and the sums on the right.
    pub(super) fn sums(&mut self) {
        let (mut rows, header) = self.taxes();
        let totals = self.totals();
        // The first row on the left is a header; both sides begin at the same height.
        rows.resize_with(rows.len().max(totals.len()), Vec::new);
        let is_strong =
            |cells: &Vec<Cell>| cells.iter().flat_map(|cell| &cell.lines).any(|(_, style)| style.bold);
        let above_total = totals.iter().position(is_strong).and_then(|total| total.checked_sub(1));
        let mut totals = totals.into_iter();
        let rows: Vec<Row> = rows
            .into_iter()
            .enumerate()
            .map(|(index, mut cells)| {
                cells.extend(totals.next().unwrap_or_default());
                let under_header = header.as_ref().filter(|_| index == 0).and_then(|header| header.rule);
                let rule = if above_total == Some(index) {
                    Some((PALE, 0.5, SUMS_X, MARGIN + CONTENT_WIDTH - SUMS_X))
                } else {
                    under_header
                };
                Row { cells, padding: 1.8, rule, may_be_cut: false }
            })
            .collect();
        self.sheet.place_together(rows, header.as_ref());
    }

    /// The cells of the tax by rate, and its header alone.
    fn taxes(&mut self) -> (Vec<Vec<Cell>>, Option<Row>) {
        let (invoice, words) = (self.invoice, self.words);
        if invoice.taxes.is_empty() {
            return (Vec::new(), None);
        }
        let part = self.part(Part::Table);
        let width = CONTENT_WIDTH * TAX_WIDTH;
        let amounts_width = (width - RATE_WIDTH - 2.0 * GAP) / 2.0;
        let right = MARGIN + width;
        let tracks = [
            Track { x: MARGIN, width: RATE_WIDTH },
            Track { x: right - 2.0 * amounts_width - GAP, width: amounts_width },
            Track { x: right - amounts_width, width: amounts_width },
        ];
        let header = self.header(part, [words.tax_rate, words.net, words.tax].into_iter(), &tracks, STRONG);
        let mut rows = vec![header.cells.clone()];
        for (index, sum) in invoice.taxes.iter().enumerate() {
            let texts = [
                percent(invoice.language, sum.rate),
                amount(invoice.language, invoice.currency.decimals, sum.net),
                amount(invoice.language, invoice.currency.decimals, sum.tax),
            ];
            let mut cells = Vec::new();
            for (column, (text, track)) in texts.iter().zip(tracks).enumerate() {
                let lines = self.set(text, BODY, track.width);
                let place = Place::Cell { part, row: index + 1, column };
                let align = if column == 0 { Align::Left } else { Align::Right };
                cells.push(Cell { x: track.x, width: track.width, align, lines, place });
            }
            rows.push(cells);
        }
        (rows, Some(header))
    }

    /// The cells of the sums.
    fn totals(&mut self) -> Vec<Vec<Cell>> {
        let (invoice, words) = (self.invoice, self.words);
        let has_tax = !invoice.taxes.is_empty();
        let total = if has_tax { words.total } else { words.untaxed_total };
        let due = match invoice.kind {
            Kind::Invoice => words.amount_due,
            Kind::CreditNote => words.amount_refunded,
        };
        let unless_zero = |value: Decimal| (!value.is_zero()).then_some(value);
        let paid = match invoice.kind {
            Kind::Invoice => words.sum_paid,
            Kind::CreditNote => words.credit_paid,
        };
        let sums = [
            (words.subtotal, Some(invoice.subtotal), BODY),
            (words.discount, unless_zero(-invoice.discount), BODY),
            (words.tax, has_tax.then_some(invoice.tax), BODY),
            (total, Some(invoice.total), STRONG),
            (paid, unless_zero(-invoice.paid), BODY),
            (words.sum_credit, unless_zero(-invoice.credit), BODY),
            (due, invoice.amount_due, STRONG),
        ];
        let shown = sums.into_iter().filter_map(|(label, sum, style)| {
            Some((
                label,
                money(invoice.language, (&invoice.currency.code, invoice.currency.decimals), sum?),
                style,
            ))
        });
        let part = self.part(Part::Table);
        let width = MARGIN + CONTENT_WIDTH - SUMS_X;
        let mut rows = Vec::new();
        for (row, (label, sum, style)) in shown.enumerate() {
            let number = Paragraph::new(&mut self.typesetter, &sum, style.bold);
            let number_width = (number.width() * style.size).min(width * 0.7);
            let number_track = Track { x: SUMS_X + width - number_width, width: number_width };
            let label_width = width - number_width - GAP;
            let label = self.set(label, style, label_width);
            let number = self.broken(Some(number), style, number_track.width);
            let place = |column| Place::Cell { part, row: row + 1, column };
            rows.push(vec![
                Cell { x: SUMS_X, width: label_width, align: Align::Left, lines: label, place: place(0) },
                Cell {
                    x: number_track.x,
                    width: number_track.width,
                    align: Align::Right,
                    lines: number,
                    place: place(1),
                },
            ]);
        }
        rows
    }
}
