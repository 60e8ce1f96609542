//! The window's life: how it opens, what it takes in before each frame, how it closes.

use std::path::PathBuf;
use std::time::Duration;

use eframe::egui;

use super::frame::{self, Panels};
use super::frame_times::FrameTimes;
use super::look::{Look, Page};
use super::paint::{self, ColorMap, Sampling};
use super::{display, gpu, keys, place, theme, train};
use crate::engine::cache::Cache;
use crate::engine::device::DeviceChoice;
use crate::engine::worker::{Engine, EngineOptions};
use crate::link::JobId;
use crate::project::stamp::Stamp;
use crate::project::{self, Project};
use crate::studio::places::Places;
use crate::studio::places::folder_of;
use crate::studio::renders::runs::State;
use crate::studio::session::config::{self, Theme};
use crate::studio::{Held, Studio};

/// The project that the window opens on.
const FIRST_PROJECT: &str = "projects/beach.ron";
const FIRST_NAME: &str = "beach";

/// Opens the window on a project, or on the built-in one.
///
/// # Errors
/// When the project cannot be read, or there is no display or no graphics driver: in words, with the way on.
pub fn open(path: Option<PathBuf>, device: DeviceChoice) -> Result<(), Box<dyn std::error::Error>> {
    let is_first = path.is_none();
    let (project, file, folder) = match path.map(std::path::absolute).transpose()? {
        Some(path) => {
            // Before it is read: until the window is there, another program may write it.
            let stamp = Stamp::of(&path);
            match project::png_text::in_a_project_s_place(&path)? {
                // It is a result, not the project's file: saving must not replace it.
                Some(project) => (project, None, folder_of(&path)),
                None => {
                    let (project, folder) = (project::file::load_as_it_is(&path)?, folder_of(&path));
                    (project, Some((path, stamp)), folder)
                }
            }
        }
        None => (built_in()?, None, PathBuf::from(".")),
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
        let has_gpu = beside.shared.is_some();
        let engine = Engine::start_with(beside, Cache::standard(), move || repaint.request_repaint())?;
        paint::install(&context.egui_ctx, context.wgpu_render_state.as_ref());
        let mut podium =
            Podium::opened(&context.egui_ctx, engine, project, file, folder, device, Some(Places::standard()))?;
        podium.studio.renders.has_gpu = has_gpu;
        if is_first {
            podium.studio.document.name = FIRST_NAME.into();
        }
        podium.look.drops = display::drops_arrive();
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

/// A render that took longer than this is told of where nobody looks at the window.
const LONG: Duration = Duration::from_secs(10);

/// The window.
pub struct Podium {
    /// What it draws.
    pub studio: Studio,
    /// What its panels share.
    pub look: Look,
    /// What each of them remembers.
    pub panels: Panels,
    /// The size of everything that was set last.
    scale_set: Option<f32>,
    /// What the window was called last.
    title_set: String,
    /// The renders that had not ended in the frame before.
    running: Vec<JobId>,
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
        Self::opened(ctx, engine, project, None, folder, device, places)
    }

    /// The same for a project that has a file.
    fn opened(
        ctx: &egui::Context,
        engine: Engine,
        project: Project,
        file: Option<(PathBuf, Option<Stamp>)>,
        folder: PathBuf,
        device: DeviceChoice,
        places: Option<Places>,
    ) -> std::io::Result<Self> {
        theme::install(ctx);
        let mut look = Look::default();
        let mut studio = Studio::new(engine, project, file, folder, device, places, keys::wake(ctx))?;
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
        // Looked up now, so that it is known before anybody wants it.
        look.machine.zone(ctx);
        let panels = Panels::default();
        let (title_set, running) = (String::new(), Vec::new());
        Ok(Self { studio, look, panels, scale_set: None, title_set, running, frame_times: FrameTimes::wished() })
    }

    /// Takes in what came from elsewhere, and what this frame's keys and dropped files ask for.
    pub fn think(&mut self, ctx: &egui::Context) {
        let (studio, look) = (&mut self.studio, &mut self.look);
        studio.poll();
        self.panels.files.take(ctx, studio, look);
        look.pointed.lit = look.pointed.concept.take();
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
            if self.scale_set == Some(studio.session.config.ui_scale) {
                // Ctrl+plus and Ctrl+minus have changed it: that is remembered.
                studio.session.config.ui_scale =
                    ctx.zoom_factor().clamp(*config::Config::UI_SCALE.start(), *config::Config::UI_SCALE.end());
                studio.session.save_config();
            }
            ctx.set_zoom_factor(studio.session.config.ui_scale);
        }
        self.scale_set = Some(studio.session.config.ui_scale);
        match look.page {
            Page::Place => place::take_dropped(ctx, studio),
            Page::Train => train::take_dropped(ctx, studio, &mut self.panels.train),
            Page::Compose | Page::Compare | Page::Gallery | Page::Library => {
                keys::take_dropped(ctx, studio, &mut self.panels.canvas)
            }
        }
        if ctx.input(|input| input.events.contains(&egui::Event::WindowFocused(true))) {
            // Somebody comes back, perhaps from a paint program.
            studio.files.look_for_changes();
        }
        keys::take(ctx, studio, look);
        self.guard_closing(ctx);
        self.call(ctx);
        self.say_when_done(ctx);
    }

    /// Names the window after its project, with a dot where that has changes that were not saved.
    fn call(&mut self, ctx: &egui::Context) {
        let dot = if self.studio.document.history.is_dirty() { "● " } else { "" };
        let title = format!("{dot}{} – Podium", self.studio.title());
        if title != self.title_set {
            ctx.send_viewport_cmd(egui::ViewportCommand::Title(title.clone()));
            self.title_set = title;
        }
    }

    /// Asks for a look at the window where a long render, or one that failed, has ended while nobody looked.
    fn say_when_done(&mut self, ctx: &egui::Context) {
        let runs = &self.studio.renders.runs;
        let ended = self.running.iter().filter_map(|job| runs.get(*job)).any(|run| match &run.state {
            State::Done(finished) => finished.elapsed >= LONG,
            State::Failed(_) => true,
            _ => false,
        });
        self.running = runs.active().map(|run| run.job).collect();
        if ended && !ctx.input(|input| input.focused) {
            let way = egui::UserAttentionType::Informational;
            ctx.send_viewport_cmd(egui::ViewportCommand::RequestUserAttention(way));
        }
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
        frame::draw(ui, &mut self.studio, &mut self.look, &mut self.panels);
    }
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
