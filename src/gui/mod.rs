//! The window: egui only. It draws the [`crate::studio`] and calls it, and never waits for anything.
//!
//! - The frame, shortcuts, dropped files: `mod.rs`, `keys.rs`. What stands over everything: `dialogs.rs`.
//! - The parts: `topbar.rs`, `layers.rs`, `concepts.rs`, `canvas/`, `prompt.rs`, `render.rs`, `settings.rs`,
//!   `timeline/`, `inspector/`, `place.rs`, `gallery/`, `device.rs`.
//! - How it looks: `theme.rs` (all colours and sizes), `icons.rs`, `widgets.rs`, `fields.rs`, `paint/` (our shaders),
//!   `textures.rs`, `look.rs` (what the window remembers).
//! - How long its frames take: `frame_times.rs`.

use std::path::PathBuf;

use eframe::egui::{self, CentralPanel, Frame, Margin, Panel};

pub mod canvas;
mod concepts;
pub mod device;
pub mod dialogs;
mod fields;
pub mod files;
pub mod frame_times;
pub mod gallery;
mod gpu;
pub mod hints;
#[allow(missing_docs, reason = "the names are the icons'")]
mod icons;
pub mod inspector;
mod keys;
mod layer_menu;
mod layers;
pub mod look;
pub mod paint;
pub mod place;
mod prompt;
mod render;
mod settings;
pub mod textures;
pub mod theme;
pub mod timeline;
pub mod topbar;
pub mod widgets;

use crate::cli::Outcome;
use crate::engine::cache::Cache;
use crate::engine::device::DeviceChoice;
use crate::engine::worker::{Engine, EngineOptions};
use crate::project::{self, Project};
use crate::studio::Studio;
use crate::studio::places::Places;
use crate::studio::places::folder_of;
use crate::studio::session::config::{self, Theme};
use crate::studio::{Held, Place};
use frame_times::FrameTimes;
use look::{Look, Page};
use paint::{ColorMap, Sampling};

/// The project that the window opens on.
const FIRST_PROJECT: &str = "projects/beach.ron";
const FIRST_NAME: &str = "beach";

/// Opens the window on a project, or on the built-in one.
///
/// # Errors
/// When the project cannot be read, or there is no display or no graphics driver: in words, with the way on.
pub fn open(path: Option<PathBuf>, device: DeviceChoice) -> Outcome {
    let (project, folder) = match &path {
        Some(path) => (project::file::load_as_it_is(path)?, folder_of(path)),
        None => (built_in()?, PathBuf::from(".")),
    };
    let options = eframe::NativeOptions {
        viewport: egui::ViewportBuilder::default()
            .with_title("Podium")
            .with_inner_size([1440.0, 900.0])
            .with_min_inner_size([1024.0, 700.0]),
        wgpu_options: gpu::options(),
        ..Default::default()
    };
    let create = move |context: &eframe::CreationContext<'_>| -> Result<Box<dyn eframe::App>, Box<dyn std::error::Error + Send + Sync>> {
        let repaint = context.egui_ctx.clone();
        let beside = EngineOptions::beside_a_window(gpu::shared(context.wgpu_render_state.as_ref()));
        let engine = Engine::start_with(beside, Cache::standard(), move || repaint.request_repaint())?;
        paint::install(&context.egui_ctx, context.wgpu_render_state.as_ref());
        let mut podium =
            Podium::kept(&context.egui_ctx, engine, project, folder, device, Some(Places::standard()))?;
        if path.is_none() {
            podium.studio.document.name = FIRST_NAME.into();
        }
        podium.studio.document.file = path;
        Ok(Box::new(podium))
    };
    eframe::run_native("podium", options, Box::new(create)).map_err(|error| explain(&error).into())
}

fn built_in() -> Result<Project, Box<dyn std::error::Error>> {
    let text = crate::assets::find(FIRST_PROJECT).ok_or("the built-in project is missing from this build")?;
    Ok(project::file::from_str(std::str::from_utf8(text)?)?)
}

/// Why the window did not open, with the packages that bring what is missing.
fn explain(error: &eframe::Error) -> String {
    format!(
        "the window cannot open: {error}\n\
         On Debian or Ubuntu it needs a display (X11 or Wayland), the packages libxkbcommon-x11-0 and libwayland-client0, \
         and a Vulkan or GL driver (libvulkan1 and mesa-vulkan-drivers, or your card's own).\n\
         Without a display, `podium render PROJECT -o OUT.png` does the same work."
    )
}

