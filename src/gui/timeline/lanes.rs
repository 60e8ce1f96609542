//! The three lanes of the method: when layout alignment, concept injection and mask refinement act.

use std::ops::Range;

use eframe::egui::{self, Color32, CornerRadius, FontId, Painter, Rangef, Rect, Ui, pos2};

use super::axis::{Axis, clear_of};
use crate::gui::theme;
use crate::project::settings::Fusion;
use crate::project::{MaskSource, Project};

/// Bars nearer to each other than this, in points, are drawn as one.
const GAP: f32 = 2.0;
/// A tick is at least this wide, in points.
const TICK: f32 = 2.0;

/// What one part of the method does, step by step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The paper's name of it.
    pub name: &'static str,
    /// For each step, whether it acts.
    pub on: Vec<bool>,
    /// Why it acts on no step, where it does not.
    pub off: Option<&'static str>,
    /// Whether each step that it acts on is a tick of its own.
    pub ticks: bool,
}

impl Plan {
    fn new(name: &'static str, on: Vec<bool>, enabled: Result<(), &'static str>) -> Self {
        let off = match enabled {
            Err(why) => Some(why),
            Ok(()) => (!on.contains(&true)).then_some("acts on no step"),
        };
        Self { name, on, off, ticks: false }
    }

    /// Whether it acts on a step.
    pub fn acts(&self, step: usize) -> bool {
        self.off.is_none() && self.on.get(step) == Some(&true)
    }
}

/// Layout alignment, concept injection and mask refinement of a project.
pub fn plans(project: &Project) -> [Plan; 3] {
    let settings = &project.settings;
    let switch = |on: bool| match on {
        _ if !settings.method.is_conductor() => Err("not of this method"),
        true => Ok(()),
        false => Err("off"),
    };
    let used = project.concepts.iter().any(|concept| match concept.mask {
        MaskSource::Layers => {
            project.layers().iter().any(|layer| layer.is_seen() && layer.concept.as_ref() == Some(&concept.name))
        }
        MaskSource::Files(_) | MaskSource::Points(_) => true,
    });
    let injection = &settings.concept_injection;
    let injects = match injection.fusion {
        _ if !used => Err("no concept is on a layer"),
        Fusion::Noise => switch(true),
        Fusion::Features => switch(injection.self_attention || injection.cross_attention),
    };
    let refines = if used { switch(settings.mask_refinement.enabled) } else { Err("no concept is on a layer") };
    [
        Plan::new("layout alignment", settings.guided_steps(), switch(settings.layout_alignment.enabled)),
        Plan::new("concept injection", vec![injects.is_ok(); settings.steps as usize], injects),
        Plan { ticks: true, ..Plan::new("mask refinement", settings.refined_steps(), refines) },
    ]
}

/// The runs of steps that are on, in order.
pub fn spans(on: &[bool]) -> Vec<Range<usize>> {
    let mut spans: Vec<Range<usize>> = Vec::new();
    for step in on.iter().enumerate().filter_map(|(step, on)| on.then_some(step)) {
        match spans.last_mut() {
            Some(last) if last.end == step => last.end += 1,
            _ => spans.push(step..step + 1),
        }
    }
    spans
}

/// Joins those that have fewer than `gap` steps between them.
fn joined(spans: Vec<Range<usize>>, gap: f32) -> Vec<Range<usize>> {
    let mut all: Vec<Range<usize>> = Vec::new();
    for span in spans {
        match all.last_mut() {
            Some(last) if ((span.start - last.end) as f32) < gap => last.end = span.end,
            _ => all.push(span),
        }
    }
    all
}

