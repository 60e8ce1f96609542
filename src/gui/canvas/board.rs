//! What both boards have: a ground, a caption, a crosshair, tags.

use eframe::egui::{
    self, Align2, Color32, CornerRadius, FontId, Painter, Pos2, Rect, Response, RichText, Role, Sense, Stroke,
    StrokeKind, TextStyle, Ui, Vec2, WidgetInfo, pos2, vec2,
};

use super::view::Mapping;
use crate::gui::{paint, theme};
use crate::project::Color;
use crate::studio::Studio;
use crate::studio::document::geometry::Point;

/// The row above a board.
pub const CAPTION: f32 = 28.0;
/// The side of a square of the checkerboard, in points.
const CHECK: f32 = 8.0;

/// A caption has this room where its board has, in points, however small the canvas is shown.
const LEAST_CAPTION: f32 = 232.0;

/// Which of the two boards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// What a person composes.
    Collage,
    /// What the model makes of it.
    Picture,
}

/// The canvas's size, in canvas pixels.
pub fn canvas_size(studio: &Studio) -> (f32, f32) {
    let canvas = studio.project().canvas;
    (canvas.width.max(1) as f32, canvas.height.max(1) as f32)
}

/// One board while a frame is drawn.
pub struct Board {
    pub side: Side,
    pub map: Mapping,
    pub response: Response,
    /// Paints on the board and nowhere else.
    pub painter: Painter,
    /// Room under the board, in points.
    pub beneath: f32,
    /// Whether the canvas is being moved along.
    pub panning: bool,
}

impl Board {
    pub fn new(ui: &Ui, side: Side, map: Mapping, response: Response, beneath: f32) -> Self {
        let painter = ui.painter().with_clip_rect(map.board.intersect(ui.clip_rect()));
        Self { side, map, response, painter, beneath, panning: false }
    }

    /// The same board, painted on only within a place.
    pub fn within(&self, place: Rect) -> Self {
        let painter = self.painter.with_clip_rect(place.intersect(self.painter.clip_rect()));
        Self { response: self.response.clone(), painter, ..*self }
    }

    /// Gives the board its name, for screen readers.
    pub fn name(&self, role: Role, name: &str) {
        self.response.widget_info(|| WidgetInfo::labeled(role, true, name));
        if self.response.has_focus() {
            // Arrow keys move layers instead of the focus.
            let keys = egui::EventFilter { horizontal_arrows: true, vertical_arrows: true, escape: true, tab: false };
            self.response.ctx.memory_mut(|memory| memory.set_focus_lock_filter(self.response.id, keys));
        }
    }

    /// The canvas's ground: shadow, checkerboard, border.
    pub fn ground(&self, ui: &Ui, canvas: (f32, f32)) {
        let (sheet, colors) = (self.map.sheet(canvas), theme::colors(ui));
        let shadow = ui.visuals().popup_shadow;
        let around = sheet + shadow.margin();
        // Only around the sheet: below it nobody sees it, and it is as large as the sheet.
        let (above, below) = (around.with_max_y(sheet.top()), around.with_min_y(sheet.bottom()));
        let beside = around.with_min_y(sheet.top()).with_max_y(sheet.bottom());
        for part in [above, below, beside.with_max_x(sheet.left()), beside.with_min_x(sheet.right())] {
            let painter = self.painter.with_clip_rect(part.intersect(self.painter.clip_rect()));
            painter.add(shadow.as_shape(sheet, CornerRadius::ZERO));
        }
        paint::checker(&self.painter, sheet, CHECK, colors.checker);
    }

    /// The border, and a ring where the board has the focus of the keyboard.
    pub fn border(&self, ui: &Ui, canvas: (f32, f32)) {
        let colors = theme::colors(ui);
        let (width, color) = if self.response.has_focus() { (2.0, colors.accent) } else { (1.0, colors.line) };
        self.painter.rect_stroke(self.map.sheet(canvas), 0.0, Stroke::new(width, color), StrokeKind::Outside);
    }

    /// The row above the canvas, words at its left, which `sense` what they are told to.
    pub fn caption(
        &self,
        ui: &mut Ui,
        canvas: (f32, f32),
        words: &str,
        sense: Sense,
        right: impl FnOnce(&mut Ui),
    ) -> Response {
        let (sheet, board) = (self.map.sheet(canvas), self.map.board);
        let left = sheet.left().clamp(board.left(), (board.right() - LEAST_CAPTION).max(board.left()));
        let end = sheet.right().clamp((left + LEAST_CAPTION).min(board.right()), board.right());
        let bottom = sheet.top().clamp(board.top(), (board.bottom() - 24.0).max(board.top())) - 2.0;
        let row = Rect::from_min_max(pos2(left, bottom - CAPTION + 4.0), pos2(end, bottom));
        let mut inner = ui.new_child(
            egui::UiBuilder::new()
                .id_salt((self.side, "caption"))
                .max_rect(row)
                .layout(egui::Layout::right_to_left(egui::Align::Center)),
        );
        inner.spacing_mut().item_spacing.x = 4.0;
        right(&mut inner);
        inner
            .with_layout(egui::Layout::left_to_right(egui::Align::Center), |ui| {
                let color = theme::colors(ui).weak;
                let text = RichText::new(words).small().color(color);
                ui.add(egui::Label::new(text).truncate().sense(sense))
            })
            .inner
    }

