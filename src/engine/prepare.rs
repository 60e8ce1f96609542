//! From a project to a scene that can be sampled.

use std::collections::HashMap;
use std::sync::Arc;

use burn::tensor::Tensor;
use image::RgbImage;

use super::align::{Alignment, Distance};
use super::baselines::OnePass;
use super::branches::{Cast, Casting, Member};
use super::cache::Cache;
use super::concept::{Adapter, Part};
use super::concept_files::Kept;
use super::error::{EngineError, Result};
use super::inject::Fused;
use super::invert::{self, Key, Trajectory, invert_cached};
use super::kmeans::Clusterer;
use super::masks::{Clusters, GridMasks, Mask, grid_of};
use super::models::Models;
use super::nets::layers::upload;
use super::noise;
use super::pictures::{host, to_tensor};
use super::place::{Background, Placement};
use super::prompt::{EncodedPrompt, Word};
use super::recorded::Record;
use super::refine::{Counts, SubjectMasks};
use super::report::Reporter;
use super::sample::refinement_site;
use super::scene::{Execution, Fusion, Reference, Refinement, Run, Scene};
use crate::link::{Stage, Warning};
use crate::project::{self, ConceptFile, DiskFiles, MaskSource, Project, picture, placed};

/// Clusters of the reference's attention that point masks are picked from (method: "Masks").
const POINT_CLUSTERS: usize = 6;
/// Seed of its k-means: the reference's clusters are the same for every picture, whatever its own seed.
const POINT_SEED: u64 = 0;

/// A project, ready to be sampled.
pub struct Prepared {
    /// What is sampled.
    pub scene: Scene,
    /// The initial noise, `[pictures, channels, h, w]`.
    pub noise: Tensor<4>,
    /// Names of the subjects' concepts, in the subjects' order.
    pub subjects: Arc<[String]>,
    /// For each branch, then for the reference, the words that stand for subjects.
    pub words: Vec<Vec<Word>>,
    /// The layout reference.
    pub reference: RgbImage,
}

/// What preparing needs beside the project.
pub struct Desk<'a> {
    /// The model.
    pub models: &'a Models,
    /// Where the project's files are.
    pub files: &'a DiskFiles,
    /// Inversions of earlier renders.
    pub cache: &'a Cache,
    /// Concepts' files that earlier renders have read.
    pub kept: &'a Kept,
    /// The job's line to its listener.
    pub report: &'a Reporter,
}

/// Prepares a project.
///
/// # Errors
/// When the project, one of its files or a concept cannot be used, or the job is cancelled.
pub fn prepare(desk: &Desk<'_>, project: &Project) -> Result<Prepared> {
    project.validate()?;
    check_canvas(desk.models, project)?;
    for warning in project.warnings() {
        desk.report.warn(Warning::NoEffect(warning.to_string()));
    }
    desk.report.progress(Stage::Preparing, 0, 3)?;
    let collage = picture::composite(project, desk.files)?;
    let members = project.concepts.iter().map(|concept| open_member(desk, concept)).collect::<Result<Vec<_>>>()?;
    let styles = if project.styles.is_empty() { None } else { Some(open_adapter(desk, &project.styles)?) };
    desk.report.progress(Stage::Preparing, 1, 3)?;

    let run = run_of(desk.models, project);
    // A concept without a subject has no branch: it would cost and do nothing. `project.warnings` has said so.
    let used: Vec<usize> =
        (0..members.len()).filter(|&index| has_subject(&project.concepts[index], &collage)).collect();
    let (models, cache, report) = (desk.models, desk.cache, desk.report);
    let casting = Casting { models, cache, report, project, members: &members, used: &used, styles: styles.as_ref() };
    let Cast { branches, words, reference: reference_prompt, way } = casting.cast()?;
    let wants_points = project.concepts.iter().any(|concept| matches!(concept.mask, MaskSource::Points(_)));
    let watch = desk.report.watch();
    let needs_reference = run.guided.contains(&true) || wants_points || watch.clusters || watch.attention;
    let trajectory = if needs_reference {
        Some(invert_picture(desk, &run, project, &collage.picture, &reference_prompt, Stage::InvertingReference)?)
    } else {
        None
    };
    desk.report.progress(Stage::Preparing, 2, 3)?;

    let clusters = match &trajectory {
        Some(trajectory) if wants_points => Some(point_clusters(desk, &run, trajectory, &reference_prompt)?),
        _ => None,
    };
    let masks = subject_masks(desk, project, &collage, clusters.as_ref())?;
    let position_of: HashMap<usize, usize> =
        used.iter().enumerate().map(|(position, &index)| (index, position)).collect();
    let owners: Vec<usize> = masks.iter().map(|(owner, _)| position_of[owner]).collect();
    // In one pass for all, every subject is the base's.
    let subjects = owners.iter().map(|owner| if way.is_some() { 0 } else { owner + 1 }).collect();

    let channels = desk.models.unet.config.in_channels;
    let [height, width] = latent_size(desk.models, project);
    let seeds = project.seeds();
    let noise = noise::seeded(&seeds, [channels, height, width], &desk.models.device);
    let placement = place(desk, project, &run, &noise, &reference_prompt, &collage)?;
    let mut alignment = run.alignment.clone();
    if project.settings.layout_alignment.foreground_only {
        alignment.foreground = foreground(masks.iter().map(|(_, mask)| mask), desk.models);
    }
    let picture_masks: Vec<SubjectMasks> = masks.iter().map(|(_, mask)| SubjectMasks::new(mask.clone())).collect();
    desk.report.progress(Stage::Preparing, 3, 3)?;
    Ok(Prepared {
        subjects: masks.iter().map(|(owner, _)| project.concepts[*owner].name.clone()).collect(),
        scene: Scene {
            branches,
            styles,
            subjects,
            one_pass: way.map(|way| OnePass { way, owners }),
            masks: vec![picture_masks; seeds.len()],
            reference: trajectory.map(|trajectory| Reference { trajectory, context: reference_prompt.context }),
            placement,
            run: Run { alignment, ..run },
        },
        noise,
        words,
        reference: collage.picture,
    })
}

