use std::path::PathBuf;

use image::imageops;

use super::*;
use crate::engine::inspect::inspect_model;
use crate::project::DiskFiles;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/training")
}

fn disk(base: &Path) -> DiskFiles {
    DiskFiles { base: base.to_owned(), assets: crate::assets::find }
}

/// A photo of the tests' data, with its mask.
fn cat(index: usize) -> ReadPhoto {
    let number = [0, 1, 2, 4, 5, 7][index];
    let mask = Some(PathBuf::from(format!("{number}.mask.png")));
    let photo = Photo { mask, caption: PLACE.into(), picture: format!("{number}.png").into() };
    read(&disk(&folder()), &photo).unwrap()
}

fn training(captions: &[&str]) -> Training {
    let photo = |(number, caption): (usize, &&str)| Photo {
        caption: (*caption).into(),
        ..Photo::new(format!("/photos/{number}.png").into())
    };
    Training { photos: captions.iter().enumerate().map(photo).collect(), ..Training::new("mint_cat", "cat") }
}

fn found(photos: &[ReadPhoto], side: u32) -> Vec<Finding> {
    let training = training(&vec![PLACE; photos.len()]);
    let facts: Vec<_> = photos.iter().map(|photo| Some(Ok(Facts::of(photo)))).collect();
    inspect(&training, &facts, Some(side))
}

fn kinds(findings: &[Finding]) -> Vec<Kind> {
    findings.iter().map(|finding| finding.kind).collect()
}

#[test]
fn six_good_photos_have_nothing_against_them() {
    let photos: Vec<ReadPhoto> = (0..6).map(cat).collect();
    assert_eq!(found(&photos, 256), []);
    assert!(photos.iter().all(|photo| photo.mask_from == MaskFrom::File && photo.picture.dimensions() == (256, 256)));
}

#[test]
fn a_mask_of_another_size_is_resized_and_one_of_another_shape_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let picture = RgbImage::from_pixel(120, 80, Rgb([9, 9, 9]));
    picture.save(path("a.png")).unwrap();
    let mut mask = GrayImage::new(60, 40);
    (0..30).for_each(|x| (0..40).for_each(|y| mask.put_pixel(x, y, Luma([255]))));
    mask.save(path("half.png")).unwrap();
    GrayImage::new(60, 60).save(path("square.png")).unwrap();
    let photo = |mask: &str| Photo { mask: Some(mask.into()), ..Photo::new("a.png".into()) };
    let half = read(&disk(folder.path()), &photo("half.png")).unwrap();
    assert_eq!(half.mask.dimensions(), (120, 80));
    assert!((Facts::of(&half).share - 0.5).abs() < 0.01);
    let said = read(&disk(folder.path()), &photo("square.png")).unwrap_err().to_string();
    assert!(said.contains("square.png") && said.contains("60 × 60 pixels and a.png 120 × 80"), "{said}");
    let said = read(&disk(folder.path()), &photo("none.png")).unwrap_err().to_string();
    assert!(said.contains("none.png"), "{said}");
}

#[test]
fn transparency_is_a_mask_and_what_is_clear_is_white() {
    let folder = tempfile::tempdir().unwrap();
    let cutout = RgbaImage::from_fn(64, 64, |x, _| image::Rgba([10, 20, 30, if x < 16 { 255 } else { 0 }]));
    cutout.save(folder.path().join("cut.png")).unwrap();
    let solid = RgbaImage::from_pixel(64, 64, image::Rgba([10, 20, 30, 255]));
    solid.save(folder.path().join("solid.png")).unwrap();
    let open = |name: &str| read(&disk(folder.path()), &Photo::new(name.into())).unwrap();
    let cut = open("cut.png");
    assert_eq!((cut.mask_from, Facts::of(&cut).share), (MaskFrom::Alpha, 0.25));
    assert_eq!((cut.picture.get_pixel(0, 0).0, cut.picture.get_pixel(63, 0).0), ([10, 20, 30], [255; 3]));
    let solid = open("solid.png");
    assert_eq!((solid.mask_from, Facts::of(&solid).share), (MaskFrom::Nothing, 1.0));
}

#[test]
fn the_built_in_model_says_which_side_its_pictures_had() {
    let own = inspect_model(&ModelFiles::BuiltIn).unwrap().picture_side;
    assert_eq!(side(&TrainingSettings::default(), own, &ModelFiles::BuiltIn).unwrap(), 256);
}

