//! Files of any address, and pages of Civitai.

use std::fs;
use std::sync::{Arc, Mutex};

use super::server::{Mood, Server, give, reply, sums};
use super::{Desk, files_below, noise};
use crate::hub::place::Token;

/// A server with one file at every address.
fn file(bytes: Vec<u8>, headers: &[(&'static str, &'static str)], moods: Vec<Mood>) -> Server {
    let (headers, left) = (headers.to_vec(), Mutex::new(moods));
    Server::start(move |request, stream| {
        let mood = left.lock().unwrap().pop().unwrap_or(Mood::Well);
        give(request, stream, &bytes, &mood, &headers);
    })
}

#[test]
fn a_file_is_called_as_its_server_says_and_is_not_got_twice() {
    let named = ("Content-Disposition", "attachment; filename=\"my cat.safetensors\"");
    let server = file(noise(3000), &[named, ("ETag", "\"1\"")], Vec::new());
    let desk = Desk::new(&server);
    let address = format!("{}/api/download/models/7?type=Model", server.base);
    // The server stands for Civitai here, so it is not the hub.
    let mut desk = Desk {
        hub: crate::hub::Hub { endpoint: url::Url::parse("https://hub.example").unwrap(), ..desk.hub.clone() },
        ..desk
    };
    desk.hub.civitai_token = Token::new("key");
    let got = desk.get(&address).unwrap();
    assert_eq!((got.path.clone(), got.fetched), (desk.downloads().join("my cat.safetensors"), 3000));
    assert_eq!(fs::read(&got.path).unwrap(), noise(3000));
    assert_eq!(server.seen()[0].header("authorization"), Some("Bearer key"));
    let again = desk.get(&address).unwrap();
    assert_eq!((again.path, again.fetched), (got.path.clone(), 0));
    // Another file of that name is somebody's own.
    fs::write(&got.path, "mine").unwrap();
    assert_eq!(desk.get(&address).unwrap().path, desk.downloads().join("my cat-2.safetensors"));
    assert_eq!(fs::read(&got.path).unwrap(), b"mine");
}

/// A desk whose hub is another server.
fn apart(server: &Server) -> Desk {
    let mut desk = Desk::new(server);
    desk.hub.endpoint = url::Url::parse("https://hub.example").unwrap();
    desk.hub.civitai = url::Url::parse("https://civitai.example").unwrap();
    desk
}

#[test]
fn a_file_goes_on_at_the_next_session_while_its_tag_is_the_same() {
    let tag: Arc<Mutex<&'static str>> = Arc::new(Mutex::new("\"1\""));
    let (bytes, now) = (noise(900_000), tag.clone());
    let breaks = Arc::new(Mutex::new(1));
    let left = breaks.clone();
    let server = Server::start(move |request, stream| {
        let mut left: std::sync::MutexGuard<u32> = left.lock().unwrap();
        let mood = if *left > 0 { Mood::Break(500_000) } else { Mood::Well };
        *left = left.saturating_sub(1);
        give(request, stream, &bytes, &mood, &[("ETag", *now.lock().unwrap())]);
    });
    let address = format!("{}/x/model.safetensors", server.base);
    let mut desk = apart(&server);
    desk.hub.limits.tries = 1;
    assert!(desk.fails(&address).contains("kept"));
    let got = desk.get(&address).unwrap();
    assert_eq!(
        (fs::read(&got.path).unwrap(), got.path.file_name().unwrap()),
        (noise(900_000), "model.safetensors".as_ref())
    );
    assert_eq!(got.fetched, 400_000);
    assert_eq!(server.seen().last().unwrap().header("if-range"), Some("\"1\""));
    assert_eq!(server.seen()[0].header("authorization"), None);

    // Changed meanwhile: what came of the old one is no part of the new one.
    fs::remove_file(&got.path).unwrap();
    *breaks.lock().unwrap() = 1;
    assert!(desk.get(&address).is_err());
    *tag.lock().unwrap() = "\"2\"";
    assert_eq!(desk.get(&address).unwrap().fetched, 900_000);
}

