//! All colours, sizes and fonts of the window, for both themes. No other file of the window names a colour.

use std::sync::Arc;

use eframe::egui::{
    self, Color32, CornerRadius, FontData, FontDefinitions, FontFamily, FontId, Margin, RichText, Stroke, TextStyle,
    Theme, Vec2,
};

use crate::project::Color;
use crate::studio::export::draw;

/// What the window draws with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colors {
    /// Behind the canvas.
    pub ground: Color32,
    /// Side panels and bars.
    pub panel: Color32,
    /// Cards and fields on a panel.
    pub raised: Color32,
    /// The card or field in hand.
    pub selected: Color32,
    /// Thin lines between parts.
    pub line: Color32,
    /// Words.
    pub text: Color32,
    /// Words that explain.
    pub weak: Color32,
    /// What can be pressed, progress, selection.
    pub accent: Color32,
    /// Words on the accent.
    pub on_accent: Color32,
    /// What has no effect, what needs a look.
    pub amber: Color32,
    /// What failed.
    pub red: Color32,
    /// The playhead.
    pub playhead: Color32,
    /// Lane of layout alignment.
    pub align: Color32,
    /// Lane of mask refinement.
    pub refine: Color32,
    /// Lane of concept injection.
    pub inject: Color32,
    /// The two squares of the board behind transparency.
    pub checker: [Color32; 2],
    /// Whether the ground is dark.
    pub dark: bool,
}

/// Windows lower than this, in points, leave the panels only what they must have.
pub const LOW: f32 = 480.0;

const fn rgb(value: u32) -> Color32 {
    Color32::from_rgb((value >> 16) as u8, (value >> 8) as u8, value as u8)
}

/// The dark theme.
pub const DARK: Colors = Colors {
    ground: rgb(0x101113),
    panel: rgb(0x1B1E25),
    raised: rgb(0x252932),
    selected: rgb(0x2F3747),
    line: rgb(0x323743),
    text: rgb(0xE8EAEE),
    weak: rgb(0xA3A9B5),
    accent: rgb(0x6AA1FF),
    on_accent: rgb(0x0B1220),
    amber: rgb(0xF0B24A),
    red: rgb(0xFF7B72),
    playhead: rgb(0xFFD166),
    align: rgb(0x7BA7FF),
    refine: rgb(0xFFD166),
    inject: rgb(0x5EEAD4),
    checker: [rgb(0x2A2D33), rgb(0x34383F)],
    dark: true,
};

/// The light theme.
pub const LIGHT: Colors = Colors {
    ground: rgb(0xDADDE3),
    panel: rgb(0xF5F6F8),
    raised: rgb(0xFFFFFF),
    selected: rgb(0xDCE7FB),
    line: rgb(0xCED3DB),
    text: rgb(0x1B1E25),
    weak: rgb(0x565D6B),
    accent: rgb(0x1F5FD0),
    on_accent: rgb(0xFFFFFF),
    amber: rgb(0x8F5700),
    red: rgb(0xB3261E),
    playhead: rgb(0xB77900),
    align: rgb(0x7BA7FF),
    refine: rgb(0xF0BE4A),
    inject: rgb(0x4CCDB8),
    checker: [rgb(0xFFFFFF), rgb(0xE4E7EC)],
    dark: false,
};

/// The colours of the theme in use.
pub fn colors(ui: &egui::Ui) -> &'static Colors {
    if ui.visuals().dark_mode { &DARK } else { &LIGHT }
}

/// A concept's colour as a mark: a dot, an edge, an outline.
pub fn mark(color: Color) -> Color32 {
    let Color([red, green, blue]) = color;
    Color32::from_rgb(red, green, blue)
}

/// A concept's colour for words on the theme's ground: darkened on the light one so that they can be read.
pub fn ink(color: Color, colors: &Colors) -> Color32 {
    ink_of(mark(color), colors)
}

/// Any colour for words on the theme's ground.
pub fn ink_of(color: Color32, colors: &Colors) -> Color32 {
    if colors.dark { color } else { color.lerp_to_gamma(Color32::BLACK, 0.55) }
}

/// A concept's colour as a ground for words in [`Colors::text`].
pub fn wash(color: Color, colors: &Colors) -> Color32 {
    colors.panel.lerp_to_gamma(mark(color), if colors.dark { 0.32 } else { 0.38 })
}

/// Words on a ground of a concept's colour, black or white, whichever stands out more.
pub fn on_mark(color: Color) -> Color32 {
    on(mark(color))
}

