use image::{Rgb, Rgba};

use super::*;

/// Pictures written by Pillow.
fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/pictures").join(name)
}

struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn put(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }
}

fn refused(path: &Path) -> String {
    let words = classify(path).unwrap_err().to_string();
    assert!(words.contains(path.file_name().unwrap().to_str().unwrap()), "does not say where: {words}");
    assert!(words.contains("; "), "does not say what to do: {words}");
    words
}

/// Size and note of a picture.
fn accepted(path: &Path) -> ((u32, u32), String) {
    match classify(path).unwrap_or_else(|error| panic!("{error}")) {
        Intake::Picture { size, note, path } => {
            assert!(path.is_absolute());
            (size, note.unwrap_or_default())
        }
        other => panic!("not a picture: {other:?}"),
    }
}

fn load(name: &str) -> RgbaImage {
    let path = sample(name);
    picture::decode(&fs::read(&path).unwrap(), &path).unwrap().into_rgba8()
}

fn is_near(picture: &RgbaImage, at: (u32, u32), color: [u8; 3]) {
    let [red, green, blue, _] = picture.get_pixel(at.0, at.1).0;
    let off = [red, green, blue].into_iter().zip(color).map(|(a, b)| a.abs_diff(b)).max();
    assert!(off <= Some(12), "{:?} at {at:?} is not {color:?}", [red, green, blue]);
}

/// Red and green above blue and white.
fn has_four_colors(picture: &RgbaImage) {
    assert_eq!(picture.dimensions(), (32, 32));
    is_near(picture, (4, 4), [255, 0, 0]);
    is_near(picture, (28, 4), [0, 255, 0]);
    is_near(picture, (4, 28), [0, 0, 255]);
    is_near(picture, (28, 28), [255, 255, 255]);
}

#[test]
fn every_format_is_accepted_under_any_name() {
    let desk = Desk::new();
    for name in ["still.webp", "lossless.webp", "still.tiff", "still.bmp", "progressive.jpg", "palette.png"] {
        assert_eq!(accepted(&sample(name)), ((32, 32), String::new()), "{name}");
        let misnamed = desk.put("notes.txt", fs::read(sample(name)).unwrap());
        assert_eq!(accepted(&misnamed).0, (32, 32), "{name}");
    }
    assert_eq!(accepted(&sample("still.gif")), ((16, 8), String::new()));
    assert_eq!(accepted(&sample("one.png")), ((1, 1), String::new()));
}

#[test]
fn print_colors_are_turned_into_screen_colors_right() {
    for name in ["cmyk.jpg", "ycck.jpg"] {
        let (size, note) = accepted(&sample(name));
        assert_eq!(size, (32, 32));
        assert!(note.contains("print colours (CMYK)"), "{note}");
        has_four_colors(&load(name));
    }
}

#[test]
fn animations_show_their_first_frame_and_say_so() {
    for name in ["animated.gif", "animated.png", "animated.webp"] {
        let (size, note) = accepted(&sample(name));
        assert_eq!((size, note.as_str()), ((16, 8), "It is an animation; its first frame is used."), "{name}");
        is_near(&load(name), (8, 4), [255, 0, 0]);
    }
}

#[test]
fn a_picture_lying_on_its_side_is_measured_upright() {
    for name in ["turned.png", "turned.jpg"] {
        assert_eq!(accepted(&sample(name)).0, (4, 8), "{name}");
        // The left edge is red as stored, and the top edge once it stands.
        let upright = load(name);
        assert!(upright.get_pixel(1, 0).0[0] > 128, "{name}");
        assert!(upright.get_pixel(1, 7).0[0] < 64, "{name}");
    }
}

#[test]
fn sixteen_bits_become_eight_and_the_note_says_so() {
    let (size, note) = accepted(&sample("deep.png"));
    assert_eq!(size, (16, 8));
    assert!(note.contains("more than 8 bits"), "{note}");
    assert_eq!(load("deep.png").get_pixel(0, 0).0, [156, 156, 156, 255]);
}

