//! Encoder and decoder together: a picture is looked at once, and each prompt is answered by masks.

use std::path::Path;

use image::RgbaImage;
use rten::{Value, ValueOrView};

use super::dialect::{self, Decoder, Encoder, Role, role};
use super::error::Error;
use super::find::{Files, Pair};
use super::frames::{Latent, Padded, Photo, PhotoPoint, ResizedPoint};
use super::guess::{Frame, Guess, sorted};
use super::network::{Network, told};
use super::onnx::Told;
use super::prepare::{example, prepare};
use super::stages::{NARROW, Stages};
use super::weights::{Looks, Open, Weights};
use super::{answering, tiny, vit};

/// What somebody means, in the photo's pixels.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Prompt {
    /// Places that belong to it.
    pub clicks: Vec<[f32; 2]>,
    /// Places that do not.
    pub not: Vec<[f32; 2]>,
    /// It is within this rectangle: two corners.
    pub within: Option<[[f32; 2]; 2]>,
}

impl Prompt {
    /// Whether it says nothing of what is meant.
    pub fn is_empty(&self) -> bool {
        self.clicks.is_empty() && self.within.is_none()
    }

    /// Places and labels: 1 in, 0 out, 2 and 3 a frame's corners.
    fn places(&self) -> Vec<([f32; 2], i32)> {
        let clicks = self.clicks.iter().map(|place| (*place, 1));
        let mut places: Vec<_> = clicks.chain(self.not.iter().map(|place| (*place, 0))).collect();
        if let Some([one, other]) = self.within {
            let least = [one[0].min(other[0]), one[1].min(other[1])];
            places.extend([(least, 2), ([one[0].max(other[0]), one[1].max(other[1])], 3)]);
        }
        places
    }
}

/// Both networks.
pub struct Sam {
    encoder: Network,
    stages: Stages,
    wants: Encoder,
    decoder: Network,
    answers: Decoder,
    side: Padded,
}

/// A picture as the encoder sees it. Kept as long as somebody clicks on it.
pub struct Seen {
    features: Vec<Value>,
    frame: Frame,
}

impl Sam {
    /// Opens what was found or chosen. `open` opens files of tensors.
    ///
    /// # Errors
    /// In words, when a file cannot be read, is something else, or does not fit the other.
    pub fn of(files: &Files, open: Open) -> Result<Self, Error> {
        match files {
            Files::Pair(Pair { encoder, decoder }) => Self::open(encoder, decoder),
            Files::Weights(path) => Self::of_weights(path, open),
        }
    }

    /// Opens SAM's or MobileSAM's own weights, and makes the network that they belong to.
    ///
    /// # Errors
    /// In words, when the file cannot be read or is something else, or when a tensor is missing, too many or of another shape.
    pub fn of_weights(path: &Path, open: Open) -> Result<Self, Error> {
        let weights = Weights::open(path, open)?;
        let (name, looks) = (weights.name(), weights.looks());
        let seeing = if looks == Looks::Vit { vit::encoder(&weights)? } else { tiny::encoder(&weights)? };
        let answering = answering::decoder(&weights, &seeing)?;
        weights.all_taken()?;
        drop(weights);
        let told = |file: &[u8]| Told::of_bytes(file).map_err(|error| Error::failed(path, error));
        let (encoder_told, decoder_told) = (told(&seeing.file)?, told(&answering)?);
        let wants = Encoder { name, ..dialect::encoder(path, &encoder_told)? };
        let answers = dialect::decoder(path, &decoder_told, &encoder_told)?;
        let side = dialect::side(path, &wants, &answers)?;
        let network = Network::made(path, seeing.file)?;
        let answering = Network::made(path, answering)?;
        Ok(Self::assembled(wants, answers, side, &encoder_told, [network, answering]))
    }

