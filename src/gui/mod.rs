//! The window: egui only. It draws the [`crate::studio`] and calls it, and never waits for anything.
//!
//! - The frame, shortcuts, dropped files: `mod.rs`, `keys.rs`. What stands over everything: `dialogs.rs`.
//! - The parts: `topbar.rs`, `layers.rs`, `concepts.rs`, `canvas/`, `prompt.rs`, `render.rs`, `timeline/`,
//!   `inspector/`, `gallery.rs`, `device.rs`.
//! - How it looks: `theme.rs` (all colours and sizes), `icons.rs`, `widgets.rs`, `paint/` (our shaders), `textures.rs`,
//!   `look.rs` (what the window remembers).

use std::path::PathBuf;
use std::sync::Arc;

use eframe::egui::{self, CentralPanel, Frame, Margin, Panel};

pub mod canvas;
mod concepts;
mod device;
pub mod dialogs;
pub mod gallery;
#[allow(missing_docs, reason = "the names are the icons'")]
mod icons;
pub mod inspector;
mod layers;
pub mod look;
pub mod paint;
mod prompt;
mod render;
pub mod textures;
pub mod theme;
pub mod timeline;
mod topbar;
pub mod widgets;

use crate::cli::Outcome;
use crate::engine::cache::Cache;
use crate::engine::device::DeviceChoice;
use crate::engine::worker::Engine;
use crate::project::{self, Project};
use crate::studio::Studio;
use crate::studio::edits::folder_of;
use look::{Look, Page};

/// The project that the window opens on.
const FIRST_PROJECT: &str = "projects/beach.ron";

/// Opens the window on a project, or on the built-in one.
///
/// # Errors
/// When the project cannot be read, or there is no display or no graphics driver: in words, with the way on.
pub fn open(path: Option<PathBuf>, device: DeviceChoice) -> Outcome {
    let (project, folder) = match &path {
        Some(path) => (project::file::load(path)?, folder_of(path)),
        None => (built_in()?, PathBuf::from(".")),
    };
    let options = eframe::NativeOptions {
        viewport: egui::ViewportBuilder::default()
            .with_title("Podium")
            .with_inner_size([1440.0, 900.0])
            .with_min_inner_size([1024.0, 700.0]),
        ..Default::default()
    };
    let create = move |context: &eframe::CreationContext<'_>| -> Result<Box<dyn eframe::App>, Box<dyn std::error::Error + Send + Sync>> {
        let repaint = context.egui_ctx.clone();
        let engine = Engine::start(Cache::standard(), move || repaint.request_repaint())?;
        Ok(Box::new(Podium::new(&context.egui_ctx, engine, project, folder, device)?))
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
}

impl Podium {
    /// A window on a project.
    ///
    /// # Errors
    /// When the system has no thread to give.
    pub fn new(
        ctx: &egui::Context,
        engine: Engine,
        project: Project,
        folder: PathBuf,
        device: DeviceChoice,
    ) -> std::io::Result<Self> {
        theme::install(ctx);
        let repaint = ctx.clone();
        let studio = Studio::new(engine, project, None, folder, device, Arc::new(move || repaint.request_repaint()))?;
        Ok(Self { studio, look: Look::default() })
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
                CentralPanel::default().show(ui, |ui| gallery::show(ui, studio, look));
            }
        }
        dialogs::show(ui, studio, look);
    }
}

fn compose(ui: &mut egui::Ui, studio: &mut Studio, look: &mut Look) {
    let side = Frame::new().fill(theme::colors(ui).panel).inner_margin(Margin::same(12));
    if !look.folded {
        let bottom = Frame::new().fill(theme::colors(ui).panel).inner_margin(Margin::symmetric(12, 8));
        Panel::bottom("timeline")
            .frame(bottom)
            .resizable(true)
            .default_size(184.0)
            .size_range(120.0..=480.0)
            .show(ui, |ui| timeline::show(ui, studio, look));
        Panel::left("left").frame(side).resizable(true).default_size(252.0).size_range(200.0..=420.0).show(ui, |ui| {
            egui::ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
                layers::show(ui, studio, look);
                ui.add_space(16.0);
                concepts::show(ui, studio, look);
            });
        });
        Panel::right("right").frame(side).resizable(true).default_size(288.0).size_range(240.0..=460.0).show(
            ui,
            |ui| {
                egui::ScrollArea::vertical().auto_shrink(false).show(ui, |ui| render::show(ui, studio, look));
            },
        );
    }
    let middle = Frame::new().fill(theme::colors(ui).ground).inner_margin(Margin::same(0));
    CentralPanel::default().frame(middle).show(ui, |ui| {
        if !look.folded {
            let prompt = Frame::new().fill(theme::colors(ui).ground).inner_margin(Margin::same(12));
            Panel::bottom("prompt").frame(prompt).resizable(false).show(ui, |ui| prompt::show(ui, studio, look));
        }
        canvas::show(ui, studio, look);
    });
}

impl eframe::App for Podium {
    fn logic(&mut self, _ctx: &egui::Context, _frame: &mut eframe::Frame) {
        self.studio.poll();
    }

    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        self.draw(ui);
    }
}
