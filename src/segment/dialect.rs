//! Which encoder and decoder these are, told by the names of what goes in and comes out: what each wants of a picture and of
//! prompts. Files of no known dialect are refused by what they are.

use std::path::Path;

use super::error::Error;
use super::frames::{Fit, Padded};
use super::onnx::{Element, Port, Told};

/// The side that all of this family look at, where neither file says another.
pub const SIDE: u32 = 1024;
/// Pixels of the square to one of the encoder's grid, for all of this family.
pub const STRIDE: usize = 16;
/// The largest square; past it a file is not of this family.
const MOST_SIDE: u32 = 4096;

/// Which numbers an encoder wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// The mean taken off, over the deviation; empty pixels are 0 after that.
    Normal,
    /// 0 to 255, without the empty part, colours innermost: the file does the rest.
    Bytes,
    /// 0 to 1: the file does the rest.
    Unit,
}

/// What an encoder wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoder {
    /// Whose it is, for people.
    pub name: &'static str,
    /// What goes in.
    pub input: String,
    /// How a photo comes into the square.
    pub fit: Fit,
    /// Which numbers.
    pub scale: Scale,
    /// The square, where the file says it.
    pub side: Option<Padded>,
}

/// What a decoder wants and gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoder {
    /// Its input for places.
    pub points: String,
    /// Its input for what each place says.
    pub labels: String,
    /// How many axes places have: 3, or 4 with one for several questions at once.
    pub rank: usize,
    /// Whether labels are whole numbers.
    pub whole: bool,
    /// How many places there are, where it is always the same number.
    pub count: Option<usize>,
    /// The most places.
    pub most: usize,
    /// Whether a frame's corners can be told by labels.
    pub frames: bool,
    /// Whether clicks without a frame want one more place that says nothing.
    pub pads: bool,
    /// An input for the mask of an earlier answer, which is left empty, and its shape.
    pub mask: Option<(String, Vec<usize>)>,
    /// The input that says that it is empty.
    pub has_mask: Option<String>,
    /// An input for the size of what comes out, and whether in whole numbers.
    pub size: Option<(String, bool)>,
    /// What it takes of the encoder's answer: its own name, and the encoder's.
    pub features: Vec<(String, String)>,
    /// The masks.
    pub masks: String,
    /// How good it thinks they are.
    pub scores: String,
    /// Whether its places are in the frame of what comes out instead of the square.
    pub in_latent: bool,
    /// Whether its own scores are of no use, and steadiness tells more.
    pub by_steadiness: bool,
    /// The side of the encoder's grid, where the file says it.
    pub grid: Option<usize>,
}

const POINTS: [&str; 3] = ["point_coords", "input_points", "batched_point_coords"];
const LABELS: [&str; 3] = ["point_labels", "input_labels", "batched_point_labels"];
const MASKS: [&str; 4] = ["low_res_masks", "pred_masks", "output_masks", "masks"];
const SCORES: [&str; 4] = ["iou_predictions", "iou_scores", "scores", "iou_pred"];
/// Names that exporters give to the same thing, the decoder's first.
const SAME: [(&str, &str); 6] = [
    ("image_embeddings", "image_embed"),
    ("image_embed", "image_embeddings"),
    ("image_embeddings", "embeddings"),
    ("image_embeddings", "last_hidden_state"),
    ("high_res_features1", "high_res_feats_0"),
    ("high_res_features2", "high_res_feats_1"),
];

/// Which of the two a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Looks at the picture.
    Encoder,
    /// Answers prompts.
    Decoder,
}

/// Which of the two a file is, `None` where it is neither.
pub fn role(told: &Told) -> Option<Role> {
    if POINTS.iter().any(|name| told.input(name).is_some()) {
        // Some exporters put both into one file.
        let one = told.input("batched_images").or(told.input("pixel_values"));
        return one.is_none().then_some(Role::Decoder);
    }
    encoder_of(told).map(|_| Role::Encoder)
}