    /// Opens two files, in either order.
    ///
    /// # Errors
    /// In words, when one cannot be read, is something else, or does not fit the other.
    pub fn open(one: &Path, other: &Path) -> Result<Self, Error> {
        let (one_told, other_told) = (told(one)?, told(other)?);
        let swapped = role(&one_told) == Some(Role::Decoder) && role(&other_told) != Some(Role::Decoder);
        let ((encoder, encoder_told), (decoder, decoder_told)) =
            if swapped { ((other, other_told), (one, one_told)) } else { ((one, one_told), (other, other_told)) };
        let wants = dialect::encoder(encoder, &encoder_told)?;
        let answers = dialect::decoder(decoder, &decoder_told, &encoder_told)?;
        let side = dialect::side(decoder, &wants, &answers)?;
        let sample = example(&wants, side).map(|value| (wants.input.as_str(), value));
        let network = Network::open(encoder, &encoder_told, sample, false)?;
        // What EfficientSAM enlarges with curves it is asked for in the size that it has.
        let answering = Network::open(decoder, &decoder_told, None, answers.in_latent)?;
        Ok(Self::assembled(wants, answers, side, &encoder_told, [network, answering]))
    }

    fn assembled(
        wants: Encoder,
        answers: Decoder,
        side: Padded,
        told: &Told,
        [encoder, decoder]: [Network; 2],
    ) -> Self {
        let outputs: Vec<String> = answers.features.iter().map(|(_, given)| given.clone()).collect();
        let stages = Stages::of(told, &[wants.input.as_str()], &outputs, NARROW, |name| encoder.works_out(name));
        Self { encoder, stages, wants, decoder, answers, side }
    }

