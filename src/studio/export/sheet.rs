//! What the method saw from step to step, on one page, as in the paper's Figures 12 and 13: a row for every map and
//! mask, a column for every chosen step.

use std::path::Path;

use image::{Rgb, RgbImage, imageops};

use super::draw::{attention_colored, cluster_picture, in_squares, mask_sized, scaled, write_rgb};
use super::masks::color_of;
use super::text::Text;
use super::{ExportError, Progress, Take, whole};
use crate::link::{Lane, StepView};

/// The longest side of a sheet, in pixels.
const MOST_SIDE: u32 = 16_384;
/// The most pixels of a sheet.
const MOST_PIXELS: u64 = 64_000_000;
/// The most lines of the prompt.
const PROMPT_LINES: usize = 3;

const PAPER: [u8; 3] = [255; 3];
const INK: [u8; 3] = [24; 3];
const FAINT: [u8; 3] = [112; 3];
/// A cell with nothing to show.
const VOID: [u8; 3] = [236; 3];

/// Which kinds of rows a sheet has. What the render did not watch has none anyway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Show {
    /// The picture that each step implies; the finished picture at the end.
    pub previews: bool,
    /// Clustered self-attention, a row for each branch and the reference.
    pub clusters: bool,
    /// Cross-attention to all foreground words together, a row for each branch and the reference.
    pub attention: bool,
    /// Cross-attention to each word, a row for each word of each branch and the reference.
    pub words: bool,
    /// The masks used for feature fusion, a row for each subject.
    pub masks: bool,
}

impl Default for Show {
    /// All but the single words, as in the paper.
    fn default() -> Self {
        Self { previews: true, clusters: true, attention: true, words: false, masks: true }
    }
}

/// How a contact sheet looks.
#[derive(Clone, Copy)]
pub struct SheetOptions<'a> {
    /// How many steps, evenly spaced, the first and the last among them: 1 to 32.
    pub columns: usize,
    /// The longer side of a cell, in pixels: 32 to 512.
    pub cell: u32,
    /// Which rows.
    pub show: Show,
    /// Whether cross-attention maps are interpolated; else their cells are squares.
    pub smooth: bool,
    /// A TrueType or OpenType font for prompt and labels; without one there are none.
    pub font: &'a [u8],
    /// Colours of cross-attention, from 0..1.
    pub color_map: &'a dyn Fn(f32) -> [u8; 3],
}

impl<'a> SheetOptions<'a> {
    /// Eight steps in cells of 128 pixels.
    pub fn new(font: &'a [u8], color_map: &'a dyn Fn(f32) -> [u8; 3]) -> Self {
        Self { columns: 8, cell: 128, show: Show::default(), smooth: false, font, color_map }
    }
}

/// Draws the contact sheet of one picture.
///
/// # Errors
/// When the render has no step yet, or the sheet would be too large.
pub fn contact_sheet(take: &Take, options: &SheetOptions<'_>) -> Result<RgbImage, ExportError> {
    Sheet::new(take, options)?.draw(&mut |_, _| true)
}

/// Writes the contact sheet of one picture as a PNG. `progress` counts rows.
///
/// # Errors
/// When the render has no step yet, the sheet would be too large, the file cannot be written, or `progress` stops;
/// then what was there before still is.
pub fn write_contact_sheet(
    path: &Path,
    take: &Take,
    options: &SheetOptions<'_>,
    progress: &mut Progress<'_>,
) -> Result<(), ExportError> {
    let sheet = Sheet::new(take, options)?.draw(progress)?;
    whole::write(path, |out| write_rgb(&sheet, out))
}

/// What a row shows.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Row {
    Preview,
    Clusters(Lane),
    /// All foreground words where the word is empty.
    Attention(Lane, String),
    /// A subject by its place, and its concept.
    Mask(usize, String),
}

/// A sheet as it is going to be.
struct Sheet<'a> {
    take: &'a Take,
    options: &'a SheetOptions<'a>,
    text: Text<'a>,
    steps: Vec<&'a StepView>,
    rows: Vec<Row>,
    prompt: Vec<String>,
    page: Page,
}

