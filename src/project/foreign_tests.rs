use png::text_metadata::{ITXtChunk, TEXtChunk, ZTXtChunk};

use super::*;
use crate::project::{Canvas, Project, PromptReading};

/// As the WebUI of version 1.10 writes it.
const WEBUI: &str = "a (cat:1.3), masterpiece <lora:my_cat:0.8>\nsitting BREAK on a \"mat\"\nNegative prompt: blurry, (low quality:1.4)\nbad hands\nSteps: 28, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 6.5, Seed: 3141592653, Size: 500x768, Model hash: 6ce0161689, Model: v1-5-pruned, Clip skip: 2, Denoising strength: 0.4, Lora hashes: \"my_cat: 1234567890ab, other: fff\", Hires prompt: \"a \\\"big\\\" cat, close\", Version: v1.10.1";

/// A PNG of one pixel with these chunks before its pixels, and others after them.
fn png_with(write: impl Fn(&mut png::Writer<&mut Vec<u8>>), after: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 1, 1);
    encoder.set_color(png::ColorType::Grayscale);
    let mut writer = encoder.write_header().unwrap();
    write(&mut writer);
    writer.write_image_data(&[0]).unwrap();
    writer.finish().unwrap();
    let end = bytes.len() - 12;
    bytes.splice(end..end, after.iter().copied());
    bytes
}

fn png_text(keyword: &str, text: &str) -> Vec<u8> {
    let chunk = ITXtChunk::new(keyword, text);
    png_with(|writer| writer.write_text_chunk(&chunk).unwrap(), &[])
}

/// EXIF data with one comment in the directory inside the first.
fn exif(charset: &[u8; 8], text: &[u8], little: bool) -> Vec<u8> {
    let short = |value: u16| if little { value.to_le_bytes() } else { value.to_be_bytes() };
    let long = |value: u32| if little { value.to_le_bytes() } else { value.to_be_bytes() };
    let mut bytes = if little { b"II*\0".to_vec() } else { b"MM\0*".to_vec() };
    bytes.extend(long(8));
    for (tag, kind, count, value, next) in
        [(0x8769, 4, 1, 26, 0), (0x9286, 7, 8 + text.len() as u32, 44, 0)] as [(u16, u16, u32, u32, u32); 2]
    {
        bytes.extend(short(1));
        bytes.extend(short(tag));
        bytes.extend(short(kind));
        [count, value, next].into_iter().for_each(|value| bytes.extend(long(value)));
    }
    bytes.extend(charset);
    bytes.extend(text);
    bytes
}

fn jpeg(exif: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0xff, 0xd8, 0xff, 0xe0, 0, 4, 1, 2, 0xff, 0xe1];
    bytes.extend((exif.len() as u16 + 8).to_be_bytes());
    bytes.extend(b"Exif\0\0");
    bytes.extend(exif);
    bytes.extend([0xff, 0xd9]);
    bytes
}

fn webp(exif: &[u8]) -> Vec<u8> {
    let mut chunks = b"WEBPVP8X\x03\0\0\0abc\0EXIF".to_vec();
    chunks.extend((exif.len() as u32).to_le_bytes());
    chunks.extend(exif);
    let mut bytes = b"RIFF".to_vec();
    bytes.extend((chunks.len() as u32).to_le_bytes());
    bytes.extend(chunks);
    bytes
}

#[test]
fn the_web_ui_s_lines_are_read_with_every_value() {
    let found = read(&png_text("parameters", WEBUI)).unwrap();
    assert_eq!(found.program, Program::WebUi);
    assert_eq!(found.prompt.as_deref(), Some("a (cat:1.3), masterpiece <lora:my_cat:0.8>\nsitting BREAK on a \"mat\""));
    assert_eq!(found.negative_prompt.as_deref(), Some("blurry, (low quality:1.4)\nbad hands"));
    assert_eq!((found.seed, found.steps, found.guidance_scale), (Some(3_141_592_653), Some(28), Some(6.5)));
    assert_eq!((found.size, found.clip_skip), (Some((500, 768)), Some(2)));
    assert_eq!((found.model.as_deref(), found.model_hash.as_deref()), (Some("v1-5-pruned"), Some("6ce0161689")));
    assert_eq!(found.sampler.as_deref(), Some("DPM++ 2M, schedule Karras"));
    let hash = Some("1234567890ab".to_owned());
    assert_eq!(found.loras, [TheirLora { name: "my_cat".into(), unet: 0.8, text: 0.8, hash }]);
    let others: Vec<(&str, &str)> = found.others.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(
        others,
        [("Denoising strength", "0.4"), ("Hires prompt", "a \"big\" cat, close"), ("Version", "v1.10.1")]
    );
    assert_eq!(found.troubles, [""; 0]);
    let summary = found.summary();
    assert!(summary[0].contains("WebUI") && summary.contains(&"Seed: 3141592653".to_owned()), "{summary:?}");
    assert!(summary.contains(&"LoRA: my_cat at 0.8, hash 1234567890ab".to_owned()), "{summary:?}");
}

