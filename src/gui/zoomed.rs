//! Zoom and pan of pictures shown large, in the gallery and of a comparison; two beside each other share them.

use eframe::egui::{Rect, Response, Ui, Vec2};

use super::{theme, widgets};

/// How a picture lies in its area.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct View {
    /// 1 fits the area.
    zoom: f32,
    /// From the area's centre to the picture's, in points.
    offset: Vec2,
}

impl Default for View {
    fn default() -> Self {
        Self { zoom: 1.0, offset: Vec2::ZERO }
    }
}

impl View {
    /// How far one can go in and out.
    const ZOOM: std::ops::RangeInclusive<f32> = 0.25..=32.0;

    /// The scale in words, and a way back to the whole picture.
    pub fn show(&mut self, ui: &mut Ui) {
        ui.label(theme::note(ui, self.words()))
            .on_hover_text("The wheel zooms to the pointer, dragging moves, a double click fits");
        ui.add_enabled_ui(*self != Self::default(), |ui| {
            if ui.button("Fit").on_hover_text("Show all of the picture").clicked() {
                *self = Self::default();
            }
        });
    }

    /// In words: `100 %` is fitted.
    pub fn words(&self) -> String {
        format!("{:.0} %", self.zoom * 100.0)
    }

    /// Where a picture of this size lies.
    pub fn place(&self, area: Rect, size: Vec2) -> Rect {
        let fitted = widgets::fit(area, size);
        Rect::from_center_size(area.center() + self.offset, fitted.size() * self.zoom)
    }

    /// Takes the wheel and, where `pans`, a drag; a double click fits again.
    pub fn take(&mut self, ui: &Ui, response: &Response, pans: bool) {
        if response.double_clicked() {
            *self = Self::default();
        }
        if pans && response.dragged() {
            self.offset += response.drag_delta();
        }
        let Some(pointer) = response.hover_pos() else { return };
        let by = ui.input(|input| input.zoom_delta() * (input.smooth_scroll_delta().y / 200.0).exp());
        if by.is_finite() && (by - 1.0).abs() > 1e-4 {
            let zoom = (self.zoom * by).clamp(*Self::ZOOM.start(), *Self::ZOOM.end());
            let from_center = pointer - response.rect.center();
            // What is under the pointer stays there.
            self.offset = from_center - (from_center - self.offset) * (zoom / self.zoom);
            self.zoom = zoom;
        }
    }
}

#[cfg(test)]
mod tests {
    use eframe::egui::{pos2, vec2};

    use super::*;

    #[test]
    fn a_picture_keeps_its_shape_in_the_middle_of_its_area() {
        let area = Rect::from_min_size(pos2(10.0, 20.0), vec2(200.0, 100.0));
        assert_eq!(widgets::fit(area, vec2(512.0, 512.0)), Rect::from_min_size(pos2(60.0, 20.0), vec2(100.0, 100.0)));
        assert_eq!(widgets::fit(area, vec2(0.0, 0.0)).size(), vec2(100.0, 100.0));
        let view = View { zoom: 2.0, offset: vec2(5.0, 0.0) };
        assert_eq!(view.place(area, vec2(1.0, 1.0)).center(), pos2(115.0, 70.0));
        assert_eq!(view.words(), "200 %");
    }
}