/// Where everything is, in pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Page {
    cell: (u32, u32),
    gap: u32,
    margin: u32,
    /// The width of the rows' labels with the room after them.
    labels: u32,
    /// The height of prompt, facts and the columns' labels.
    head: u32,
    size: (u32, u32),
    letters: f32,
}

impl Page {
    /// The top left corner of a cell.
    fn corner(&self, row: usize, column: usize) -> (u32, u32) {
        let along = |start: u32, index: usize, side: u32| start + index as u32 * (side + self.gap);
        let (x, y) = (self.margin + self.labels, self.margin + self.head);
        (along(x, column, self.cell.0), along(y, row, self.cell.1))
    }
}

impl<'a> Sheet<'a> {
    fn new(take: &'a Take, options: &'a SheetOptions<'a>) -> Result<Self, ExportError> {
        let (width, height) = take.size()?;
        let shown: Vec<&StepView> = take.steps.iter().map(AsRef::as_ref).collect();
        let steps: Vec<&StepView> =
            evenly(shown.len(), options.columns.clamp(1, 32)).filter_map(|index| shown.get(index).copied()).collect();
        let rows = rows(take, &steps, options.show);
        if rows.is_empty() {
            return Err(ExportError::Nothing {
                what: "the render has no step to show yet",
                advice: "wait for its first step, or choose more kinds of rows",
            });
        }
        let longest = options.cell.clamp(32, 512);
        let side = |side: u32| (side * longest / width.max(height)).max(1);
        let text = Text::new(options.font);
        let mut sheet = Self {
            take,
            options,
            text,
            steps,
            rows,
            prompt: Vec::new(),
            page: Page::empty((side(width), side(height))),
        };
        sheet.lay_out()?;
        Ok(sheet)
    }

    fn lay_out(&mut self) -> Result<(), ExportError> {
        let (rows, columns) = (self.rows.len() as u64, self.steps.len() as u64);
        let Page { cell, gap, margin, letters, .. } = self.page;
        let line = self.text.height(letters);
        let label = |row: &Row| {
            let (above, below) = row_words(row, self.take);
            self.text.width(&above, letters).max(swatch(line) + self.text.width(&below, letters))
        };
        let widest = self.rows.iter().map(label).max().unwrap_or(0).min(line * 12);
        let labels = if widest > 0 { widest + margin } else { 0 };
        let along = |cells: u64, side: u32| cells * u64::from(side + gap) - u64::from(gap);
        let inner = u64::from(labels) + along(columns, cell.0);
        // Few columns must not squeeze the prompt into nothing.
        let inner = inner.max(u64::from(line) * 16);
        self.prompt = self.text.wrap(
            &self.take.project.prompt,
            letters * 1.2,
            u32::try_from(inner).unwrap_or(u32::MAX),
            PROMPT_LINES,
        );
        let head = match line {
            0 => 0,
            line => self.prompt.len() as u32 * self.text.height(letters * 1.2) + line + margin + 2 * line + gap * 2,
        };
        let width = inner + 2 * u64::from(margin);
        let height = u64::from(head) + along(rows, cell.1) + 2 * u64::from(margin);
        let too_large = ExportError::TooLarge { width, height, most: MOST_SIDE, mega: MOST_PIXELS / 1_000_000 };
        let size = match (u32::try_from(width), u32::try_from(height)) {
            (Ok(w), Ok(h)) if w <= MOST_SIDE && h <= MOST_SIDE && width * height <= MOST_PIXELS => (w, h),
            _ => return Err(too_large),
        };
        self.page = Page { labels, head, size, ..self.page };
        Ok(())
    }

    fn draw(&self, progress: &mut Progress<'_>) -> Result<RgbImage, ExportError> {
        let mut picture = RgbImage::from_pixel(self.page.size.0, self.page.size.1, Rgb(PAPER));
        self.draw_head(&mut picture);
        for (index, row) in self.rows.iter().enumerate() {
            if !progress(index, self.rows.len()) {
                return Err(ExportError::Stopped);
            }
            self.draw_label(&mut picture, index, row);
            for (column, view) in self.steps.iter().enumerate() {
                let cell = self.cell(row, view);
                let cell = cell.unwrap_or_else(|| RgbImage::from_pixel(self.page.cell.0, self.page.cell.1, Rgb(VOID)));
                let (x, y) = self.page.corner(index, column);
                imageops::replace(&mut picture, &cell, x.into(), y.into());
            }
        }
        progress(self.rows.len(), self.rows.len());
        Ok(picture)
    }