fn encoder_of(told: &Told) -> Option<Encoder> {
    let [input] = &told.inputs[..] else { return None };
    let has = |name: &str| told.outputs.iter().any(|port| port.name.contains(name));
    let embeds = has("embed") || has("last_hidden_state");
    let (name, fit, scale) = match (input.name.as_str(), input.rank()) {
        ("batched_images", Some(4)) if embeds => ("EfficientSAM", Fit::Squash, Scale::Unit),
        ("pixel_values", Some(4)) if has("image_positional_embeddings") => {
            ("SAM, by Optimum", Fit::LongSide, Scale::Normal)
        }
        ("input_image", Some(3)) if embeds => ("SAM, prepared inside", Fit::LongSide, Scale::Bytes),
        ("input_image" | "image" | "images" | "x" | "input", Some(4)) if has("high_res") => {
            ("SAM 2", Fit::Squash, Scale::Normal)
        }
        ("input_image" | "image" | "images" | "x" | "input", Some(4)) if embeds => {
            ("SAM", Fit::LongSide, Scale::Normal)
        }
        _ => return None,
    };
    let sides = match scale {
        Scale::Bytes => [input.axis(0), input.axis(1)],
        _ => [input.axis(2), input.axis(3)],
    };
    let grid = told.outputs.iter().find(|port| port.name.contains("embed") && port.rank() == Some(4));
    let by_grid = || grid.and_then(|port| port.axis(-1)).map(|grid| grid * STRIDE);
    let side = sides[0].filter(|side| sides[1] == Some(*side)).or_else(by_grid);
    let side = side.and_then(|side| u32::try_from(side).ok()).map(Padded);
    Some(Encoder { name, input: input.name.clone(), fit, scale, side })
}

/// What the encoder's file wants.
///
/// # Errors
/// Says what the file is instead.
pub fn encoder(path: &Path, told: &Told) -> Result<Encoder, Error> {
    let encoder = encoder_of(told).ok_or_else(|| Error::refused(path, format!("is no encoder: {}", known(told))))?;
    let input = &told.inputs[0];
    if ![Element::F32, Element::F16].contains(&input.element) {
        let words = format!("takes {}, which Podium does not give", input.element.words());
        return Err(Error::refused(path, words));
    }
    if encoder.side.is_some_and(|Padded(side)| side > MOST_SIDE) {
        return Err(Error::refused(path, format!("looks at squares of more than {MOST_SIDE} pixels")));
    }
    Ok(encoder)
}

/// What the decoder's file wants of this encoder and of prompts.
///
/// # Errors
/// Says what the file is instead, or what it lacks.
pub fn decoder(path: &Path, told: &Told, encoder_told: &Told) -> Result<Decoder, Error> {
    let find = |names: &[&str]| names.iter().find_map(|name| told.input(name));
    let (Some(points), Some(labels)) = (find(&POINTS), find(&LABELS)) else {
        return Err(Error::refused(path, format!("is no decoder: {}", known(told))));
    };
    let output = |names: &[&str]| names.iter().find_map(|name| told.output(name)).map(|port| port.name.clone());
    let (Some(masks), Some(scores)) = (output(&MASKS), output(&SCORES)) else {
        return Err(Error::refused(path, format!("gives no masks that Podium knows: {}", known(told))));
    };
    let rank = match points.rank() {
        Some(rank @ (3 | 4)) => rank,
        _ => return Err(Error::refused(path, format!("takes places in a way that is not known: {}", known(told)))),
    };
    let mut made = Decoder {
        points: points.name.clone(),
        labels: labels.name.clone(),
        rank,
        whole: Element::WHOLE.contains(&labels.element),
        count: points.axis(-2),
        most: 1024,
        frames: true,
        pads: true,
        mask: None,
        has_mask: None,
        size: None,
        features: Vec::new(),
        in_latent: false,
        by_steadiness: false,
        grid: None,
        masks,
        scores,
    };
    for port in &told.inputs {
        match port.name.as_str() {
            name if name == made.points || name == made.labels => {}
            "mask_input" => {
                let shape = port.shape.iter().flatten().map(|axis| axis.unwrap_or(1)).collect();
                made.mask = Some((port.name.clone(), shape));
            }
            "has_mask_input" => made.has_mask = Some(port.name.clone()),
            "orig_im_size" => made.size = Some((port.name.clone(), Element::WHOLE.contains(&port.element))),
            _ => made.features.push((port.name.clone(), feature(path, port, encoder_told)?)),
        }
    }
    let grid = made.features.iter().find(|(name, _)| name.starts_with("image_embed"));
    made.grid = grid.and_then(|(name, _)| told.input(name)?.axis(-1));
    match made.points.as_str() {
        // Optimum's has the two corners' labels nowhere, and one more place in itself.
        "input_points" => (made.frames, made.pads) = (false, false),
        "batched_point_coords" => (made.pads, made.in_latent, made.most) = (false, true, 6),
        // SAM 2's has that place in itself.
        _ if made.features.iter().any(|(name, _)| name.starts_with("high_res")) => made.pads = false,
        // EdgeSAM's scores are for one click each.
        _ if made.scores == "scores" && made.mask.is_none() => made.by_steadiness = true,
        _ => {}
    }
    made.most = made.count.map_or(made.most, |count| count.min(made.most));
    Ok(made)
}

