//! A gallery whose disk does not keep up, or is gone for a while: no more is rendered, and nothing of what was is lost.

use std::sync::Arc;

use super::export::exporting::{Kind, SheetLook, Subject};
use super::places::Places;
use super::renders::runs::{Origin, State};
use super::results::store::{BEHIND, Meta, WAITING};
use super::tests::{paint, project, studio_in, wait};
use super::*;
use crate::project::{Project, png_text};

#[test]
fn while_the_gallery_s_disk_is_behind_no_more_is_rendered_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let places = Places::in_folder(folder.path());
    let mut studio = studio_in(project(), Some(places.clone()));
    let mut broken = project();
    broken.concepts[0].file = "/nowhere/none.pth".into();
    let origin = Origin::of(&studio.document);
    let failed = studio.renders.start_of(Arc::new(broken), ".".into(), "broken".into(), origin);
    wait(&mut studio, "the failure", |studio| {
        matches!(studio.renders.runs.get(failed).unwrap().state, State::Failed(_))
    });
    let (_, painted) = paint(&mut studio);
    wait(&mut studio, "the gallery", |studio| studio.results.store.is_listed() && !studio.results.store.is_writing());

    // The disk goes away.
    let (gallery, away) = (places.results_folder(), folder.path().join("away"));
    std::fs::rename(&gallery, &away).unwrap();
    std::fs::write(&gallery, "in the way").unwrap();
    let white = image::RgbImage::from_pixel(8, 8, image::Rgb([255; 3]));
    let made = Project { prompt: "a cat".into(), ..Project::new() };
    let add = |studio: &mut Studio| studio.results.store.add(&white, &made, "/work".as_ref(), 5, Meta::default());
    let ids: Vec<ResultId> = (0..=WAITING).map(|_| add(&mut studio)).collect();
    assert!(studio.results.store.is_behind());
    let runs = studio.renders.runs.iter().count();
    assert_eq!([studio.render(), studio.branch(), studio.resume(failed), studio.continue_with_masks()], [None; 4]);
    // Nor where it was asked about the memory before.
    for press in [Press::Render, Press::Branch, Press::Resume(failed), Press::WithMasks] {
        studio.press_anyway(press);
    }
    assert_eq!(studio.renders.runs.iter().count(), runs);
    assert_eq!(studio.renders.mask_editor.as_ref().unwrap().masks(), painted, "what was painted waits");
    assert!(studio.renders.can_resume(failed));
    let said = |studio: &Studio| {
        let notices = studio.session.notices.iter();
        notices.filter(|notice| (&notice.place, notice.words.as_str()) == (&Place::Render, BEHIND)).count()
    };
    assert_eq!(said(&studio), 1);

    // What is in memory alone can be saved elsewhere, and used.
    let (saved, layers) = (folder.path().join("saved.png"), studio.project().layers().len());
    let look = SheetLook { font: Arc::default(), color_map: Box::new(|_| [0; 3]), smooth: false };
    studio.start_export(&Subject::Result(ids[0].clone()), Kind::Png, saved.clone(), look);
    studio.use_result(&ids[0]);
    wait(&mut studio, "both", |studio| {
        studio.export.exported.is_some() && studio.project().layers().len() == layers + 1
    });
    let project = png_text::read_project(&saved).unwrap().unwrap();
    assert_eq!((project.prompt.as_str(), project.seed), ("a cat", 5));
    assert_eq!(image::open(&saved).unwrap().into_rgb8(), white);
    assert!(studio.project().layers()[layers].picture.is_file());

    // It comes back.
    std::fs::remove_file(&gallery).unwrap();
    std::fs::rename(&away, &gallery).unwrap();
    wait(&mut studio, "the writing", |studio| {
        let store = &studio.results.store;
        store.unwritten() == 0 && !store.is_writing() && !store.is_behind()
    });
    assert!(ids.iter().all(|id| studio.results.store.path(id).is_file()));
    let branch = studio.branch().unwrap();
    assert_eq!(said(&studio), 0);
    studio.renders.stop(branch);
    wait(&mut studio, "the end", |studio| studio.renders.runs.active().next().is_none());
}
