//! The timeline and the inspector, driven as a person would.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use eframe::egui::accesskit::Role;
use eframe::egui::{Event, Key, Modifiers, PointerButton, Pos2, Rect, Vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};
use image::RgbaImage;
use podium::gui::Podium;
use podium::gui::inspector::Tile;
use podium::link::{self, AttentionView, ClusterView, JobId, Lane, Stage, StepView, Times, Warning};
use podium::project::Project;
use podium::studio::Playhead;
use podium::studio::renders::runs::Origin;
use podium::studio::session::config::Theme;

use crate::looks::bare;
use crate::made_up::CLUSTERS;
use crate::studio::small;
use crate::{made_up, needs};

type Window = Harness<'static, Podium>;

fn window(project: Project, size: Vec2) -> Window {
    let mut harness = bare(project, size.into(), eframe::egui::Theme::Dark, None);
    harness.step();
    harness
}

fn small_window() -> Window {
    window(small("beach", 4), Vec2::new(1024.0, 700.0))
}

/// Draws until nothing changes any more.
fn settle(harness: &mut Window) {
    for _ in 0..4 {
        harness.step();
    }
}

fn tell(harness: &mut Window, event: &link::Event) {
    harness.state_mut().studio.renders.runs.take(event, Instant::now());
}

/// A run that nobody renders.
fn made_up(harness: &mut Window, job: u64, steps: u32) -> JobId {
    let job = JobId(job);
    let mut project = harness.state().studio.project().clone();
    project.settings.steps = steps;
    let origin = Origin::of(&harness.state().studio.document);
    let runs = &mut harness.state_mut().studio.renders.runs;
    runs.add(job, format!("made up {}", job.0), Arc::new(project), PathBuf::from("."), origin, None);
    runs.show(job);
    job
}

/// A finished run of four steps.
fn rendered(harness: &mut Window) -> JobId {
    let job = made_up::run(&mut harness.state_mut().studio, 1, 4, 0..4, true);
    settle(harness);
    job
}

fn view(step: usize, steps: usize) -> StepView {
    let values = vec![0.0, 0.25, 0.5, 1.0];
    StepView {
        step,
        steps,
        timestep: 999 - step.min(998),
        previews: vec![image::RgbImage::from_pixel(16, 16, image::Rgb([step as u8, 80, 160]))],
        masks: vec![Vec::new()],
        refined: false,
        clusters: vec![ClusterView { lane: Lane::Base, picture: 0, grid: (2, 2), labels: vec![0, 1, 2, 1] }],
        attention: vec![AttentionView {
            lane: Lane::Base,
            picture: 0,
            word: "cat".into(),
            grid: (2, 2),
            values,
            range: (0.1, 0.5),
        }],
        loss: (step < steps / 3).then(|| 1.0 / (step + 1) as f32),
        gradient_norm: None,
        times: Times::default(),
    }
}

fn slider(harness: &Window) -> (String, Rect) {
    let node = harness.get(egui_kittest::kittest::By::new().role(Role::Slider).label_contains("Timeline"));
    (node.accesskit_node().label().expect("a name"), node.rect())
}

fn press(harness: &mut Window, at: Pos2) {
    harness.event(Event::PointerMoved(at));
    for pressed in [true, false] {
        let button = PointerButton::Primary;
        harness.event(Event::PointerButton { pos: at, button, pressed, modifiers: Modifiers::NONE });
        harness.step();
    }
    settle(harness);
}

fn playhead(harness: &Window) -> Playhead {
    harness.state().studio.renders.runs.playhead
}

