//! How a photo of any size is worked on: which piece of it the canvas shows, whether the edit mask follows the layers, how
//! what is rendered goes back into the photo, and what may be done with the result.

use eframe::egui::{Label, Ui};

use crate::gui::asks::Purpose;
use crate::gui::fields::Number;
use crate::gui::look::{Look, Page};
use crate::gui::{theme, widgets};
use crate::project::{Background, Follow, Layout, Placement, Project};
use crate::studio::Studio;
use crate::studio::export::exporting::{Kind, Subject};

fn change(project: &mut Project, how: impl FnOnce(&mut Placement)) {
    if let Some(place) = &mut project.place {
        how(place);
    }
}

/// Which piece of the photo the canvas shows.
pub(super) fn frame(ui: &mut Ui, studio: &mut Studio, look: &mut Look) {
    let Some(place) = &studio.project().place else { return };
    let crop = place.crop;
    let is_behind = match &studio.project().layout {
        Layout::Collage { background, .. } => *background == Background::Photo,
        // A finished picture is the whole layout, and nothing lies behind it.
        Layout::Picture(_) => true,
    };
    let words = match crop {
        Some(crop) => format!(
            "The canvas shows {} x {} pixels of the photo. The rest stays as it is, and the whole photo is exported.",
            crop.width, crop.height
        ),
        None => "The canvas shows the whole photo, scaled.".to_owned(),
    };
    ui.horizontal_wrapped(|ui| {
        let cut = ui.button("Replace something in it...");
        let hover = "Cuts it out of the photo: it becomes a layer over its own place, which the edit mask follows. Then \
                     drag a concept onto that layer.";
        if cut.on_hover_text(hover).clicked() {
            studio.cut_out_of_placed_photo();
            look.page = Page::Compose;
        }
        let framed = ui.button("Frame the subjects");
        let hover = "Shows the piece of the photo around what is to change, so that the subjects are as large as the \
                     model draws them best; layers stay where they are in the photo";
        if framed.on_hover_text(hover).clicked() {
            studio.frame_subjects();
        }
        if crop.is_some() && ui.button("Show the whole photo").clicked() {
            studio.show_whole_photo();
        }
        let behind = ui.add_enabled(!is_behind, eframe::egui::Button::new("Photo behind the layers"));
        let hover = "The photo becomes the layout's background: layers stand in it where the subjects shall, and what \
                     has no layer is its own reference. A layer cut out of this photo replaces what it was cut from.";
        if behind.on_hover_text(hover).on_disabled_hover_text("It is there already").clicked() {
            studio.edit("Photo behind the layers", Project::lay_photo_behind);
        }
    });
    ui.add(Label::new(theme::note(ui, words)).wrap());
}

/// Whether the edit mask follows the layers, and how far around them it goes.
pub(super) fn follow(ui: &mut Ui, studio: &mut Studio) {
    let Some(follow) = studio.project().place.as_ref().map(|place| place.follow) else { return };
    let mut follows = follow.is_some();
    let words = "The mask follows the layers";
    let response = ui.checkbox(&mut follows, words);
    let hover = "Where layers that stand for a concept show may change, with a margin around; what is painted may too";
    if response.on_hover_text(hover).changed() {
        studio.edit(words, |project| {
            change(project, |place| place.follow = follows.then(Follow::default));
        });
    }
    if let Some(follow) = follow {
        let explanation = "How far the mask goes beyond the layers: a subject's new shape needs room.";
        Number::new("Margin", explanation, Placement::REACH, Follow::default().margin)
            .named("Margin of the edit mask")
            .unit(" px")
            .row(ui, studio, follow.margin, |project, margin| {
                change(project, |place| place.follow = Some(Follow { margin }));
            });
    }
}

/// How what is rendered goes back into the photo.
pub(super) fn pasted(ui: &mut Ui, studio: &mut Studio) {
    let Some(place) = studio.project().place.clone().filter(|place| place.crop.is_some()) else { return };
    let usual = Placement::new("", "");
    let explanation = "How far beyond the edit mask the render fades into the photo, when it is put back.";
    Number::new("Feather", explanation, Placement::REACH, usual.feather)
        .named("Feather of the edit mask")
        .unit(" px")
        .row(ui, studio, place.feather, |project, feather| change(project, |place| place.feather = feather));
    let mut matches = place.match_rim;
    let words = "Match the colours along the rim";
    let response = ui.checkbox(&mut matches, words);
    let hover = "Undoes the slight change of colour that the autoencoder makes, which shows as a seam";
    if response.on_hover_text(hover).changed() {
        studio.edit(words, |project| change(project, |place| place.match_rim = matches));
    }
    let mut grain = place.grain;
    let words = "Add the photo's grain";
    let response = ui.checkbox(&mut grain, words);
    let hover = "Lays as much grain over what is put back as the photo has around it, where the render is smoother";
    if response.on_hover_text(hover).changed() {
        studio.edit(words, |project| change(project, |place| place.grain = grain));
    }
}

/// What may be done with what was rendered into a piece of a photo.
pub(super) fn of_result(ui: &mut Ui, studio: &mut Studio, look: &mut Look) {
    let Some(run) = studio.renders.runs.shown() else { return };
    let Some(place) = run.project.place.as_ref().filter(|place| place.crop.is_some()) else { return };
    let follows = place.follow.is_some();
    let (subject, result) =
        (Subject::Run(run.job, studio.renders.runs.picture), run.results.get(studio.renders.runs.picture).cloned());
    let layers: Vec<(usize, String)> = run
        .project
        .layers()
        .iter()
        .enumerate()
        .filter(|(_, layer)| layer.concept.is_some() && layer.visible)
        .map(|(index, layer)| (index, layer.title()))
        .collect();
    ui.horizontal_wrapped(|ui| {
        let obstacle = studio.export_obstacle(&subject, Kind::Photo);
        let button = ui.add_enabled(obstacle.is_none(), eframe::egui::Button::new("Export the whole photo..."));
        let button = button.on_hover_text(Kind::Photo.explanation());
        if let Some(words) = &obstacle {
            button.on_disabled_hover_text(words);
        } else if button.clicked() {
            let name = Kind::Photo.name(&studio.export_stem(&subject));
            look.choose(Purpose::Export { subject: subject.clone(), kind: Kind::Photo, name });
        }
        let Some(result) = result.filter(|_| follows && layers.len() > 1) else { return };
        for (index, title) in &layers {
            widgets::room_for(ui, 160.0);
            let hover = "This subject anew with the next seed; the others become part of the photo";
            if ui.button(format!("{title} again")).on_hover_text(hover).clicked() {
                studio.place_again(&result, *index);
            }
        }
    });
}
