//! The real binary, driven from outside.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use podium::engine::adapters::modules;
use podium::engine::concept_files;
use podium::engine::inspect::{Demand, inspect_model};
use podium::engine::nets::unet::UnetConfig;
use podium::engine::weights::ModelFiles;
use podium::project::settings::Inversion;
use podium::project::{BaseModel, ConceptFile, DiskFiles, Preset, Project, file, png_text};
use safetensors::tensor::{Dtype, TensorView};

use crate::broken::assert_says;
use crate::studio::{frozen, small};

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_podium"));
    command.args(arguments).current_dir(folder).env("PODIUM_CACHE_DIR", folder.join("cache"));
    // What lies in the folders of whoever runs this is nobody's business.
    command.env("PODIUM_HOME", folder.join("home"));
    command
}

fn podium(folder: &Path, arguments: &[&str]) -> Output {
    command(folder, arguments).output().expect("the binary starts")
}

fn out(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn cut_writes_what_is_chosen_of_a_photo_and_says_where_it_was() {
    let folder = tempfile::tempdir().expect("temporary");
    let drawn = podium(folder.path(), &["plush", "photos", "mint_cat", "drawn", "--count", "1"]);
    assert!(drawn.status.success(), "{}", out(&drawn));
    let open = |name: &str| image::open(folder.path().join(name)).expect("a picture");
    let truth = open("drawn/0.mask.png").to_luma8();
    let inside = || truth.enumerate_pixels().filter(|(_, _, pixel)| pixel.0[0] > 127);
    let edge = |of: fn((u32, u32)) -> u32| inside().map(move |(x, y, _)| of((x, y)));
    let (left, right) = (edge(|at| at.0).min().expect("a cat"), edge(|at| at.0).max().expect("a cat"));
    let (top, bottom) = (edge(|at| at.1).min().expect("a cat"), edge(|at| at.1).max().expect("a cat"));
    let within =
        format!("{},{},{},{}", left.saturating_sub(6), top.saturating_sub(6), right - left + 13, bottom - top + 13);
    let keep = format!("{},{}:4", (left + right) / 2, (top + bottom) / 2);
    let cut = podium(
        folder.path(),
        &[
            "cut",
            "drawn/0.png",
            "--out",
            "cat.png",
            "--within",
            &within,
            "--keep",
            &keep,
            "--grow=-1",
            "--feather",
            "1",
            "--decontaminate",
            "--mask",
            "mask.png",
        ],
    );
    assert!(cut.status.success(), "{}", out(&cut));
    let (made, mask) = (open("cat.png").to_rgba8(), open("mask.png").to_luma8());
    assert_says(&out(&cut), &["cat.png (", "of drawn/0.png (256 x 256)", "mask.png is the mask"]);
    assert!(podium::cut::area::overlap(&mask, &truth) > 0.85, "{}", podium::cut::area::overlap(&mask, &truth));
    let bounds = podium::cut::area::bounds(&mask).expect("something is chosen");
    assert_eq!(made.dimensions(), (bounds[2] - bounds[0], bounds[3] - bounds[1]));
    assert_says(&out(&cut), &[&format!("from {},{} of", bounds[0], bounds[1])]);

    let plain = podium(folder.path(), &["cut", "drawn/0.png", "-o", "a.png", "--rect", "10,20,30,40"]);
    assert_says(&out(&plain), &["a.png (30 x 40), from 10,20 of"]);
    let polygon = ["cut", "drawn/0.png", "-o", "b.png", "--polygon", "-9,5,20,5,20,25", "--wand", "0,0,255"];
    assert_says(&out(&podium(folder.path(), &polygon)), &["b.png (256 x 256), from 0,0 of"]);
}

/// A small network of tests/data/segment.
fn sam_file(name: &str) -> String {
    format!("{}/tests/data/segment/{name}", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn cut_chooses_what_is_clicked_on_with_networks_from_files() {
    let folder = tempfile::tempdir().expect("temporary");
    let photo = sam_file("photo.png");
    let files = [sam_file("sam.onnx"), sam_file("decoder.onnx")].join(",");
    let cut = |arguments: &[&str]| {
        let mut all = vec!["cut", photo.as_str(), "--out", "cut.png", "--mask", "mask.png"];
        all.extend(arguments);
        let cut = podium(folder.path(), &all);
        assert!(cut.status.success(), "{}", out(&cut));
        (out(&cut), image::open(folder.path().join("mask.png")).expect("a mask").to_luma8())
    };
    // PyTorch's four masks, one below the other; for clicks alone the last three are offered by their scores.
    let truth = |name: &str, at: u32| {
        let all = image::open(sam_file(name)).expect("PyTorch's masks").to_luma8();
        image::imageops::crop_imm(&all, 0, at * 140, 200, 140).to_image()
    };
    let like = |mask: &image::GrayImage, other: &image::GrayImage| podium::cut::area::overlap(mask, other) > 0.99;
    let mut offered = Vec::new();
    for choose in ["1", "2", "3", "4"] {
        let (said, mask) = cut(&["--click", "85,70", "--choose", choose, "--sam", &files]);
        assert_says(&said, &[&format!("mask {choose} of 4"), "cut.png ("]);
        offered.push((0..4).position(|at| like(&mask, &truth("sam-click.png", at))).expect("one of PyTorch's"));
    }
    assert_eq!(offered[3], 0, "{offered:?}");
    offered.sort_unstable();
    assert_eq!(offered, [0, 1, 2, 3]);
    // Several prompts; the two files the other way round.
    let turned = [sam_file("decoder.onnx"), sam_file("sam.onnx")].join(",");
    let (_, mask) = cut(&["--click", "85,70", "--click", "85,30", "--not", "160,90", "--sam", &turned]);
    assert!(like(&mask, &truth("sam-not.png", 0)));
    let (_, framed) = cut(&["--within", "60,18,50,97", "--sam", &files]);
    assert!(like(&framed, &truth("sam-box.png", 0)));
    // The edge is made right as with the other tools.
    let inside = |mask: &image::GrayImage| mask.iter().filter(|value| **value > 127).count();
    let (_, grown) = cut(&["--within", "60,18,50,97", "--sam", &files, "--grow", "2"]);
    assert!(inside(&grown) > inside(&framed));
    // What words name is a frame like one that is given.
    let dino = sam_file("dino.onnx");
    let (said, named) = cut(&["--words", "a dog", "--dino", &dino, "--sam", &files]);
    assert_says(&said, &["\"a dog\" is within", "mask 1 of 4"]);
    let within = said.split("is within ").nth(1).and_then(|rest| rest.split(' ').next()).expect("four numbers");
    let (_, framed) = cut(&["--within", within, "--sam", &files]);
    assert!(podium::cut::area::overlap(&named, &framed) > 0.9, "{within}");
    // Without --sam, what lies in Podium's folder.
    let own = folder.path().join("home/data/segment");
    std::fs::create_dir_all(&own).expect("a folder");
    for name in ["sam.onnx", "decoder.onnx"] {
        std::fs::copy(sam_file(name), own.join(name)).expect("copied");
    }
    let (said, _) = cut(&["--click", "85,70"]);
    assert_says(&said, &["mask 1 of 4", "mask.png is the mask"]);
    // Weights alone, by their file or by its folder.
    let (said, by_file) = cut(&["--click", "85,70", "--sam", &sam_file("weights/model.safetensors")]);
    assert_says(&said, &["SAM takes it for mask 1 of 4"]);
    let (_, by_folder) = cut(&["--click", "85,70", "--sam", &sam_file("weights")]);
    assert!(by_file == by_folder);
    let (_, authors) = cut(&["--click", "85,70", "--sam", &sam_file("weights.pth")]);
    assert!(podium::cut::area::overlap(&by_file, &authors) > 0.99);
}

#[test]
fn cut_says_what_is_wrong_with_what_it_is_told() {
    let folder = tempfile::tempdir().expect("temporary");
    assert!(podium(folder.path(), &["plush", "photos", "mint_cat", "drawn", "--count", "1"]).status.success());
    let said = |arguments: &[&str]| {
        let mut all = vec!["cut", "drawn/0.png", "--out", "a.png"];
        all.extend(arguments);
        let said = podium(folder.path(), &all);
        assert!(!said.status.success(), "{arguments:?}");
        assert!(!folder.path().join("a.png").exists());
        out(&said)
    };
    assert_says(&said(&[]), &["nothing says what to cut out", "--keep"]);
    assert_says(&said(&["--rect", "900,900,10,10"]), &["nothing of drawn/0.png is chosen"]);
    assert_says(&said(&["--rect", "1,2,3"]), &["3 numbers, and it takes four"]);
    assert_says(&said(&["--rect", "1,2,nan,4"]), &["is no number"]);
    assert_says(&said(&["--polygon", "1,2,3"]), &["come in pairs"]);
    assert_says(&said(&["--wand", "900,1,10"]), &["--wand 900,1 is outside", "256 x 256"]);
    assert_says(&said(&["--wand", "1,1,300"]), &["not between 0 and 255"]);
    assert_says(&said(&["--keep", "1,1"]), &["a colon and a radius"]);
    assert_says(&said(&["--keep", "1,1:0"]), &["between 0 and 10000"]);
    assert_says(&said(&["--rect", "1,1,5,5", "--feather", "-2"]), &["below 0"]);
    assert_says(&said(&["--click", "1"]), &["a place has two: x,y"]);
    assert_says(&said(&["--click", "9,9", "--choose", "5"]), &["--choose", "1..=4"]);
    assert_says(&said(&["--click", "9,9", "--sam", "one.onnx,"]), &["two files with a comma between them"]);
    assert_says(&said(&["--click", "9,9", "--sam", "one.onnx"]), &["cannot read one.onnx"]);
    let other = sam_file("logits.safetensors");
    assert_says(
        &said(&["--click", "9,9", "--sam", &other]),
        &["logits.safetensors has no weights of Segment Anything", "choose"],
    );
    let lone = sam_file("sam.onnx");
    std::fs::copy(&lone, folder.path().join("sam.onnx")).expect("copied");
    assert_says(&said(&["--click", "9,9", "--sam", "sam.onnx"]), &["sam.onnx is an encoder", "choose its decoder too"]);
    assert_says(
        &said(&["--click", "9,9"]),
        &["needs two files", "mobile_sam_image_encoder.onnx", "one file of weights", "segment", "--sam"],
    );
    let files = [sam_file("sam.onnx"), sam_file("decoder.onnx")].join(",");
    assert_says(&said(&["--click", "900,9", "--sam", &files]), &["900,9 is outside drawn/0.png", "256 x 256"]);
    assert_says(&said(&["--not", "9,9", "--sam", &files]), &["nothing says what is meant", "--click"]);
    let wrong = [sam_file("photo.png"), sam_file("decoder.onnx")].join(",");
    assert_says(&said(&["--click", "9,9", "--sam", &wrong]), &["photo.png is a picture", "choose the encoder"]);
    assert_says(&said(&["--click", "9,9", "--sam", "none.onnx,no.onnx"]), &["cannot read none.onnx"]);
    let lacks = said(&["--words", "a dog", "--sam", &files]);
    assert_says(&lacks, &["needs Grounding DINO", "vocab.txt", "--dino"]);
    let few = [sam_file("hf.encoder.onnx"), sam_file("hf.decoder.onnx")].join(",");
    assert_says(&said(&["--click", "99,99", "--choose", "4", "--sam", &few]), &["choose 1 to 3"]);
    let onto = podium(folder.path(), &["cut", "drawn/0.png", "--out", "drawn/0.png", "--rect", "1,1,5,5"]);
    assert_says(&out(&onto), &["is the photo itself"]);
    let none = podium(folder.path(), &["cut", "none.png", "--out", "a.png", "--rect", "1,1,5,5"]);
    assert_says(&out(&none), &["none.png", "no such file"]);
}

#[test]
fn compare_writes_pictures_scores_and_a_table_and_says_what_it_cannot() {
    let folder = tempfile::tempdir().expect("temporary");
    file::save(&folder.path().join("small.ron"), &small("beach", 2)).expect("saved");
    let [clip, reward] =
        ["clip", "reward"].map(|name| format!("{}/tests/data/encoders/{name}", env!("CARGO_MANIFEST_DIR")));
    let compare = |more: &[&str]| {
        let mut all = vec!["compare", "small.ron", "--out", "sides", "--device", "flex"];
        all.extend(more);
        podium(folder.path(), &all)
    };
    for (more, words) in [
        (&[][..], "both sides are the same: say with --set, --preset or --method"),
        (&["--set", "steps"], "--set steps: write KEY=VALUE"),
        (&["--set", "steps=many"], "write a whole number"),
        (&["--method", "lora_sum"], "no_alignment, no_self_attention"),
        (&["--preset", "quick"], "there is no preset quick; there are draft, standard, paper"),
        (&["--preset", "draft", "--method", "no_alignment"], "cannot be used with"),
        (&["--set", "steps=3", "--seeds", "1"], "1 is not in 2..=16"),
        (&["--set", "steps=3", "--clip", "nowhere"], "nowhere"),
        (&["--set", "steps=3", "--dino", &clip], "is CLIP, where DINOv2 is named"),
        (&["--set", "steps=3", "--reward", "small.ron"], "small.ron: "),
        (&["--set", "steps=3", "--reward", &clip], "med_config.json: is not there"),
        (&["--set", "steps=3", "--clip", &clip, "--photos", "tom=."], "no such concept; its concepts are"),
        (&["--set", "steps=3", "--photos", "tom=."], "name its folder with --clip or --dino"),
        (&["--set", "steps=3", "--reward", &reward, "--photos", "tom=."], "name its folder with --clip or --dino"),
        (&["--set", "steps=3", "--photos", "tom"], "write NAME=FOLDER"),
    ] {
        let said = compare(more);
        assert!(!said.status.success() && !folder.path().join("sides").exists(), "{more:?}");
        assert_says(&out(&said), &[words]);
    }
    let changes = ["--method", "no_alignment", "--set", "guidance_scale=3", "--seeds", "2", "--seed", "5"];
    let said = compare(&[&changes[..], &["--clip", &clip, "--reward", &reward]].concat());
    assert!(said.status.success(), "{}", out(&said));
    let expected = [
        "pictures are measured with CLIP clip (",
        "pictures are measured with ImageReward ImageReward.pt (",
        "seed 5, A: ",
        "seed 6, B: ",
        "of 2 recognised",
        ", SegSim (CLIP) 0.",
        ", CLIP-T ",
        ", ImageReward ",
        "2 seeds are too few",
        "compare.md",
    ];
    assert_says(&out(&said), &expected);
    let path = |name: &str| folder.path().join("sides").join(name);
    let picture = png_text::in_a_project_s_place(&path("6-b.png")).expect("read").expect("a project");
    assert!(picture.seed == 6 && !picture.settings.layout_alignment.enabled && picture.settings.guidance_scale == 3.0);
    let json: serde_json::Value =
        serde_json::from_slice(&std::fs::read(path("compare.json")).expect("there")).expect("JSON");
    let pictures = json["pictures"].as_array().expect("pictures");
    assert_eq!(pictures.len(), 4);
    assert!(
        pictures.iter().all(|one| one["scores"]["measures"]["subjects"].as_array().is_some_and(|of| of.len() == 2))
    );
    assert!(pictures.iter().all(|one| one["scores"]["learned"]["scores"][1]["text"].is_f64()));
    assert_eq!(json["summary"]["pairs"], 2);
    assert!(pictures.iter().all(|one| one["scores"]["learned"]["segments"] == "Figures"));
    let table = std::fs::read_to_string(path("compare.md")).expect("a table");
    let expected = [
        "- B: Without layout alignment, guidance_scale=3",
        "| recognised |",
        "| CLIP-T |",
        "| ImageReward |",
        "| 6 | ![6-a.png](6-a.png)",
    ];
    assert_says(&table, &expected);
}

#[test]
fn render_writes_a_picture_that_renders_again_to_itself() {
    let folder = tempfile::tempdir().expect("temporary");
    let project = small("beach", 2);
    file::save(&folder.path().join("small.ron"), &project).expect("saved");
    let first = podium(
        folder.path(),
        &["render", "small.ron", "-o", "first.png", "--seed", "7", "--record", "steps", "--device", "flex"],
    );
    assert!(first.status.success(), "{}", out(&first));
    let again = podium(folder.path(), &["render", "first.png", "-o", "again.png", "--device", "flex"]);
    assert!(again.status.success(), "{}", out(&again));
    let open = |name: &str| image::open(folder.path().join(name)).expect("a picture").to_rgb8();
    assert_eq!(open("first.png"), open("again.png"));

    let log = std::fs::read_to_string(folder.path().join("steps/log.jsonl")).expect("a log");
    let lines: Vec<serde_json::Value> = log.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.iter().filter(|line| line["step"].is_u64()).count(), 2);
    for name in [
        "step001-preview1.png",
        "step002-mask1-1-mint_cat-combined.png",
        "step001-clusters1-reference.png",
        "step002-attention1-plum_dog.png",
    ] {
        assert!(folder.path().join("steps").join(name).is_file(), "{name} is missing");
    }

    let inspected = out(&podium(folder.path(), &["inspect", "first.png"]));
    assert_says(&inspected, &["a Podium project", "mint cat", "seed            7"]);
    let bytes = std::fs::read(folder.path().join("first.png")).expect("there");
    let text = String::from_utf8_lossy(&bytes);
    assert_says(&text, &["parameters", "a cat and a dog on the beach", "Steps: 2", "Seed: 7"]);
}

#[test]
fn settings_from_the_command_line_take_effect_and_several_pictures_are_numbered() {
    let folder = tempfile::tempdir().expect("temporary");
    let project = Project { pictures: 2, ..small("beach", 2) };
    file::save(&folder.path().join("small.ron"), &project).expect("saved");
    std::fs::create_dir(folder.path().join("sub")).expect("created");
    let settings = ["--steps", "1", "--seed", "7", "--set", "guidance_scale=1.5", "--set", "mask_refinement.every=9"];
    let output = podium(folder.path(), &[&["render", "small.ron", "-o", "sub/out.png"][..], &settings].concat());
    assert!(output.status.success(), "{}", out(&output));
    assert_says(&out(&output), &["out-1.png (seed 7)", "out-2.png (seed 8)"]);
    let mut written: Vec<String> = std::fs::read_dir(folder.path().join("sub"))
        .expect("the folder")
        .map(|entry| entry.expect("readable").file_name().into_string().expect("text"))
        .collect();
    written.sort();
    assert_eq!(written, ["out-1.png", "out-2.png"]);
    let mut expected = project.settings.clone();
    (expected.steps, expected.guidance_scale, expected.mask_refinement.every) = (1, 1.5, 9.0);
    let mut pictures = Vec::new();
    for (name, seed) in [("sub/out-1.png", 7), ("sub/out-2.png", 8)] {
        let path = folder.path().join(name);
        let made = png_text::read_project(&path).expect("readable").expect("a project inside");
        assert_eq!((made.seed, made.pictures, made.settings), (seed, 1, expected.clone()), "{name}");
        pictures.push(image::open(&path).expect("a picture").to_rgb8());
    }
    assert_ne!(pictures[0], pictures[1]);

    // A preset comes first, with its values for the project's model, and what is said beside it after it.
    let preset = ["--preset", "Paper", "--steps", "1", "--set", "inversion=Coarse", "--set", "mask_refinement.every=9"];
    let output = podium(folder.path(), &[&["render", "small.ron", "-o", "paper.png"][..], &preset].concat());
    assert!(output.status.success(), "{}", out(&output));
    let made = png_text::read_project(&folder.path().join("paper-1.png")).expect("readable").expect("a project inside");
    let mut expected = Preset::Paper.settings(BaseModel::Miniature);
    (expected.steps, expected.inversion, expected.mask_refinement.every) = (1, Inversion::Coarse, 9.0);
    // How prompts are read belongs to how they were written.
    (expected.execution, expected.prompt_reading) = (project.settings.execution, project.settings.prompt_reading);
    assert_eq!(made.settings, expected);
}

#[test]
fn what_is_wrong_on_the_command_line_says_so_and_nothing_is_written() {
    let folder = tempfile::tempdir().expect("temporary");
    file::save(&folder.path().join("small.ron"), &small("beach", 2)).expect("saved");
    let cases: [(&[&str], &[&str]); 6] = [
        (
            &["small.ron", "-o", "out.png", "--set", "mask_refinment.enabled=false"],
            &["no setting `mask_refinment.enabled`", "did you mean mask_refinement.enabled"],
        ),
        (&["small.ron", "-o", "out.png", "--set", "guidance_scale=9000"], &["guidance_scale is 9000", "50"]),
        (&["small.ron", "-o", "out.png", "--set", "pictures=1"], &["no setting `pictures`"]),
        (&["small.ron", "-o", "out.png", "--set", "steps"], &["write KEY=VALUE"]),
        (&["small.ron", "-o", "no/such/out.png"], &["no/such", "no such folder"]),
        (&["gone.ron", "-o", "out.png"], &["gone.ron"]),
    ];
    for (arguments, words) in cases {
        let output = podium(folder.path(), &[&["render"][..], arguments].concat());
        assert!(!output.status.success(), "{arguments:?} succeeded");
        assert_says(&out(&output), words);
        assert!(!folder.path().join("out.png").exists(), "{arguments:?} wrote");
    }
}

/// The most memory that a render takes, bytes, as Linux reports it; asked for again and again until it ends.
#[cfg(target_os = "linux")]
fn peak(folder: &Path, project: &Project) -> u64 {
    file::save(&folder.join("peak.ron"), project).expect("saved");
    let mut child = command(folder, &["render", "peak.ron", "-o", "peak.png"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary starts");
    let mut peak = 0;
    while child.try_wait().expect("it is ours").is_none() {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
        peak = peak.max(kilobytes.unwrap_or(0) * 1024);
        std::thread::sleep(Duration::from_millis(2));
    }
    assert!(folder.join("peak.png").exists() || folder.join("peak-1.png").exists(), "it rendered");
    peak
}

/// A kohya file of great rank for the miniature.
#[cfg(target_os = "linux")]
fn write_large(path: &Path) {
    const RANK: usize = 1024;
    let unet: UnetConfig = ModelFiles::BuiltIn.json("unet/config.json").expect("built in");
    let attention = modules::unet(&unet).into_iter().filter(|(path, _)| path.contains(".attn"));
    let factors = attention.filter(|(_, layer)| layer.op == modules::Op::Linear).flat_map(|(path, layer)| {
        let flat = format!("lora_unet_{}", path.replace('.', "_"));
        [
            (format!("{flat}.lora_down.weight"), [RANK, layer.input]),
            (format!("{flat}.lora_up.weight"), [layer.output, RANK]),
        ]
    });
    let factors: Vec<_> = factors.map(|(name, shape)| (name, shape, vec![0_u8; shape[0] * shape[1] * 2])).collect();
    let views = factors.iter().map(|(name, shape, bytes)| {
        (name, TensorView::new(Dtype::F16, shape.to_vec(), bytes).expect("as many as the shape says"))
    });
    safetensors::serialize_to_file(views, None, path).expect("written");
}

#[cfg(target_os = "linux")]
#[test]
fn a_render_takes_about_as_much_memory_as_its_model_says() {
    let folder = tempfile::tempdir().expect("temporary");
    let model = inspect_model(&ModelFiles::BuiltIn).expect("built in");
    let mut project = frozen("beach");
    project.settings.steps = 1;
    // With two files that are large beside the miniature, as LoRAs of rank 256 are beside Stable Diffusion 1.5.
    let large = ["one", "two"].map(|name| folder.path().join(format!("{name}.safetensors")));
    large.iter().for_each(|path| write_large(path));
    for (pictures, aligned, with_files) in [(1, false, false), (4, true, false), (1, false, true)] {
        if with_files {
            let concepts = project.concepts.iter_mut().zip(&large);
            concepts.for_each(|(concept, large)| concept.more.push(ConceptFile::new(large)));
        }
        project.pictures = pictures;
        project.settings.layout_alignment.enabled = aligned;
        let canvas = (project.canvas.width, project.canvas.height);
        let files = DiskFiles { base: folder.path().into(), assets: podium::assets::find };
        let adapters = concept_files::held(&files, &project);
        let demand = Demand::of(&project, adapters);
        assert_eq!((demand.canvas, demand.concepts, demand.aligned), (canvas, 2, aligned));
        let (said, taken) = (model.needed_bytes(demand), peak(folder.path(), &project));
        println!("{demand:?}: {said} bytes are said, {taken} were taken");
        let ratio = said as f64 / taken as f64;
        assert!((0.7..1.4).contains(&ratio), "{demand:?}: {said} bytes are said, {taken} were taken");
    }
}

#[test]
fn notes_reach_whoever_reads_and_strict_makes_them_failures() {
    let folder = tempfile::tempdir().expect("temporary");
    let mut project = small("beach", 1);
    project.prompt = "a cat on the beach".into();
    file::save(&folder.path().join("small.ron"), &project).expect("saved");
    let render = ["render", "small.ron", "-o", "out.png", "--device", "flex"];
    let told = podium(folder.path(), &render);
    assert!(told.status.success(), "{}", out(&told));
    assert_says(&String::from_utf8_lossy(&told.stderr), &["note: ", "dog"]);
    std::fs::remove_file(folder.path().join("out.png")).expect("it was written");
    let strict = podium(folder.path(), &[&render[..], &["--strict"]].concat());
    assert!(!strict.status.success() && !folder.path().join("out.png").exists(), "{}", out(&strict));
    assert_says(&out(&strict), &["dog", "--strict"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_render_that_will_not_fit_is_said_before_it_begins() {
    let folder = tempfile::tempdir().expect("temporary");
    let mut project = small("beach", 1);
    let large = folder.path().join("large.safetensors");
    write_large(&large);
    // The same file, so often that what is said of it is more than this machine has. None of it acts.
    let many = podium::engine::memory::total().expect("Linux says") / 100_000_000 + 1;
    let off = ConceptFile { strength: 0.0, ..ConceptFile::new(&large) };
    project.concepts[0].more = vec![off; many as usize];
    file::save(&folder.path().join("small.ron"), &project).expect("saved");
    let told = podium(folder.path(), &["render", "small.ron", "-o", "out.png", "--device", "flex"]);
    assert!(told.status.success(), "{}", out(&told));
    let notes = String::from_utf8_lossy(&told.stderr);
    assert_says(&notes, &["note: ", "for this project", "the files of its concepts and styles are too large"]);
}

#[cfg(unix)]
#[test]
fn whoever_stops_listening_or_has_no_runtime_folder_makes_no_noise() {
    let folder = tempfile::tempdir().expect("temporary");
    file::save(&folder.path().join("small.ron"), &small("beach", 1)).expect("saved");
    for arguments in [&["devices"][..], &["inspect", "small.ron"], &["render", "small.ron", "-o", "out.png"]] {
        let mut command = command(folder.path(), arguments);
        command.env_remove("XDG_RUNTIME_DIR").stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary starts");
        // Nobody reads what it prints.
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("it ends");
        let noise = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {noise}");
        assert!(!noise.contains("panicked") && !noise.contains("error"), "{arguments:?}: {noise}");
    }
    assert!(folder.path().join("out.png").is_file(), "the picture is written all the same");
}

#[cfg(target_os = "linux")]
#[test]
fn a_folder_whose_name_cannot_be_written_down_is_said_before_anything_is_rendered() {
    use std::os::unix::ffi::OsStrExt;
    let folder = tempfile::tempdir().expect("temporary");
    let strange = folder.path().join(std::ffi::OsStr::from_bytes(b"k\xfeln"));
    std::fs::create_dir(&strange).expect("a folder");
    let mut project = small("beach", 1);
    project.concepts[0].file = "mine.pth".into();
    file::save(&strange.join("small.ron"), &project).expect("saved");
    let said = podium(&strange, &["render", "small.ron", "-o", "out.png", "--device", "flex"]);
    assert!(!said.status.success(), "{}", out(&said));
    assert!(!out(&said).contains("on CPU") && !out(&said).contains("rendered"), "{}", out(&said));
}

#[test]
fn devices_and_inspect_answer_without_a_display() {
    let folder = tempfile::tempdir().expect("temporary");
    let devices = podium(folder.path(), &["devices"]);
    assert!(devices.status.success());
    assert_says(&out(&devices), &["flex", "auto"]);
    let concept = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/miniature/concepts/mint_cat.safetensors");
    assert_says(
        &out(&podium(folder.path(), &["inspect", concept])),
        &["an ED-LoRA", "<mint_cat_1> (one embedding for each of 16 layers), <mint_cat_2>", "rank", "attention"],
    );
    let listed = out(&podium(folder.path(), &["inspect", "--tensors", concept]));
    assert_says(&listed, &["an ED-LoRA", "new_concept_embedding.<mint_cat_1>  F32 [16, 64]"]);
    let model = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/miniature");
    assert_says(
        &out(&podium(folder.path(), &["inspect", model])),
        &["688 tensors", "F16", "16 layers", "4 channels", "needs about", "predicts        noise"],
    );
    let lines = |path: &str| out(&podium(folder.path(), &["inspect", path])).lines().count();
    assert!(lines(model) <= 12 && lines(concept) <= 12, "a summary");
    let encoder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/encoders/dino");
    let about = out(&podium(folder.path(), &["inspect", encoder]));
    assert_says(&about, &["dino: DINOv2, an image encoder", "patches of 14 pixels", "32 numbers", "--dino"]);
    assert!(lines(encoder) <= 8, "a summary");
    let listed = out(&podium(folder.path(), &["inspect", "--tensors", encoder]));
    assert_says(&listed, &["embeddings.cls_token  F16 [1, 1, 32]"]);
    let reward = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/encoders/reward");
    for path in [reward.to_owned(), format!("{reward}/ImageReward.pt")] {
        let about = out(&podium(folder.path(), &["inspect", &path]));
        assert_says(&about, &["ImageReward.pt: ImageReward", "patches of 8 pixels", "32 x 32 pixels", "--reward"]);
        assert!(lines(path.as_str()) <= 8, "a summary");
    }
    let alone = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/encoders/clip/model.safetensors");
    assert_says(&out(&podium(folder.path(), &["inspect", alone])), &["is an image encoder (CLIP or DINOv2)"]);
    let other = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/miniature/text_encoder");
    assert_says(&out(&podium(folder.path(), &["inspect", other])), &["is for a `clip_text_model` model"]);
    let text = podium(folder.path(), &["inspect", concat!(env!("CARGO_MANIFEST_DIR"), "/rustfmt.toml")]);
    assert!(!text.status.success());
    assert_says(&out(&text), &["rustfmt.toml"]);
}

#[cfg(feature = "gui")]
#[test]
fn without_a_display_the_studio_says_what_is_missing_and_the_way_on() {
    let folder = tempfile::tempdir().expect("temporary");
    let output = Command::new(env!("CARGO_BIN_EXE_podium"))
        .current_dir(folder.path())
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY")
        .env_remove("WAYLAND_SOCKET")
        .output()
        .expect("the binary starts");
    assert!(!output.status.success());
    assert_says(&out(&output), &["the window cannot open", "libxkbcommon-x11-0", "podium render"]);
}

#[cfg(not(feature = "gui"))]
#[test]
fn without_its_window_the_studio_says_so_and_the_way_on() {
    let folder = tempfile::tempdir().expect("temporary");
    let output = podium(folder.path(), &[]);
    assert!(!output.status.success());
    assert_says(&out(&output), &["without its window", "podium render"]);
}
