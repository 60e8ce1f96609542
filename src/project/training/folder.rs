//! A folder of pictures as a training: captions in `NAME.txt` beside them, masks beside them or in a folder of their own,
//! and kohya's `10_token class`.

use std::cmp::Ordering;
use std::fs;
use std::path::{Path, PathBuf};

use super::super::error::ProjectError;
use super::super::files::read_file;
use super::super::picture::KINDS;
use super::{Photo, Training};

/// How names of pictures end that are taken.
pub const PICTURES: [&str; 11] = ["png", "jpg", "jpeg", "heic", "heif", "avif", "webp", "gif", "bmp", "tif", "tiff"];
/// What names of masks end with that lie beside their pictures, before the ending: ours and OneTrainer's.
const MASKS: [&str; 2] = [".mask", "-masklabel"];
/// Folders of masks, inside the pictures' folder or beside it.
const MASK_FOLDERS: [&str; 3] = ["masks", "mask", "masked"];
/// How names of captions end.
const CAPTIONS: [&str; 2] = ["txt", "caption"];
/// The most bytes of a caption; a real one has a hundred.
const MOST_CAPTION: u64 = 64 << 10;

/// What a folder is called as kohya's users call it: `10_sks cat`.
#[derive(Debug, PartialEq, Eq)]
struct Called {
    /// The word that stands for the concept.
    token: String,
    /// What it is; nothing where the name does not say.
    class_word: Option<String>,
}

/// What somebody says of a folder beside what its name says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// The concept's name.
    pub name: Option<String>,
    /// Its class word.
    pub class_word: Option<String>,
}

/// Makes a training of a folder of pictures, with absolute paths. A caption is the text beside its picture, or the
/// concept's place alone.
///
/// # Errors
/// When the folder cannot be read, holds no picture, or holds several concepts.
pub fn read_folder(path: &Path, said: &Said) -> Result<Training, ProjectError> {
    let path = std::path::absolute(path).map_err(|error| ProjectError::reading(path, &error))?;
    let (inside, called) = place_of_pictures(&path)?;
    let photos = photos_in(&inside)?;
    if photos.is_empty() {
        let advice = format!("put 3 to 15 photos of the subject into it: {KINDS}");
        return Err(ProjectError::read(&inside, "there is no picture in it", advice));
    }
    let own = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let name = said.name.clone().or_else(|| called.as_ref().map(|called| called.token.clone()));
    let name = name.unwrap_or_else(|| own.clone());
    // `mint_cat`: what comes last is the kind.
    let last = |name: &str| name.split(['_', '-', ' ']).rfind(|word| !word.is_empty()).map(str::to_owned);
    let class_word = said.class_word.clone().or_else(|| called.and_then(|called| called.class_word));
    let class_word = class_word.or_else(|| last(&own)).unwrap_or_default();
    let mut training = Training::new(&name, &class_word);
    training.photos = photos;
    Ok(training)
}

/// The pictures of a folder with what lies beside them, by name as people count: 2 before 10.
///
/// # Errors
/// When the folder cannot be read.
pub fn photos_in(folder: &Path) -> Result<Vec<Photo>, ProjectError> {
    let mut pictures: Vec<PathBuf> = entries(folder)?.into_iter().filter(|path| is_photo(path)).collect();
    pictures.sort_by(|one, other| natural(&stem(one), &stem(other)).then_with(|| one.cmp(other)));
    Ok(pictures.into_iter().map(photo).collect())
}

/// A picture as a photo, with the caption and the mask that lie beside it. A caption that cannot be read is none.
pub fn photo(picture: PathBuf) -> Photo {
    let caption = CAPTIONS.iter().find_map(|ending| caption_in(&picture.with_extension(ending)));
    let mask = mask_of(&picture);
    let photo = Photo::new(picture);
    Photo { mask, caption: caption.unwrap_or_else(|| photo.caption.clone()), ..photo }
}

/// Whether a path is named as a picture and not as a mask.
pub fn is_photo(path: &Path) -> bool {
    let stem = stem(path);
    is_picture(path) && !stem.starts_with('.') && !MASKS.iter().any(|mask| stem.ends_with(mask))
}

fn is_picture(path: &Path) -> bool {
    let ending = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    PICTURES.contains(&ending.as_str())
}

