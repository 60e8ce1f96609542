//! Tables of small words, by egui_extras: columns line up, long words wrap and their row grows.

use eframe::egui::{Align, Label, Layout, Response, RichText, Ui, Vec2};
pub use egui_extras::Column;
use egui_extras::{TableBody, TableBuilder, TableRow};

use super::theme;

/// From one column to the next and from one row to the next, in points.
const GAPS: Vec2 = Vec2::new(16.0, 4.0);
/// The least height of a row of small words, in points.
pub const SMALL: f32 = 16.0;

/// How a table is laid out.
pub struct Table<'a> {
    /// Its own name; no other table beside it has it.
    pub name: &'a str,
    /// How wide the columns are.
    pub columns: &'a [Column],
    /// What stands over them and stays while the rows scroll; nothing where it is empty.
    pub head: &'a [&'a str],
    /// The least height of a row, in points.
    pub row: f32,
    /// Whether the rows scroll, in all the room that there is.
    pub scrolls: bool,
}

impl Table<'_> {
    /// Draws it; `cell` is asked for what stands in a row and a column.
    pub fn show(self, ui: &mut Ui, rows: usize, mut cell: impl FnMut(&mut Ui, usize, usize) -> Response) {
        let Self { name, columns, head, row, scrolls } = self;
        ui.scope(|ui| {
            ui.spacing_mut().item_spacing = GAPS;
            let id = ui.scope_id().with((name, "heights"));
            let ctx = ui.ctx().clone();
            let known: Vec<f32> = ctx.data(|data| data.get_temp(id)).unwrap_or_default();
            let mut heights = vec![row; rows];
            let cells = if scrolls { Align::Min } else { Align::Center };
            let mut table = TableBuilder::new(ui)
                .id_salt(name)
                .cell_layout(Layout::left_to_right(cells))
                .vscroll(scrolls)
                .auto_shrink([false, !scrolls]);
            for column in columns {
                table = table.column(*column);
            }
            let fill = |mut body: TableBody<'_>| {
                for (index, height) in heights.iter_mut().enumerate() {
                    body.row(known.get(index).map_or(row, |known| known.max(row)), |mut row| {
                        for column in 0..columns.len() {
                            row.col(|ui| {
                                let drawn = cell(ui, index, column).rect;
                                // While columns are measured they are as narrow as can be, and cells as high.
                                if !ui.is_sizing_pass() {
                                    *height = height.max(drawn.height());
                                }
                            });
                        }
                    });
                }
            };
            if head.is_empty() {
                table.body(fill);
            } else {
                let head_row = |mut row: TableRow<'_, '_>| {
                    for words in head {
                        row.col(|ui| {
                            ui.add(Label::new(theme::note(ui, *words)).extend());
                        });
                    }
                };
                table.header(SMALL, head_row).body(fill);
            }
            // Columns as wide as their words are measured in the first pass too.
            let same = |(a, b): (&f32, &f32)| (a - b).abs() < 0.5;
            if heights.len() != known.len() || !heights.iter().zip(&known).all(same) {
                ctx.data_mut(|data| data.insert_temp(id, heights));
                ctx.request_discard("a table's rows have other heights");
                ctx.request_repaint();
            }
        });
    }
}

/// Draws what is known of something: what it is at the left, small and weak, its value beside it.
pub fn facts(ui: &mut Ui, name: &str, facts: &[(&str, String)]) {
    let columns = [Column::auto(), Column::remainder().clip(true)];
    let table = Table { name, columns: &columns, head: &[], row: SMALL, scrolls: false };
    table.show(ui, facts.len(), |ui, row, column| {
        let (what, value) = facts.get(row).map_or(("", ""), |(what, value)| (*what, value.as_str()));
        match column {
            0 => ui.add(Label::new(theme::note(ui, what)).extend()),
            _ => ui.add(Label::new(RichText::new(value).small()).wrap()),
        }
    });
}