#[test]
fn a_page_or_a_hostile_name_is_no_file() {
    let page = file(b"<html>".to_vec(), &[("Content-Type", "text/html; charset=utf-8")], Vec::new());
    let words = apart(&page).fails(&format!("{}/x.safetensors", page.base));
    assert!(words.contains("a page for a browser"), "{words}");

    let hostile = ("Content-Disposition", "attachment; filename=\"../../evil.safetensors\"");
    let server = file(noise(10), &[hostile], Vec::new());
    let desk = apart(&server);
    assert!(desk.fails(&format!("{}/download", server.base)).contains("no file of weights"));
    let got = desk.get(&format!("{}/fine.pt", server.base)).unwrap();
    assert_eq!(got.path, desk.downloads().join("fine.pt"));
    let outside: Vec<String> = files_below(desk.folder.path());
    assert!(outside.iter().all(|name| !name.contains("evil")), "{outside:?}");
    let text = file(noise(10), &[("Content-Disposition", "attachment; filename=setup.exe")], Vec::new());
    assert!(apart(&text).fails(&format!("{}/get", text.base)).contains("no file of weights"));
}

#[test]
fn a_file_of_unknown_length_is_taken_to_its_end_and_no_further_than_the_bound() {
    let server = file(noise(100_000), &[], vec![Mood::Endless, Mood::Endless]);
    let mut desk = apart(&server);
    desk.hub.limits.largest = 1 << 20;
    assert!(desk.fails(&format!("{}/x.pt", server.base)).contains("more than"));
    desk.hub.limits.largest = 1 << 30;
    let got = desk.get(&format!("{}/x.pt", server.base)).unwrap();
    assert_eq!(fs::metadata(got.path).unwrap().len(), 6_400_000);
}

#[test]
fn a_page_of_civitai_means_its_file_with_its_checksum() {
    let bytes = noise(2000);
    let (good, wrong) = (sums(&bytes).0, sums(b"else").0);
    let base: Arc<Mutex<String>> = Arc::default();
    let here = base.clone();
    let server = Server::start(move |request, stream| {
        let list = |sum: &str, model: &str| {
            let url = format!("{}/download/9", here.lock().unwrap());
            format!(
                r#"{{"id":9,"baseModel":"{model}","files":[{{"name":"cat.safetensors","primary":true,"downloadUrl":"{url}","hashes":{{"SHA256":"{sum}"}}}}]}}"#
            )
        };
        match request.path.as_str() {
            "/api/v1/models/5" => {
                reply(stream, 200, &[], format!(r#"{{"modelVersions":[{}]}}"#, list(&good, "SD 1.5")).as_bytes());
            }
            "/api/v1/model-versions/6" => reply(stream, 200, &[], list(&wrong, "SD 1.5").as_bytes()),
            "/api/v1/model-versions/7" => reply(stream, 200, &[], list(&good, "SDXL 1.0").as_bytes()),
            "/download/9" => give(request, stream, &bytes, &Mood::Well, &[]),
            _ => reply(stream, 404, &[], b""),
        }
    });
    base.lock().unwrap().clone_from(&server.base);
    let mut desk = apart(&server);
    desk.hub.civitai = url::Url::parse(&server.base).unwrap();
    let got = desk.get("https://civitai.com/models/5/cat").unwrap();
    assert_eq!((fs::read(&got.path).unwrap(), got.path), (noise(2000), desk.downloads().join("cat.safetensors")));
    assert!(desk.fails("https://civitai.com/models/5?modelVersionId=6").contains("damaged"));
    assert!(desk.fails("https://civitai.com/models/5?modelVersionId=7").contains("SDXL 1.0"));
    assert!(desk.fails("https://civitai.com/models/1").contains("no such file"));
}
