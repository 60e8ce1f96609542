//! The list of layers: another order by dragging, another name, one alone, cut, copy and paste.

use eframe::egui::OutputCommand;

use super::*;

/// Three layers of different names, the first the rearmost.
fn three() -> Window {
    let mut project = discs();
    let layers = project.layers_mut().unwrap();
    layers.push(layers[0].clone());
    for (layer, name) in layers.iter_mut().zip(["rear", "middle", "front"]) {
        layer.name = name.into();
        layer.locked = false;
    }
    Window::new(project)
}

fn names(window: &mut Window) -> Vec<String> {
    window.app().studio.project().layers().iter().map(Layer::title).collect()
}

fn row(window: &Window, name: &str) -> Rect {
    window.harness.get_by_role_and_label(Role::Button, &format!("Layer {name}")).rect()
}

/// Drags a row by its name to a place of another one, from its top (0) to its bottom (1).
fn drag_row(window: &mut Window, name: &str, onto: &str, part: f32) {
    let from = row(window, name).left_center() + vec2(70.0, -8.0);
    let onto = row(window, onto);
    let to = pos2(from.x, onto.top() + part * onto.height());
    window.drag(from, to, Modifiers::NONE);
    window.harness.run_steps(2);
}

#[test]
fn a_row_is_dropped_between_two_others_where_the_line_is() {
    let mut window = three();
    drag_row(&mut window, "rear", "front", 0.2);
    assert_eq!(names(&mut window), ["middle", "front", "rear"]);
    assert_eq!(window.undo_name().as_deref(), Some("Reorder rear"));
    window.app().studio.document.undo();
    window.harness.run_steps(2);
    drag_row(&mut window, "rear", "front", 0.8);
    assert_eq!(names(&mut window), ["middle", "rear", "front"]);
    window.app().studio.document.undo();
    window.harness.run_steps(2);
    drag_row(&mut window, "middle", "rear", 0.2);
    assert_eq!(names(&mut window), ["rear", "middle", "front"], "above the one below it: where it is");
    assert_eq!(window.undo_name(), None);
}

#[test]
fn a_double_click_in_the_list_renames_and_escape_keeps_the_old_name() {
    let mut window = three();
    for (key, name, undo) in [(Key::Escape, "middle", None), (Key::Enter, "Tom", Some("Rename a layer"))] {
        let at = row(&window, "middle").left_center() + vec2(70.0, -8.0);
        window.harness.run_steps(30);
        window.click(at, Modifiers::NONE);
        window.click(at, Modifiers::NONE);
        window.harness.run_steps(3);
        window.harness.key_press_modifiers(Modifiers::COMMAND, Key::A);
        window.harness.step();
        window.harness.event(Event::Text("Tom".into()));
        window.harness.step();
        assert_eq!(window.layer(1).name, "Tom", "while it is typed");
        window.harness.key_press(key);
        window.harness.run_steps(3);
        assert_eq!(window.layer(1).name, name);
        assert_eq!(window.undo_name().as_deref(), undo);
        assert!(window.harness.query_by_label("Name of the layer").is_none(), "the field is gone");
    }
}

#[test]
fn alt_click_on_an_eye_shows_one_alone_and_then_all() {
    let mut window = three();
    let shown =
        |window: &mut Window| window.app().studio.project().layers().iter().map(|l| l.visible).collect::<Vec<_>>();
    let eye = window.harness.get_by_role_and_label(Role::Button, "Hide middle").rect().center();
    window.click(eye, Modifiers::ALT);
    assert_eq!(shown(&mut window), [false, true, false]);
    window.harness.run_steps(30);
    window.click(eye, Modifiers::ALT);
    assert_eq!(shown(&mut window), [true, true, true]);
}

#[test]
fn layers_are_copied_cut_and_pasted_by_the_usual_keys() {
    let mut window = three();
    window.app().studio.document.select_only(1);
    window.harness.run_steps(2);
    let copied = |window: &Window| {
        let commands = &window.harness.output().platform_output.commands;
        commands.iter().find_map(|command| match command {
            OutputCommand::CopyText(text) => Some(text.clone()),
            _ => None,
        })
    };
    window.harness.event(Event::Copy);
    window.harness.step();
    let text = copied(&window).expect("it is on the clipboard");
    window.harness.event(Event::Paste(text.clone()));
    window.harness.run_steps(2);
    assert_eq!(names(&mut window), ["rear", "middle", "front", "middle"]);
    assert_eq!(window.selection(), [3]);
    window.harness.event(Event::Cut);
    window.harness.step();
    assert_eq!(names(&mut window), ["rear", "middle", "front"]);
    let cut = copied(&window).expect("it is on the clipboard");
    window.harness.event(Event::Paste(cut));
    window.harness.run_steps(2);
    assert_eq!(window.layer(3).x, window.layer(1).x + 12.0, "where it was cut from");
    // Other text is nobody's.
    window.harness.event(Event::Paste("a cat".into()));
    window.harness.run_steps(2);
    assert_eq!(names(&mut window).len(), 4);
}
