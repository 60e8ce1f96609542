//! Looking through made-up folders of every program, and getting from a server that is not there.

use std::fs;

use super::search::{Wish, shown};
use super::*;
use crate::engine::adapters::Base;

/// A home with the folders of every program.
struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        let webui = "stable-diffusion-webui";
        home.file(&format!("{webui}/models/Stable-diffusion/dream.safetensors"));
        home.file(&format!("{webui}/models/Stable-diffusion/sub/old.ckpt"));
        home.file(&format!("{webui}/models/VAE/soft.vae.pt"));
        home.file(&format!("{webui}/models/Lora/cats/mint cat.safetensors"));
        home.file(&format!("{webui}/models/Lora/cats/mint cat.preview.png"));
        home.file(&format!("{webui}/models/ESRGAN/4x.pth"));
        home.file(&format!("{webui}/embeddings/easy.pt"));
        home.file(&format!("{webui}/venv/lib/torch/weights.pth"));
        home.file(&format!("{webui}/outputs/x.safetensors"));
        home.file("ai/ComfyUI/models/checkpoints/comfy.safetensors");
        home.file("ai/ComfyUI/models/loras/dog.safetensors");
        home.file("ai/ComfyUI/models/diffusers/whole/model_index.json");
        home.file("ai/ComfyUI/models/diffusers/whole/unet/diffusion_pytorch_model.safetensors");
        home.file("ai/ComfyUI/models/controlnet/canny.safetensors");
        home.text("ai/ComfyUI/extra_model_paths.yaml", "mine:\n  base_path: ~/disk\n  loras: |\n    more/loras\n");
        home.file("disk/more/loras/far.safetensors");
        home.text("invokeai/invokeai.yaml", "x: 1");
        home.file("invokeai/models/sd-1/lora/fox.safetensors");
        home.file("invokeai/models/0a1b-2c/anything.safetensors");
        home.file("data/krita/ai_diffusion/server/models/loras/krita.safetensors");
        home.file(
            "hub/models--ada--toy/snapshots/0123456789012345678901234567890123456789/pytorch_lora_weights.safetensors",
        );
        home.file("mine/odd.safetensors");
        home.file("mine/model-00001-of-00002.safetensors");
        home.file("mine/.hidden/x.safetensors");
        home
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn text(&self, name: &str, text: &str) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), text).unwrap();
    }

    fn file(&self, name: &str) {
        self.text(name, name);
    }

    fn hub(&self) -> Hub {
        let cache = self.path("hub").into_os_string();
        let endpoint = "http://127.0.0.1:1";
        let mut hub = Hub::from_variables(
            |name| match name {
                "HF_HUB_CACHE" => Some(cache.clone()),
                "HF_ENDPOINT" => Some(endpoint.into()),
                _ => None,
            },
            None,
        )
        .unwrap();
        hub.limits.tries = 1;
        hub
    }

    fn walk(&self, cancel: &Cancel) -> (Vec<Entry>, Walked) {
        let machine = Machine { home: Some(self.path("")), data: Some(self.path("data")), variable: &|_| None };
        let roots = roots::roots(&machine, &self.hub(), &self.path("downloads"), &[self.path("mine")]);
        let mut entries = Vec::new();
        let walked = walk::walk(&roots, cancel, &mut |told| {
            if let walk::Told::Found(entry) = told {
                entries.push(*entry);
            }
        });
        (entries, walked)
    }

    fn library(&self) -> Library {
        let mut library = Library::new(&Pool::start(Arc::new(|| ())).unwrap(), self.path("downloads")).unwrap();
        (library.hub, library.usual) = (Some(self.hub()), false);
        library
    }
}

