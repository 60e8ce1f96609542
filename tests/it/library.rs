//! The Library page, driven as a person would: finding, searching, using, getting.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};

use eframe::egui::accesskit::Role;
use eframe::egui::{Event, Key, Theme};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use podium::gui::Podium;
use podium::gui::look::Page;
use podium::hub::Hub;
use podium::studio::library::getting::State;

use crate::looks::{settle, type_path, until, window};
use crate::story::says;
use crate::studio::small;

type Window = Harness<'static, Podium>;

/// Where the pictures of these tests go, for people to look at, when asked to.
fn photograph(harness: &mut Window, name: &str) {
    if std::env::var_os("PODIUM_PHOTOGRAPH").is_some() {
        harness.step();
        harness.render().expect("drawn").save(format!("/tmp/library-{name}.png")).expect("written");
    }
}

/// A person's folder of concepts, as A1111 has it.
fn webui() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("temporary");
    let concepts = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/miniature/concepts");
    let lora = folder.path().join("models/Lora/pets");
    std::fs::create_dir_all(&lora).expect("created");
    std::fs::create_dir_all(folder.path().join("models/Stable-diffusion")).expect("created");
    for name in ["mint_cat", "plum_dog"] {
        std::fs::copy(concepts.join(format!("{name}.safetensors")), lora.join(format!("{name}.safetensors")))
            .expect("copied");
    }
    let picture = image::RgbImage::from_pixel(300, 200, image::Rgb([90, 200, 160]));
    picture.save(lora.join("mint_cat.preview.png")).expect("written");
    let model = folder.path().join("models/Stable-diffusion/dream.safetensors");
    std::fs::write(model, b"no model").expect("written");
    folder
}

fn library(folder: &Path) -> Window {
    let mut window = window(small("beach", 2), [1280.0, 800.0], Theme::Dark);
    let studio = &mut window.state_mut().studio;
    studio.library.usual = false;
    studio.session.config.library_folders = vec![folder.to_owned()];
    window.state_mut().look.page = Page::Library;
    settle(&mut window);
    window
}

fn press(window: &mut Window, name: &str) {
    window.get_by_role_and_label(Role::Button, name).click();
    window.step();
    window.step();
}

fn found(window: &mut Window) {
    until(window, "the files", |podium| {
        !podium.studio.library.is_working() && podium.studio.library.looked().is_some()
    });
    settle(window);
}

#[test]
fn files_are_found_only_when_asked_searched_and_made_concepts() {
    let folder = webui();
    let mut window = library(folder.path());
    assert!(says(&window).contains("Nothing is copied or changed"), "{}", says(&window));
    assert!(window.state().studio.library.entries().is_empty(), "nobody has asked");
    window.get_all_by_role_and_label(Role::Button, "Find my files").next().expect("the button").click();
    found(&mut window);
    until(&mut window, "the preview", |podium| !podium.studio.library.is_busy());
    photograph(&mut window, "found");
    let text = says(&window);
    for words in ["mint_cat, ", "plum_dog, ", "dream, ", "3 files"] {
        assert!(text.contains(words), "{words}: {text}");
    }

    window.get_by_label("Search names and trigger words").focus();
    window.step();
    window.event(Event::Text("cat".into()));
    window.step();
    window.step();
    let text = says(&window);
    assert!(text.contains("1 of 3 files") && !text.contains("plum_dog, "), "{text}");

    // By keys: Tab leads to the card, Enter takes it in hand.
    let card = window.get_by_label_contains("mint_cat, ");
    card.focus();
    window.step();
    window.key_press(Key::Enter);
    window.step();
    window.step();
    photograph(&mut window, "chosen");
    assert!(says(&window).contains("from A1111"), "{}", says(&window));
    window.state_mut().studio.document.select_only(0);
    window.step();
    let concepts = window.state().studio.project().concepts.len();
    press(&mut window, "Make it a concept on layer 1");
    until(&mut window, "the concept", |podium| podium.studio.project().concepts.len() == concepts + 1);
    let path = folder.path().join("models/Lora/pets/mint_cat.safetensors");
    let project = window.state().studio.project().clone();
    let concept = project.concepts.last().expect("one");
    assert_eq!((&concept.file, project.layers()[0].concept.as_ref()), (&path, Some(&concept.name)));
    window.step();
    window.step();
    assert!(says(&window).contains(&format!("It is the concept {}.", concept.name)));

    window.get_by_label("Clear the search").click();
    window.step();
    press(&mut window, "Go to Compose");
    assert_eq!(window.state().look.page, Page::Compose);
}