/// The encoder's answer that goes into an input.
fn feature(path: &Path, port: &Port, encoder: &Told) -> Result<String, Error> {
    let other = SAME.iter().filter(|(own, _)| *own == port.name).find_map(|(_, other)| encoder.output(other));
    let Some(found) = encoder.output(&port.name).or(other) else {
        let words = format!("wants {}, which this encoder does not give", port.name);
        return Err(Error::advised(path, words, "choose an encoder and a decoder that were exported together"));
    };
    let (Some(own), Some(given)) = (&port.shape, &found.shape) else { return Ok(found.name.clone()) };
    let differs = own.len() != given.len()
        || own.iter().zip(given).any(|(own, given)| own.zip(*given).is_some_and(|(own, given)| own != given));
    if differs {
        let words =
            format!("wants {} of {}, and this encoder gives {}", port.name, shape_words(own), shape_words(given));
        return Err(Error::advised(path, words, "choose an encoder and a decoder that were exported together"));
    }
    Ok(found.name.clone())
}

fn shape_words(shape: &[Option<usize>]) -> String {
    let words: Vec<String> = shape.iter().map(|axis| axis.map_or("any".into(), |axis| axis.to_string())).collect();
    words.join(" x ")
}

/// The square that both files mean.
///
/// # Errors
/// When they mean different ones.
pub fn side(path: &Path, encoder: &Encoder, decoder: &Decoder) -> Result<Padded, Error> {
    let by_grid = decoder.grid.and_then(|grid| u32::try_from(grid * STRIDE).ok()).map(Padded);
    match (encoder.side, by_grid) {
        (Some(Padded(one)), Some(Padded(other))) if one != other => {
            let words = format!("is for squares of {other} pixels, and the encoder looks at {one}");
            Err(Error::advised(path, words, "choose an encoder and a decoder that were exported together"))
        }
        (one, other) => Ok(one.or(other).unwrap_or(Padded(SIDE))).and_then(|side| match side {
            Padded(1..=MOST_SIDE) => Ok(side),
            Padded(_) => Err(Error::refused(path, format!("is for squares of more than {MOST_SIDE} pixels"))),
        }),
    }
}

/// What a file is, by its names, in words.
fn known(told: &Told) -> String {
    let has = |name: &str| told.input(name).is_some();
    let takes = |names: &[&str]| names.iter().all(|name| has(name));
    if POINTS.iter().any(|name| has(name)) && (has("batched_images") || has("pixel_values")) {
        return "it has encoder and decoder in one file, which would look at the picture again for each click".into();
    }
    if POINTS.iter().any(|name| has(name)) {
        return "it is a decoder".into();
    }
    match () {
        () if encoder_of(told).is_some() => return "it is an encoder".into(),
        () if takes(&["input_ids", "pixel_values"]) || takes(&["img", "input_ids"]) => {
            return "it finds boxes by words (Grounding DINO), which is not Segment Anything".into();
        }
        () if told.outputs.iter().any(|port| port.name.starts_with("image_embeddings.")) => {
            return "it is SAM 2 as Transformers has it, which Podium does not read; take samexporter's".into();
        }
        () if takes(&["input_ids"]) => return "it reads words".into(),
        () if takes(&["sample", "timestep"]) => return "it is a diffusion model".into(),
        () => {}
    }
    let names = |ports: &[Port]| {
        let names: Vec<&str> = ports.iter().take(8).map(|port| port.name.as_str()).collect();
        if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
    };
    format!("it takes {} and gives {}", names(&told.inputs), names(&told.outputs))
}