#[test]
fn a_last_line_without_three_values_is_of_the_prompt() {
    let found = webui::read("a cat: big, dog: small");
    assert_eq!(found.prompt.as_deref(), Some("a cat: big, dog: small"));
    let found = webui::read("Negative prompt: x\nSteps: many, Seed: -1, Size: 5, CFG scale: 7");
    assert_eq!((found.prompt, found.negative_prompt.as_deref()), (None, Some("x")));
    assert_eq!((found.steps, found.seed, found.size, found.guidance_scale), (None, None, None, Some(7.0)));
    assert_eq!(found.troubles.len(), 3);
    assert!(found.troubles[0].contains("Steps is \"many\""), "{:?}", found.troubles);
    assert!(
        read(&png_text("parameters", "{\"sui_image_params\": {}}")).unwrap().troubles[0].contains("another program")
    );
}

#[test]
fn text_is_found_in_every_kind_of_chunk_before_the_pixels_and_after() {
    let latin = TEXtChunk::new("parameters", "caf\u{e9}\nSteps: 1, Seed: 2, Size: 64x64");
    let packed = ZTXtChunk::new("parameters", "packed\nSteps: 1, Seed: 2, Size: 64x64");
    let mut unicode = ITXtChunk::new("parameters", "猫\nSteps: 1, Seed: 2, Size: 64x64");
    unicode.compressed = true;
    let prompt = |bytes: Vec<u8>| read(&bytes).and_then(|found| found.prompt).unwrap_or_default();
    assert_eq!(prompt(png_with(|writer| writer.write_text_chunk(&latin).unwrap(), &[])), "café");
    assert_eq!(prompt(png_with(|writer| writer.write_text_chunk(&packed).unwrap(), &[])), "packed");
    assert_eq!(prompt(png_with(|writer| writer.write_text_chunk(&unicode).unwrap(), &[])), "猫");
    let data = "parameters\0späte\nSteps: 1, Seed: 2, Size: 64x64".as_bytes();
    let mut late = (data.len() as u32).to_be_bytes().to_vec();
    late.extend(b"tEXt");
    late.extend(data);
    late.extend([0; 4]);
    assert_eq!(prompt(png_with(|_| (), &late)), "späte");
    // Podium's own line is of the same form.
    assert!(read(&png_with(|_| (), &[])).is_none());
}

#[test]
fn comments_of_photographs_are_read_in_either_order_of_bytes() {
    let line = "a 猫 cat\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 5, Size: 512x512";
    let big: Vec<u8> = line.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let small: Vec<u8> = line.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for little in [true, false] {
        for file in [
            jpeg(&exif(b"UNICODE\0", &big, little)),
            jpeg(&exif(b"UNICODE\0", &small, little)),
            jpeg(&exif(b"ASCII\0\0\0", line.as_bytes(), little)),
            webp(&exif(b"UNICODE\0", &big, little)),
            webp(&exif(&[0; 8], line.as_bytes(), little)),
        ] {
            let found = read(&file).expect("a comment");
            assert_eq!((found.prompt.as_deref(), found.seed, found.steps), (Some("a 猫 cat"), Some(5), Some(20)));
        }
    }
    assert!(read(&jpeg(&exif(b"ASCII\0\0\0", b"my holiday, 1: 2, 3: 4, 5: 6", true))).is_none());
    // A directory that points at itself, and one that points nowhere.
    let mut circle = exif(b"ASCII\0\0\0", b"x", true);
    circle[18..22].copy_from_slice(&8_u32.to_le_bytes());
    assert!(read(&jpeg(&circle)).is_none());
    circle[18..22].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(read(&jpeg(&circle)).is_none());
}