/// The first line with words, as trainers read it; nothing where there is none.
fn caption_in(path: &Path) -> Option<String> {
    let text = read_file(path, MOST_CAPTION).ok()?;
    let text = String::from_utf8_lossy(&text);
    let line = text.trim_start_matches('\u{feff}').lines().map(str::trim).find(|line| !line.is_empty());
    line.map(str::to_owned)
}

/// The mask beside a picture, or of its name in a folder of masks.
fn mask_of(picture: &Path) -> Option<PathBuf> {
    let (folder, stem) = (picture.parent()?, stem(picture));
    let beside = MASKS.iter().map(|mask| folder.join(format!("{stem}{mask}.png")));
    let around = [Some(folder), folder.parent()];
    let folders = around.into_iter().flatten().flat_map(|at| MASK_FOLDERS.map(|name| at.join(name)));
    let own_folder = folder.to_owned();
    let inside = folders.filter(move |masks| *masks != own_folder).flat_map(|masks| {
        let mut names: Vec<PathBuf> = picture.file_name().map(|name| masks.join(name)).into_iter().collect();
        names.extend(PICTURES.iter().map(|ending| masks.join(format!("{stem}.{ending}"))));
        names
    });
    beside.chain(inside).find(|path| path.is_file())
}

/// Where the pictures are: in the folder, or in the one folder of kohya's below it.
fn place_of_pictures(path: &Path) -> Result<(PathBuf, Option<Called>), ProjectError> {
    let named = |path: &Path| called(&path.file_name()?.to_string_lossy());
    if let Some(called) = named(path) {
        return Ok((path.to_owned(), Some(called)));
    }
    let inside = entries(path)?;
    if inside.iter().any(|path| is_photo(path)) {
        return Ok((path.to_owned(), None));
    }
    let mut concepts: Vec<(PathBuf, Called)> = inside
        .into_iter()
        .filter(|path| path.is_dir())
        .filter_map(|path| Some((named(&path)?, path)))
        .map(|(c, p)| (p, c))
        .collect();
    concepts.sort_by(|(one, _), (other, _)| one.cmp(other));
    if concepts.len() > 1 {
        let names: Vec<String> = concepts.iter().map(|(path, _)| path.display().to_string()).collect();
        let advice = format!("choose one of {}", names.join(", "));
        return Err(ProjectError::read(path, "there are several concepts in it", advice));
    }
    Ok(concepts.pop().map_or_else(|| (path.to_owned(), None), |(path, called)| (path, Some(called))))
}

