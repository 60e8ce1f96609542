//! One network in the runtime: its file opened, and computed.
//!
//! The runtime (rten) is somebody else's code on somebody else's file: what it panics about is an error like any other.

use std::fs::{self, File};
use std::io::{self, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use rten::{Model, ModelOptions, NodeId, RunErrorKind, ShapeInferenceMode, Value, ValueOrView};

use super::cubic;
use super::error::{Error, WANTED};
use super::onnx::{Known, Told, with_known};

/// The largest file, bytes: twice the largest of this family.
const MOST: u64 = 6 << 30;

/// A network that can be computed.
pub struct Network {
    model: Model,
    path: PathBuf,
}

/// A file's first bytes.
fn beginning(path: &Path) -> io::Result<Vec<u8>> {
    let mut beginning = Vec::new();
    File::open(path)?.take(16).read_to_end(&mut beginning)?;
    Ok(beginning)
}

fn is_torch(beginning: &[u8]) -> bool {
    matches!(beginning, [b'P', b'K', 3, 4, ..] | [0x80, 2..=5, ..])
}

fn is_safetensors(beginning: &[u8]) -> bool {
    matches!(beginning, [_, _, _, _, _, 0, 0, 0, b'{', ..])
}

/// Whether a file has weights alone, without their network; by its contents.
pub fn has_weights_alone(path: &Path) -> bool {
    path.is_file() && beginning(path).is_ok_and(|begins| is_torch(&begins) || is_safetensors(&begins))
}

/// What a file says of itself, by its contents; what is no ONNX file is refused by what it is.
///
/// # Errors
/// When it cannot be read, or is something else.
pub fn told(path: &Path) -> Result<Told, Error> {
    let unread = |error: std::io::Error| Error::unread(path, &error);
    let about = fs::metadata(path).map_err(unread)?;
    if about.is_dir() {
        return Err(Error::refused(path, "is a folder"));
    }
    if about.len() > MOST {
        return Err(Error::refused(path, format!("has {} GB, more than any of this family", about.len() >> 30)));
    }
    let beginning = beginning(path).map_err(unread)?;
    let other = match &beginning[..] {
        [] => Some("is empty"),
        begins if is_torch(begins) => Some("has weights as PyTorch writes them, without their network"),
        begins if is_safetensors(begins) => Some("has weights alone (safetensors), without their network"),
        [b'G', b'G', b'U', b'F', ..] => Some("is a GGUF file"),
        [0x89, b'P', b'N', b'G', ..] | [0xff, 0xd8, ..] => Some("is a picture"),
        beginning if beginning.starts_with(b"version https://") => {
            Some("is a pointer to a file that was not downloaded (Git LFS)")
        }
        [b'<', ..] => Some("is a web page"),
        _ => None,
    };
    if let Some(words) = other {
        return Err(Error::refused(path, words));
    }
    Told::of_file(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::InvalidData | std::io::ErrorKind::UnexpectedEof => {
            Error::refused(path, format!("is no ONNX file, or not all of one ({error})"))
        }
        _ => unread(error),
    })
}

/// Runs somebody else's code.
fn guarded<T>(path: &Path, run: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    let caught = catch_unwind(AssertUnwindSafe(run));
    caught.unwrap_or_else(|panic| {
        let words = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
        Err(Error::failed(path, words.unwrap_or("the runtime gave up")))
    })
}

fn options() -> ModelOptions {
    let mut options = ModelOptions::with_all_ops();
    // Shapes that the runtime works out beforehand let late operations ask for early values, and a network would not go by
    // stages any more.
    options.shape_inference(ShapeInferenceMode::Off);
    options
}

fn unfit(path: &Path, error: &rten::LoadError) -> Error {
    let advice = format!("{WANTED}, as samexporter, Acly or Optimum export them");
    Error::advised(path, format!("cannot be computed here: {error}"), advice)
}

impl Network {
    /// Opens a file. `example` is one input of the shape that it will get, where shapes inside go by it; with `answers`
    /// cubic curves within the network itself are let be, else refused.
    ///
    /// # Errors
    /// When the runtime cannot compute it.
    pub fn open(path: &Path, told: &Told, example: Option<(&str, Value)>, answers: bool) -> Result<Self, Error> {
        guarded(path, || {
            let options = options();
            let refused = |error: rten::LoadError| unfit(path, &error);
            let known = known(path, told, example, answers)?;
            let model = if known.is_empty() {
                options.load_file(path).map_err(refused)?
            } else if told.is_split {
                let words = "has its weights in another file, and something of them to be worked out beforehand";
                return Err(Error::advised(path, words, "export it into one file"));
            } else {
                let bytes = fs::read(path).map_err(|error| Error::unread(path, &error))?;
                let bytes = with_known(&bytes, &known).map_err(|error| Error::unread(path, &error))?;
                options.load(bytes).map_err(refused)?
            };
            Ok(Self { model, path: path.to_owned() })
        })
    }

