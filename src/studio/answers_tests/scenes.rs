//! What is asked of other threads, one scene for every kind of answer.

use std::sync::Arc;

use image::{Rgba, RgbaImage};

use super::super::cut::Shape;
use super::super::export::exporting::{Kind, SheetLook, Subject};
use super::super::files::pictures::Loaded;
use super::super::renders::runs::{Origin, State};
use super::super::results::store::Meta;
use super::super::*;
use super::{Bench, Meanwhile, Scene};
use crate::cut::{Mode, Scribble};
use crate::hub::Precision;
use crate::link::DeviceChoice;
use crate::project::training::{Training, file as training_file};
use crate::project::{Background, Canvas, Color, Concept, Crop, Follow, Layer, Layout, Placement, Project, file};

fn layers(bench: &Bench) -> usize {
    bench.studio.project().layers().len()
}

/// A picture whose project places two subjects into a photo.
fn placed(bench: &Bench) -> Project {
    let (photo, figure) = (bench.picture("photo.png", 200), bench.picture("figure.png", 12));
    let layer = |x, concept: &str| Layer { concept: Some(concept.into()), ..Layer::new(figure.clone(), x, 32.0) };
    Project {
        canvas: Canvas { width: 64, height: 64 },
        layout: Layout::Collage { background: Background::Photo, layers: vec![layer(12.0, "a"), layer(50.0, "b")] },
        concepts: ["a", "b"].map(|name| Concept::new(name, "none.pth", "toy cat", Color([1, 2, 3]))).to_vec(),
        place: Some(Placement {
            crop: Some(Crop { x: 40, y: 40, width: 64, height: 64 }),
            follow: Some(Follow { margin: 2 }),
            ..Placement::new(photo, "")
        }),
        prompt: "two toy cats".into(),
        seed: 41,
        ..Project::new()
    }
}

fn finished(bench: &mut Bench) -> bool {
    bench.studio.gallery().count() == 1 && bench.studio.renders.runs.iter().any(|run| run.finished().is_some())
}

const HEAVY: &[Meanwhile] = &[Meanwhile::Edit, Meanwhile::New, Meanwhile::Close];