fn check_canvas(models: &Models, project: &Project) -> Result<()> {
    let multiple = (models.vae.config.factor() * models.unet.config.latent_multiple()) as u32;
    let canvas = project.canvas;
    if canvas.width.is_multiple_of(multiple) && canvas.height.is_multiple_of(multiple) {
        return Ok(());
    }
    Err(EngineError::Job(format!(
        "the canvas is {} x {} pixels; this model needs multiples of {multiple} on both sides",
        canvas.width, canvas.height
    )))
}

/// Height and width of the latent.
fn latent_size(models: &Models, project: &Project) -> [usize; 2] {
    [project.canvas.height, project.canvas.width].map(|side| side as usize / models.vae.config.factor())
}

fn open_member<'a>(desk: &Desk<'_>, concept: &'a project::Concept) -> Result<Member<'a>> {
    Ok(Member { concept, adapter: open_adapter(desk, &concept.files())? })
}

/// Reads files and puts them on the device.
fn open_adapter(desk: &Desk<'_>, files: &[ConceptFile]) -> Result<Adapter> {
    let models = desk.models;
    let mut held = Vec::with_capacity(files.len());
    for file in files {
        desk.report.check()?;
        held.push(desk.kept.open(desk.files, &file.file)?);
    }
    let mut parts = Vec::with_capacity(files.len());
    for (file, of) in held.iter().zip(files) {
        let text_strength = of.text_strength.unwrap_or(of.strength);
        parts.push(Part { file, strength: of.strength, text_strength });
    }
    Adapter::new(&parts, &models.unet.config, &models.text_encoder.config, &models.device)
}

/// The project's settings, resolved to steps.
fn run_of(models: &Models, project: &Project) -> Run {
    use project::settings as set;
    let settings = &project.settings;
    let (layout, injection, refinement) =
        (&settings.layout_alignment, &settings.concept_injection, &settings.mask_refinement);
    let fused = Fused { self_attention: injection.self_attention, cross_attention: injection.cross_attention };
    Run {
        timesteps: match settings.spacing {
            set::Spacing::Leading => models.schedule.timesteps(settings.steps as usize),
            set::Spacing::Even => models.schedule.even_timesteps(settings.steps as usize),
        },
        spacing: settings.spacing,
        guided: settings.guided_steps(),
        refined: settings.refined_steps(),
        guidance_scale: f64::from(settings.guidance_scale),
        step_size: f64::from(layout.weight),
        alignment: Alignment {
            alpha: f64::from(layout.alpha),
            distance: match layout.loss {
                set::LayoutLoss::Mse => Distance::MeanSquare,
                set::LayoutLoss::Norm => Distance::Norm,
            },
            foreground: None,
        },
        fusion: match injection.fusion {
            set::Fusion::Features => Fusion::Features(fused),
            set::Fusion::Noise => Fusion::Noise,
        },
        refinement: Refinement {
            counts: match refinement.clusters {
                set::ClusterCounts::Release => Counts::Release,
                set::ClusterCounts::Paper => Counts::Paper,
            },
            starts: refinement.starts,
            overlap_threshold: refinement.overlap_threshold,
            seed: project.seed,
        },
        execution: match settings.execution {
            set::Execution::Lockstep => Execution::Lockstep,
            set::Execution::Sequential => Execution::Sequential,
        },
    }
}