    /// Whose encoder it is.
    pub fn name(&self) -> &'static str {
        self.wants.name
    }

    /// Looks at a picture. `watch` is told how far it is, 0 to 1, and says whether to go on.
    ///
    /// # Errors
    /// When it was stopped, or the runtime gives up.
    pub fn look(&self, picture: &RgbaImage, watch: &dyn Fn(f32) -> bool) -> Result<Seen, Error> {
        let go_on = |done: f32| if watch(done) { Ok(()) } else { Err(Error::Stopped) };
        go_on(0.0)?;
        let (width, height) = picture.dimensions();
        let Some((input, resized)) = prepare(picture, &self.wants, self.side) else {
            return Err(Error::Prompt("the picture has no pixels".into()));
        };
        let features = self.stages.run(&self.encoder, &[(&self.wants.input, input)], &go_on)?;
        let photo = Photo([width, height]);
        Ok(Seen { features, frame: Frame { photo, resized, padded: self.side, fit: self.wants.fit } })
    }

    /// The masks that a prompt can mean, the likeliest first; up to four.
    ///
    /// # Errors
    /// When the prompt says nothing, or not what this network can be told; when the runtime gives up.
    pub fn masks(&self, seen: &Seen, prompt: &Prompt) -> Result<Vec<Guess>, Error> {
        if prompt.is_empty() {
            return Err(Error::Prompt("nothing says what is meant; click on it, or draw a frame round it".into()));
        }
        let Decoder { count, most, frames, pads, in_latent, .. } = self.answers;
        if prompt.within.is_some() && !frames {
            let words = "this decoder cannot be told a frame; click on what is meant";
            return Err(Error::Prompt(words.into()));
        }
        let Frame { photo, resized, padded: Padded(side), .. } = seen.frame;
        let mut places = prompt.places();
        let several = places.len() > 1;
        if pads && prompt.within.is_none() {
            places.push(([0.0; 2], -1));
        }
        if places.len() > most {
            let words = format!("this decoder takes {most} places at the most, a frame counting for two");
            return Err(Error::Prompt(words));
        }
        let grid = self.grid();
        let scale = if in_latent { grid as f32 / side as f32 } else { 1.0 };
        let (mut points, mut labels) = (Vec::new(), Vec::new());
        for (place, label) in places {
            let ResizedPoint(at) =
                if label < 0 { ResizedPoint(place) } else { PhotoPoint(place).resized(photo, resized) };
            points.extend(at.map(|length| length * scale));
            labels.push(label);
        }
        // Where the file has room for so many, the rest says nothing.
        while count.is_some_and(|count| labels.len() < count) {
            points.extend([0.0; 2]);
            labels.push(-1);
        }
        let inputs = self.inputs(seen, points, labels, if in_latent { grid } else { side as usize })?;
        let wanted = [self.answers.masks.as_str(), self.answers.scores.as_str()];
        let mut given = self.decoder.run(inputs, &wanted)?.into_iter();
        let (Some(masks), Some(scores)) = (given.next(), given.next()) else {
            return Err(Error::failed(self.decoder.path(), "it answers nothing"));
        };
        let guesses = self.guesses(masks, &scores, seen.frame)?;
        Ok(sorted(guesses, several))
    }

    /// The side of the grid of what comes out, of those decoders that are asked for it: four times the encoder's.
    fn grid(&self) -> usize {
        self.answers.grid.map_or(self.side.0 as usize / 4, |grid| grid * 4)
    }

    fn inputs<'a>(
        &'a self,
        seen: &'a Seen,
        points: Vec<f32>,
        labels: Vec<i32>,
        size: usize,
    ) -> Result<Vec<(&'a str, ValueOrView<'a>)>, Error> {
        let path = self.decoder.path();
        let failed = |error: &dyn std::fmt::Display| Error::failed(path, error);
        let floats = |shape: &[usize], numbers: Vec<f32>| -> Result<ValueOrView<'a>, Error> {
            Ok(Value::from_shape(shape, numbers).map_err(|error| failed(&error))?.into())
        };
        let whole = |shape: &[usize], numbers: Vec<i32>| -> Result<ValueOrView<'a>, Error> {
            Ok(Value::from_shape(shape, numbers).map_err(|error| failed(&error))?.into())
        };
        let decoder = &self.answers;
        let before = &[1, 1][..decoder.rank - 2];
        let count = labels.len();
        let mut inputs = vec![(decoder.points.as_str(), floats(&[before, &[count, 2]].concat(), points)?)];
        let shape = [before, &[count]].concat();
        let labels = if decoder.whole {
            whole(&shape, labels)?
        } else {
            floats(&shape, labels.into_iter().map(|label| label as f32).collect())?
        };
        inputs.push((&decoder.labels, labels));
        if let Some((name, shape)) = &decoder.mask {
            let count = shape.iter().try_fold(1_usize, |count, length| count.checked_mul(*length));
            let count = count.filter(|count| *count < 1 << 26);
            let count = count.ok_or_else(|| failed(&"it wants a mask of an unlikely size"))?;
            inputs.push((name, floats(shape, vec![0.0; count])?));
        }
        if let Some(name) = &decoder.has_mask {
            inputs.push((name, floats(&[1], vec![0.0])?));
        }
        if let Some((name, is_whole)) = &decoder.size {
            let size = if *is_whole { whole(&[2], vec![size as i32; 2]) } else { floats(&[2], vec![size as f32; 2]) };
            inputs.push((name, size?));
        }
        for ((name, _), value) in decoder.features.iter().zip(&seen.features) {
            inputs.push((name, value.into()));
        }
        Ok(inputs)
    }

    fn guesses(&self, masks: Value, scores: &Value, frame: Frame) -> Result<Vec<Guess>, Error> {
        let path = self.decoder.path();
        let odd = || Error::failed(path, "its masks have a shape that is not known");
        let (shape, logits) = match masks.clone().into_shape_vec::<f32, 4>() {
            Ok(([_, count, high, wide], logits)) => ([count, high, wide], logits),
            Err(_) => match masks.into_shape_vec::<f32, 5>() {
                Ok(([_, _, count, high, wide], logits)) => ([count, high, wide], logits),
                Err(_) => return Err(odd()),
            },
        };
        let [count, high, wide] = shape;
        let scores = match scores.clone().into_shape_vec::<f32, 2>() {
            Ok((_, scores)) => scores,
            Err(_) => scores.clone().into_shape_vec::<f32, 3>().map_err(|_| odd())?.1,
        };
        let area = high.checked_mul(wide).filter(|area| (1..1 << 26).contains(area)).ok_or_else(odd)?;
        if count == 0 || count > 16 || scores.len() < count || logits.len() < count * area {
            return Err(odd());
        }
        let guess = |(logits, score): (&[f32], &f32)| {
            let score = if self.answers.by_steadiness { Guess::steadiness(logits) } else { *score };
            // A score that is no number is worth nothing.
            let score = if score.is_finite() { score } else { f32::MIN };
            Guess { score, logits: logits.to_vec(), latent: Latent([wide, high]), frame }
        };
        Ok(logits.chunks_exact(area).take(count).zip(&scores).map(guess).collect())
    }
}