/// The window.
pub struct Podium {
    /// What it draws.
    pub studio: Studio,
    /// How it looks at it.
    pub look: Look,
    /// How long its frames take, where somebody measures it.
    frame_times: Option<FrameTimes>,
}

impl Podium {
    /// A window on a project that keeps nothing when it closes.
    ///
    /// # Errors
    /// When the system has no thread or no temporary folder to give.
    pub fn new(
        ctx: &egui::Context,
        engine: Engine,
        project: Project,
        folder: PathBuf,
        device: DeviceChoice,
    ) -> std::io::Result<Self> {
        Self::kept(ctx, engine, project, folder, device, None)
    }

    /// A window that keeps results, settings and unsaved work in these places, and takes up what is there.
    ///
    /// # Errors
    /// When the system has no thread, or without places no temporary folder, to give.
    pub fn kept(
        ctx: &egui::Context,
        engine: Engine,
        project: Project,
        folder: PathBuf,
        device: DeviceChoice,
        places: Option<Places>,
    ) -> std::io::Result<Self> {
        theme::install(ctx);
        let mut look = Look::default();
        let mut studio = Studio::new(engine, project, None, folder, device, places, keys::wake(ctx))?;
        let config = &studio.session.config;
        let map = ColorMap::ALL.into_iter().find(|map| map.name().eq_ignore_ascii_case(&config.color_map));
        look.color_map = map.unwrap_or(look.color_map);
        look.sampling = match config.sampling {
            config::Sampling::Nearest => Sampling::Nearest,
            config::Sampling::Smooth => Sampling::Smooth,
        };
        if device == DeviceChoice::Auto
            && let Ok(device) = config.device.parse()
        {
            studio.renders.device = device;
        }
        Ok(Self { studio, look, frame_times: FrameTimes::wished() })
    }

    /// Takes in what came from elsewhere, and what this frame's keys and dropped files ask for.
    pub fn think(&mut self, ctx: &egui::Context) {
        let (studio, look) = (&mut self.studio, &mut self.look);
        studio.poll();
        look.files.take(studio);
        gallery::take_chosen(studio, look);
        look.lit = look.pointed_concept.take();
        self.remember_choices();
        let (studio, look) = (&mut self.studio, &mut self.look);
        let theme = match studio.session.config.theme {
            Theme::System => egui::ThemePreference::System,
            Theme::Light => egui::ThemePreference::Light,
            Theme::Dark => egui::ThemePreference::Dark,
        };
        if ctx.options(|options| options.theme_preference) != theme {
            ctx.set_theme(theme);
        }
        if (ctx.zoom_factor() - studio.session.config.ui_scale).abs() > 1e-3 {
            if look.scale_set == Some(studio.session.config.ui_scale) {
                // Ctrl+plus and Ctrl+minus have changed it: that is remembered.
                studio.session.config.ui_scale =
                    ctx.zoom_factor().clamp(*config::Config::UI_SCALE.start(), *config::Config::UI_SCALE.end());
                studio.session.save_config();
            }
            ctx.set_zoom_factor(studio.session.config.ui_scale);
        }
        look.scale_set = Some(studio.session.config.ui_scale);
        match look.page {
            Page::Place => place::take_dropped(ctx, studio),
            Page::Compose | Page::Gallery => keys::take_dropped(ctx, studio, look),
        }
        keys::take(ctx, studio, look);
        self.guard_closing(ctx);
    }

    fn remember_choices(&mut self) {
        let (config, look) = (&mut self.studio.session.config, &self.look);
        let sampling = match look.sampling {
            Sampling::Nearest => config::Sampling::Nearest,
            Sampling::Smooth => config::Sampling::Smooth,
        };
        if config.sampling != sampling || config.color_map != look.color_map.name() {
            config.sampling = sampling;
            config.color_map = look.color_map.name().to_owned();
            self.studio.session.save_config();
        }
    }

    /// Closing asks first where something would be lost.
    fn guard_closing(&mut self, ctx: &egui::Context) {
        if ctx.input(|input| input.viewport().close_requested()) && !self.studio.session.closing {
            self.studio.ask_to(Held::Close);
            if !self.studio.session.closing {
                ctx.send_viewport_cmd(egui::ViewportCommand::CancelClose);
            }
        } else if self.studio.session.closing {
            ctx.send_viewport_cmd(egui::ViewportCommand::Close);
        }
    }