fn invert_picture(
    desk: &Desk<'_>,
    run: &Run,
    project: &Project,
    picture: &RgbImage,
    prompt: &EncodedPrompt,
    stage: Stage,
) -> Result<Trajectory> {
    let path = match project.settings.inversion {
        project::settings::Inversion::Exact => invert::Path::Exact,
        project::settings::Inversion::Coarse => invert::Path::Coarse,
    };
    let timesteps = invert::timesteps(desk.models, path, &run.timesteps);
    let ids = prompt.tokens.ids();
    let key = Key { picture, prompt: &ids, weights: &prompt.tokens.weights, timesteps: &timesteps };
    let latent = || desk.models.vae.encode_scaled(to_tensor(picture, &desk.models.device));
    let advance = &mut |step, steps| desk.report.progress(stage, step, steps);
    invert_cached(desk.models, desk.cache, &key, latent, &prompt.context, advance)
}

/// Whether a concept will have a subject.
fn has_subject(concept: &project::Concept, collage: &picture::Collage) -> bool {
    match &concept.mask {
        MaskSource::Layers => collage.masks.iter().any(|layer| layer.concept.as_ref() == Some(&concept.name)),
        MaskSource::Files(paths) => !paths.is_empty(),
        MaskSource::Points(points) => !points.is_empty(),
    }
}

/// Every subject's concept (by index) and mask on the latent's grid, in the order of blending.
fn subject_masks(
    desk: &Desk<'_>,
    project: &Project,
    collage: &picture::Collage,
    clusters: Option<&Clusters>,
) -> Result<Vec<(usize, Mask)>> {
    let [height, width] = latent_size(desk.models, project);
    let (canvas_width, canvas_height) = (project.canvas.width, project.canvas.height);
    let shrink = |gray: &image::GrayImage| {
        let from = (canvas_height as usize, canvas_width as usize);
        Mask::from_gray_as_pillow(gray.as_raw(), from, (height, width))
    };
    let mut subjects = Vec::new();
    for (index, concept) in project.concepts.iter().enumerate() {
        let name = &concept.name;
        match &concept.mask {
            MaskSource::Layers => {
                for mask in collage.masks.iter().filter(|mask| mask.concept.as_ref() == Some(name)) {
                    let layer = &project.layers()[mask.layer];
                    // Nothing of it can be seen, which `project.warnings` has said: as if it were hidden.
                    if layer.opacity == 0.0 {
                        continue;
                    }
                    let what = format!("layer \"{}\"", layer.title());
                    subjects.push((index, not_empty(shrink(&mask.mask), name, &what)?));
                }
            }
            MaskSource::Files(paths) => {
                for path in paths {
                    let gray = picture::load_gray(desk.files, path)?;
                    if gray.dimensions() != (canvas_width, canvas_height) {
                        return Err(EngineError::Job(format!(
                            "{}: the mask of {name} is {} x {} pixels, the canvas {canvas_width} x {canvas_height}; make them equal",
                            path.display(),
                            gray.width(),
                            gray.height()
                        )));
                    }
                    subjects.push((index, not_empty(shrink(&gray), name, &path.display().to_string())?));
                }
            }
            MaskSource::Points(points) => {
                for &(x, y) in points {
                    // Without a reference there are no point masks, and with points there always is one.
                    let Some(clusters) = clusters else { continue };
                    let at = (y / canvas_height as f32, x / canvas_width as f32);
                    let mask = clusters.under(at).resized((height, width));
                    subjects.push((index, not_empty(mask, name, &format!("point {x}, {y}"))?));
                }
            }
        }
    }
    warn_if_same(desk, project, &subjects);
    Ok(subjects)
}

fn not_empty(mask: Mask, concept: &str, source: &str) -> Result<Mask> {
    if !mask.is_empty() {
        return Ok(mask);
    }
    Err(EngineError::Job(format!(
        "the mask of {concept} from {source} is empty on the latent's grid of {} x {} cells: make it larger, move it onto the canvas, or bring its layer to the front",
        mask.width, mask.height
    )))
}

/// Two points in one cluster make the same mask, and the later concept hides the earlier.
fn warn_if_same(desk: &Desk<'_>, project: &Project, subjects: &[(usize, Mask)]) {
    for (position, (owner, mask)) in subjects.iter().enumerate() {
        if let Some((other, _)) = subjects[..position].iter().find(|(other, earlier)| other != owner && earlier == mask)
        {
            let (hidden, shown) = (&project.concepts[*other].name, &project.concepts[*owner].name);
            desk.report.warn(Warning::NoEffect(format!(
                "{hidden} and {shown} have the very same mask, so {hidden} will not be seen: move one of their points or layers"
            )));
        }
    }
}

