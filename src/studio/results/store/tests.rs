use std::fs;
use std::sync::Weak;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use image::Rgb;

use super::*;
use crate::project::png_text;

struct Gallery(tempfile::TempDir);

impl Gallery {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn places(&self) -> Places {
        Places::in_folder(self.0.path())
    }

    fn open(&self) -> Store {
        let mut store = Store::open(&self.places(), Arc::new(|| ()));
        wait(&mut store, "it is listed", Store::is_listed);
        store
    }

    fn files(&self) -> usize {
        let visible = |entry: &fs::DirEntry| !entry.file_name().to_string_lossy().starts_with('.');
        fs::read_dir(self.places().results_folder()).unwrap().filter(|entry| visible(entry.as_ref().unwrap())).count()
    }
}

fn wait(store: &mut Store, what: &str, done: impl Fn(&Store) -> bool) {
    let start = Instant::now();
    while !done(store) {
        assert!(start.elapsed() < Duration::from_secs(180), "waited too long until {what}");
        store.poll();
        std::thread::sleep(Duration::from_millis(1));
    }
    store.poll();
}

fn written(store: &mut Store) {
    wait(store, "everything is written", |store| !store.is_writing());
}

fn load(store: &mut Store, id: &str) -> Arc<RgbImage> {
    let start = Instant::now();
    loop {
        if let Some(picture) = store.picture(id) {
            return picture;
        }
        assert!(start.elapsed() < Duration::from_secs(180) && store.failure(id).is_none(), "{:?}", store.failure(id));
        store.poll();
    }
}

/// A picture that no other number has.
fn picture(number: u32) -> RgbImage {
    RgbImage::from_fn(48, 32, |x, y| Rgb([(x * 5) as u8, (y * 7) as u8, number as u8]))
}

fn add(store: &mut Store, number: u32) -> ResultId {
    let project = Project { prompt: format!("a cat,\n number  {number}"), ..Project::new() };
    let meta = Meta { took: Duration::from_millis(1500), batch: 7, picture: number, device: "CPU".into() };
    store.add(&picture(number), &project, Path::new("/work"), 40 + u64::from(number), meta)
}

#[test]
fn a_result_is_there_at_once_and_after_the_next_start() {
    let gallery = Gallery::new();
    let mut store = gallery.open();
    assert!(store.entries().is_empty());
    let (first, second) = (add(&mut store, 1), add(&mut store, 2));
    let ids = |store: &Store| store.entries().iter().map(|entry| entry.id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&store), [second.clone(), first.clone()]);
    assert_eq!(*store.picture(&second).unwrap(), picture(2));
    let entries = store.entries().to_vec();
    assert_eq!(store.close(), [] as [String; 0]);

    let mut store = gallery.open();
    assert_eq!(store.entries(), entries);
    assert_eq!(store.pictures_held(), 0, "listing opens no picture");
    let entry = store.entry(&first).unwrap();
    assert_eq!((entry.seed, entry.took, entry.size, entry.picture), (Some(41), 1.5, (48, 32), 1));
    assert_eq!((entry.prompt.as_str(), entry.device.as_str()), ("a cat, number 1", "CPU"));
    assert_eq!(*load(&mut store, &first), picture(1));
    let project = png_text::read_project(&store.path(&first)).unwrap().unwrap();
    assert_eq!(project.seed, 41);
    assert_eq!(store.take_messages(), [] as [String; 0]);
}

#[test]
fn pictures_of_one_render_are_one_batch_and_those_of_another_session_are_not() {
    let gallery = Gallery::new();
    let mut store = gallery.open();
    add(&mut store, 1);
    add(&mut store, 2);
    drop(store);
    let mut store = gallery.open();
    add(&mut store, 3);
    let batches: Vec<&str> = store.entries().iter().map(|entry| entry.batch.as_str()).collect();
    assert_eq!(batches[1], batches[2]);
    assert_ne!(batches[0], batches[1]);
}