#[test]
fn a_click_or_drag_along_the_timeline_moves_the_playhead_and_the_captions() {
    let mut harness = small_window();
    rendered(&mut harness);
    let (name, rect) = slider(&harness);
    assert_eq!(name, "Timeline, step 4 of 4");
    let at = |part: f32| Pos2::new(rect.left() + rect.width() * part, rect.center().y + 10.0);
    press(&mut harness, at(0.3));
    assert_eq!(playhead(&harness), Playhead::At(1));
    assert_eq!(slider(&harness).0, "Timeline, step 2 of 4");
    assert!(harness.query_all_by_label_contains("Step 2 of 4 · t =").count() > 0);
    harness.get_by_label("Self-attention of Base, 6th decoder layer, 5 clusters");
    harness.get_by_label_contains("layout loss ");
    harness.drag_at(at(0.1));
    harness.step();
    assert_eq!(playhead(&harness), Playhead::At(0));
    harness.hover_at(at(0.6));
    harness.step();
    assert_eq!(playhead(&harness), Playhead::At(2), "a drag scrubs before it is let go");
    harness.hover_at(at(1.2));
    harness.step();
    assert_eq!(playhead(&harness), Playhead::Live, "beyond the last step is the picture");
    harness.drop_at(at(1.2));
    harness.step();
}

#[test]
fn keys_and_buttons_go_step_by_step_and_live_takes_it_back() {
    let mut harness = small_window();
    rendered(&mut harness);
    let rect = slider(&harness).1;
    press(&mut harness, Pos2::new(rect.left() + rect.width() * 0.3, rect.center().y));
    let mut key = |key, expected| {
        harness.key_press(key);
        harness.step();
        assert_eq!(playhead(&harness), expected, "{key:?}");
    };
    key(Key::ArrowRight, Playhead::At(2));
    key(Key::ArrowLeft, Playhead::At(1));
    key(Key::Home, Playhead::At(0));
    key(Key::End, Playhead::Live);
    key(Key::ArrowLeft, Playhead::At(3));
    settle(&mut harness);
    for (name, expected) in [
        ("First step (Home)", Playhead::At(0)),
        ("Next step (Right)", Playhead::At(1)),
        ("Previous step (Left)", Playhead::At(0)),
        ("Newest step (End)", Playhead::Live),
        ("First step (Home)", Playhead::At(0)),
        ("Live", Playhead::Live),
    ] {
        harness.get_by_role_and_label(Role::Button, name).click();
        settle(&mut harness);
        assert_eq!(playhead(&harness), expected, "{name}");
    }
    harness.get(egui_kittest::kittest::By::new().role(Role::Slider).label_contains("Timeline")).decrement_accesskit();
    settle(&mut harness);
    assert_eq!(playhead(&harness), Playhead::At(3), "a screen reader scrubs too");
}

#[test]
fn a_branch_is_offered_where_it_can_begin_and_the_reason_is_beside_it_where_not() {
    let mut harness = small_window();
    let job = rendered(&mut harness);
    let branch = |harness: &Window| {
        harness.get_by_role_and_label(Role::Button, "Branch from here...").accesskit_node().is_disabled()
    };
    assert!(branch(&harness));
    harness.get_by_label_contains("The playhead is at the last step");
    harness.get_by_role_and_label(Role::Button, "First step (Home)").click();
    settle(&mut harness);
    assert!(!branch(&harness));
    harness.get_by_role_and_label(Role::Button, "Branch from here...").click();
    settle(&mut harness);
    let from = harness.state().studio.renders.runs.shown().expect("the branch").from;
    assert_eq!(from, Some((job, 1)));
}

#[test]
fn a_run_of_an_earlier_version_says_so_and_its_project_can_be_restored_and_undone() {
    let mut harness = small_window();
    let job = made_up(&mut harness, 900, 4);
    tell(&mut harness, &link::Event::Step(job, Arc::new(view(0, 4))));
    settle(&mut harness);
    assert!(harness.query_by_label("Restore").is_none());
    harness.state_mut().studio.edit("Seed", |project| project.seed = 77);
    settle(&mut harness);
    harness.get_by_label_contains("Of an earlier version");
    harness.get_by_role_and_label(Role::Button, "Restore").click();
    settle(&mut harness);
    assert_ne!(harness.state().studio.project().seed, 77);
    assert!(harness.query_by_label("Restore").is_none());
    harness.state_mut().studio.document.history.undo();
    assert_eq!(harness.state().studio.project().seed, 77);
}