    /// Draws everything.
    pub fn draw(&mut self, ui: &mut egui::Ui) {
        let (studio, look) = (&mut self.studio, &mut self.look);
        look.textures.sweep();
        let bar = Frame::new().fill(theme::colors(ui).panel).inner_margin(Margin::symmetric(12, 6));
        Panel::top("bar").frame(bar).resizable(false).show(ui, |ui| topbar::show(ui, studio, look));
        match look.page {
            Page::Compose | Page::Place => compose(ui, studio, look),
            Page::Gallery => {
                CentralPanel::default().frame(Frame::NONE).show(ui, |ui| gallery::show(ui, studio, look));
            }
        }
        dialogs::show(ui, studio, look);
        if keys::files_hover(ui.ctx()) {
            let colors = theme::colors(ui);
            let painter =
                ui.ctx().layer_painter(egui::LayerId::new(egui::Order::Foreground, egui::Id::unique("files")));
            let rect = ui.ctx().content_rect();
            painter.rect_stroke(rect.shrink(2.0), 8.0, (3.0, colors.accent), egui::StrokeKind::Inside);
        }
    }
}

/// Below this width, in points, the panels at the sides are as narrow as they can be.
const NARROW: f32 = 900.0;
/// Below this height, in points, the timeline is as low as it can be, and only the prompt itself is below the canvas.
pub(crate) const LOW: f32 = 480.0;

fn compose(ui: &mut egui::Ui, studio: &mut Studio, look: &mut Look) {
    let side = Frame::new().fill(theme::colors(ui).panel).inner_margin(Margin::same(12));
    // At twice the size, or in the smallest window, the panels give way so that something is left for the canvas.
    let room = ui.available_size();
    let narrow = room.x < NARROW;
    let low = room.y < LOW;
    let (left, right) = if narrow { (224.0, 232.0) } else { (252.0, 288.0) };
    let below = if low {
        112.0
    } else if room.y < 700.0 {
        160.0
    } else {
        184.0
    };
    // Panels remember the width that they were given, each size of window its own.
    let named = |name: &str| egui::Id::unique((name, narrow, low));
    if narrow && !low && look.page == Page::Compose {
        // Beside the panels it would have a few words a line; in a low window it would take the canvas's room.
        let frame = Frame::new().fill(theme::colors(ui).ground).inner_margin(Margin::symmetric(12, 2));
        let panel = Panel::top("hint").frame(frame).resizable(false).show_separator_line(false);
        panel.show(ui, |ui| hints::show(ui, studio, look));
    }
    if !look.folded {
        let bottom = Frame::new().fill(theme::colors(ui).panel).inner_margin(Margin::symmetric(12, 8));
        Panel::bottom(named("timeline"))
            .frame(bottom)
            .resizable(true)
            .default_size(below)
            .size_range(112.0..=480.0)
            .show(ui, |ui| timeline::show(ui, studio, look));
        Panel::left(named("left")).frame(side).resizable(true).default_size(left).size_range(152.0..=420.0).show(
            ui,
            |ui| {
                egui::ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
                    layers::show(ui, studio, look);
                    ui.add_space(16.0);
                    concepts::show(ui, studio, look);
                });
            },
        );
        Panel::right(named("right")).frame(side).resizable(true).default_size(right).size_range(200.0..=320.0).show(
            ui,
            |ui| {
                egui::ScrollArea::vertical().auto_shrink(false).show(ui, |ui| render::show(ui, studio, look));
            },
        );
    }
    let middle = Frame::new().fill(theme::colors(ui).ground).inner_margin(Margin::same(0));
    CentralPanel::default().frame(middle).show(ui, |ui| {
        if !look.folded {
            let prompt =
                Frame::new().fill(theme::colors(ui).ground).inner_margin(Margin::same(if low { 4 } else { 12 }));
            Panel::bottom("prompt").frame(prompt).resizable(false).show(ui, |ui| prompt::show(ui, studio, look));
        }
        let above = Frame::new().inner_margin(Margin::symmetric(12, 0));
        above.show(ui, |ui| {
            if look.page == Page::Compose && !narrow {
                hints::show(ui, studio, look);
            }
            widgets::said_ui(ui, studio, &Place::Canvas);
        });
        match look.page {
            Page::Place => place::show(ui, studio, look),
            Page::Compose | Page::Gallery => canvas::show(ui, studio, look),
        }
    });
}

impl eframe::App for Podium {
    fn logic(&mut self, ctx: &egui::Context, frame: &mut eframe::Frame) {
        if let Some(times) = &mut self.frame_times {
            times.frame(frame.info().cpu_usage);
        }
        self.think(ctx);
    }

    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        self.draw(ui);
    }

    fn on_exit(&mut self) {
        self.studio.close();
    }
}