/// Two LoRAs, clip skip and a seed from another node, with NaN as Python writes it.
const COMFY: &str = r#"{
  "3": {"class_type": "KSampler", "inputs": {"seed": ["20", 0], "steps": 25, "cfg": 5.5, "sampler_name": "dpmpp_2m",
    "scheduler": "karras", "denoise": 1.0, "model": ["11", 0], "positive": ["6", 0], "negative": ["7", 0],
    "latent_image": ["5", 0]}},
  "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "sd15\\dream.shaper.safetensors"}},
  "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 512, "height": 640, "batch_size": 1}},
  "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a \"NaN\" cat", "clip": ["12", 0]}, "is_changed": [NaN]},
  "7": {"class_type": "CLIPTextEncode", "inputs": {"text": ["21", 0], "clip": ["12", 0]}},
  "10": {"class_type": "LoraLoader", "inputs": {"lora_name": "first.safetensors", "strength_model": 0.5,
    "strength_clip": 0.25, "model": ["4", 0], "clip": ["4", 1]}},
  "11": {"class_type": "LoraLoader", "inputs": {"lora_name": "sub/second.pt", "strength_model": 1.0,
    "strength_clip": 1.0, "model": ["10", 0], "clip": ["10", 1]}},
  "12": {"class_type": "CLIPSetLastLayer", "inputs": {"stop_at_clip_layer": -2, "clip": ["11", 1]}},
  "20": {"class_type": "PrimitiveInt", "inputs": {"value": 18446744073709551615}},
  "21": {"class_type": "StringNode", "inputs": {"string": "blurry"}},
  "30": {"class_type": "UpscaleModelLoader", "inputs": {"x": -Infinity}}
}"#;

#[test]
fn a_graph_is_followed_from_its_sampler() {
    let found = read(&png_text("prompt", COMFY)).unwrap();
    assert_eq!(found.program, Program::ComfyUi);
    assert_eq!((found.prompt.as_deref(), found.negative_prompt.as_deref()), (Some("a \"NaN\" cat"), Some("blurry")));
    assert_eq!((found.seed, found.steps, found.guidance_scale), (Some(u64::MAX), Some(25), Some(5.5)));
    assert_eq!((found.size, found.clip_skip), (Some((512, 640)), Some(2)));
    assert_eq!(found.model.as_deref(), Some("dream.shaper"));
    assert_eq!(found.sampler.as_deref(), Some("dpmpp_2m, schedule karras"));
    let names: Vec<_> = found.loras.iter().map(|lora| (lora.name.as_str(), lora.unet, lora.text)).collect();
    assert_eq!(names, [("first", 0.5, 0.25), ("second", 1.0, 1.0)]);
    assert_eq!(found.others, [("Other nodes".into(), "PrimitiveInt, StringNode, UpscaleModelLoader".into())]);
    assert_eq!(found.troubles, [""; 0]);
}

#[test]
fn graphs_with_two_samplers_controls_or_circles_say_what_was_taken() {
    let two = COMFY.replace(
        "\"20\": {",
        r#""2": {"class_type": "KSamplerAdvanced", "inputs": {"noise_seed": 9, "steps": 10, "cfg": 1.0, "model": ["4", 0],
            "positive": ["8", 0], "negative": ["8", 1], "latent_image": ["3", 0], "denoise": 0.5}},
           "8": {"class_type": "ControlNetApplyAdvanced", "inputs": {"positive": ["8", 0], "negative": ["7", 0]}},
           "20": {"#,
    );
    // What begins with an empty latent comes first, whatever its number.
    let found = comfy::read(&two);
    assert_eq!(found.steps, Some(25));
    assert!(found.others[0].1.starts_with("2 of them"), "{:?}", found.others);
    // Without it the other is all there is: its prompt goes in a circle and ends, its seed has another name.
    let one = two.replace(
        "\"class_type\": \"KSampler\", \"inputs\": {\"seed\"",
        "\"class_type\": \"Other\", \"inputs\": {\"sed\"",
    );
    let one = one.replace("\"steps\": 25, ", "");
    let found = comfy::read(&one);
    assert_eq!((found.prompt.as_deref(), found.negative_prompt.as_deref()), (None, Some("blurry")));
    assert_eq!((found.seed, found.steps, found.model.as_deref()), (Some(9), Some(10), Some("dream.shaper")));
    assert!(found.others.iter().any(|(name, value)| name == "Denoising strength" && value == "0.5"));
    assert!(found.others.iter().any(|(_, value)| value.contains("ControlNetApplyAdvanced")), "{:?}", found.others);
}