#[test]
fn the_steps_are_played_up_to_the_picture_and_whoever_moves_the_playhead_stops_it() {
    let mut harness = small_window();
    rendered(&mut harness);
    harness.get_by_role_and_label(Role::Button, "Play the steps").click();
    let mut seen = Vec::new();
    for _ in 0..40 {
        harness.step();
        seen.push(playhead(&harness));
    }
    // Before the press it is live too.
    let begun = seen.iter().position(|at| *at != Playhead::Live).expect("it plays");
    seen.drain(..begun);
    seen.dedup();
    assert_eq!(seen, [0, 1, 2, 3].map(Playhead::At).into_iter().chain([Playhead::Live]).collect::<Vec<_>>());
    harness.get_by_role_and_label(Role::Button, "Play the steps").click();
    settle(&mut harness);
    harness.get_by_role_and_label(Role::Button, "Stop playing");
    harness.state_mut().studio.renders.runs.seek(3);
    for _ in 0..12 {
        harness.step();
    }
    assert_eq!(playhead(&harness), Playhead::At(3), "it stays where somebody put it");
    harness.get_by_role_and_label(Role::Button, "Play the steps");
}

#[test]
fn the_ends_of_lanes_are_dragged_as_one_step_and_leave_the_playhead() {
    let mut harness = small_window();
    rendered(&mut harness);
    let rect = slider(&harness).1;
    let grip = harness.get_by_label("End of layout alignment").rect().center();
    // Step 2 of 4 is the last one that is aligned.
    assert!((grip.x - rect.center().x).abs() < 1.0, "{grip:?} in {rect:?}");
    harness.drag_at(grip);
    harness.step();
    for part in [0.6, 0.7, 0.76] {
        harness.hover_at(Pos2::new(rect.left() + rect.width() * part, grip.y));
        harness.step();
    }
    harness.drop_at(Pos2::new(rect.left() + rect.width() * 0.76, grip.y));
    settle(&mut harness);
    let studio = &harness.state().studio;
    assert_eq!(studio.project().settings.layout_alignment.end, 100.0);
    assert_eq!(studio.document.history.undo_name(), Some("Drag the end of layout alignment"));
    assert_eq!(playhead(&harness), Playhead::Live);
    let grip = harness.get_by_label("End of layout alignment").rect().center();
    assert!((grip.x - (rect.left() + rect.width() * 0.75)).abs() < 1.0);
    harness.state_mut().studio.document.undo();
    assert_eq!(harness.state().studio.project().settings.layout_alignment.end, 60.0);
    // Another method has no such ends.
    let other = podium::project::settings::Method::MaskedAdapters;
    harness.state_mut().studio.edit("Method", |project| project.settings.method = other);
    settle(&mut harness);
    assert!(harness.query_by_label("End of layout alignment").is_none());
}

#[test]
fn what_is_said_of_a_run_takes_no_room_from_its_pictures() {
    let mut harness = small_window();
    made_up::run(&mut harness.state_mut().studio, 1, 4, 0..2, false);
    settle(&mut harness);
    let before = slider(&harness).1;
    harness.state_mut().studio.edit("Seed", |project| project.seed = 78);
    settle(&mut harness);
    harness.get_by_label_contains("Of an earlier version");
    assert_eq!(slider(&harness).1, before);
}

#[test]
fn the_timeline_says_what_it_waits_for() {
    let mut harness = small_window();
    settle(&mut harness);
    harness.get_by_label("Press Render: every step will appear here");
    assert_eq!(slider(&harness).0, "Timeline, no steps yet");
    let rect = slider(&harness).1;
    press(&mut harness, rect.center());
    harness.key_press(Key::ArrowLeft);
    settle(&mut harness);
    assert_eq!(playhead(&harness), Playhead::Live);
    let job = made_up(&mut harness, 900, 4);
    settle(&mut harness);
    harness.get_all_by_label("Waiting for its turn").next().expect("said in the strip");
    tell(&mut harness, &link::Event::Failed(job, "the disk is full".into()));
    settle(&mut harness);
    harness.get_all_by_label_contains("the disk is full").next().expect("said in the strip");
}