    /// Opens a network that was made in memory of the weights in a file.
    ///
    /// # Errors
    /// When the runtime cannot compute it.
    pub fn made(path: &Path, bytes: Vec<u8>) -> Result<Self, Error> {
        guarded(path, || {
            let model = options().load(bytes).map_err(|error| unfit(path, &error))?;
            Ok(Self { model, path: path.to_owned() })
        })
    }

    /// Computes outputs of inputs by their names.
    ///
    /// # Errors
    /// When the runtime gives up: shapes that do not fit, for one.
    pub fn run(&self, inputs: Vec<(&str, ValueOrView)>, outputs: &[&str]) -> Result<Vec<Value>, Error> {
        guarded(&self.path, || {
            let failed = |error: rten::RunError| Error::failed(&self.path, error);
            let named = |name: &str| self.model.node_id(name).map_err(failed);
            let given: Vec<(NodeId, ValueOrView)> =
                inputs.into_iter().map(|(name, value)| Ok((named(name)?, value))).collect::<Result<_, Error>>()?;
            let wanted: Vec<NodeId> = outputs.iter().map(|name| named(name)).collect::<Result<_, Error>>()?;
            self.model.run(given, &wanted, None).map_err(failed)
        })
    }

    /// Whether the network, as the runtime has it, still works out a value: of those that it has joined into one, only the
    /// name may be left.
    pub fn works_out(&self, name: &str) -> bool {
        let Some(id) = self.model.find_node(name) else { return false };
        // Asked for it out of nothing, the runtime says what it lacks: an input of the network, or whoever makes it.
        match self.model.run(Vec::new(), &[id], None) {
            Ok(_) => true,
            Err(error) => {
                error.kind() == RunErrorKind::PlanningError && !error.to_string().contains("Source node not found")
            }
        }
    }

    /// Its file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// What cubic curves give where they enlarge weights: the runtime has only straight lines.
fn known(path: &Path, told: &Told, example: Option<(&str, Value)>, answers: bool) -> Result<Vec<Known>, Error> {
    let mut known = Vec::new();
    let curves: Vec<_> = told.nodes.iter().filter(|node| node.is_cubic()).collect();
    if curves.is_empty() {
        return Ok(known);
    }
    let mut options = ModelOptions::with_all_ops();
    // Without it all values have their names.
    options.enable_optimization(false);
    let failed = |error: &dyn std::fmt::Display| Error::failed(path, error);
    let plain = options.load_file(path).map_err(|error| failed(&error))?;
    for node in curves {
        let (Some(small), Some(large)) = (node.inputs.first(), node.outputs.first()) else {
            return Err(Error::refused(path, "enlarges nothing at all"));
        };
        let ids = (plain.node_id(small), plain.node_id(large));
        let (Ok(from), Ok(to)) = ids else { return Err(Error::refused(path, "names a value that is not there")) };
        // Weights alone, or what is made of them, need no input.
        let Ok(mut grids) = plain.run(Vec::new(), &[from], None) else {
            if answers {
                continue;
            }
            let words = "enlarges what it sees of the picture with cubic curves, which cannot be computed here";
            return Err(Error::refused(path, words));
        };
        let input = example.as_ref().and_then(|(name, value)| Some((plain.node_id(name).ok()?, value)));
        let given = input.map(|(id, value)| vec![(id, ValueOrView::from(value))]).unwrap_or_default();
        let mut made = plain.run(Vec::new(), &[to], None).or_else(|_| plain.run(given, &[to], None));
        let made = made.as_mut().map_err(|error| failed(error))?.pop();
        let shapes = grids.pop().map(Value::into_shape_vec::<f32, 4>);
        let sized = made.map(Value::into_shape_vec::<f32, 4>);
        let (Some(Ok((small, grid))), Some(Ok((large_shape, _)))) = (shapes, sized) else {
            return Err(Error::refused(path, "enlarges something that is no picture with cubic curves"));
        };
        let corners = node.placing() == "align_corners";
        let fits = small[..2] == large_shape[..2] && small.iter().chain(&large_shape).all(|length| *length > 0);
        if !fits || !(corners || ["half_pixel", "pytorch_half_pixel"].contains(&node.placing())) {
            return Err(Error::refused(path, "enlarges with cubic curves in a way that is not known"));
        }
        let numbers = cubic::enlarge(&grid, [small[2], small[3]], [large_shape[2], large_shape[3]], corners);
        known.push(Known { name: large.clone(), shape: large_shape.to_vec(), numbers });
    }
    Ok(known)
}