    fn draw_head(&self, picture: &mut RgbImage) {
        let Page { cell, margin, letters, size, gap, .. } = self.page;
        let mut y = margin;
        for line in &self.prompt {
            self.text.draw(picture, (margin, y), letters * 1.2, INK, line);
            y += self.text.height(letters * 1.2);
        }
        let canvas = self.take.project.canvas;
        let facts = format!(
            "Seed {}, {} steps, {} × {} pixels",
            self.take.seed(),
            self.take.step_count(),
            canvas.width,
            canvas.height
        );
        let facts = self.text.fit(&facts, letters, size.0.saturating_sub(2 * margin));
        self.text.draw(picture, (margin, y), letters, FAINT, &facts);
        let line = self.text.height(letters);
        for (column, view) in self.steps.iter().enumerate() {
            let (x, top) = self.page.corner(0, column);
            let y = top.saturating_sub(2 * line + gap);
            let step = self.text.fit(&format!("Step {}", view.step + 1), letters, cell.0);
            self.text.draw(picture, (x, y), letters, INK, &step);
            let timestep = self.text.fit(&format!("t = {}", view.timestep), letters * 0.9, cell.0);
            self.text.draw(picture, (x, y + line), letters * 0.9, FAINT, &timestep);
        }
    }

    /// What the row shows, and below it of whom, with the concept's colour as a small square.
    fn draw_label(&self, picture: &mut RgbImage, index: usize, row: &Row) {
        let Page { cell, margin, letters, labels, .. } = self.page;
        let line = self.text.height(letters);
        if line == 0 {
            return;
        }
        let (above, below) = row_words(row, self.take);
        let (_, top) = self.page.corner(index, 0);
        let y = top + (cell.1 / 2).saturating_sub(line);
        let room = labels.saturating_sub(margin);
        self.text.draw(picture, (margin, y), letters, INK, &self.text.fit(&above, letters, room));
        let mut x = margin;
        if let Some(color) = row_color(row, self.take) {
            let side = line * 2 / 3;
            let square = RgbImage::from_pixel(side, side, Rgb(color));
            imageops::replace(picture, &square, x.into(), (y + line + (line - side) / 2).into());
            x += swatch(line);
        }
        let below = self.text.fit(&below, letters, room.saturating_sub(x - margin));
        self.text.draw(picture, (x, y + line), letters, FAINT, &below);
    }

    /// What a step shows in a row.
    fn cell(&self, row: &Row, view: &StepView) -> Option<RgbImage> {
        let (size, picture) = (self.page.cell, self.take.picture);
        match row {
            Row::Preview => {
                let stills = self.take.stills();
                let still = stills.iter().find(|still| still.step == view.step + 1)?;
                Some(scaled(still.picture, size))
            }
            Row::Clusters(lane) => {
                let map = view.clusters.iter().find(|map| map.picture == picture && map.lane == *lane)?;
                let small = cluster_picture(map);
                (small.width() > 0 && small.height() > 0).then(|| in_squares(&small, size))
            }
            Row::Attention(lane, word) => {
                let mut maps = view.attention.iter();
                let map = maps.find(|map| map.picture == picture && map.lane == *lane && map.word == *word)?;
                Some(attention_colored(map, size, self.options.smooth, self.options.color_map))
            }
            Row::Mask(subject, concept) => {
                let mask = mask_sized(&view.masks.get(picture)?.get(*subject)?.combined, size);
                let color = color_of(&self.take.project, concept);
                let mut on = mask.on.iter();
                Some(RgbImage::from_fn(size.0, size.1, |_, _| match on.next() {
                    Some(true) => Rgb(color),
                    _ => Rgb([0; 3]),
                }))
            }
        }
    }
}

impl Page {
    fn empty(cell: (u32, u32)) -> Self {
        let longest = cell.0.max(cell.1);
        let gap = (longest / 64).max(2);
        let letters = (longest as f32 / 9.0).clamp(11.0, 36.0);
        Self { cell, gap, margin: gap * 5, labels: 0, head: 0, size: (0, 0), letters }
    }
}

