//! The window. For now the simplest one that renders a project and shows the picture coming.
//!
//! egui only; reads `project` and `link` and holds the engine's handle. It never waits for the engine.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use eframe::egui::{self, Align, ColorImage, Layout, RichText, TextureHandle, TextureOptions};

use crate::cli::Outcome;
use crate::engine::cache::Cache;
use crate::engine::device::DeviceChoice;
use crate::engine::worker::Engine;
use crate::link::{Event, JobId, Watch};
use crate::project::{self, DiskFiles, Project};

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
        viewport: egui::ViewportBuilder::default().with_title("Podium").with_inner_size([1024.0, 700.0]),
        ..Default::default()
    };
    let create = move |context: &eframe::CreationContext<'_>| -> Result<Box<dyn eframe::App>, Box<dyn std::error::Error + Send + Sync>> {
        let repaint = context.egui_ctx.clone();
        let engine = Engine::start(Cache::standard(), move || repaint.request_repaint())?;
        Ok(Box::new(Podium::new(engine, project, folder, device)))
    };
    eframe::run_native("podium", options, Box::new(create)).map_err(|error| explain(&error).into())
}

fn folder_of(path: &Path) -> PathBuf {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned()
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

/// What the window shows of the job in hand.
enum Shown {
    Nothing,
    Running { job: JobId, words: String, part: f32 },
    Ended(String),
}

/// The window's state.
pub struct Podium {
    engine: Engine,
    project: Project,
    folder: PathBuf,
    device: DeviceChoice,
    shown: Shown,
    notes: Vec<String>,
    reference: Result<Arc<ColorImage>, String>,
    picture: Option<Arc<ColorImage>>,
    textures: [Option<TextureHandle>; 2],
}

impl Podium {
    /// A window on a project.
    pub fn new(engine: Engine, project: Project, folder: PathBuf, device: DeviceChoice) -> Self {
        let files = DiskFiles { base: folder.clone(), assets: crate::assets::find };
        let reference = project::composite(&project, &files)
            .map(|collage| color_image(&collage.picture))
            .map_err(|error| error.to_string());
        let notes = project.warnings().iter().map(ToString::to_string).collect();
        Self {
            engine,
            project,
            folder,
            device,
            shown: Shown::Nothing,
            notes,
            reference,
            picture: None,
            textures: [None, None],
        }
    }

    fn drain(&mut self) {
        while let Ok(event) = self.engine.events().try_recv() {
            match event {
                Event::Started { job, device, first_use } => {
                    let warm_up = if first_use { "; its first use compiles kernels, which takes a while" } else { "" };
                    self.shown = Shown::Running { job, words: format!("on {device}{warm_up}"), part: 0.0 };
                }
                Event::Progress { job, stage, step, steps } => {
                    let part = step as f32 / steps.max(1) as f32;
                    self.shown = Shown::Running { job, words: format!("{} {step} of {steps}", stage.words()), part };
                }
                Event::Step(_, view) => self.show(view.previews.first().map(color_image)),
                Event::Warning(_, warning) => self.notes.push(warning.to_string()),
                Event::Done(_, finished) => {
                    self.show(finished.pictures.first().map(color_image));
                    self.shown = Shown::Ended(format!("Rendered in {:.0} s", finished.elapsed.as_secs_f64()));
                }
                Event::Cancelled(_) => self.shown = Shown::Ended("Cancelled".into()),
                Event::Failed(_, words) => self.shown = Shown::Ended(words),
            }
        }
    }

    fn show(&mut self, picture: Option<Arc<ColorImage>>) {
        if picture.is_some() {
            self.picture = picture;
            self.textures[1] = None;
        }
    }

    fn start(&mut self) {
        self.notes.clear();
        let watch = Watch { preview: true, ..Watch::default() };
        let job = self.engine.render(self.project.clone(), self.folder.clone(), self.device, watch);
        self.shown = Shown::Running { job, words: "Starting".into(), part: 0.0 };
    }

    fn controls_ui(&mut self, ui: &mut egui::Ui) {
        ui.horizontal(|ui| {
            if let Shown::Running { job, words, part } = &self.shown {
                if ui.button("Cancel").clicked() {
                    self.engine.cancel(*job);
                }
                ui.add(egui::ProgressBar::new(*part).desired_width(240.0).text(words.as_str()));
                return;
            }
            let render = ui.add(egui::Button::new(RichText::new("Render").strong()).min_size(egui::vec2(96.0, 0.0)));
            if render.clicked() || ui.input_mut(|input| input.consume_key(egui::Modifiers::COMMAND, egui::Key::Enter)) {
                self.start();
            }
            if let Shown::Ended(words) = &self.shown {
                ui.label(words);
            }
        });
        ui.horizontal(|ui| {
            let label = ui.label("Prompt");
            ui.add(egui::TextEdit::singleline(&mut self.project.prompt).desired_width(f32::INFINITY))
                .labelled_by(label.id);
        });
        for note in &self.notes {
            ui.label(RichText::new(note).color(ui.visuals().warn_fg_color));
        }
    }

    fn pictures_ui(&mut self, ui: &mut egui::Ui) {
        let side = (ui.available_width() / 2.0 - 12.0).min(ui.available_height() - 32.0).max(64.0);
        ui.horizontal_top(|ui| {
            for (index, title) in ["Collage", "Picture"].into_iter().enumerate() {
                ui.vertical(|ui| {
                    ui.label(title);
                    let image = if index == 0 { self.reference.as_ref().ok() } else { self.picture.as_ref() };
                    match (image, &self.reference) {
                        (Some(image), _) => {
                            let texture = self.textures[index].get_or_insert_with(|| {
                                ui.ctx().load_texture(title, image.clone(), TextureOptions::LINEAR)
                            });
                            ui.add(
                                egui::Image::new(&*texture).fit_to_exact_size(egui::Vec2::splat(side)).alt_text(title),
                            );
                        }
                        (None, Err(words)) if index == 0 => {
                            ui.label(words);
                        }
                        _ => {
                            let size = egui::Vec2::splat(side);
                            ui.allocate_ui_with_layout(
                                size,
                                Layout::centered_and_justified(egui::Direction::TopDown),
                                |ui| {
                                    ui.set_min_size(size);
                                    ui.weak("Press Render (Ctrl+Enter)");
                                },
                            );
                        }
                    }
                });
            }
        });
    }
}

impl eframe::App for Podium {
    fn logic(&mut self, _ctx: &egui::Context, _frame: &mut eframe::Frame) {
        self.drain();
    }

    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        egui::CentralPanel::default().show(ui, |ui| {
            ui.with_layout(Layout::top_down(Align::Min), |ui| {
                self.controls_ui(ui);
                ui.separator();
                self.pictures_ui(ui);
            });
        });
    }
}

fn color_image(picture: &image::RgbImage) -> Arc<ColorImage> {
    let (width, height) = picture.dimensions();
    Arc::new(ColorImage::from_rgb([width as usize, height as usize], picture.as_raw()))
}
