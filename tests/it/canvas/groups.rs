use super::*;

/// Two grouped layers, and one in front of them that is not.
fn grouped() -> Window {
    let mut window = Window::new(discs());
    let mut third = window.layer(1);
    third.y = 200.0;
    window.app().studio.edit("Third", |project| project.layers_mut().unwrap().push(third));
    window.app().studio.document.select([0, 1]);
    window.harness.run_steps(2);
    window.key(Modifiers::COMMAND, Key::G);
    window.app().studio.document.select_none();
    window.harness.run_steps(2);
    window
}

#[test]
fn a_click_takes_the_whole_group_and_a_double_click_one_layer() {
    let mut window = grouped();
    assert_eq!(window.undo_name().as_deref(), Some("Group 2 layers"));
    let (rear, alone) = (window.at(60.0, 100.0), window.at(120.0, 200.0));
    window.click(rear, Modifiers::NONE);
    assert_eq!(window.selection(), [0, 1]);
    window.click(rear, Modifiers::NONE);
    assert_eq!(window.selection(), [0], "a second click at once is a double-click");
    window.harness.run_steps(30);
    window.click(alone, Modifiers::NONE);
    assert_eq!(window.selection(), [2]);
    window.click(rear, Modifiers::SHIFT);
    assert_eq!(window.selection(), [0, 1, 2]);
    window.harness.run_steps(30);
    window.click(rear, Modifiers::SHIFT);
    assert_eq!(window.selection(), [2]);
    assert_eq!(window.harness.query_all_by_label_contains("Layer canvas-test-disc, grouped").count(), 2);
}

#[test]
fn a_group_is_dragged_copied_and_taken_apart() {
    let mut window = grouped();
    let (from, to) = (window.at(60.0, 100.0), window.at(70.0, 120.0));
    window.drag(from, to, Modifiers::COMMAND);
    near(window.layer(0).x, 90.0);
    near(window.layer(1).x, 130.0);
    near(window.layer(2).x, 120.0);
    window.key(Modifiers::COMMAND, Key::D);
    assert_eq!(window.selection(), [3, 4]);
    let groups: Vec<Option<u32>> = (0..5).map(|index| window.layer(index).group).collect();
    assert_eq!(groups, [Some(0), Some(0), None, Some(1), Some(1)]);
    window.key(Modifiers::COMMAND | Modifiers::SHIFT, Key::G);
    assert_eq!(window.undo_name().as_deref(), Some("Ungroup"));
    assert_eq!((window.layer(3).group, window.layer(0).group), (None, Some(0)));
    window.key(Modifiers::COMMAND, Key::A);
    assert_eq!(window.selection(), [0, 1, 2, 3, 4]);
    window.key(Modifiers::COMMAND, Key::OpenBracket);
    assert_eq!(window.undo_name().as_deref(), Some("Ungroup"), "all of them have no layer to go behind");
}

#[test]
fn several_layers_go_behind_the_others_together() {
    let mut window = grouped();
    window.app().studio.document.select([1, 2]);
    window.harness.run_steps(2);
    window.key(Modifiers::COMMAND | Modifiers::SHIFT, Key::OpenBracket);
    assert_eq!(window.undo_name().as_deref(), Some("Reorder 2 layers"));
    assert_eq!((window.layer(0).x, window.layer(1).y, window.layer(2).x), (120.0, 200.0, 80.0));
    assert_eq!(window.selection(), [0, 1]);
}
