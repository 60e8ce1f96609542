//! The selection by numbers, and lining layers up.

use super::*;

/// Types a number into a field of the selection, as somebody does who came there by Tab.
fn enter(window: &mut Window, name: &str, text: &str) {
    window.harness.get_by_role_and_label(Role::SpinButton, name).focus();
    window.harness.run_steps(2);
    window.harness.get_by_role_and_label(Role::SpinButton, name).type_text(text);
    window.harness.step();
    window.harness.key_press(Key::Enter);
    window.harness.run_steps(3);
}

/// Tall enough that nothing of the left panel has to be scrolled to.
fn tall() -> Window {
    Window::sized(discs(), vec2(1440.0, 1400.0))
}

#[test]
fn numbers_of_the_selection_are_typed_as_one_step_each() {
    let mut window = tall();
    assert!(window.harness.query_by_label("Selection X").is_none(), "nothing is selected");
    window.app().studio.document.select_only(1);
    window.harness.run_steps(2);
    // The box goes from (88, 68) to (152, 132).
    enter(&mut window, "Selection X", "10");
    near(window.layer(1).x, 42.0);
    assert_eq!(window.undo_name().as_deref(), Some("X of the selection"));
    enter(&mut window, "Selection width", "128");
    near(window.layer(1).scale, 2.0);
    near(window.layer(1).x, 74.0);
    enter(&mut window, "Selection angle", "30");
    near(window.layer(1).rotation, 30.0);
    enter(&mut window, "Selection opacity", "50");
    near(window.layer(1).opacity, 0.5);
    for _ in 0..4 {
        window.app().studio.document.undo();
    }
    assert_eq!(window.undo_name(), None, "four steps");
    assert_eq!(window.layer(1), Layer { id: window.layer(1).id, ..Layer::new(folder().join(DISC), 120.0, 100.0) });
    // To look at a number is no change.
    window.harness.get_by_role_and_label(Role::SpinButton, "Selection Y").focus();
    window.harness.run_steps(2);
    window.harness.key_press(Key::Enter);
    window.harness.run_steps(2);
    assert_eq!(window.undo_name(), None);
}

#[test]
fn layers_are_lined_up_with_each_other_and_a_locked_one_has_no_numbers() {
    let mut window = tall();
    window.app().studio.document.select([0, 1]);
    window.harness.run_steps(2);
    assert!(window.harness.query_by_label("Selection angle").is_none(), "two have no angle in common");
    window.harness.get_by_role_and_label(Role::Button, "Align left edges with each other").click();
    window.harness.run_steps(2);
    assert_eq!((window.layer(0).x, window.layer(1).x), (80.0, 80.0));
    assert_eq!(window.undo_name().as_deref(), Some("Align 2 layers"));
    window.app().studio.document.edit_layer(1, "Lock", |layer| layer.locked = true);
    window.app().studio.document.select_only(1);
    window.harness.run_steps(2);
    assert!(window.harness.query_by_label("Selection X").is_none());
}

#[test]
fn the_canvas_s_size_is_chosen_where_it_is_read() {
    let mut window = tall();
    let begun = Instant::now();
    while window.app().studio.picture_side() != 256 {
        assert!(begun.elapsed() < Duration::from_secs(60), "the miniature's own size is not known");
        std::thread::sleep(Duration::from_millis(5));
        window.harness.step();
    }
    let open = |window: &mut Window, caption: &str| {
        window.harness.get_by_label(caption).click();
        window.harness.run_steps(3);
    };
    open(&mut window, "Collage · 256 × 256");
    window.harness.get_by_label("256 × 256, square, the model's own");
    window.harness.get_by_label("256 × 384, portrait").click();
    window.harness.run_steps(3);
    let canvas = |window: &mut Window| window.app().studio.project().canvas;
    assert_eq!(canvas(&mut window), Canvas { width: 256, height: 384 });
    assert_eq!(window.undo_name().as_deref(), Some("Canvas size"));
    open(&mut window, "Collage · 256 × 384");
    window.harness.get_by_role_and_label(Role::Button, "Swap width and height").click();
    window.harness.run_steps(3);
    assert_eq!(canvas(&mut window), Canvas { width: 384, height: 256 });
    window.is_caption(Side::Collage, "Collage · 384 × 256");
}
