//! What a folder with an image encoder holds, in lines for people. No weight is read.

use std::collections::BTreeSet;
use std::path::Path;

use burn::tensor::Device;

use super::config::{self, Kind, Nets};
use super::reward;
use crate::engine::error::Result;
use crate::engine::memory;
use crate::engine::weights::{Checkpoint, compare};
use crate::project::files::name_of;

/// Which kind of encoder a folder holds, or a file: only ImageReward is known by its file. Reads configurations and headers.
///
/// # Errors
/// As [`inspect`] and [`inspect_reward`].
pub fn kind_of(path: &Path) -> Result<Kind> {
    if path.is_file() || reward::is_in(path) {
        return reward::check(path).map(|()| Kind::Reward);
    }
    let settings = config::read(path)?;
    let checkpoint = Checkpoint::open_folder(path)?;
    compare(&checkpoint, |weights| settings.build(weights, &Device::flex()))?;
    Ok(settings.nets.kind())
}

/// Reads a folder's configuration and headers. The first line says what it is, the others give a name and what it is.
///
/// # Errors
/// When a file is missing or broken, weights and configuration do not belong together, or it is of another kind: by name.
pub fn inspect(folder: &Path) -> Result<(String, Vec<(&'static str, String)>)> {
    let settings = config::read(folder)?;
    let checkpoint = Checkpoint::open_folder(folder)?;
    compare(&checkpoint, |weights| settings.build(weights, &Device::flex()))?;
    let kind = settings.nets.kind();
    let name = name_of(folder);
    let mut lines = vec![("image encoder", settings.nets.words())];
    let numbers = match &settings.nets {
        Nets::Clip { text, projected, .. } => {
            let words = text.as_ref().map_or("none: words cannot be measured".to_owned(), |text| {
                let config = &text.config;
                let (layers, width, tokens) =
                    (config.num_hidden_layers, config.hidden_size, config.max_position_embeddings);
                format!("{layers} layers, {width} wide, {tokens} tokens")
            });
            lines.push(("text encoder", words));
            *projected
        }
        Nets::Dino(config) => config.hidden_size,
    };
    lines.push(("vectors", format!("{numbers} numbers")));
    let by = if settings.prepared_by_file { "" } else { ", as is usual: preprocessor_config.json is missing" };
    lines.push(("pictures", format!("{}{by}", settings.preparation.words())));
    lines.push(("file", file(&checkpoint)));
    lines.push(("measures", measures(kind, folder)));
    Ok((format!("{name}: {}, an image encoder by which pictures are measured", kind.words()), lines))
}

/// As [`inspect`], of ImageReward: its file, or the folder that it is in.
///
/// # Errors
/// When a file is missing or broken, or weights and configuration do not belong together: by name.
pub fn inspect_reward(path: &Path) -> Result<(String, Vec<(&'static str, String)>)> {
    let (settings, _) = reward::compared(path)?;
    let checkpoint = Checkpoint::open_file(&settings.path)?;
    let lines = vec![
        ("networks", settings.sizes.words()),
        ("pictures", settings.preparation.words()),
        ("file", file(&checkpoint)),
        ("measures", measures(Kind::Reward, path)),
    ];
    let name = name_of(&settings.path);
    Ok((format!("{name}: ImageReward, a score of pictures and the words that they were asked for by"), lines))
}

/// The line that says what to do with it.
fn measures(kind: Kind, path: &Path) -> String {
    format!("pictures: podium evaluate SUITE --out DIR {} {}", kind.option(), path.display())
}

/// How much the file holds.
fn file(checkpoint: &Checkpoint) -> String {
    let (mut values, mut kinds) = (0, BTreeSet::new());
    for (_, shape, kind) in checkpoint.tensors() {
        values += shape.iter().product::<usize>();
        kinds.insert(kind.to_string());
    }
    let (count, size) = (checkpoint.tensors().count(), memory::words(checkpoint.bytes()));
    let kinds = Vec::from_iter(kinds).join(" and ");
    format!("{count} tensors, {:.1} M parameters, {kinds}, {size}", values as f64 / 1e6)
}