#[test]
fn json_that_is_broken_or_strange_is_said_in_words() {
    for (keyword, text) in [
        ("prompt", "{\"3\": "),
        ("prompt", "[1, 2]"),
        ("prompt", "{}"),
        ("prompt", "{\"3\": {\"class_type\": 5, \"inputs\": []}}"),
        ("invokeai_metadata", "{"),
        ("invokeai_metadata", "7"),
    ] {
        let found = read(&png_text(keyword, text)).unwrap();
        assert_eq!(found.troubles.len(), 1, "{text}: {found:?}");
        assert_eq!(found.prompt, None);
    }
    let deep = "[".repeat(200_000);
    assert!(read(&png_text("prompt", &deep)).unwrap().troubles[0].contains("broken"));
    assert!(read(&png_text("Software", "a paint program")).is_none());
}

#[test]
fn invoke_s_metadata_is_read_in_both_of_its_forms() {
    let today = r#"{"positive_prompt": "a cat", "negative_prompt": "", "seed": 5, "steps": 30, "cfg_scale": 7.5,
        "width": 512, "height": 768, "scheduler": "euler", "clip_skip": 1, "app_version": "5.0",
        "model": {"name": "dreamshaper-8", "hash": "blake3:ab", "base": "sd-1"},
        "loras": [{"model": {"name": "cat", "hash": "blake3:cd"}, "weight": 0.75}],
        "controlnets": [], "vae": null, "generation_mode": "txt2img"}"#;
    let found = read(&png_text("invokeai_metadata", today)).unwrap();
    assert_eq!(found.program, Program::InvokeAi);
    assert_eq!((found.prompt.as_deref(), found.negative_prompt.as_deref()), (Some("a cat"), Some("")));
    assert_eq!((found.seed, found.steps, found.guidance_scale), (Some(5), Some(30), Some(7.5)));
    assert_eq!(
        (found.size, found.clip_skip, found.model.as_deref()),
        (Some((512, 768)), Some(2), Some("dreamshaper-8"))
    );
    assert_eq!((found.loras[0].name.as_str(), found.loras[0].unet), ("cat", 0.75));
    assert_eq!(found.others, [("generation mode".into(), "txt2img".into())]);
    let third = r#"{"positive_prompt": "x", "model": {"model_name": "old"}, "loras": [{"lora": {"model_name": "l"}, "weight": 1}]}"#;
    let found = invoke::read(third);
    assert_eq!((found.model.as_deref(), found.loras[0].name.as_str()), (Some("old"), "l"));
}

#[test]
fn what_fits_is_taken_over_and_the_rest_is_said() {
    let mut project = Project::new();
    project.prompt = "old".into();
    project.settings.prompt_reading = PromptReading::Plain;
    let over = webui::read(WEBUI).take_over(&project);
    assert!(over.project.prompt.starts_with("a (cat:1.3)"));
    assert_eq!(over.project.negative_prompt, "blurry, (low quality:1.4)\nbad hands");
    assert_eq!((over.project.seed, over.project.settings.steps), (3_141_592_653, 28));
    assert_eq!(over.project.settings.guidance_scale, 6.5);
    assert_eq!(over.project.settings.prompt_reading, PromptReading::Weighted);
    assert_eq!(over.project.canvas, Canvas { width: 512, height: 768 });
    assert_eq!(over.project.layout, project.layout);
    assert_eq!(over.project.validate(), Ok(()));
    assert!(over.taken.contains(&"Size: 512 × 768".to_owned()), "{:?}", over.taken);
    let left = over.left.join("\n");
    for said in
        ["500 × 768", "v1-5-pruned (hash 6ce0161689)", "DPM++ 2M", "Denoising strength (0.4)", "my_cat", "other noise"]
    {
        assert!(left.contains(said), "{said}: {left}");
    }

    let over = comfy::read(COMFY).take_over(&project);
    assert_eq!(over.project.prompt, "a \"NaN\" cat <lora:first:0.25:0.5> <lora:second:1>");
    let tags = crate::project::syntax::parse(&over.project.prompt, &[]).tags;
    assert_eq!((tags[0].text, tags[0].unet, tags[1].unet), (0.25, 0.5, 1.0));
    assert_eq!(over.project.negative_prompt, "blurry");
}