#[test]
fn memory_stays_flat_over_sixty_results() {
    let gallery = Gallery::new();
    let mut store = gallery.open();
    let large = RgbImage::from_fn(512, 512, |x, y| Rgb([x as u8, y as u8, (x ^ y) as u8]));
    let mut seen: Vec<Weak<RgbImage>> = Vec::new();
    let alive = |seen: &[Weak<RgbImage>]| seen.iter().filter(|picture| picture.strong_count() > 0).count();
    for _ in 0..60 {
        // Slower than the disk, as renders are.
        wait(&mut store, "the disk keeps up", |store| store.shared.waiting() < WAITING);
        let id = store.add(&large, &Project::new(), Path::new("/work"), 0, Meta::default());
        seen.push(Arc::downgrade(&store.picture(&id).unwrap()));
        store.poll();
        assert!(alive(&seen) <= PICTURES + WAITING, "{} pictures in memory", alive(&seen));
        assert!(store.pictures_held() <= PICTURES + WAITING);
    }
    written(&mut store);
    assert!(alive(&seen) <= PICTURES, "{} pictures in memory", alive(&seen));
    assert_eq!((store.entries().len(), gallery.files()), (60, 120));
    assert_eq!(store.take_messages(), [] as [String; 0]);

    // Looking through all of them holds no more.
    let ids: Vec<ResultId> = store.entries().iter().map(|entry| entry.id.clone()).collect();
    for id in &ids {
        assert_eq!(*load(&mut store, id), large);
    }
    assert_eq!(store.pictures_held(), PICTURES);
}

/// The thread is held where it tells of its work, as a stuck disk would hold it where it writes.
#[test]
fn a_stuck_disk_keeps_nobody_waiting_and_is_told_of_once() {
    let gallery = Gallery::new();
    let (hold, held) = unbounded::<()>();
    let mut store = Store::open(&gallery.places(), Arc::new(move || _ = held.recv()));
    let (done, finished) = unbounded();
    let adding = std::thread::spawn(move || {
        let ids: Vec<ResultId> = (0..3 * WAITING as u32).map(|number| add(&mut store, number)).collect();
        let _ = done.send(());
        (store, ids)
    });
    finished.recv_timeout(Duration::from_secs(120)).expect("adding a picture waits for the disk");
    let (mut store, ids) = adding.join().unwrap();
    assert!(store.is_behind());
    let messages = store.take_messages();
    assert!(messages.len() == 1 && messages[0].contains("does not keep up"), "{messages:?}");
    drop(hold);
    written(&mut store);
    assert!(!store.is_behind());
    assert_eq!((store.entries().len(), gallery.files()), (ids.len(), 2 * ids.len()));
    assert_eq!(store.take_messages(), [] as [String; 0]);
}

#[test]
fn what_cannot_be_written_is_kept_told_once_and_tried_again() {
    let gallery = Gallery::new();
    let mut store = gallery.open();
    let folder = gallery.places().results_folder();
    let aside = folder.with_extension("aside");
    fs::rename(&folder, &aside).unwrap();
    fs::write(&folder, "where the folder should be").unwrap();
    let ids: Vec<ResultId> = (0..3).map(|number| add(&mut store, number)).collect();
    wait(&mut store, "each was tried", |store| store.unwritten() == 3);
    let told = store.take_messages();
    assert!(told.len() == 1 && told[0].contains("tried again"), "{told:?}");
    // Newer pictures than memory keeps do not drive them out.
    for number in 0..PICTURES as u32 {
        store.pictures.put(format!("other {number}"), Arc::new(picture(number)));
    }
    assert_eq!(*load(&mut store, &ids[0]), picture(0));
    fs::remove_file(&folder).unwrap();
    fs::rename(&aside, &folder).unwrap();
    wait(&mut store, "each is written", |store| store.unwritten() == 0 && !store.is_writing());
    assert_eq!((gallery.files(), store.take_messages()), (6, vec![]));
}

