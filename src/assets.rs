//! The files built into the program: the miniature model, its concepts, cutouts, scenes, a photo, example projects, suites of
//! evaluations, and what configurations of image encoders mean where they say nothing.
//!
//! They are part of the binary so that it runs from anywhere, with no set-up.

/// Lists files of `assets/`, relative to that folder.
macro_rules! embed {
    ($($path:literal,)*) => {
        &[$(($path, include_bytes!(concat!("../assets/", $path)) as &[u8]),)*]
    };
}

/// Every built-in file with its path below `assets/`, in the order of the paths.
pub const FILES: &[(&str, &[u8])] = embed![
    "cutouts/black_bear.png",
    "cutouts/black_cat.png",
    "cutouts/black_dog.png",
    "cutouts/blue_robot.png",
    "cutouts/blue_teapot.png",
    "cutouts/brown_bear.png",
    "cutouts/brown_dog.png",
    "cutouts/brown_rabbit.png",
    "cutouts/grey_cat.png",
    "cutouts/grey_rabbit.png",
    "cutouts/grey_robot.png",
    "cutouts/orange_cat.png",
    "cutouts/orange_teapot.png",
    "cutouts/red_robot.png",
    "cutouts/red_teapot.png",
    "cutouts/tan_bear.png",
    "cutouts/tan_dog.png",
    "cutouts/tan_rabbit.png",
    "cutouts/white_bear.png",
    "cutouts/white_cat.png",
    "cutouts/white_dog.png",
    "cutouts/white_rabbit.png",
    "cutouts/white_robot.png",
    "cutouts/white_teapot.png",
    "encoders/clip.json",
    "encoders/dinov2.json",
    "encoders/image_reward.json",
    "fonts/Inter-LICENSE.txt",
    "fonts/Inter-Regular.ttf",
    "fonts/Inter-SemiBold.ttf",
    "fonts/Phosphor-LICENSE.txt",
    "fonts/Phosphor.ttf",
    "miniature/concepts/coral_bear.png",
    "miniature/concepts/coral_bear.safetensors",
    "miniature/concepts/grape_dog.png",
    "miniature/concepts/grape_dog.safetensors",
    "miniature/concepts/jade_cat.png",
    "miniature/concepts/jade_cat.safetensors",
    "miniature/concepts/lime_robot.png",
    "miniature/concepts/lime_robot.safetensors",
    "miniature/concepts/mint_cat.png",
    "miniature/concepts/mint_cat.safetensors",
    "miniature/concepts/plum_dog.png",
    "miniature/concepts/plum_dog.safetensors",
    "miniature/scheduler/scheduler_config.json",
    "miniature/text_encoder/config.json",
    "miniature/text_encoder/model.safetensors",
    "miniature/tokenizer/merges.txt",
    "miniature/tokenizer/special_tokens_map.json",
    "miniature/tokenizer/tokenizer_config.json",
    "miniature/tokenizer/vocab.json",
    "miniature/unet/config.json",
    "miniature/unet/diffusion_pytorch_model.safetensors",
    "miniature/vae/config.json",
    "miniature/vae/diffusion_pytorch_model.safetensors",
    "photos/meadow.png",
    "photos/meadow_dog.png",
    "projects/beach.ron",
    "projects/meadow.ron",
    "projects/photo-add.ron",
    "projects/photo.ron",
    "projects/point.ron",
    "projects/snow.ron",
    "scenes/beach.png",
    "scenes/desert.png",
    "scenes/meadow.png",
    "scenes/night.png",
    "scenes/room.png",
    "scenes/snow.png",
    "sd15/scheduler/scheduler_config.json",
    "sd15/text_encoder/config.json",
    "sd15/tokenizer/merges.txt",
    "sd15/tokenizer/special_tokens_map.json",
    "sd15/tokenizer/vocab.json",
    "sd15/unet/config.json",
    "sd15/vae/config.json",
    "suites/paper.ron",
    "suites/placing.ron",
    "suites/plush.ron",
];

/// What some built-in files were called before, and what stands for them now: projects of that time go on.
const RENAMED: [(&str, &str); 4] = [
    ("miniature/concepts/coral_bear.pth", "miniature/concepts/coral_bear.safetensors"),
    ("miniature/concepts/lime_robot.pth", "miniature/concepts/lime_robot.safetensors"),
    ("miniature/concepts/mint_cat.pth", "miniature/concepts/mint_cat.safetensors"),
    ("miniature/concepts/plum_dog.pth", "miniature/concepts/plum_dog.safetensors"),
];

/// The built-in file at a path below `assets/`.
pub fn find(path: &str) -> Option<&'static [u8]> {
    let path = RENAMED.iter().find(|(before, _)| *before == path).map_or(path, |(_, now)| *now);
    FILES.binary_search_by(|(name, _)| (*name).cmp(path)).ok().map(|index| FILES[index].1)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn on_disk(folder: &Path, root: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).expect("assets are in the repository") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                on_disk(&path, root, found);
            } else {
                found.push(path.strip_prefix(root).expect("below the root").display().to_string());
            }
        }
    }

    /// What is there to read and to train with, and no part of the program.
    fn stays_out(path: &str) -> bool {
        path == "miniature/README.md" || path.starts_with("miniature/recipe/")
    }

    #[test]
    fn every_file_in_assets_is_built_in_and_found() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets");
        let mut found = Vec::new();
        on_disk(&root, &root, &mut found);
        found.retain(|path| !stays_out(path));
        found.sort();
        assert_eq!(found, FILES.iter().map(|(name, _)| *name).collect::<Vec<_>>());
        assert!(found.iter().all(|path| find(path).is_some()));
        assert!(find("no/such/file").is_none());
    }
}
