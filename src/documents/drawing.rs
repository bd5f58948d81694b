//! Writes pages as a PDF: an archive file (PDF/A-2) whose parts are marked for programs that read it aloud.

use std::collections::BTreeMap;

use chrono::Datelike as _;
use krilla::color::rgb;
use krilla::configure::{Archival, ConfigurationBuilder};
use krilla::geom::{PathBuilder, Point, Rect};
use krilla::metadata::{DateTime, Metadata};
use krilla::page::PageSettings;
use krilla::paint::Fill;
use krilla::surface::Surface;
use krilla::tagging::{
    Artifact, ArtifactType, ContentTag, Identifier, SpanTag, TableHeaderScope, Tag, TagGroup, TagTree,
};
use krilla::{Document, SerializeSettings};

use super::Error;
use super::composed::{About, Composed, Part};
use super::invoice::Color;
use super::paragraph::TextLine;
use super::sheet::{Item, PAGE_HEIGHT, PAGE_WIDTH, Place, Style};

/// The marked texts of a document by part, row and column.
type Marks = BTreeMap<(usize, usize, usize), Vec<Identifier>>;

/// Writes the pages.
pub(super) fn write(composed: &Composed) -> Result<Vec<u8>, Error> {
    // Every text has been cleaned of what the archive format forbids. Should a font surprise it, a plain file is better than none.
    document(composed, true).or_else(|_| document(composed, false))
}

fn document(composed: &Composed, is_archive: bool) -> Result<Vec<u8>, Error> {
    let mut settings = SerializeSettings::default();
    if is_archive {
        settings.configuration = ConfigurationBuilder::new()
            .with_archival_validator(Archival::A2_A)
            .finish()
            .map_err(|error| Error::File(format!("{error:?}")))?;
    }
    let mut document = Document::new_with(settings);
    let mut marks = Marks::new();
    for items in &composed.pages {
        let size = PageSettings::from_wh(PAGE_WIDTH, PAGE_HEIGHT).ok_or(Error::Font)?;
        let mut page = document.start_page_with(size);
        let mut surface = page.surface();
        for item in items {
            draw(&mut surface, item, &mut marks)?;
        }
        surface.finish();
        page.finish();
    }
    document.set_tag_tree(tree(marks, &composed.parts, composed.about.language));
    document.set_metadata(metadata(&composed.about));
    document.finish().map_err(|error| Error::File(error.to_string()))
}

fn draw(surface: &mut Surface<'_>, item: &Item, marks: &mut Marks) -> Result<(), Error> {
    match item {
        Item::Bar { x, y, width, height, color } => {
            let Some(area) = Rect::from_xywh(*x, *y, *width, *height) else {
                return Ok(());
            };
            let mut path = PathBuilder::new();
            path.push_rect(area);
            surface.start_tagged(ContentTag::Artifact(Artifact::with_kind(ArtifactType::Layout)));
            surface.set_fill(Some(fill(*color)));
            if let Some(path) = path.finish() {
                surface.draw_path(&path);
            }
            surface.end_tagged();
        }
        Item::Text { x, y, line, style, place } => {
            // An empty line draws nothing that could be marked.
            if line.runs.iter().all(|run| run.glyphs.is_empty()) {
                return Ok(());
            }
            let key = match *place {
                Place::Decoration => None,
                Place::Part(part) => Some((part, 0, 0)),
                Place::Cell { part, row, column } => Some((part, row, column)),
            };
            let tag = match key {
                None => ContentTag::Artifact(Artifact::with_kind(ArtifactType::PaginationOther)),
                Some(_) => ContentTag::Span(SpanTag::empty()),
            };
            let mark = surface.start_tagged(tag);
            draw_line(surface, *x, *y, line, *style)?;
            surface.end_tagged();
            if let Some(key) = key {
                marks.entry(key).or_default().push(mark);
            }
        }
    }
    Ok(())
}

fn draw_line(surface: &mut Surface<'_>, x: f32, y: f32, line: &TextLine, style: Style) -> Result<(), Error> {
    surface.set_fill(Some(fill(style.color)));
    let mut x = x;
    for run in &line.runs {
        let font = run.face.face().and_then(super::fonts::Face::font).ok_or(Error::Font)?;
        if !run.glyphs.is_empty() {
            surface.draw_glyphs(Point::from_xy(x, y), &run.glyphs, font, &line.text, style.size, false);
        }
        x += run.width * style.size;
    }
    Ok(())
}

fn fill(color: Color) -> Fill {
    Fill { paint: rgb::Color::new(color.red, color.green, color.blue).into(), ..Fill::default() }
}

/// The parts in the order of reading, with their marked texts.
fn tree(marks: Marks, parts: &[Part], language: &str) -> TagTree {
    let mut tree = TagTree::new().with_lang(Some(language.to_owned()));
    let mut marks = marks.into_iter().peekable();
    for (number, part) in parts.iter().enumerate() {
        let of_part = std::iter::from_fn(|| marks.next_if(|((part, ..), _)| *part == number));
        match part {
            Part::Table => tree.push(table(of_part)),
            Part::Title => tree.push(group(Tag::Hn(std::num::NonZeroU16::MIN, None), of_part)),
            Part::Heading => {
                let level = std::num::NonZeroU16::MIN.saturating_add(1);
                tree.push(group(Tag::Hn(level, None), of_part));
            }
            Part::Paragraph => tree.push(group(Tag::P, of_part)),
        }
    }
    tree
}

fn group(
    tag: impl Into<krilla::tagging::TagKind>,
    marks: impl Iterator<Item = ((usize, usize, usize), Vec<Identifier>)>,
) -> TagGroup {
    let mut group = TagGroup::new(tag);
    for mark in marks.flat_map(|(_, marks)| marks) {
        group.push(mark);
    }
    group
}

fn table(marks: impl Iterator<Item = ((usize, usize, usize), Vec<Identifier>)>) -> TagGroup {
    let mut rows: BTreeMap<usize, TagGroup> = BTreeMap::new();
    for ((part, row, column), marks) in marks {
        let marks = std::iter::once(((part, row, column), marks));
        let cell =
            if row == 0 { group(Tag::TH(TableHeaderScope::Column), marks) } else { group(Tag::TD, marks) };
        rows.entry(row).or_insert_with(|| TagGroup::new(Tag::TR)).push(cell);
    }
    let mut table = TagGroup::new(Tag::Table);
    for row in rows.into_values() {
        table.push(row);
    }
    table
}

fn metadata(about: &About) -> Metadata {
    // A year that the file format cannot say is nobody's year of an invoice.
    let year = u16::try_from(about.date.year()).ok().filter(|year| *year <= 9999).unwrap_or_default();
    let part = |number: u32| u8::try_from(number).unwrap_or(1);
    let date = DateTime::new(year).month(part(about.date.month())).day(part(about.date.day()));
    Metadata::new()
        .title(about.title.clone())
        .authors(vec![about.author.clone()])
        .language(about.language.to_owned())
        .creator("Customary".to_owned())
        .creation_date(date.hour(0).minute(0).second(0).utc_offset_hour(0).utc_offset_minute(0))
}