#[test]
fn marks_outlive_a_disk_that_was_gone_when_they_were_made() {
    let gallery = Gallery::new();
    let mut store = gallery.open();
    let written_before = add(&mut store, 1);
    written(&mut store);
    let folder = gallery.places().results_folder();
    let aside = folder.with_extension("aside");
    fs::rename(&folder, &aside).unwrap();
    fs::write(&folder, "where the folder should be").unwrap();
    let (waits, taken_out) = (add(&mut store, 2), add(&mut store, 3));
    wait(&mut store, "each was tried", |store| store.unwritten() == 2);
    assert!(store.waiting(&waits).is_some() && store.waiting(&written_before).is_none());
    store.set_starred(&waits, true);
    store.set_starred(&written_before, true);
    store.set_deleted(&taken_out, true);
    written(&mut store);
    fs::remove_file(&folder).unwrap();
    fs::rename(&aside, &folder).unwrap();
    // At the end each is tried once more.
    assert_eq!(store.close().len(), 1, "it was told that they wait, and nothing more");
    assert_eq!(gallery.files(), 4, "what was taken out is not written then");

    let store = gallery.open();
    let starred = |id: &str| store.entry(id).map(|entry| entry.starred);
    assert_eq!([&waits, &written_before, &taken_out].map(|id| starred(id)), [Some(true), Some(true), None]);
}

#[test]
fn thumbnails_come_with_a_later_poll_in_the_picture_s_shape() {
    let gallery = Gallery::new();
    let mut store = gallery.open();
    let id = add(&mut store, 1);
    drop(store);
    let woken = Arc::new(AtomicUsize::new(0));
    let count = woken.clone();
    let mut store = Store::open(&gallery.places(), Arc::new(move || _ = count.fetch_add(1, Ordering::Relaxed)));
    assert!(store.thumbnail(&id, 24).is_none());
    wait(&mut store, "the thumbnail is there", |store| store.thumbnails.len() == 1);
    assert_eq!(store.thumbnail(&id, 24).unwrap().dimensions(), (24, 16));
    assert!(woken.load(Ordering::Relaxed) >= 2);
    // Never larger than the picture, and nothing goes wrong with odd sides.
    for (side, expected) in [(0, (1, 1)), (1, (1, 1)), (4000, (48, 32))] {
        while store.thumbnail(&id, side).is_none() {
            store.poll();
        }
        assert_eq!(store.thumbnail(&id, side).unwrap().dimensions(), expected);
    }
}

#[test]
fn a_wish_that_was_crowded_out_can_be_made_again() {
    let gallery = Gallery::new();
    let mut store = gallery.open();
    let ids: Vec<ResultId> = (0..100).map(|number| add(&mut store, number)).collect();
    for id in &ids {
        store.request(id);
        store.thumbnail(id, 8);
    }
    for id in &ids {
        load(&mut store, id);
    }
}

#[test]
fn a_damaged_result_says_so_once_and_is_not_asked_for_again() {
    let gallery = Gallery::new();
    let mut store = gallery.open();
    let (bad, good) = (add(&mut store, 1), add(&mut store, 2));
    drop(store);
    let mut store = gallery.open();
    let path = store.path(&bad);
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 60]).unwrap();
    assert!(store.picture(&bad).is_none());
    store.thumbnail(&bad, 8);
    wait(&mut store, "it failed", |store| store.failure(&bad).is_some() && store.asked.is_empty());
    let messages = store.take_messages();
    assert_eq!(messages.len(), 1, "{messages:?}");
    assert!(messages[0].contains("damaged or cut short"), "{messages:?}");
    assert!(store.picture(&bad).is_none());
    assert!(store.asked.is_empty());
    assert_eq!(*load(&mut store, &good), picture(2));
}