/// Of the rooms that only look.
pub(super) const LOOKING: &[Scene] = &[
    Scene::new(
        &["train::Told Left", "files::Told Moved", "thread::Done Listed", "ModelFiles"],
        |_| (),
        |bench| bench.studio.train.training().name == "left_over" && bench.studio.results.store.is_listed(),
    ),
    Scene::new(
        &["files::Told Picture"],
        |bench| _ = bench.studio.picture("assets:scenes/snow.png".as_ref()),
        |bench| matches!(bench.studio.picture("assets:scenes/snow.png".as_ref()), Loaded::Ready(_)),
    ),
    Scene::new(
        &["files::Told Collage"],
        |bench| {
            bench.studio.document.edit_layer(0, "Move", |layer| layer.x += 5.0);
            bench.studio.collage_now();
        },
        |bench| bench.studio.collage_now().is_some_and(|collage| collage.is_ok()),
    )
    .after(Bench::collage),
    Scene::new(
        &["files::Told Concept"],
        |bench| _ = bench.studio.file_facts("assets:miniature/concepts/lime_robot.safetensors".as_ref()),
        |bench| bench.studio.file_facts("assets:miniature/concepts/lime_robot.safetensors".as_ref()).is_some(),
    ),
    Scene::new(
        &["files::Told Tokens"],
        |bench| {
            bench.studio.edit("Words", |project| project.prompt = "cat ".repeat(30));
            bench.studio.token_counts();
        },
        |bench| bench.studio.token_counts().is_some_and(|counts| counts.base >= 30),
    )
    .after(|bench| bench.until("the words", |bench| bench.studio.token_counts().is_some())),
    Scene::new(
        &["files::Told Changed"],
        |bench| {
            bench.picture("seen.png", 9);
            bench.studio.files.look_for_changes();
        },
        |bench| {
            let path = bench.at("seen.png");
            matches!(bench.studio.picture(&path), Loaded::Ready(picture) if picture.size == (9, 9))
        },
    )
    .after(|bench| {
        let path = bench.picture("seen.png", 4);
        bench.until("the picture", |bench| matches!(bench.studio.picture(&path), Loaded::Ready(_)));
    }),
    Scene::new(
        &["files::Told Networks"],
        |bench| _ = bench.studio.files.networks(&bench.studio.document, vec!["fox".into()]),
        |bench| bench.studio.files.networks(&bench.studio.document, vec!["fox".into()]).is_some(),
    ),
    Scene::new(&["files::Told Moved"], |bench| bench.studio.look_again(), |_| true),
    Scene::new(
        &["compare::Found Encoder"],
        |bench| {
            let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/encoders/clip");
            bench.studio.choose_encoder(folder);
        },
        |bench| bench.studio.session.config.clip.is_some(),
    ),
    Scene::new(
        &["train::Told Looked"],
        |bench| _ = bench.studio.train.photo(0),
        |bench| bench.studio.train.photo(0).is_some_and(|look| look.ready().is_some()),
    )
    .after(|bench| bench.studio.train.add(vec![Bench::photos().join("0.png")])),
    Scene::new(
        &["place::Told Photo"],
        |bench| _ = bench.studio.placed_photo(),
        |bench| bench.studio.placed_photo().ready().is_some(),
    )
    .after(|bench| {
        bench.studio.document.set_photo("assets:photos/meadow.png".into());
        bench.until("the photo", |bench| {
            matches!(bench.studio.picture("assets:photos/meadow.png".as_ref()), Loaded::Ready(_))
        });
    }),
    Scene::new(
        &["place::Told Mask"],
        |bench| {
            let path = bench.picture("mask.png", 128);
            bench.studio.edit("Mask", |project| project.place.as_mut().unwrap().edit_mask = path);
            bench.studio.edit_mask();
        },
        |bench| bench.studio.edit_mask().ready().is_some(),
    )
    .after(Bench::photo),
    Scene::new(
        &["place::Told Following"],
        |bench| {
            bench.studio.edit("Follow", |project| project.place.as_mut().unwrap().follow = Some(Follow::default()));
            bench.studio.edit_mask_with_layers();
        },
        |bench| bench.studio.edit_mask_with_layers().ready().is_some(),
    )
    .after(|bench| {
        bench.photo();
        bench.collage();
    }),
    Scene::new(
        &["library::Told Walked"],
        |bench| bench.studio.library.look(vec![bench.folder.path().join("models")]),
        |bench| bench.studio.library.looked().is_some_and(Result::is_ok),
    )
    .after(Bench::library),
    Scene::new(
        &["library::Found"],
        |bench| {
            let folder = bench.at("models");
            std::fs::create_dir(&folder).unwrap();
            for name in ["dog", "fox"] {
                std::fs::write(folder.join(format!("{name}.safetensors")), "no model").unwrap();
            }
            bench.studio.library.look(vec![folder]);
        },
        // They are taken in, though the search was over before they came.
        |bench| bench.studio.library.looked().is_some() && bench.studio.library.entries().len() == 2,
    )
    .after(Bench::library),
    Scene::new(
        &["library::Told Got"],
        |bench| bench.studio.library.get("http://127.0.0.1:1/fox.safetensors", Precision::Half),
        |bench| !bench.studio.library.gettings()[0].is_open(),
    )
    .after(Bench::library),
    Scene::new(
        &["library::Told Preview"],
        |bench| {
            let path = bench.picture("preview.png", 40);
            bench.studio.library.preview(&path);
        },
        |bench| {
            let path = bench.at("preview.png");
            matches!(bench.studio.library.preview(&path), library::previews::Preview::Ready(_))
        },
    ),
    Scene::new(
        &["results::Told Compared"],
        |bench| {
            let ids = bench.results.clone();
            bench.studio.compare_results(&ids[0], &ids[1]);
        },
        |bench| {
            let ids = bench.results.clone();
            bench.studio.compare_results(&ids[0], &ids[1]).is_some_and(Result::is_ok)
        },
    )
    .after(|bench| {
        bench.result(&Project { prompt: "a cat".into(), ..Project::new() });
        bench.result(&Project { prompt: "a dog".into(), ..Project::new() });
    }),
    Scene::new(
        &["thread::Done Loaded"],
        |bench| _ = bench.studio.results.store.thumbnail(&bench.results[0], 8),
        |bench| bench.studio.results.store.thumbnail(&bench.results[0], 8).is_some(),
    )
    .after(|bench| _ = bench.result(&Project::new())),
];