    /// Two lines through a place.
    pub fn crosshair(&self, ui: &Ui, canvas: (f32, f32), at: Point) {
        let (at, board) = (self.map.screen(at), self.map.sheet(canvas).intersect(self.map.board));
        if !board.contains(at) {
            return;
        }
        let colors = theme::colors(ui);
        for (width, color) in [(3.0, colors.ground.gamma_multiply(0.5)), (1.0, colors.text)] {
            let stroke = Stroke::new(width, color);
            let gap = 6.0;
            self.painter.hline(board.left()..=at.x - gap, at.y, stroke);
            self.painter.hline(at.x + gap..=board.right(), at.y, stroke);
            self.painter.vline(at.x, board.top()..=at.y - gap, stroke);
            self.painter.vline(at.x, at.y + gap..=board.bottom(), stroke);
        }
    }

    /// Quiet words in the middle of the canvas.
    pub fn words(&self, ui: &Ui, canvas: (f32, f32), words: &str, color: Color32) {
        let seen = self.map.sheet(canvas).intersect(self.map.board);
        if !seen.is_positive() {
            return;
        }
        let galley = self.painter.layout(words.to_owned(), body(ui), color, (seen.width() - 16.0).max(24.0));
        let place = Align2::CENTER_CENTER.align_size_within_rect(galley.size(), seen);
        self.painter.rect_filled(place.expand(8.0), 6.0, theme::colors(ui).panel);
        self.painter.galley(place.min, galley, color);
    }
}

/// The fonts that are painted with.
pub fn small(ui: &Ui) -> FontId {
    TextStyle::Small.resolve(ui.style())
}

/// As above, for words that count.
pub fn body(ui: &Ui) -> FontId {
    TextStyle::Body.resolve(ui.style())
}

/// Names painted on a board; each makes way for those before it.
#[derive(Default)]
pub struct Tags {
    taken: Vec<Rect>,
}

impl Tags {
    /// On a canvas that is shown narrower than this, in points, names would hide what they name.
    pub const LEAST_SHEET: f32 = 112.0;

    /// A name on its concept's colour, `anchor` being the middle of its lower edge where `above`, else of its upper.
    pub fn put(&mut self, ui: &Ui, painter: &Painter, anchor: Pos2, above: bool, name: &str, color: Color) {
        let within = painter.clip_rect().shrink(4.0);
        let most = (within.width() - 16.0).clamp(24.0, 160.0);
        let ink = theme::on_mark(color);
        let mut job = egui::text::LayoutJob::simple(name.to_owned(), small(ui), ink, most);
        job.wrap.max_rows = 1;
        job.wrap.break_anywhere = true;
        let galley = painter.layout_job(job);
        let size = galley.size() + vec2(12.0, 4.0);
        let top = if above { anchor.y - size.y } else { anchor.y };
        let wanted = Rect::from_min_size(pos2(anchor.x - size.x / 2.0, top), size);
        // Names of what is only partly seen stay in sight; of what is out of sight altogether they go with it.
        if !painter.clip_rect().expand(size.y * 2.0).intersects(wanted) {
            return;
        }
        let step = vec2(0.0, if above { -size.y - 2.0 } else { size.y + 2.0 });
        let places = (0..=self.taken.len()).flat_map(|steps| [steps as f32, -(steps as f32)]);
        let mut places = places.map(|steps| pushed_into(wanted.translate(step * steps), within));
        let free = places.find(|rect| !self.taken.iter().any(|taken| taken.intersects(*rect)));
        let rect = free.unwrap_or_else(|| pushed_into(wanted, within));
        painter.rect_filled(rect, 8.0, theme::mark(color));
        painter.galley(rect.min + vec2(6.0, 2.0), galley, ink);
        self.taken.push(rect);
    }
}

fn pushed_into(rect: Rect, within: Rect) -> Rect {
    let push = |low: f32, high: f32, least: f32, most: f32| {
        if low < least {
            least - low
        } else if high > most {
            (most - high).max(least - low)
        } else {
            0.0
        }
    };
    rect.translate(vec2(
        push(rect.left(), rect.right(), within.left(), within.right()),
        push(rect.top(), rect.bottom(), within.top(), within.bottom()),
    ))
}

/// A few words on the panel's colour, for the corners of a board.
pub fn label(ui: &Ui, painter: &Painter, anchor: Pos2, align: Align2, words: &str) {
    let colors = theme::colors(ui);
    let most = (painter.clip_rect().width() * 0.9 - 16.0).max(24.0);
    let galley = painter.layout(words.to_owned(), small(ui), colors.text, most);
    let rect = align.anchor_size(anchor, galley.size() + Vec2::new(12.0, 4.0));
    painter.rect_filled(rect, 6.0, colors.panel.gamma_multiply(0.9));
    painter.galley(rect.min + vec2(6.0, 2.0), galley, colors.text);
}