#[test]
fn files_that_are_no_pictures_are_left_out_and_counted_in_words() {
    let gallery = Gallery::new();
    let folder = gallery.places().results_folder();
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("empty.png"), "").unwrap();
    picture(1).save(folder.join("mine.png")).unwrap();
    let mut store = gallery.open();
    assert_eq!(store.entries().iter().map(|entry| entry.id.as_str()).collect::<Vec<_>>(), ["mine"]);
    assert_eq!(*load(&mut store, "mine"), picture(1));
    let messages = store.take_messages();
    assert!(messages.len() == 1 && messages[0].contains("empty.png"), "{messages:?}");
}

#[test]
fn stars_are_kept() {
    let gallery = Gallery::new();
    let mut store = gallery.open();
    let id = add(&mut store, 1);
    assert!(store.set_starred(&id, true));
    assert!(!store.set_starred("nothing", true));
    drop(store);
    let mut store = gallery.open();
    assert!(store.entry(&id).unwrap().starred);
    store.set_starred(&id, false);
    drop(store);
    assert!(!gallery.open().entry(&id).unwrap().starred);
}

#[test]
fn what_was_taken_out_can_be_put_back_until_the_session_ends() {
    let gallery = Gallery::new();
    let mut store = gallery.open();
    let (kept, gone, back) = (add(&mut store, 1), add(&mut store, 2), add(&mut store, 3));
    store.set_deleted(&gone, true);
    store.set_deleted(&back, true);
    written(&mut store);
    assert_eq!(gallery.files(), 6);
    assert!(store.entry(&gone).unwrap().deleted);
    store.set_deleted(&back, false);
    assert_eq!(store.close(), [] as [String; 0]);
    assert_eq!(gallery.files(), 4);
    let store = gallery.open();
    assert!(store.entry(&kept).is_some() && store.entry(&back).is_some_and(|entry| !entry.deleted));
    assert!(store.entry(&gone).is_none());
}

#[test]
fn after_a_crash_what_was_taken_out_goes_at_the_next_start() {
    let gallery = Gallery::new();
    let mut store = gallery.open();
    let (kept, gone) = (add(&mut store, 1), add(&mut store, 2));
    store.set_deleted(&gone, true);
    drop(store);
    assert_eq!(gallery.files(), 4);
    let store = gallery.open();
    assert_eq!(gallery.files(), 2);
    assert!(store.entry(&kept).is_some() && store.entry(&gone).is_none());
}

#[test]
fn a_second_podium_leaves_the_first_one_s_undo_alone() {
    let gallery = Gallery::new();
    let mut first = gallery.open();
    let id = add(&mut first, 1);
    first.set_deleted(&id, true);
    written(&mut first);
    let mut second = gallery.open();
    assert!(second.entry(&id).unwrap().deleted);
    assert_eq!(second.close(), [] as [String; 0]);
    let third = gallery.open();
    assert_eq!(gallery.files(), 2);
    first.set_deleted(&id, false);
    drop((first, third));
    assert!(!gallery.open().entry(&id).unwrap().deleted);
}

#[test]
fn a_disk_that_cannot_be_written_is_told_and_the_picture_stays_in_memory() {
    let gallery = Gallery::new();
    fs::create_dir_all(gallery.0.path().join("data")).unwrap();
    fs::write(gallery.places().results_folder(), "a file in the way").unwrap();
    let mut store = gallery.open();
    let id = add(&mut store, 1);
    written(&mut store);
    let messages = store.take_messages();
    assert!(messages.len() == 1 && messages[0].contains("is not kept on the disk"), "{messages:?}");
    assert_eq!(*store.picture(&id).unwrap(), picture(1));
}

#[test]
fn a_prompt_is_shortened_to_one_line() {
    assert_eq!(excerpt("  a cat\n\n on   the beach "), "a cat on the beach");
    let long = excerpt(&"猫 ".repeat(500));
    assert!(long.chars().count() <= EXCERPT + 1 && long.ends_with('…'), "{long}");
}