/// Of the rooms that write, or change what is open.
pub(super) const CHANGING: &[Scene] = &[
    Scene::new(
        &["files::Told TakenIn"],
        |bench| {
            let path = bench.picture("new.png", 20);
            bench.studio.take_in(path, Target::Cutout);
        },
        |bench| layers(bench) == 3,
    )
    .told(),
    Scene::new(
        &["files::Told TakenIn"],
        |bench| {
            let path = bench.picture("new.png", 20);
            let layer = bench.studio.project().layers()[0].id;
            bench.studio.take_in(path, Target::ReplaceLayer(layer));
        },
        // It was the first, and was brought to the front meanwhile.
        |bench| {
            let path = bench.at("new.png");
            layers(bench) == 2 && bench.studio.project().layers()[1].picture == path
        },
    )
    .told(),
    Scene::new(
        &["files::Told TakenIn"],
        |bench| {
            let path = bench.at("third.ron");
            file::save(&path, &Project { prompt: "the third".into(), ..Project::new() }).unwrap();
            bench.studio.take_in(path, Target::Open);
        },
        |bench| matches!(bench.studio.session.questions.front(), Some(Question::Unsaved(Held::Replace { .. }))),
    ),
    Scene::new(
        &["files::Told Pasted"],
        |bench| bench.studio.paste_picture(RgbaImage::from_pixel(4, 4, Rgba([9; 4])), None),
        |bench| layers(bench) == 3,
    )
    .told(),
    Scene::new(
        &["cut::Told Loaded"],
        |bench| {
            let photo = bench.picture("square.png", 96);
            bench.studio.cut_out_of(photo);
        },
        |bench| bench.studio.cut.open().is_some_and(|open| open.subject().is_some()),
    ),
    Scene::new(
        &["cut::Told Drawn"],
        |bench| bench.studio.cut.draw(Shape::Rectangle([[70.0, 70.0], [80.0, 80.0]]), Mode::Add),
        |bench| bench.studio.cut.open().unwrap().can_finish(),
    )
    .after(Bench::cut),
    Scene::new(
        &["cut::Told Found"],
        |bench| bench.studio.cut.scribble(Scribble { points: vec![[70.0, 70.0]], radius: 4.0, keep: true }),
        |bench| bench.studio.cut.open().unwrap().can_finish(),
    )
    .after(Bench::cut),
    Scene::new(
        &["cut::Told Shown"],
        |bench| bench.studio.cut.set_preview(true),
        |bench| bench.studio.cut.open().unwrap().shown().is_some_and(|shown| shown.cutout.is_some()),
    )
    .after(Bench::cut),
    Scene::new(
        &["cut::Told Seen", "cut::Told Named"],
        |bench| {
            bench.studio.look_at_cut();
            bench.studio.name_in_cut("a dog".into());
        },
        |bench| bench.studio.cut.open().unwrap().naming().is_none(),
    )
    .after(Bench::cut),
    Scene::new(
        &["cut::Told Answered"],
        |bench| bench.studio.cut.point([85.0, 70.0], true),
        |bench| bench.studio.cut.open().unwrap().answer().is_some(),
    )
    .after(|bench| {
        let photo = bench.networks("photo.png");
        bench.studio.session.config.segment_files =
            ["sam.onnx", "decoder.onnx"].map(|name| bench.networks(name)).to_vec();
        bench.studio.cut_out_of(photo);
        bench
            .until("the photo to be cut", |bench| bench.studio.cut.open().is_some_and(|open| open.subject().is_some()));
        bench.studio.look_at_cut();
        bench.until("the look", |bench| matches!(bench.studio.cut.open().unwrap().sight(), cut::Sight::Seen(_)));
    }),
    Scene::new(&["cut::Told Made"], |bench| bench.studio.finish_cut(), |bench| layers(bench) == 3)
        .after(Bench::cut)
        .told(),
    Scene::new(
        &["train::Told Found"],
        |bench| bench.studio.train.add(vec![Bench::photos()]),
        |bench| bench.studio.train.training().photos.len() == 6,
    )
    .told(),
    Scene::new(
        &["train::Told Opened"],
        |bench| {
            let path = bench.at("rex.ron");
            training_file::save(&path, &Training::new("rex", "dog")).unwrap();
            bench.studio.train.open(path);
        },
        |bench| bench.studio.train.training().name == "rex" && bench.studio.train.draft.file.is_some(),
    ),
    Scene::new(
        &["train::Told Saved"],
        |bench| {
            let path = bench.at("mine.ron");
            bench.studio.train.save_to(path);
        },
        |bench| bench.studio.train.draft.file == Some(bench.at("mine.ron")) && bench.at("mine.ron").exists(),
    ),
    Scene::new(
        &["train::Told Painted"],
        |bench| bench.studio.train.paint_mask(0, Bench::mask()),
        |bench| bench.studio.train.training().photos[0].mask.as_ref().is_some_and(|mask| mask.exists()),
    )
    .after(|bench| bench.studio.train.add(vec![Bench::photos().join("0.png")])),
    Scene::new(
        &["train::Told Kept"],
        |bench| _ = bench.studio.train.draft.edit("Steps", |training| training.settings.steps = 7),
        |bench| bench.studio.session.places().open_training().exists(),
    ),
    Scene::new(
        &["place::Told Written"],
        |bench| bench.studio.set_edit_mask("Paint", Bench::mask()),
        |bench| bench.studio.project().place.as_ref().is_some_and(|place| place.edit_mask.exists()),
    )
    .after(Bench::photo),
    Scene::new(
        &["place::Told Outlines"],
        |bench| bench.studio.edit_mask_from_outlines(),
        |bench| bench.studio.project().place.as_ref().is_some_and(|place| place.edit_mask.exists()),
    )
    .after(|bench| {
        bench.photo();
        bench.collage();
    })
    .told(),
    Scene::new(
        &["place::Told Again"],
        |bench| {
            let id = bench.results[0].clone();
            bench.studio.place_again(&id, 1);
        },
        |bench| (bench.studio.project().seed, bench.studio.project().concepts.len()) == (42, 1),
    )
    .after(|bench| {
        let made = placed(bench);
        bench.result(&made);
    })
    .told(),
    Scene::new(
        &["session::Told Saved"],
        |bench| {
            let path = bench.at("mine.ron");
            bench.studio.save_to(path, false, None);
        },
        |bench| bench.studio.document.file == Some(bench.at("mine.ron")) && file::load(&bench.at("mine.ron")).is_ok(),
    ),
    Scene::new(
        &["session::Told Done"],
        |bench| bench.studio.session.save_config(),
        |bench| bench.studio.session.places().settings_file().exists(),
    ),
    Scene::new(
        &["results::Told Project"],
        |bench| {
            let id = bench.results[0].clone();
            bench.studio.restore_result(&id);
        },
        |bench| bench.studio.project().prompt == "a cat in the past",
    )
    .after(|bench| _ = bench.result(&Project { prompt: "a cat in the past".into(), ..Project::new() }))
    .told(),
    Scene::new(
        &["thread::Done Told"],
        |bench| {
            // A file in the folder's place.
            let folder = bench.studio.session.places().results_folder();
            std::fs::remove_dir_all(&folder).unwrap();
            std::fs::write(&folder, "in the way").unwrap();
            let white = image::RgbImage::from_pixel(8, 8, image::Rgb([255; 3]));
            bench.studio.results.store.add(&white, &Project::new(), "/work".as_ref(), 1, Meta::default());
        },
        |bench| {
            let notices = &bench.studio.session.notices;
            bench.studio.results.store.unwritten() == 1
                && notices.iter().any(|said| said.words.contains("kept in memory"))
        },
    )
    .after(|bench| _ = bench.result(&Project::new())),
    Scene::new(
        &["exporting::Told"],
        |bench| {
            let look = SheetLook { font: Arc::default(), color_map: Box::new(|_| [0; 3]), smooth: false };
            let (subject, path) = (Subject::Result(bench.results[0].clone()), bench.at("exported.png"));
            bench.studio.start_export(&subject, Kind::Png, path, look);
        },
        |bench| bench.studio.export.exported.is_some() && bench.at("exported.png").exists(),
    )
    .after(|bench| _ = bench.result(&Project::new())),
    Scene::new(
        &["collecting::Told"],
        |bench| {
            let within = bench.folder.path().to_owned();
            bench.studio.collect_into(within, false);
        },
        |bench| bench.studio.collect.ended.is_some(),
    ),
];

