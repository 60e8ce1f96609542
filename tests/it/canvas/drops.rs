//! Files dropped on the window, and what it is called.

use std::sync::Arc;

use eframe::egui::{ViewportCommand, ViewportId};
use podium::link::{Event as Told, Finished};

use super::*;
use crate::looks::Dropped;

/// Drops the picture of a disc on the window, wherever that was told to be.
fn drop_disc(window: &mut Window) {
    window.harness.input_mut().dropped_files.push(Arc::new(Dropped(folder().join(DISC))));
    window.harness.step();
    window.harness.input_mut().dropped_files.clear();
}

fn until_three(window: &mut Window) {
    let begun = Instant::now();
    while window.app().studio.project().layers().len() < 3 {
        assert!(begun.elapsed() < Duration::from_secs(60), "no layer came");
        std::thread::sleep(Duration::from_millis(5));
        window.harness.step();
    }
}

#[test]
fn a_file_lands_where_the_pointer_is_found_after_the_drop() {
    let mut window = Window::new(discs());
    let (before, after) = (window.at(30.0, 30.0), window.at(200.0, 190.0));
    window.harness.event(Event::PointerMoved(before));
    window.harness.step();
    drop_disc(&mut window);
    assert_eq!(window.app().studio.project().layers().len(), 2, "it waits for the pointer");
    window.harness.event(Event::PointerMoved(after));
    window.harness.step();
    until_three(&mut window);
    near(window.layer(2).x, 200.0);
    near(window.layer(2).y, 190.0);
}

#[test]
fn a_file_lands_where_the_pointer_was_last_when_no_move_follows() {
    let mut window = Window::new(discs());
    let before = window.at(60.0, 150.0);
    window.harness.event(Event::PointerMoved(before));
    window.harness.step();
    drop_disc(&mut window);
    window.harness.run_steps(15);
    until_three(&mut window);
    near(window.layer(2).x, 60.0);
}

/// What the window asked of the desktop in the last frame.
fn asked(window: &Window) -> Vec<ViewportCommand> {
    window.harness.output().viewport_output[&ViewportId::ROOT].commands.clone()
}

#[test]
fn the_window_is_called_after_its_project_with_a_dot_while_that_is_not_saved() {
    let mut window = Window::new(discs());
    window.app().studio.document.name = "beach".into();
    window.harness.step();
    assert!(asked(&window).contains(&ViewportCommand::Title("beach – Podium".into())), "{:?}", asked(&window));
    window.harness.step();
    let titles = |window: &Window| asked(window).iter().any(|asked| matches!(asked, ViewportCommand::Title(_)));
    assert!(!titles(&window), "once");
    window.app().studio.edit("Seed", |project| project.seed = 5);
    window.harness.step();
    assert!(asked(&window).contains(&ViewportCommand::Title("● beach – Podium".into())), "{:?}", asked(&window));
}

#[test]
fn a_long_render_that_ends_unseen_asks_for_a_look_and_a_short_or_a_seen_one_does_not() {
    for (seconds, focused, asks) in [(30, false, true), (30, true, false), (2, false, false)] {
        let mut window = Window::new(discs());
        let job = window.run(1, false);
        window.harness.input_mut().focused = focused;
        window.harness.event(Event::WindowFocused(focused));
        window.harness.step();
        let done = Finished {
            pictures: vec![image::RgbImage::new(256, 256)],
            seeds: vec![0],
            overlaps: vec![Vec::new()],
            findings: Vec::new(),
            elapsed: Duration::from_secs(seconds),
        };
        window.app().studio.renders.runs.take(&Told::Done(job, Arc::new(done)), Instant::now());
        window.harness.step();
        let called = |asked: &ViewportCommand| matches!(asked, ViewportCommand::RequestUserAttention(_));
        assert_eq!(asked(&window).iter().any(called), asks, "{seconds} s, focused {focused}: {:?}", asked(&window));
    }
}