/// Draws a lane in a row: what is done in its colour, what is to come dimmed, its name in or beside its bar, and not where the
/// playhead stands.
pub fn draw(ui: &Ui, row: Rect, axis: Axis, plan: &Plan, color: Color32, done: usize, playhead: Option<f32>) {
    let colors = theme::colors(ui);
    let painter = ui.painter_at(row);
    let font = egui::TextStyle::Small.resolve(ui.style());
    painter.rect_filled(row, CornerRadius::same(3), colors.raised.gamma_multiply(0.5));
    if let Some(why) = plan.off {
        let words = format!("{} · {why}", plan.name);
        let words = painter.layout_no_wrap(words, font, colors.weak);
        let left = clear_of(row.left() + 4.0, words.size().x, playhead, row.x_range());
        painter.galley(pos2(left, row.center().y - words.size().y / 2.0), words, colors.weak);
        return;
    }
    let width = axis.step_width().max(f32::MIN_POSITIVE);
    let ticks = plan.ticks && width >= TICK + 1.0;
    let bars = match ticks {
        true => spans(&plan.on).into_iter().flatten().map(|step| step..step + 1).collect(),
        false => joined(spans(&plan.on), GAP / width),
    };
    let (Some(first), Some(last)) = (bars.first(), bars.last()) else { return };
    let whole = first.start..last.end;
    let shade = |part: f32| colors.panel.lerp_to_gamma(color, part);
    let rect = |span: &Range<usize>| {
        let Rangef { min, max } = axis.span(span);
        let max = if ticks { max - 1.0 } else { max };
        Rect::from_min_max(pos2(min, row.top()), pos2(max.max(min + TICK), row.bottom()))
    };
    let envelope = rect(&whole);
    let mut ground = shade(0.22);
    if let [bar] = &bars[..] {
        ground = shade(0.36);
        painter.rect_filled(envelope, CornerRadius::same(3), ground);
        let solid = rect(&(bar.start..bar.end.min(done).max(bar.start)));
        if bar.start < done {
            painter.rect_filled(solid, CornerRadius::same(3), color);
        }
        let name = painter.layout_no_wrap(plan.name.into(), font.clone(), colors.text);
        if name.size().x + 8.0 <= envelope.width() {
            let left = clear_of(envelope.left() + 4.0, name.size().x, playhead, envelope.x_range());
            let at = pos2(left, row.center().y - name.size().y / 2.0);
            painter.galley(at, name, colors.text);
            if bar.start < done {
                // The same words again, in the ink of the solid part.
                painter.rect_filled(solid, CornerRadius::same(3), color);
                let inner = painter.with_clip_rect(solid);
                let ink = theme::on(color);
                let name = inner.layout_no_wrap(plan.name.into(), font, ink);
                inner.galley(at, name, ink);
            }
            return;
        }
    } else {
        painter.rect_filled(envelope, CornerRadius::same(3), ground);
        for bar in &bars {
            let to_come = bar.start.max(done.min(bar.end))..bar.end;
            if bar.start < done {
                painter.rect_filled(rect(&(bar.start..bar.end.min(done))), CornerRadius::same(1), color);
            }
            if !to_come.is_empty() {
                painter.rect_filled(rect(&to_come), CornerRadius::same(1), shade(0.6));
            }
        }
    }
    beside(&painter, row, envelope, plan.name, font, colors.weak, playhead);
}

/// A name right of its bar, or left of it where there is no room.
fn beside(painter: &Painter, row: Rect, bar: Rect, name: &str, font: FontId, color: Color32, playhead: Option<f32>) {
    let name = painter.layout_no_wrap(name.into(), font, color);
    let size = name.size();
    let x = if bar.right() + 6.0 + size.x <= row.right() {
        bar.right() + 6.0
    } else {
        (bar.left() - 6.0 - size.x).max(row.left() + 4.0)
    };
    let x = clear_of(x, size.x, playhead, row.x_range());
    painter.galley(pos2(x, row.center().y - size.y / 2.0), name, color);
}

#[cfg(test)]
#[allow(clippy::single_range_in_vec_init, reason = "one span is what is expected")]
mod tests {
    use super::*;

    #[test]
    fn spans_are_the_runs_of_steps_that_are_on() {
        assert!(spans(&[]).is_empty());
        assert!(spans(&[false; 3]).is_empty());
        assert_eq!(spans(&[true, true, false, true]), [0..2, 3..4]);
        assert_eq!(spans(&[false, true, true, true]), [1..4]);
    }

    #[test]
    fn spans_too_near_to_be_told_apart_are_joined() {
        assert_eq!(joined(vec![0..1, 2..3, 9..10], 2.0), [0..3, 9..10]);
        assert_eq!(joined(vec![0..1, 2..3], 1.0), [0..1, 2..3]);
    }

    #[test]
    fn lanes_are_the_steps_of_the_settings_and_say_why_they_are_empty() {
        let mut project = crate::project::tests::example();
        project.settings.steps = 200;
        let [align, inject, refine] = plans(&project);
        assert_eq!(spans(&align.on), [0..61]);
        assert_eq!(spans(&inject.on), [0..200]);
        assert_eq!(spans(&refine.on), [50..51, 55..56, 60..61, 65..66, 70..71, 75..76, 80..81]);
        assert!([&align, &inject, &refine].iter().all(|plan| plan.off.is_none()));
        project.settings.layout_alignment.enabled = false;
        project.settings.concept_injection.self_attention = false;
        project.settings.concept_injection.cross_attention = false;
        let [align, inject, _] = plans(&project);
        assert_eq!((align.off, inject.off), (Some("off"), Some("off")));
        project.concepts.clear();
        let [_, inject, refine] = plans(&project);
        assert_eq!((inject.off, refine.off), (Some("no concept is on a layer"), Some("no concept is on a layer")));
        assert!(!refine.acts(50));
    }
}