/// Of the engine, and of what follows from it.
pub(super) const COMPUTING: &[Scene] = &[
    Scene::new(
        &[
            "Event Started",
            "Event Device",
            "Event Model",
            "Event Progress",
            "Event Step",
            "Event Warning",
            "Event Done",
        ],
        |bench| _ = bench.studio.renders.start(&bench.studio.document),
        finished,
    )
    .after(Bench::small),
    Scene::new(
        &["Event Cancelled"],
        |bench| {
            let job = bench.studio.renders.runs.shown().unwrap().job;
            bench.studio.renders.pause(job);
        },
        |bench| bench.studio.renders.runs.iter().all(|run| matches!(run.state, State::Paused)),
    )
    .after(|bench| {
        bench.small();
        bench.studio.edit("Long", |project| project.settings.steps = 500);
        let job = bench.studio.renders.start(&bench.studio.document);
        bench.until("a step", |bench| bench.studio.renders.runs.get(job).unwrap().newest().is_some());
    })
    .only(HEAVY),
    Scene::new(
        &["Event Failed"],
        |bench| {
            let mut project = bench.studio.project().clone();
            project.concepts[0].file = "/nowhere/none.pth".into();
            let (folder, origin) = (bench.folder.path().to_owned(), Origin::of(&bench.studio.document));
            bench.studio.renders.start_of(Arc::new(project), folder, "broken".into(), origin);
        },
        |bench| bench.studio.renders.runs.iter().all(|run| matches!(run.state, State::Failed(_))),
    ),
    Scene::new(
        &["Event Unfit", "Event Failed"],
        |bench| {
            // An adapter that no machine has.
            bench.studio.renders.device = DeviceChoice::Adapter(250);
            bench.studio.renders.start(&bench.studio.document);
        },
        |bench| bench.studio.renders.runs.iter().all(|run| matches!(run.state, State::Failed(_))),
    )
    .after(Bench::small),
    Scene::new(
        &["compare::Found Measured"],
        |bench| {
            bench.studio.compare.draft.seeds = 1;
            bench.studio.compare();
            assert!(bench.studio.compare.begun().is_some(), "{:?}", bench.studio.session.notices);
        },
        |bench| bench.studio.compare.begun().is_some_and(|begun| begun.done() == (2, 2)),
    )
    .after(|bench| {
        // Sides that differ by a setting which a project without concepts has too.
        bench.small();
        bench.studio.compare.draft.b = compare::Variant::default();
        bench.studio.compare.draft.b.changes = vec![("guidance_scale".into(), "2".into())];
        bench.until("that nothing stands in its way", |bench| bench.studio.obstacle().is_none());
    })
    .only(HEAVY),
    Scene::new(
        &["Event Training"],
        |bench| _ = bench.studio.train().unwrap(),
        |bench| bench.studio.train.runs.iter().all(|run| run.trained().is_some() && run.curves.points().len() == 1),
    )
    .after(Bench::training)
    .only(&[Meanwhile::Edit]),
    Scene::new(
        &["train::Told Sheet"],
        |bench| _ = bench.studio.train().unwrap(),
        |bench| bench.studio.train.runs.iter().all(|run| run.trained().is_some()),
    )
    .after(Bench::training)
    .only(&[Meanwhile::Close]),
];
