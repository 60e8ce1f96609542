//! The inspector's windows: never larger than the screen, and their contents scroll.

use eframe::egui::{Align, Context, Id, ScrollArea, Ui, Vec2, Window, vec2};

/// From the screen's edges to where a window opens, in points.
const EDGE: f32 = 48.0;

/// Draws a window that opens in a size, at the left or the right of the screen; `contents` is told the room in it. Says
/// whether it stays open.
pub fn show(ctx: &Context, title: &str, size: Vec2, side: Align, contents: impl FnOnce(&mut Ui, Vec2)) -> bool {
    let mut open = true;
    let screen = ctx.content_rect();
    let size = size.min(screen.size() - vec2(48.0, 64.0)).max(vec2(200.0, 160.0));
    let corner = match side {
        Align::Max => screen.right_top() + vec2(-size.x - EDGE, EDGE),
        Align::Min | Align::Center => screen.left_top() + vec2(EDGE, EDGE),
    };
    Window::new(title)
        .id(Id::unique(("inspector", title)))
        .open(&mut open)
        .default_size(size)
        .default_pos(corner)
        .max_size((screen.size() - vec2(32.0, 48.0)).max(vec2(160.0, 120.0)))
        .resizable(true)
        .collapsible(false)
        .show(ctx, |ui| {
            let room = ui.available_size();
            ScrollArea::vertical().auto_shrink(false).show(ui, |ui| contents(ui, room));
        });
    open
}