#[test]
fn warnings_stand_at_their_steps_and_a_click_opens_their_words() {
    let mut harness = small_window();
    let job = made_up(&mut harness, 900, 4);
    let started = link::Event::Started { job, device: "cpu".into(), first_use: false };
    tell(&mut harness, &started);
    tell(&mut harness, &link::Event::Warning(job, Warning::NoEffect("the hat is on no layer".into())));
    tell(&mut harness, &link::Event::Step(job, Arc::new(view(0, 4))));
    tell(&mut harness, &link::Event::Progress { job, stage: Stage::Denoising, step: 2, steps: 4 });
    tell(&mut harness, &link::Event::Warning(job, Warning::NoEffect("the cat's mask is empty".into())));
    settle(&mut harness);
    let rect = slider(&harness).1;
    let first = harness.get_by_label("Warning. Before the first step: the hat is on no layer").rect();
    assert!((first.left() - rect.left()).abs() < 1.0);
    let name = "Warning. Step 3: the cat's mask is empty";
    let second = harness.get_by_label(name).rect();
    assert!((second.center().x - (rect.left() + rect.width() * 2.5 / 4.0)).abs() < 1.0);
    harness.get_by_label(name).click();
    settle(&mut harness);
    harness.get_all_by_label("Step 3: the cat's mask is empty").next().expect("the words are open");
}

#[test]
fn a_thousand_steps_are_drawn_with_few_textures() {
    let mut harness = small_window();
    let job = made_up(&mut harness, 900, 999);
    for step in 0..999 {
        tell(&mut harness, &link::Event::Step(job, Arc::new(view(step, 999))));
    }
    settle(&mut harness);
    let textures = |harness: &Window| harness.state().look.textures.len();
    let before = textures(&harness);
    assert!((1..200).contains(&before), "{before} textures");
    let rect = slider(&harness).1;
    let last = Pos2::new(rect.right() - 0.1, rect.center().y);
    press(&mut harness, last);
    assert_eq!(slider(&harness).0, "Timeline, step 999 of 999");
    harness.state_mut().panels.inspector.curves = true;
    settle(&mut harness);
    harness.get_by_role_and_label(Role::CheckBox, "Injection");
    // From one end to the other, every step that the pointer comes over is shown large.
    harness.drag_at(last);
    harness.step();
    let mut most = 0;
    for at in 0..100 {
        harness.hover_at(last - Vec2::new(rect.width() * at as f32 / 100.0, 0.0));
        harness.step();
        most = most.max(textures(&harness));
    }
    let Playhead::At(step) = playhead(&harness) else { panic!("not live") };
    assert!(step < 20, "{step}");
    assert!(most < before + 200, "{most} textures, {before} before");
}

#[test]
fn a_curve_is_hidden_and_shown_again_by_its_name() {
    let mut harness = small_window();
    let job = made_up(&mut harness, 900, 4);
    tell(&mut harness, &link::Event::Step(job, Arc::new(view(0, 4))));
    harness.state_mut().panels.inspector.curves = true;
    settle(&mut harness);
    harness.get_by_role_and_label(Role::CheckBox, "Injection").click();
    settle(&mut harness);
    let hidden: Vec<String> = harness.state().panels.inspector.hidden_curves.iter().cloned().collect();
    assert_eq!(hidden, ["Injection"]);
    harness.get_by_role_and_label(Role::CheckBox, "Injection").click();
    settle(&mut harness);
    assert!(harness.state().panels.inspector.hidden_curves.is_empty());
}