#[test]
fn a_near_duplicate_is_found_however_it_was_scaled_compressed_or_brightened() {
    let first = cat(0);
    let copies = [
        imageops::resize(&first.picture, 200, 200, imageops::FilterType::Triangle),
        imageops::crop_imm(&first.picture, 2, 2, 252, 252).to_image(),
        RgbImage::from_fn(256, 256, |x, y| Rgb(first.picture.get_pixel(x, y).0.map(|light| light.saturating_add(9)))),
        RgbImage::from_fn(256, 256, |x, y| Rgb(first.picture.get_pixel(x, y).0.map(|light| light / 12 * 12))),
    ];
    for copy in copies {
        let mask = imageops::resize(&first.mask, copy.width(), copy.height(), imageops::FilterType::Nearest);
        let copy = ReadPhoto { picture: copy, mask, ..first.clone() };
        let findings = found(&[first.clone(), cat(1), copy, cat(2)], 128);
        assert_eq!(kinds(&findings), [Kind::NearDuplicate]);
        assert_eq!(findings[0].words, "2.png is nearly the same as 0.png: leave one of them out.");
    }
}

#[test]
fn what_is_wrong_with_masks_and_sizes_names_the_photos() {
    let masked = |number: usize, mask: GrayImage| ReadPhoto { mask, ..cat(number) };
    let part = |side: u32| GrayImage::from_fn(256, 256, |x, y| Luma([if x < side && y < side { 255 } else { 0 }]));
    let bare = ReadPhoto { mask_from: MaskFrom::Nothing, ..masked(4, part(256)) };
    let photos = [masked(0, part(0)), masked(1, part(256)), masked(2, part(50)), cat(3), bare];
    let findings = found(&photos, 512);
    assert_eq!(kinds(&findings), [Kind::EmptyMask, Kind::FullMask, Kind::NoMask, Kind::TooSmall, Kind::SmallSubject]);
    let words: Vec<&str> = findings.iter().map(|finding| finding.words.as_str()).collect();
    assert!(words[0].starts_with("The mask of 0.png is empty"), "{words:?}");
    assert!(words[1].starts_with("The mask of 1.png holds all of the picture"), "{words:?}");
    assert!(words[2].starts_with("4.png has no mask"), "{words:?}");
    assert!(words[3].starts_with("0.png, 1.png, 2.png and 2 others are smaller than 512 pixels"), "{words:?}");
    assert_eq!(findings[3].photos, [0, 1, 2, 3, 4]);
    assert!(words[4].starts_with("The subject fills less than 4 % of 2.png"), "{words:?}");
}

#[test]
fn captions_counts_and_files_that_cannot_be_used_are_found() {
    assert_eq!(kinds(&inspect(&training(&[]), &[], None)), [Kind::NoPhotos]);
    let captions = ["<TOK>", "a cat on the beach"];
    let broken = Err("cannot use the picture 1.png: the file is damaged".to_owned());
    let findings = inspect(&training(&captions), &[None, Some(broken)], None);
    assert_eq!(kinds(&findings), [Kind::Unusable, Kind::NoPlace, Kind::FewPhotos], "what stops comes first");
    assert_eq!(findings[0].words, "cannot use the picture 1.png: the file is damaged.");
    assert_eq!(findings[1].words, "The caption of 1.png does not say where the subject is: write <TOK> in its place.");
    assert!(findings[2].words.starts_with("Two photos show too little"));
    let many = inspect(&training(&["<TOK>"; 16]), &[], Some(64));
    assert_eq!(kinds(&many), [Kind::ManyPhotos]);
    assert!(many[0].words.starts_with("16 photos are more than are needed: the best 15"));
}

#[test]
fn pictures_of_a_pixel_or_a_line_are_looked_at_without_harm() {
    for (width, height) in [(1, 1), (1, 300), (300, 1), (7, 5)] {
        let picture = RgbImage::from_pixel(width, height, Rgb([200, 0, 9]));
        let photo = ReadPhoto { mask: GrayImage::new(width, height), picture, ..cat(0) };
        assert!(Facts::of(&photo).is_near(&Facts::of(&photo)));
    }
}