/// Words on a ground of any colour, black or white, whichever stands out more.
pub fn on(color: Color32) -> Color32 {
    let light = 0.299 * f32::from(color.r()) + 0.587 * f32::from(color.g()) + 0.114 * f32::from(color.b());
    if light > 120.0 { Color32::from_gray(16) } else { Color32::WHITE }
}

/// Colours of self-attention clusters, as exports draw them too.
pub const CLUSTERS: [Color32; 8] = {
    let mut colors = [Color32::BLACK; 8];
    let mut index = 0;
    while index < colors.len() {
        let [red, green, blue] = draw::CLUSTERS[index];
        colors[index] = Color32::from_rgb(red, green, blue);
        index += 1;
    }
    colors
};

/// Around a thin line over a picture, which may have any colour.
pub const HALO: Color32 = Color32::from_black_alpha(120);

/// A scribble over what is kept, and one over what is removed; what lies under them is seen through them.
pub const KEEP: Color32 = Color32::from_rgba_premultiplied(20, 140, 50, 170);
/// See [`KEEP`].
pub const REMOVE: Color32 = Color32::from_rgba_premultiplied(165, 30, 25, 170);

/// What a picture is multiplied by to stand back, 0..1.
pub fn faded(part: f32) -> Color32 {
    Color32::WHITE.gamma_multiply(part)
}

/// The font family of icons alone.
pub fn icons() -> FontFamily {
    FontFamily::Name("icons".into())
}

/// The name of the font for what stands out.
const STRONG: &str = "inter semibold";

fn strong_family() -> FontFamily {
    FontFamily::Name(STRONG.into())
}

/// Words that stand out: titles, and what the main buttons say.
pub fn strong(words: impl Into<String>) -> RichText {
    RichText::new(words).family(strong_family())
}

/// Small words that explain.
pub fn note(ui: &egui::Ui, words: impl Into<String>) -> RichText {
    RichText::new(words).small().color(colors(ui).weak)
}

/// Sets fonts, sizes and colours of both themes.
pub fn install(ctx: &egui::Context) {
    let mut fonts = FontDefinitions::default();
    let own = fonts.families.get(&FontFamily::Proportional).cloned().unwrap_or_default();
    for (family, name, file) in [
        (FontFamily::Proportional, "inter", "fonts/Inter-Regular.ttf"),
        (strong_family(), STRONG, "fonts/Inter-SemiBold.ttf"),
    ] {
        // Before egui's own, which stay for the letters that these lack.
        let mut names = own.clone();
        if let Some(bytes) = crate::assets::find(file) {
            fonts.font_data.insert(name.into(), Arc::new(FontData::from_static(bytes)));
            names.insert(0, name.into());
        }
        fonts.families.insert(family, names);
    }
    if let Some(bytes) = crate::assets::find("fonts/Phosphor.ttf") {
        let mut data = FontData::from_static(bytes);
        data.tweak.y_offset_factor = 0.08;
        fonts.font_data.insert("phosphor".into(), Arc::new(data));
        // Icons stand among words, so they are looked for after the words' font.
        for family in [FontFamily::Proportional, strong_family()] {
            if let Some(family) = fonts.families.get_mut(&family) {
                family.insert(1, "phosphor".into());
            }
        }
        fonts.families.insert(icons(), vec!["phosphor".into()]);
    } else {
        let fallback = fonts.families.get(&FontFamily::Proportional).cloned().unwrap_or_default();
        fonts.families.insert(icons(), fallback);
    }
    ctx.set_fonts(fonts);
    for (theme, colors) in [(Theme::Dark, &DARK), (Theme::Light, &LIGHT)] {
        ctx.style_mut_of(theme, |style| dress(style, colors));
    }
}