/// Written by libheif; what it reads of them itself lies beside.
#[test]
fn a_phone_s_photos_are_read_as_others_read_them() {
    for name in ["plain.heic", "clear.heic", "ten.heic"] {
        let (ours, theirs) = (load(name), load(&format!("{name}.png")));
        assert_eq!(ours.dimensions(), theirs.dimensions());
        let apart = |(ours, theirs): (&u8, &u8)| ours.abs_diff(*theirs);
        let most = ours.as_raw().iter().zip(theirs.as_raw()).map(apart).max();
        assert!(most <= Some(2), "{name}: {most:?}");
    }
    for name in
        ["plain.heic", "clear.heic", "ten.heic", "plain.avif", "clear.avif", "ten.avif", "side.avif", "grid.avif"]
    {
        let theirs = load(&format!("{name}.png")).dimensions();
        assert_eq!(accepted(&sample(name)).0, theirs, "{name}");
    }
    assert_eq!((load("clear.heic").get_pixel(1, 1).0[3], load("clear.heic").get_pixel(30, 20).0[3]), (0, 255));
}

#[test]
fn a_picture_of_30_000_pixels_is_refused_before_it_is_decoded() {
    let words = refused(&sample("huge.png"));
    assert!(words.contains("30000 × 30000 pixels, and a side may have at most 16384"), "{words}");
}