/// The room of a colour's square, with the gap after it, beside words of this height.
fn swatch(line: u32) -> u32 {
    line
}

/// `count` of `0..of`, or all, evenly spaced with both ends; the last alone where one is asked for.
fn evenly(of: usize, count: usize) -> impl Iterator<Item = usize> {
    let count = count.min(of);
    (0..count).map(move |index| match count {
        1 => of - 1,
        _ => (index * (of - 1) * 2 + count - 1) / (2 * (count - 1)),
    })
}

/// The rows for what any of these steps has.
fn rows(take: &Take, steps: &[&StepView], show: Show) -> Vec<Row> {
    let mine = |picture: usize| picture == take.picture;
    let mut rows = Vec::new();
    if show.previews && !steps.is_empty() && !take.stills().is_empty() {
        rows.push(Row::Preview);
    }
    let clusters = steps.iter().flat_map(|view| &view.clusters).filter(|map| mine(map.picture));
    let mut clusters: Vec<Row> = distinct(clusters.map(|map| Row::Clusters(map.lane.clone())));
    let attention = steps.iter().flat_map(|view| &view.attention).filter(|map| mine(map.picture));
    let wanted = attention.filter(|map| if map.word.is_empty() { show.attention } else { show.words });
    let mut attention = distinct(wanted.map(|map| Row::Attention(map.lane.clone(), map.word.clone())));
    // Sorting is stable: the words of a lane stay in the prompt's order.
    clusters.sort_by_key(|row| lane_order(row, take));
    attention.sort_by_key(|row| lane_order(row, take));
    if show.clusters {
        rows.extend(clusters);
    }
    rows.extend(attention);
    if show.masks {
        let masks =
            steps.iter().filter_map(|view| view.masks.get(take.picture)).flat_map(|masks| masks.iter().enumerate());
        rows.extend(distinct(masks.map(|(subject, mask)| Row::Mask(subject, mask.concept.clone()))));
    }
    rows
}

fn distinct(rows: impl Iterator<Item = Row>) -> Vec<Row> {
    rows.fold(Vec::new(), |mut all, row| {
        if !all.contains(&row) {
            all.push(row);
        }
        all
    })
}

fn lane(row: &Row) -> Option<&Lane> {
    match row {
        Row::Clusters(lane) | Row::Attention(lane, _) => Some(lane),
        Row::Preview | Row::Mask(..) => None,
    }
}

/// The base first, the concepts in the project's order, the reference last.
fn lane_order(row: &Row, take: &Take) -> usize {
    match lane(row) {
        Some(Lane::Concept(name)) => {
            1 + take.project.concept(name).map_or(take.project.concepts.len(), |(index, _)| index)
        }
        Some(Lane::Reference) => usize::MAX,
        Some(Lane::Base) | None => 0,
    }
}

/// A row's label: what it shows, and of whom.
fn row_words(row: &Row, take: &Take) -> (String, String) {
    let whose = |lane: &Lane| match lane {
        Lane::Base => "Base".to_owned(),
        Lane::Concept(name) => name.clone(),
        Lane::Reference => "Layout reference".to_owned(),
    };
    match row {
        Row::Preview => ("Picture".into(), format!("Seed {}", take.seed())),
        Row::Clusters(lane) => ("Self-attention".into(), whose(lane)),
        Row::Attention(lane, word) if word.is_empty() => ("Cross-attention".into(), whose(lane)),
        Row::Attention(lane, word) => (format!("Attention: {word}"), whose(lane)),
        Row::Mask(subject, concept) => (format!("Mask {}", subject + 1), concept.clone()),
    }
}

fn row_color(row: &Row, take: &Take) -> Option<[u8; 3]> {
    match row {
        Row::Mask(_, concept) => Some(color_of(&take.project, concept)),
        _ => match lane(row) {
            Some(Lane::Concept(name)) => Some(color_of(&take.project, name)),
            _ => None,
        },
    }
}

#[cfg(test)]
#[path = "sheet_tests.rs"]
mod tests;
