//! The sheet of shortcuts: keys and what they do.

use eframe::egui::{Align2, Context, Label, RichText, Window};

use super::asks::Ask;
use super::look::Look;
use super::tables::{Column, SMALL, Table};
use super::theme;

/// What the sheet remembers between frames.
#[derive(Debug, Default)]
pub struct ShortcutsLook {
    /// Whether it is open.
    pub open: bool,
}

/// Keys and what they do, in the groups of the sheet.
pub const SHORTCUTS: [(&str, &[(&str, &str)]); 6] = [
    (
        "Project",
        &[
            ("Ctrl+N, Ctrl+O", "New, open"),
            ("Ctrl+S, Ctrl+Shift+S", "Save, save as"),
            ("Ctrl+Z, Ctrl+Shift+Z", "Undo, redo"),
            ("Ctrl+V", "Paste layers, or a picture as a layer"),
            ("Ctrl+C, Ctrl+X", "Copy, cut the layers; copy the picture shown"),
            ("Ctrl+Up, Ctrl+Down", "In the prompt: weigh the words more, less"),
        ],
    ),
    (
        "Canvas",
        &[
            ("Space+drag, wheel", "Pan, zoom to the pointer"),
            ("Ctrl+0, Ctrl+1", "Fit, 100 %"),
            ("1, 2, 3", "Collage, picture, both"),
            ("O held", "Peek: overlays over the picture, or a step without"),
            ("Ctrl+\\", "Fold the panels away"),
        ],
    ),
    (
        "Layers",
        &[
            ("Arrows, Shift+arrows", "Nudge by 1, by 10"),
            ("Shift while turning", "In steps of 15 degrees"),
            ("Alt+drag, Ctrl+D", "Duplicate"),
            ("Ctrl while dragging", "No snapping"),
            ("H", "Flip"),
            ("Alt+click on an eye", "This layer alone, and all again"),
            ("Double-click in the list", "Rename"),
            ("Ctrl+A", "Select all"),
            ("Ctrl+G, Ctrl+Shift+G", "Group, ungroup; double-click for one"),
            ("Ctrl+], Ctrl+[", "Forward, backward; with Shift to the end"),
            ("Delete, Esc", "Delete; give the gesture up"),
        ],
    ),
    (
        "Render",
        &[
            ("Ctrl+Enter", "Render; on the Train page: train"),
            ("Left, Right on the timeline", "A step back, a step on"),
        ],
    ),
    (
        "Masks",
        &[
            ("X", "Brush or eraser"),
            ("[, ], Shift+drag", "Smaller, larger brush"),
            ("Shift+click", "A straight line from the last stroke's end"),
        ],
    ),
    (
        "Cutting out",
        &[
            ("C, R, L, B, W", "Subject, rectangle, lasso, brush, wand"),
            ("Shift, Alt", "Add, take away; while scribbling, Alt removes"),
            ("Ctrl+Enter", "Make the layer"),
        ],
    ),
];

/// Draws the sheet, if it is open.
pub fn show(ctx: &Context, look: &mut Look, shortcuts: &mut ShortcutsLook) {
    if !shortcuts.open {
        return;
    }
    let mut open = true;
    Window::new("Shortcuts")
        .open(&mut open)
        .collapsible(false)
        .resizable(false)
        .anchor(Align2::CENTER_CENTER, [0.0, 0.0])
        .show(ctx, |ui| {
            ui.columns(2, |columns| {
                let mut rows = [0, 0];
                for (group, keys) in &SHORTCUTS {
                    // Into the column that has less so far.
                    let column = usize::from(rows[1] < rows[0]);
                    rows[column] += keys.len() + 2;
                    let ui = &mut columns[column];
                    ui.label(theme::strong(*group));
                    let table =
                        Table { name: group, columns: &[Column::auto(); 2], head: &[], row: SMALL, scrolls: false };
                    table.show(ui, keys.len(), |ui, row, column| {
                        let (key, what) = keys.get(row).copied().unwrap_or_default();
                        let words = match column {
                            0 => RichText::new(key).color(theme::colors(ui).accent),
                            _ => RichText::new(what),
                        };
                        ui.add(Label::new(words.small()).extend())
                    });
                    ui.add_space(8.0);
                }
            });
            ui.separator();
            if ui.button("Show the first hints again").clicked() {
                look.ask(Ask::HintsAgain);
                shortcuts.open = false;
            }
            ui.label(theme::note(ui, "On a Mac, Cmd stands for Ctrl."));
        });
    shortcuts.open &= open;
}