#[test]
fn what_is_not_there_empty_a_text_or_a_drawing_says_so() {
    let desk = Desk::new();
    assert!(refused(&desk.0.path().join("none.png")).contains("there is no such file"));
    assert!(refused(&desk.put("empty.png", "")).contains("empty (0 bytes)"));
    assert!(refused(&desk.put("text.png", "not a picture at all")).contains("its contents are text"));
    assert!(refused(&desk.put("page.png", "<svg xmlns=\"\"></svg>")).contains("SVG"));
    assert!(refused(&desk.put("photo.jpg", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")).contains("HEIC"));
    assert!(refused(&desk.put("random.png", [0, 1, 2, 3, 250])).contains("not those of a picture"));
}

/// Every prefix of every sample is either refused in words or accepted as the picture it is: never a panic, never
/// another size.
#[test]
fn no_cut_of_any_picture_does_harm() {
    let desk = Desk::new();
    for entry in fs::read_dir(sample("")).unwrap() {
        let whole = entry.unwrap().path();
        let bytes = fs::read(&whole).unwrap();
        let expected = classify(&whole).ok();
        for length in (0..bytes.len()).step_by(1 + bytes.len() / 60) {
            let path = desk.put("cut", &bytes[..length]);
            match classify(&path) {
                Ok(Intake::Picture { size, .. }) => {
                    let Some(Intake::Picture { size: right, .. }) = expected else { panic!("{}", whole.display()) };
                    assert_eq!(size, right, "{} cut to {length}", whole.display());
                }
                Ok(other) => panic!("{} cut to {length} is {other:?}", whole.display()),
                Err(error) => assert!(error.to_string().contains("cut"), "{error}"),
            }
        }
    }
}

#[test]
fn a_broken_or_cut_png_is_refused_even_where_its_head_is_whole() {
    let desk = Desk::new();
    let noise = image::RgbImage::from_fn(64, 64, |x, y| Rgb([(x * 3) as u8, (y * 5) as u8, (x * y) as u8]));
    let path = desk.0.path().join("cat.png");
    noise.save(&path).unwrap();
    let bytes = fs::read(&path).unwrap();
    assert!(refused(&desk.put("cut.png", &bytes[..bytes.len() / 2])).contains("damaged or cut short"));
    let mut broken = bytes.clone();
    broken[bytes.len() / 2..][..40].fill(0xaa);
    assert!(refused(&desk.put("broken.png", broken)).contains("damaged or cut short"));
}

#[test]
fn a_cut_photo_is_shown_and_its_note_says_that_it_is_cut() {
    let desk = Desk::new();
    let noise = image::RgbImage::from_fn(64, 64, |x, y| Rgb([(x * 3) as u8, (y * 5) as u8, (x * y) as u8]));
    let path = desk.0.path().join("photo.jpg");
    noise.save(&path).unwrap();
    assert_eq!(accepted(&path), ((64, 64), String::new()));
    let bytes = fs::read(&path).unwrap();
    let (size, note) = accepted(&desk.put("cut.jpg", &bytes[..bytes.len() * 3 / 4]));
    assert_eq!(size, (64, 64));
    assert!(note.contains("cut short"), "{note}");
    // The end mark of a preview among the camera's notes is not the picture's.
    let mut preview = bytes[..2].to_vec();
    preview.extend([0xff, 0xe1, 0, 6, 0xff, 0xd9, 0, 0]);
    preview.extend(&bytes[2..bytes.len() * 3 / 4]);
    assert!(!look_into_jpeg(&preview).ends);
}

#[test]
fn a_project_is_known_by_its_text_and_its_mistakes_are_named() {
    let desk = Desk::new();
    let project = Project { prompt: "a cat".into(), ..Project::new() };
    let text = file::to_string(&project).unwrap();
    for name in ["cat.ron", "cat.txt", "cat.png"] {
        let path = desk.put(name, &text);
        let expected = Intake::Project {
            path: path.clone(),
            project: Box::new(project.clone()),
            folder: desk.0.path().to_owned(),
        };
        assert_eq!(classify(&path), Ok(expected), "{name}");
    }
    // What cannot be rendered can still be opened, and is put right in the window.
    assert!(matches!(
        classify(&desk.put("odd.ron", text.replace("width: 512", "width: 500"))),
        Ok(Intake::Project { .. })
    ));
    assert!(refused(&desk.put("hello.ron", "hello")).contains("line 1"));
}

#[test]
fn a_picture_that_podium_wrote_brings_its_project() {
    let desk = Desk::new();
    let project = Project { prompt: "a cat".into(), ..Project::new() };
    let path = desk.0.path().join("result.png");
    png_text::write_png(&path, &image::RgbImage::new(8, 16), &project, Path::new("/work"), 5).unwrap();
    let Ok(Intake::PodiumPicture { project, size, folder, .. }) = classify(&path) else { panic!("no project") };
    assert_eq!((project.seed, project.prompt.as_str(), size), (5, "a cat", (8, 16)));
    assert_eq!(folder, desk.0.path());

    let newer = Project { version: 9, ..Project::new() };
    png_text::write_png(&path, &image::RgbImage::new(8, 16), &newer, Path::new("/work"), 5).unwrap();
    let (size, note) = accepted(&path);
    assert_eq!(size, (8, 16));
    assert!(note.contains("format version 9"), "{note}");
}

#[test]
fn a_picture_by_another_program_brings_what_it_says() {
    let desk = Desk::new();
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 2, 1);
    encoder.add_text_chunk("parameters".into(), "a cat\nSteps: 20, Seed: 7, Size: 512x512".into()).unwrap();
    encoder.set_color(png::ColorType::Grayscale);
    encoder.write_header().unwrap().write_image_data(&[0, 9]).unwrap();
    let path = desk.put("theirs.png", &bytes);
    let Ok(Intake::OthersPicture { parameters, size, .. }) = classify(&path) else { panic!("nothing read") };
    assert_eq!((parameters.prompt.as_deref(), parameters.seed, size), (Some("a cat"), Some(7), (2, 1)));
}

#[test]
fn concepts_are_known_in_every_format_and_under_any_name() {
    let desk = Desk::new();
    let ours = crate::assets::find("miniature/concepts/mint_cat.safetensors").unwrap();
    let header = br#"{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#;
    let tensors = [&(header.len() as u64).to_le_bytes()[..], header, &[0; 4]].concat();
    // A stream as torch wrote it before 1.6: magic number, version, system, no values, no storages.
    let stream = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}.\x80\x02}.\x80\x02].";
    for bytes in [ours, &tensors, stream] {
        let path = desk.put("something.png", bytes);
        assert_eq!(classify(&path), Ok(Intake::Concept { path: path.clone() }));
    }
    assert!(refused(&desk.put("cat.pth", &ours[..ours.len() / 2])).contains("cut short"));
    assert!(refused(&desk.put("cat.safetensors", &tensors[..20])).contains("cut short"));
    assert!(refused(&desk.put("cat.pth", "hello")).contains("not those of a concept"));
    let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 4265380512\n";
    assert!(refused(&desk.put("cat.safetensors", pointer)).contains("git lfs pull"));
    let zip = b"PK\x03\x04 word/document.xml PK\x05\x06";
    assert!(refused(&desk.put("letter.docx", zip)).contains("zip archive"));
}

