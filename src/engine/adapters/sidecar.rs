//! Pictures that lie beside a file to show what it does, as the usual programs and model sites put them there.

use std::path::{Path, PathBuf};

/// What is put in place of the file's ending, the likeliest first.
const ENDINGS: [&str; 9] =
    ["preview.png", "preview.jpg", "preview.jpeg", "preview.webp", "png", "jpg", "jpeg", "webp", "gif"];

/// The picture beside a file of a model or adapter: `name.preview.png`, `name.png` and alike. Looks at the disk.
pub fn preview_picture(file: &Path) -> Option<PathBuf> {
    let stem = file.file_stem()?.to_string_lossy().into_owned();
    let beside = ENDINGS.iter().map(|ending| file.with_file_name(format!("{stem}.{ending}")));
    beside.into_iter().find(|picture| picture != file && picture.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_picture_beside_a_file_is_found_by_its_name() {
        let folder = tempfile::tempdir().expect("temporary");
        let file = folder.path().join("my.cat.safetensors");
        assert_eq!(preview_picture(&file), None);
        for name in ["my.png", "my.cat.webp", "my.cat.preview.png"] {
            std::fs::write(folder.path().join(name), b"").expect("written");
            let found = preview_picture(&file).map(|path| path.file_name().expect("a name").to_owned());
            assert_eq!(found, (name != "my.png").then(|| name.into()), "{name}");
        }
    }
}