#[test]
fn a_folder_is_added_by_its_path_and_looked_through_at_once() {
    let folder = webui();
    let mut window = library(folder.path());
    window.state_mut().studio.session.config.library_folders.clear();
    window.step();
    window.step();
    press(&mut window, "Add a folder...");
    type_path(&mut window, folder.path());
    until(&mut window, "the files", |podium| podium.studio.library.entries().len() == 3);
    found(&mut window);
    assert_eq!(window.state().studio.session.config.library_folders, [folder.path()]);
}

/// A hub with one repository of one file; the first request for the file is refused.
fn server(bytes: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let base = format!("http://{}", listener.local_addr().expect("an address"));
    let digest = ring::digest::digest(&ring::digest::SHA256, &bytes);
    let sum: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let commit = "0123456789abcdef0123456789abcdef01234567";
    let list = format!(
        r#"{{"sha":"{commit}","siblings":[{{"rfilename":"plum_dog.pth","size":{0},"lfs":{{"sha256":"{sum}","size":{0}}}}}]}}"#,
        bytes.len()
    );
    std::thread::spawn(move || {
        let mut refused = false;
        for mut stream in listener.incoming().flatten() {
            let path = asked(&stream);
            let good = if path.starts_with("/api/models/ada/dog/") {
                reply(&mut stream, "200 OK", list.as_bytes())
            } else if !std::mem::replace(&mut refused, true) {
                reply(&mut stream, "403 No", b"")
            } else {
                reply(&mut stream, "200 OK", &bytes)
            };
            drop(good);
        }
    });
    base
}

fn asked(stream: &TcpStream) -> String {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let first = lines.next().unwrap_or_default();
    for line in lines {
        if line.is_empty() {
            break;
        }
    }
    first.split(' ').nth(1).unwrap_or_default().to_owned()
}

fn reply(stream: &mut TcpStream, status: &str, body: &[u8]) -> std::io::Result<()> {
    write!(stream, "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len())?;
    stream.write_all(body)
}

#[test]
fn a_model_is_got_after_a_refusal_and_can_be_used_at_once() {
    let concept = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/miniature/concepts/plum_dog.safetensors");
    let bytes = std::fs::read(concept).expect("a concept");
    let base = server(bytes.clone());
    let home = tempfile::tempdir().expect("temporary");
    let mut window = library(home.path());
    let cache: PathBuf = home.path().join("hub");
    let hub = Hub::from_variables(
        |name| match name {
            "HF_ENDPOINT" => Some(base.clone().into()),
            "HF_HUB_CACHE" => Some(cache.clone().into_os_string()),
            _ => None,
        },
        None,
    );
    window.state_mut().studio.library.hub = Some(hub.expect("a hub"));
    window.get_by_label("What to get: org/name or an address").focus();
    window.step();
    window.event(Event::Text("ada/dog".into()));
    window.step();
    press(&mut window, "Get");
    let over = |podium: &mut Podium| !podium.studio.library.gettings().last().expect("one").is_open();
    until(&mut window, "the refusal", over);
    window.step();
    window.step();
    photograph(&mut window, "refused");
    assert!(says(&window).contains("wants a login (403)"), "{}", says(&window));
    press(&mut window, "Try again");
    until(&mut window, "the file", over);
    window.step();
    window.step();
    photograph(&mut window, "got");
    let State::Done(got) = window.state().studio.library.gettings()[0].state.clone() else {
        panic!("{}", says(&window))
    };
    assert_eq!(std::fs::read(&got.path).expect("there"), bytes);
    assert!(got.path.starts_with(&cache));
    window.get_by_label_contains("ada/dog, ").click();
    window.step();
    window.step();
    press(&mut window, "Make it a concept");
    until(&mut window, "the concept", |podium| {
        podium.studio.project().concepts.last().is_some_and(|concept| concept.file == got.path)
    });
}