/// Polls until nothing is under way.
fn rest(library: &mut Library) {
    let begun = Instant::now();
    while library.is_busy() || library.is_working() {
        library.poll();
        assert!(begun.elapsed() < Duration::from_secs(120), "it goes on for ever");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn what_every_program_has_is_found_and_nothing_else() {
    let home = Home::new();
    let (entries, walked) = home.walk(&Cancel::default());
    let mut found: Vec<_> = entries.iter().map(|entry| (entry.name.as_str(), entry.program)).collect();
    found.sort_by_key(|(name, _)| *name);
    let expected = [
        ("4x", Program::A1111),
        ("ada/toy", Program::Hub),
        ("anything", Program::InvokeAi),
        ("canny", Program::ComfyUi),
        ("comfy", Program::ComfyUi),
        ("dog", Program::ComfyUi),
        ("dream", Program::A1111),
        ("easy", Program::A1111),
        ("far", Program::ComfyUi),
        ("fox", Program::InvokeAi),
        ("krita", Program::Krita),
        ("mint cat", Program::A1111),
        ("odd", Program::Folder),
        ("old", Program::A1111),
        ("soft.vae", Program::A1111),
        ("whole", Program::ComfyUi),
    ];
    assert_eq!(found, expected);
    assert_eq!((walked.found, walked.left_out), (16, None));
    let cat = entries.iter().find(|entry| entry.name == "mint cat").unwrap();
    assert_eq!(cat.preview, Some(cat.path.with_file_name("mint cat.preview.png")));
    assert!(cat.bytes > 0 && cat.changed > 0);
    let whole = entries.iter().find(|entry| entry.name == "whole").unwrap();
    assert_eq!((whole.kind, whole.bytes > 0, whole.path.is_dir()), (Kind::Model, true, true));
}

#[cfg(unix)]
#[test]
fn links_in_circles_and_to_the_same_file_end() {
    let home = Home::new();
    let link = |to: &str, from: &str| std::os::unix::fs::symlink(home.path(to), home.path(from)).unwrap();
    link("mine", "mine/again");
    link("", "mine/all");
    link("mine/odd.safetensors", "mine/another name.safetensors");
    link("gone", "mine/broken.safetensors");
    let (entries, _) = home.walk(&Cancel::default());
    let odd = entries.iter().filter(|entry| entry.path.to_string_lossy().contains("mine/")).count();
    // The link sorts before what it leads to.
    assert_eq!(odd, 1 + entries.iter().filter(|entry| entry.path.starts_with(home.path("mine/all"))).count());
    let mut real: Vec<PathBuf> = entries.iter().map(|entry| entry.path.canonicalize().unwrap()).collect();
    let count = real.len();
    real.sort();
    real.dedup();
    assert_eq!(real.len(), count, "no file is listed twice");
}

#[test]
fn a_search_can_be_given_up() {
    let home = Home::new();
    let cancel = Cancel::default();
    cancel.cancel();
    assert_eq!(home.walk(&cancel).0, []);
}

#[test]
fn the_room_looks_in_the_background_only_when_asked() {
    let home = Home::new();
    let mut library = home.library();
    library.poll();
    assert!(library.entries().is_empty() && library.looked().is_none() && !library.is_working());
    library.look(vec![home.path("mine"), home.path("stable-diffusion-webui")]);
    assert!(library.looking().is_some());
    rest(&mut library);
    assert!(library.looking().is_none());
    assert_eq!(library.looked().unwrap().as_ref().unwrap().found, library.entries().len());
    let wish = Wish { words: "mint".into(), ..Wish::default() };
    let found = shown(library.entries(), &wish);
    assert_eq!(found.len(), 1);
    let picture = library.entries()[found[0]].preview.clone().unwrap();
    assert_eq!(library.preview(&picture), Preview::Loading);
    rest(&mut library);
    // It is no picture, in truth.
    assert_eq!(library.preview(&picture), Preview::Failed);
}

/// A LoRA with this in the place of a picture in its metadata.
fn pictured(url: &str) -> Vec<u8> {
    let layer = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k.lora_down.weight";
    tensors(&[(layer, &[4, 768])], &format!(r#""modelspec.thumbnail":"{url}""#))
}

#[test]
fn a_picture_in_a_file_is_shown_where_none_lies_beside_it() {
    let home = tempfile::tempdir().unwrap();
    // One pixel of a GIF.
    let gif = "data:image/gif;base64,R0lGODlhAQABAIAAAP///wAAACH5BAEAAAAALAAAAAABAAEAAAICRAEAOw==";
    let path = |name: &str| home.path().join(name);
    for (name, url) in [("a", gif), ("b", "data:image/png;base64,AAAA"), ("c", "none"), ("d", gif)] {
        fs::write(path(&format!("{name}.safetensors")), pictured(url)).unwrap();
    }
    fs::write(path("d.preview.png"), b"no picture").unwrap();
    let looker = look::Looker::default();
    let preview = |name: &str| {
        let file = path(&format!("{name}.safetensors"));
        walk::entry(&looker, &file, name.into(), Kind::Unknown, Program::Folder).unwrap().preview
    };
    assert_eq!(preview("a"), Some(path("a.safetensors")));
    assert_eq!((preview("c"), preview("d")), (None, Some(path("d.preview.png"))));
    let made = previews::make(&path("a.safetensors")).unwrap();
    assert_eq!((made.dimensions(), made.get_pixel(0, 0).0), ((256, 256), [255; 3]));
    assert!(previews::make(&path("b.safetensors")).is_none() && previews::make(&path("c.safetensors")).is_none());
}

#[test]
fn one_at_a_time_is_got_and_what_fails_says_why_and_can_be_tried_again() {
    let home = Home::new();
    let mut library = home.library();
    library.get("ada/model", Precision::Half);
    library.get("no address", Precision::Half);
    library.get("ada/model", Precision::Half);
    library.get("ada/last", Precision::Half);
    let states: Vec<&State> = library.gettings().iter().map(|getting| &getting.state).collect();
    assert_eq!(states, [&State::Running, &State::Waiting, &State::Waiting]);
    let last = library.gettings()[2].id;
    library.cancel(last);
    rest(&mut library);
    let words = |library: &Library, at: usize| library.gettings()[at].words(Instant::now());
    assert!(words(&library, 0).contains("127.0.0.1 cannot be reached"), "{}", words(&library, 0));
    assert!(words(&library, 1).contains("org/name"), "{}", words(&library, 1));
    assert_eq!(library.gettings()[2].state, State::Cancelled);
    library.retry(last);
    let again = library.gettings().last().unwrap();
    assert!(again.is_open() && again.text == "ada/last");
    rest(&mut library);
    let failed = library.gettings()[0].id;
    library.dismiss(failed);
    assert_eq!(library.gettings().len(), 2);
}

/// A safetensors file with these tensors of zeros.
fn tensors(tensors: &[(&str, &[usize])], metadata: &str) -> Vec<u8> {
    let mut at = 0;
    let entries = tensors.iter().map(|(name, shape)| {
        let (begin, bytes) = (at, 4 * shape.iter().product::<usize>());
        at += bytes;
        format!(r#""{name}":{{"dtype":"F32","shape":{shape:?},"data_offsets":[{begin},{at}]}}"#)
    });
    let entries: Vec<String> = entries.collect();
    let header = format!(r#"{{"__metadata__":{{{metadata}}},{}}}"#, entries.join(","));
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend_from_slice(header.as_bytes());
    file.resize(file.len() + at, 0);
    file
}

#[test]
fn what_a_file_is_shows_by_its_list_of_tensors() {
    let home = tempfile::tempdir().unwrap();
    let looker = look::Looker::default();
    let look = |bytes: &[u8], hint: Kind| {
        let path = home.path().join("x.safetensors");
        fs::write(&path, bytes).unwrap();
        looker.look(&path, hint)
    };
    let layer = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k";
    let (down, up) = (format!("{layer}.lora_down.weight"), format!("{layer}.lora_up.weight"));
    let lora =
        |width: usize| tensors(&[(&down, &[4, width]), (&up, &[320, 4])], r#""modelspec.trigger_phrase":"sks cat""#);

    let seen = look(&lora(768), Kind::Unknown);
    assert_eq!((seen.kind, seen.unfit, seen.triggers), (Kind::Lora, None, vec!["sks cat".to_owned()]));
    assert_eq!(seen.base, Some(Base::Sd1));

    // In whatever folder it lies, and for whatever it is.
    let seen = look(&lora(2048), Kind::Embedding);
    assert_eq!(seen.kind, Kind::Lora);
    assert!(seen.unfit.unwrap().contains("Stable Diffusion XL"));
    assert_eq!(seen.base, Some(Base::Sdxl));

    let seen = look(&tensors(&[("<toy>", &[2, 768])], ""), Kind::Unknown);
    assert_eq!((seen.kind, seen.unfit, seen.triggers), (Kind::Embedding, None, vec!["<toy>".to_owned()]));

    let model = tensors(&[("model.diffusion_model.out.2.bias", &[4])], "");
    assert_eq!(look(&model, Kind::Unknown).kind, Kind::Model);
    let seen = look(&tensors(&[("model.diffusion_model.input_blocks.0.0.weight", &[8, 9, 3, 3])], ""), Kind::Lora);
    assert_eq!(seen.kind, Kind::Model);
    assert!(seen.unfit.unwrap().contains("inpainting"));
    // Nothing shows: the folder's word counts.
    assert_eq!(look(&tensors(&[("decoder.conv_in.bias", &[4])], ""), Kind::Vae).kind, Kind::Vae);

    // What lies beside it says more, and the tensors' word on the base counts before it.
    let note = r#"{"trainedWords": ["mint cat"], "baseModel": "SDXL 1.0"}"#;
    fs::write(home.path().join("x.civitai.info"), note).unwrap();
    let seen = look(&lora(768), Kind::Unknown);
    assert_eq!((seen.triggers, seen.base), (vec!["sks cat".to_owned(), "mint cat".into()], Some(Base::Sd1)));
    assert_eq!(look(&tensors(&[("decoder.conv_in.bias", &[4])], ""), Kind::Vae).base, Some(Base::Sdxl));

    let seen = look(b"not a model at all", Kind::Lora);
    assert!(seen.kind == Kind::Lora && seen.unfit.is_some_and(|words| words.contains("x.safetensors")));
}