#[test]
fn the_read_out_names_the_cell_under_the_pointer_and_its_probability() {
    let mut harness = small_window();
    let job = made_up(&mut harness, 900, 4);
    tell(&mut harness, &link::Event::Step(job, Arc::new(view(0, 4))));
    settle(&mut harness);
    harness.get_by_label_contains("Show large: Cross-attention \"cat\" of Base, 5th layer · 0.10–0.50").click();
    settle(&mut harness);
    assert_eq!(harness.state().panels.inspector.large, Some(Tile::Attention));
    let square = |harness: &Window| {
        let rect = harness.get_by_label("Inspected view").rect();
        let side = rect.width().min(rect.height());
        Rect::from_center_size(rect.center(), Vec2::splat(side))
    };
    let place = square(&harness);
    harness.hover_at(place.left_top() + place.size() * Vec2::new(0.75, 0.25));
    settle(&mut harness);
    harness.get_by_label("Row 1, column 2: 0.20");
    harness.get_by_role_and_label(Role::Button, "Self-attention").click();
    settle(&mut harness);
    let place = square(&harness);
    harness.hover_at(place.left_top() + place.size() * Vec2::new(0.25, 0.75));
    settle(&mut harness);
    harness.get_by_label("Row 2, column 1: cluster 3");
}