fn dress(style: &mut egui::Style, colors: &Colors) {
    style.text_styles = [
        (TextStyle::Heading, FontId::new(15.0, strong_family())),
        (TextStyle::Body, FontId::proportional(13.0)),
        (TextStyle::Button, FontId::proportional(13.0)),
        (TextStyle::Small, FontId::proportional(11.0)),
        (TextStyle::Monospace, FontId::monospace(12.5)),
    ]
    .into();
    let spacing = &mut style.spacing;
    spacing.item_spacing = Vec2::new(8.0, 4.0);
    spacing.button_padding = Vec2::new(8.0, 4.0);
    spacing.interact_size = Vec2::new(32.0, 24.0);
    spacing.menu_margin = Margin::same(8);
    spacing.window_margin = Margin::same(16);
    spacing.slider_width = 120.0;
    spacing.scroll.floating = true;
    // Nothing moves by itself: a window at rest draws nothing.
    style.animation_time = 0.08;

    let visuals = &mut style.visuals;
    visuals.dark_mode = colors.dark;
    visuals.panel_fill = colors.panel;
    visuals.window_fill = colors.panel;
    visuals.window_stroke = Stroke::new(1.0, colors.line);
    visuals.extreme_bg_color = colors.raised;
    visuals.text_edit_bg_color = Some(colors.raised);
    visuals.faint_bg_color = colors.raised;
    visuals.override_text_color = None;
    visuals.warn_fg_color = colors.amber;
    visuals.error_fg_color = colors.red;
    visuals.hyperlink_color = colors.accent;
    visuals.weak_text_color = Some(colors.weak);
    visuals.selection.bg_fill = colors.accent.gamma_multiply(if colors.dark { 0.45 } else { 0.35 });
    visuals.selection.stroke = Stroke::new(1.0, colors.accent);
    visuals.window_corner_radius = CornerRadius::same(8);
    visuals.menu_corner_radius = CornerRadius::same(8);
    let widgets = &mut visuals.widgets;
    for (widget, fill, line) in [
        (&mut widgets.noninteractive, colors.panel, colors.line),
        (&mut widgets.inactive, colors.raised, Color32::TRANSPARENT),
        (&mut widgets.hovered, colors.selected, colors.line),
        (&mut widgets.active, colors.selected, colors.accent),
        (&mut widgets.open, colors.selected, colors.line),
    ] {
        widget.bg_fill = fill;
        widget.weak_bg_fill = fill;
        widget.bg_stroke = Stroke::new(1.0, line);
        widget.fg_stroke = Stroke::new(1.0, colors.text);
        widget.corner_radius = CornerRadius::same(6);
        widget.expansion = 0.0;
    }
    widgets.noninteractive.fg_stroke.color = colors.text;
    // Rails of sliders and empty boxes: they must stand out from the cards that they lie on.
    widgets.inactive.bg_fill = colors.line;
    widgets.hovered.bg_fill = colors.line;
    visuals.slider_trailing_fill = true;
    visuals.handle_shape = egui::style::HandleShape::Circle;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::studio::document::palette;

    /// Contrast of two colours as WCAG has it, 1..21.
    fn contrast(a: Color32, b: Color32) -> f32 {
        let light = |color: Color32| {
            let linear = |value: u8| {
                let value = f32::from(value) / 255.0;
                if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
            };
            0.2126 * linear(color.r()) + 0.7152 * linear(color.g()) + 0.0722 * linear(color.b())
        };
        let (a, b) = (light(a), light(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn the_words_font_has_no_glyphs_where_icons_are() {
        use ab_glyph::{Font, FontRef};
        for file in ["fonts/Inter-Regular.ttf", "fonts/Inter-SemiBold.ttf"] {
            let font = FontRef::try_from_slice(crate::assets::find(file).unwrap()).unwrap();
            assert_ne!(font.glyph_id('a').0, 0);
            let own = ('\u{E000}'..='\u{F8FF}').find(|letter| font.glyph_id(*letter).0 != 0);
            assert_eq!(own, None, "{file} would hide icons");
        }
    }

    #[test]
    fn words_can_be_read_on_every_ground_of_both_themes() {
        for colors in [DARK, LIGHT] {
            for ground in [colors.panel, colors.raised, colors.selected] {
                for (name, words) in
                    [("text", colors.text), ("weak", colors.weak), ("amber", colors.amber), ("red", colors.red)]
                {
                    let contrast = contrast(words, ground);
                    assert!(contrast >= 4.5, "{name} on {ground:?}, dark {}: {contrast}", colors.dark);
                }
            }
            assert!(contrast(colors.on_accent, colors.accent) >= 4.5);
        }
    }

    #[test]
    fn concepts_words_and_marks_can_be_read_on_both_themes() {
        for colors in [DARK, LIGHT] {
            for (name, color) in palette::COLORS {
                assert!(contrast(ink(color, &colors), colors.panel) >= 4.0, "{name}, dark {}", colors.dark);
                assert!(contrast(on_mark(color), mark(color)) >= 4.5, "{name}");
                assert!(contrast(colors.text, wash(color, &colors)) >= 4.0, "{name}, dark {}", colors.dark);
            }
        }
    }
}