#[test]
fn values_out_of_range_are_brought_into_it_and_said() {
    let text = "x\nSteps: 5000, CFG scale: 90, Seed: 1, Size: 9000x1";
    let over = webui::read(text).take_over(&Project::new());
    assert_eq!((over.project.settings.steps, over.project.settings.guidance_scale), (999, 50.0));
    assert_eq!(over.project.canvas, Canvas { width: 2048, height: 64 });
    assert_eq!(over.project.validate(), Ok(()));
    let left = over.left.join("\n");
    assert!(left.contains("5000 steps") && left.contains("90") && left.contains("9000 × 1"), "{left}");
    assert!(Parameters::new(Program::WebUi).take_over(&Project::new()).taken.is_empty());
}

/// Files with some of their bytes changed, cut out or doubled.
fn mutated(bytes: &[u8], dice: &mut u64) -> Vec<u8> {
    let mut roll = |below: usize| {
        *dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*dice >> 33) as usize % below.max(1)
    };
    let mut bytes = bytes.to_vec();
    for _ in 0..=roll(8) {
        let (at, end) = (roll(bytes.len()), roll(64));
        let end = (at + end).min(bytes.len());
        match roll(4) {
            0 => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = roll(256) as u8),
            1 => drop(bytes.drain(at..end)),
            2 => {
                let part = bytes[at..end].to_vec();
                bytes.splice(at..at, part);
            }
            _ => bytes.truncate(at.max(1)),
        }
    }
    bytes
}

fn samples() -> Vec<Vec<u8>> {
    let line: Vec<u8> = WEBUI.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let zipped = ZTXtChunk::new("parameters", WEBUI);
    vec![
        png_text("parameters", WEBUI),
        png_text("prompt", COMFY),
        png_with(|writer| writer.write_text_chunk(&zipped).unwrap(), &[]),
        jpeg(&exif(b"UNICODE\0", &line, false)),
        webp(&exif(b"UNICODE\0", &line, true)),
    ]
}

fn hold(bytes: &[u8]) {
    if let Some(found) = read(bytes) {
        assert!(!found.summary().is_empty());
        let over = found.take_over(&Project::new());
        assert_eq!(over.project.validate(), Ok(()), "{found:?}");
    }
}

fn fuzz(until: impl Fn(usize) -> bool, seed: u64) {
    let (mut dice, samples, mut done) = (seed, samples(), 0);
    while until(done) {
        let sample = &samples[done % samples.len()];
        hold(&mutated(sample, &mut dice));
        // The text itself, past all checks of files.
        let text = String::from_utf8_lossy(&mutated(WEBUI.as_bytes(), &mut dice)).into_owned();
        let over = webui::read(&text).take_over(&Project::new());
        assert_eq!(over.project.validate(), Ok(()), "{text:?}");
        comfy::read(&String::from_utf8_lossy(&mutated(COMFY.as_bytes(), &mut dice)));
        done += 1;
    }
}

#[test]
fn no_picture_breaks_the_readers() {
    samples().iter().for_each(|sample| hold(sample));
    fuzz(|done| done < 300, 1);
}

#[test]
#[ignore = "takes twenty minutes"]
fn no_picture_breaks_the_readers_in_twenty_minutes() {
    let begun = std::time::Instant::now();
    fuzz(|_| begun.elapsed() < std::time::Duration::from_secs(20 * 60), std::process::id().into());
}

#[test]
fn a_text_that_unpacks_to_gigabytes_is_left_alone() {
    let bomb = ZTXtChunk::new("parameters", " ".repeat(MAX_TEXT + 1));
    assert!(read(&png_with(|writer| writer.write_text_chunk(&bomb).unwrap(), &[])).is_none());
    let many = "parameters\0x".as_bytes();
    let mut chunk = (many.len() as u32).to_be_bytes().to_vec();
    chunk.extend(b"tEXt");
    chunk.extend(many);
    chunk.extend([0; 4]);
    assert_eq!(texts::texts(&png_with(|_| (), &chunk.repeat(1000))).len(), MAX_TEXTS);
}
