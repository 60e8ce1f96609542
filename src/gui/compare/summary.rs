//! What the pictures say together, and putting one side's settings into the project.

use eframe::egui::{Button, Label, RichText, Ui};

use crate::gui::{theme, widgets};
use crate::studio::Studio;
use crate::studio::compare::{Line, Side};

/// Draws it.
pub(super) fn show(ui: &mut Ui, studio: &mut Studio) {
    let Some(begun) = studio.compare.begun() else { return };
    let summary = begun.summary.clone();
    let same = Side::BOTH.map(|side| begun.projects[side as usize].settings == studio.project().settings);
    ui.add(Label::new(theme::strong(&summary.verdict)).wrap());
    ui.add_space(4.0);
    ui.horizontal_wrapped(|ui| {
        for (side, same) in Side::BOTH.into_iter().zip(same) {
            let button = ui.add_enabled(!same, Button::new(format!("Use {}'s settings", side.letter())));
            let button = button.on_hover_text("Puts them into the project; undo takes them back");
            if button.on_disabled_hover_text("The project has these settings").clicked() {
                studio.use_side(side);
            }
        }
    });
    if summary.lines.is_empty() {
        return;
    }
    ui.add_space(8.0);
    widgets::section(ui, "Mean over the seeds", |_| ());
    for line in &summary.lines {
        score(ui, line);
    }
    ui.add_space(4.0);
    ui.add(
        Label::new(theme::note(ui, "In brackets: where the difference lies in 95 % of draws of these seeds.")).wrap(),
    );
}

/// One score: its name and verdict, and below both means and their difference.
fn score(ui: &mut Ui, line: &Line) {
    let colors = theme::colors(ui);
    let [a, b, difference, interval] = line.cells();
    ui.add_space(4.0);
    ui.horizontal(|ui| {
        ui.add(Label::new(RichText::new(line.title).small().strong())).on_hover_text(line.score.about());
        let told = line.is_told();
        let color = if told { colors.accent } else { colors.weak };
        ui.add(Label::new(RichText::new(&line.verdict).small().color(color)).truncate());
    });
    let words = format!("A {a} · B {b} · B − A {difference} ({interval})");
    ui.add(Label::new(RichText::new(words).small()).wrap());
}