/// Looks at the whole of it where there is an adapter; writes what it sees where `PODIUM_SHOTS` names a folder.
#[test]
fn timeline_and_inspector_are_drawn_in_both_themes_and_at_twice_the_size() {
    if !needs::adapter() {
        return;
    }
    let shots = std::env::var_os("PODIUM_SHOTS").map(PathBuf::from);
    let shot = |harness: &mut Window, name: &str| {
        settle(harness);
        let picture = harness.render().expect("an adapter draws it");
        if let Some(folder) = &shots {
            picture.save(folder.join(format!("timeline-{name}.png"))).expect("written");
        }
        picture
    };
    // Colours within a part of the window, in points.
    let colours = |harness: &Window, picture: &RgbaImage, rect: Rect| {
        let rect = rect.intersect(harness.ctx.content_rect()) * harness.ctx.pixels_per_point();
        let place = (rect.left() as u32, rect.top() as u32, rect.width() as u32, rect.height() as u32);
        let part = image::imageops::crop_imm(picture, place.0, place.1, place.2, place.3).to_image();
        part.pixels().map(|pixel| pixel.0).collect::<HashSet<[u8; 4]>>().len()
    };
    // How many pixels two pictures differ by there.
    let apart = |harness: &Window, a: &RgbaImage, b: &RgbaImage, rect: Rect| {
        let rect = rect.intersect(harness.ctx.content_rect()) * harness.ctx.pixels_per_point();
        let rows = rect.top() as u32..rect.bottom() as u32;
        let places = rows.flat_map(|y| (rect.left() as u32..rect.right() as u32).map(move |x| (x, y)));
        places.filter(|&(x, y)| a.get_pixel(x, y) != b.get_pixel(x, y)).count()
    };
    // The pictures of the steps, which stand above lanes and curve: each has its colours, and lines and words have few.
    let pictures = |harness: &Window, picture: &RgbaImage| {
        let rect = slider(harness).1;
        colours(harness, picture, rect.with_max_y(rect.top() + 20.0))
    };
    let mut harness = window(small("beach", 50), Vec2::new(1440.0, 900.0));
    settle(&mut harness);
    let empty = shot(&mut harness, "empty");
    let rect = slider(&harness).1;
    let empty = colours(&harness, &empty, rect);
    made_up::run(&mut harness.state_mut().studio, 1, 50, 0..50, true);
    for (theme, name) in [(Theme::Dark, "dark"), (Theme::Light, "light")] {
        harness.state_mut().studio.session.config.theme = theme;
        harness.state_mut().studio.renders.runs.seek(12);
        let drawn = shot(&mut harness, name);
        let timeline = colours(&harness, &drawn, slider(&harness).1);
        assert!(timeline > empty + 100, "{timeline} colours in the timeline, {empty} without a run");
        let strip = pictures(&harness, &drawn);
        assert!(strip > 1000, "{name}: only {strip} colours in the strip of pictures");
        harness.state_mut().panels.inspector.curves = true;
        let mut seen: Vec<(&str, RgbaImage)> = Vec::new();
        for (part, tile, beside, least) in [
            ("attention", Tile::Attention, false, 10),
            ("masks", Tile::Masks, false, 20),
            // A mask and what is around it.
            ("grid", Tile::Masks, true, 2),
            ("clusters", Tile::Clusters, false, CLUSTERS),
        ] {
            harness.state_mut().panels.inspector.large = Some(tile);
            harness.state_mut().panels.inspector.side_by_side = beside;
            let drawn = shot(&mut harness, &format!("{name}-{part}"));
            let inspected: Vec<Rect> =
                harness.query_all_by_label_contains("Inspected view").map(|node| node.rect()).collect();
            assert!(!inspected.is_empty(), "{part}: nothing is inspected");
            for rect in inspected.iter().copied() {
                let found = colours(&harness, &drawn, rect);
                println!("{name} {part}: {found} colours in {rect:?}");
                assert!(found >= least, "{part}: only {found} colours in {rect:?}");
            }
            // The preview beneath has colours too: it is another picture without what lies over it.
            let least = match tile {
                Tile::Attention | Tile::Clusters => Some(0.5),
                Tile::Masks if !beside => Some(0.03),
                _ => None,
            };
            if let Some(least) = least {
                let podium = harness.state_mut();
                let (opacity, masks) = (podium.panels.inspector.opacity, podium.look.masks.combined);
                (podium.panels.inspector.opacity, podium.look.masks.combined) = (0.0, false);
                let clear = shot(&mut harness, &format!("{name}-{part}-clear"));
                let podium = harness.state_mut();
                (podium.panels.inspector.opacity, podium.look.masks.combined) = (opacity, masks);
                let side = inspected[0].width().min(inspected[0].height());
                let share = apart(&harness, &drawn, &clear, inspected[0]) as f32 / (side * side);
                println!("{name} {part}: covers {share} of the preview");
                assert!(share > least, "{part}: only {share} of the preview is covered");
            }
            for (other, earlier) in &seen {
                let apart = drawn.pixels().zip(earlier.pixels()).filter(|(a, b)| a != b).count();
                assert!(apart > 5000, "{part} looks like {other}: {apart} pixels apart");
            }
            seen.push((part, drawn));
        }
        let look = &mut harness.state_mut().panels.inspector;
        (look.large, look.side_by_side, look.curves) = (None, false, false);
    }
    harness.state_mut().studio.renders.runs.playhead = Playhead::Live;
    harness.state_mut().studio.edit("Seed", |project| project.seed = 78);
    harness.set_size(Vec2::new(1024.0, 700.0));
    harness.state_mut().studio.session.config.theme = Theme::Dark;
    let drawn = shot(&mut harness, "small");
    let timeline = colours(&harness, &drawn, slider(&harness).1);
    assert!(timeline > empty + 100, "{timeline} colours in a small window");
    assert!(pictures(&harness, &drawn) > 1000, "no pictures in a small window");
    harness.state_mut().studio.session.config.ui_scale = 2.0;
    let drawn = shot(&mut harness, "zoomed");
    let timeline = colours(&harness, &drawn, slider(&harness).1);
    assert!(timeline > empty + 50, "{timeline} colours at twice the size");
    assert!(pictures(&harness, &drawn) > 1000, "no pictures at twice the size");
    let window = harness.ctx.content_rect();
    for name in ["Live", "Branch from here...", "Edit masks here...", "Inspect masks and attention...", "Curves..."] {
        let button = harness.get_by_role_and_label(Role::Button, name).rect();
        let inside = button.right() <= window.right() && button.left() >= window.left();
        assert!(inside, "{name} is cut: {button:?} in {window:?}");
    }
    harness.state_mut().panels.inspector.large = Some(Tile::Attention);
    let drawn = shot(&mut harness, "zoomed-attention");
    let rect = harness.get_by_label("Inspected view").rect();
    let found = colours(&harness, &drawn, rect);
    assert!(found >= 10, "only {found} colours of attention at twice the size");
}