#[test]
fn a_whole_model_in_one_file_is_told_apart_from_a_concept() {
    let desk = Desk::new();
    let header = br#"{"model.diffusion_model.out.0.bias":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#;
    let model = [&(header.len() as u64).to_le_bytes()[..], header, &[0; 4]].concat();
    let path = desk.put("sd15.safetensors", model);
    assert_eq!(classify(&path), Ok(Intake::Model { path: path.clone() }));

    let named = |name: &str| {
        let header = format!(r#"{{"{name}":{{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}}}"#);
        [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &[0; 4]].concat()
    };
    let path = desk.put("vae.pt", named("decoder.up.0.block.0.conv1.bias"));
    assert_eq!(classify(&path), Ok(Intake::Autoencoder { path: path.clone() }));
    let path = desk.put("style.ckpt", named("lora_unet_mid_block_attentions_0_proj_in.alpha"));
    assert_eq!(classify(&path), Ok(Intake::Concept { path: path.clone() }));
    let words = refused(&desk.put("xl.safetensors", named("conditioner.embedders.1.model.ln_final.bias")));
    assert!(words.contains("is Stable Diffusion XL"), "{words}");
}

#[test]
fn a_folder_is_a_model_or_is_refused_with_advice() {
    let desk = Desk::new();
    desk.put("sd15/model_index.json", "{}");
    desk.put("other/unet/config.json", "{}");
    desk.put("pictures/cat.png", "");
    for name in ["sd15", "other"] {
        let path = desk.0.path().join(name);
        assert_eq!(classify(&path), Ok(Intake::Model { path: path.clone() }));
    }
    desk.put("vae/config.json", r#"{"_class_name": "AutoencoderKL"}"#);
    let path = desk.0.path().join("vae");
    assert_eq!(classify(&path), Ok(Intake::Autoencoder { path: path.clone() }));
    desk.put("lora/adapter_config.json", "{}");
    let path = desk.0.path().join("lora");
    assert_eq!(classify(&path), Ok(Intake::Concept { path: path.clone() }));
    assert!(refused(&desk.0.path().join("pictures")).contains("drop files one by one"));
}

#[cfg(unix)]
#[test]
fn pipes_and_devices_do_not_make_it_wait() {
    assert!(refused(Path::new("/dev/zero")).contains("not an ordinary file"));
    let desk = Desk::new();
    let pipe = desk.0.path().join("pipe.png");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    assert!(refused(&pipe).contains("not an ordinary file"));
}

#[test]
fn a_file_of_gigabytes_is_not_read() {
    let desk = Desk::new();
    let path = desk.put("large.png", b"\x89PNG\r\n\x1a\n");
    File::options().write(true).open(&path).unwrap().set_len(1 << 40).unwrap();
    assert!(refused(&path).contains("MB large"));
}

#[test]
fn a_pasted_picture_is_kept_once_with_its_transparency() {
    let desk = Desk::new();
    let places = Places::in_folder(desk.0.path());
    let pasted = RgbaImage::from_pixel(3, 2, Rgba([1, 2, 3, 4]));
    let path = keep_pasted(&places, &pasted).unwrap();
    assert_eq!(keep_pasted(&places, &pasted).unwrap(), path);
    assert_eq!(accepted(&path), ((3, 2), String::new()));
    assert_eq!(image::open(&path).unwrap().into_rgba8(), pasted);
    let turned = RgbaImage::from_pixel(2, 3, Rgba([1, 2, 3, 4]));
    assert_ne!(keep_pasted(&places, &turned).unwrap(), path);
    assert!(keep_pasted(&places, &RgbaImage::new(0, 5)).unwrap_err().to_string().contains("0 × 5"));
}