/// What a folder's name says, where it is one of kohya's: a number, `_`, a token and perhaps a class.
fn called(name: &str) -> Option<Called> {
    let (number, words) = name.split_once('_')?;
    let is_number = !number.is_empty() && number.chars().all(|digit| digit.is_ascii_digit());
    let (token, class_word) = words.trim().split_once(' ').unwrap_or((words.trim(), ""));
    let class_word = Some(class_word.trim()).filter(|word| !word.is_empty()).map(str::to_owned);
    (is_number && !token.is_empty()).then(|| Called { token: token.to_owned(), class_word })
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, ProjectError> {
    let read = fs::read_dir(folder).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotADirectory => {
            ProjectError::read(folder, "it is not a folder", "choose a folder of photos")
        }
        _ => ProjectError::reading(folder, &error),
    })?;
    Ok(read.flatten().map(|entry| entry.path()).collect())
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// Compares as people count: numbers by what they are, everything else letter by letter.
fn natural(one: &str, other: &str) -> Ordering {
    let (mut one, mut other) = (one.chars().peekable(), other.chars().peekable());
    loop {
        match (one.peek().copied(), other.peek().copied()) {
            (Some(a), Some(b)) if a.is_ascii_digit() && b.is_ascii_digit() => {
                let number = |letters: &mut std::iter::Peekable<std::str::Chars<'_>>| {
                    let mut digits = String::new();
                    while let Some(digit) = letters.next_if(char::is_ascii_digit) {
                        digits.push(digit);
                    }
                    digits.trim_start_matches('0').to_owned()
                };
                let (a, b) = (number(&mut one), number(&mut other));
                let order = a.len().cmp(&b.len()).then_with(|| a.cmp(&b));
                if order != Ordering::Equal {
                    return order;
                }
            }
            (a, b) if a == b && a.is_some() => {
                one.next();
                other.next();
            }
            (a, b) => return a.cmp(&b),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with these files, each holding its own words.
    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, words) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, words).unwrap();
        }
        folder
    }

    fn read(folder: &Path) -> Training {
        read_folder(folder, &Said::default()).unwrap()
    }

    fn names(training: &Training) -> Vec<String> {
        training.photos.iter().map(Photo::name).collect()
    }

    #[test]
    fn captions_and_masks_lie_beside_the_pictures() {
        let folder = folder(&[
            ("mint_cat/10.png", ""),
            ("mint_cat/2.JPG", ""),
            ("mint_cat/2.mask.png", ""),
            ("mint_cat/2.txt", "\u{feff}\n  a cat, sleeping  \nmore\n"),
            ("mint_cat/3.webp", ""),
            ("mint_cat/3-masklabel.png", ""),
            ("mint_cat/.hidden.png", ""),
            ("mint_cat/notes.txt", "x"),
        ]);
        let training = read(&folder.path().join("mint_cat"));
        assert_eq!((training.name.as_str(), training.class_word.as_str()), ("mint_cat", "cat"));
        assert_eq!(names(&training), ["2.JPG", "3.webp", "10.png"]);
        let [two, three, ten] = training.photos.as_slice() else { panic!("three") };
        assert_eq!((two.caption.as_str(), ten.caption.as_str()), ("a cat, sleeping", "<TOK>"));
        assert!(two.mask.as_ref().unwrap().ends_with("2.mask.png"));
        assert!(three.mask.as_ref().unwrap().ends_with("3-masklabel.png"));
        assert_eq!(ten.mask, None);
        assert!(two.picture.is_absolute());
    }

    #[test]
    fn kohya_s_folder_names_the_token_and_the_class_and_masks_lie_in_a_folder() {
        let folder = folder(&[
            ("data/img/10_sks old dog/a.png", ""),
            ("data/img/10_sks old dog/b.jpg", ""),
            ("data/img/masks/a.png", ""),
            ("data/img/10_sks old dog/mask/b.png", ""),
        ]);
        for path in ["data/img", "data/img/10_sks old dog"] {
            let training = read(&folder.path().join(path));
            assert_eq!((training.name.as_str(), training.class_word.as_str()), ("sks", "old dog"));
            assert_eq!(training.tokens[0].word, "<sks_1>");
            let masks: Vec<bool> = training.photos.iter().map(|photo| photo.mask.is_some()).collect();
            assert_eq!(masks, [true, true]);
        }
        let said = Said { name: Some("rex".into()), class_word: Some("dog".into()) };
        let training = read_folder(&folder.path().join("data/img"), &said).unwrap();
        assert_eq!((training.name.as_str(), training.class_word.as_str()), ("rex", "dog"));
        assert_eq!(called("10_sks"), Some(Called { token: "sks".into(), class_word: None }));
        for plain in ["mint_cat", "10", "_sks cat", "10_", "1a_sks cat"] {
            assert_eq!(called(plain), None, "{plain}");
        }
    }

    #[test]
    fn a_folder_without_pictures_or_with_several_concepts_says_so() {
        let folder = folder(&[("none/a.txt", ""), ("two/1_a cat/a.png", ""), ("two/1_b dog/b.png", "")]);
        let said = |name: &str| read_folder(&folder.path().join(name), &Said::default()).unwrap_err().to_string();
        assert!(said("none").contains("there is no picture in it; put 3 to 15 photos"), "{}", said("none"));
        assert!(said("two").contains("several concepts") && said("two").contains("1_b dog"), "{}", said("two"));
        assert!(said("gone").contains("no such file"), "{}", said("gone"));
        assert!(said("none/a.txt").contains("it is not a folder"), "{}", said("none/a.txt"));
    }

    #[test]
    fn names_are_in_the_order_in_which_people_count() {
        let mut names = ["b", "a10", "a2", "a02b", "10", "9"];
        names.sort_by(|one, other| natural(one, other));
        assert_eq!(names, ["9", "10", "a2", "a02b", "a10", "b"]);
    }
}