/// The reference's 6th decoder self-attention at step 80 of 200, clustered.
fn point_clusters(desk: &Desk<'_>, run: &Run, trajectory: &Trajectory, prompt: &EncodedPrompt) -> Result<Clusters> {
    let models = desk.models;
    let step = (80 * run.steps() / 200).min(run.steps() - 1);
    let timestep = run.timesteps[step];
    let unusable =
        || EngineError::Job("this model has too few attention layers for masks from points; draw masks instead".into());
    let site = refinement_site(models).ok_or_else(unusable)?;
    // An inversion visits every sampled timestep.
    let latent = trajectory.at(timestep, models).ok_or_else(unusable)?;
    desk.report.check()?;
    let [_, _, height, width] = latent.dims();
    let mut record = Record::new(vec![site], 1, 1, 1);
    models.unet.predict(latent, &[timestep], &prompt.context, &mut record);
    let map = record.maps.get(&site).ok_or_else(unusable)?;
    let tokens = map.queries();
    let clusterer = Clusterer::new(map.of(0, 0), tokens, map.keys());
    let cancelled = || desk.report.check().is_err();
    let labels = clusterer.cluster(POINT_CLUSTERS, run.refinement.starts, POINT_SEED, &cancelled).labels;
    desk.report.check()?;
    Ok(Clusters { grid: grid_of(tokens, (height, width)), labels })
}

fn place(
    desk: &Desk<'_>,
    project: &Project,
    run: &Run,
    noise: &Tensor<4>,
    prompt: &EncodedPrompt,
    collage: &picture::Collage,
) -> Result<Option<Placement>> {
    let Some(place) = &project.place else { return Ok(None) };
    let (models, canvas) = (desk.models, project.canvas);
    let photo = placed::seen(place, &picture::load_rgba(desk.files, &place.photo)?, canvas)?;
    let painted = placed::painted(place, desk.files, canvas)?;
    let gray = placed::edit_mask(place, painted.as_ref(), &collage.masks, canvas);
    let [height, width] = latent_size(models, project);
    let from = (canvas.height as usize, canvas.width as usize);
    let mask = if place.crop.is_some() || place.follow.is_some() {
        // What is put back goes by pixels, so whatever cell one of them is in is the render's.
        Mask::of_cells_with_any(gray.as_raw(), from, (height, width))
    } else {
        Mask::from_gray_as_pillow(gray.as_raw(), from, (height, width))
    };
    if mask.is_empty() {
        let of = if painted.is_some() { format!("{}: ", place.edit_mask.display()) } else { String::new() };
        return Err(EngineError::Job(format!(
            "{of}the edit mask is empty: nothing of the photo may change; paint it where the objects go, or have it \
             follow layers that stand for concepts"
        )));
    }
    let values = mask.on.iter().map(|&on| f32::from(u8::from(on))).collect();
    let latent = models.vae.encode_scaled(to_tensor(&photo, &models.device));
    let background = match place.background {
        project::PlaceBackground::Noised => Background::Noised { latent, noise: noise.clone() },
        project::PlaceBackground::Inverted | project::PlaceBackground::Evened => {
            let trajectory = invert_picture(desk, run, project, &photo, prompt, Stage::InvertingPhoto)?;
            let evens = place.background == project::PlaceBackground::Evened;
            let even = || trajectory.evened(&host(latent.clone()), &models.schedule, &run.timesteps);
            let trajectory = if evens { even() } else { trajectory };
            Background::Inverted { trajectory, latent }
        }
    };
    Ok(Some(Placement { mask: upload(values, [1, 1, height, width], &models.device), background }))
}

/// The union of all masks on the grid of the 1st decoder self-attention, as weights.
fn foreground<'a>(masks: impl Iterator<Item = &'a Mask>, models: &Models) -> Option<Vec<f32>> {
    let union = masks.cloned().reduce(|all, mask| all.union(&mask))?;
    let grids = GridMasks::new(union);
    let blocks = models.unet.config.block_out_channels.len();
    let site = models.unet.config.decoder_site(1, super::nets::tap::Kind::Own)?;
    let level = match site.block {
        // The decoder's first block works on the coarsest grid, and each doubles it for the next.
        super::nets::tap::Block::Up(index) => blocks.checked_sub(index + 1)?,
        _ => return None,
    };
    grids.grids().get(level).map(|mask| mask.on.iter().map(|&on| f32::from(u8::from(on))).collect())
}
