use std::time::Duration;

use image::Luma;

use super::*;
use crate::engine::cache::Cache;
use crate::engine::train::photos::Kind;

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/training")
}

struct Room {
    room: Trainings,
    _pool: Pool,
    folder: tempfile::TempDir,
}

impl Room {
    fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (room, pool) = Self::in_folder(folder.path());
        Self { room, _pool: pool, folder }
    }

    fn in_folder(folder: &Path) -> (Trainings, Pool) {
        let pool = Pool::start(Arc::new(|| ())).unwrap();
        let mut room = Trainings::new(&pool, Places::in_folder(folder));
        settle(&mut room);
        (room, pool)
    }

    /// With the photos of the tests' data.
    fn with_photos() -> Self {
        let mut opened = Self::open();
        opened.room.add(vec![data()]);
        settle(&mut opened.room);
        opened
    }
}

/// Waits until nothing is read or written, and gives what was said meanwhile.
fn settle(room: &mut Trainings) -> Vec<String> {
    let (begun, mut said) = (Instant::now(), Vec::new());
    loop {
        let outcomes = room.poll();
        said.extend(outcomes.into_iter().filter_map(|outcome| match outcome {
            Outcome::Say(notice) => Some(notice.words),
            Outcome::Learnt => None,
        }));
        room.findings();
        if !room.is_busy() {
            return said;
        }
        assert!(begun.elapsed() < Duration::from_secs(120), "it did not end");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn kinds(room: &mut Trainings) -> Vec<Kind> {
    room.findings().iter().map(|finding| finding.kind).collect()
}

#[test]
fn a_folder_of_photos_becomes_the_training_and_is_inspected() {
    let mut opened = Room::with_photos();
    let room = &mut opened.room;
    let training = room.training();
    assert_eq!((training.name.as_str(), training.photos.len()), ("training", 6));
    assert!(training.photos.iter().all(|photo| photo.mask.is_some() && captions::has_place(&photo.caption)));
    assert_eq!(training.settings, TrainingSettings::quick());
    assert_eq!((kinds(room), room.obstacle()), (vec![], None));
    assert_eq!(room.side(), Some(Ok(256)));
    // The same again adds nothing; two more kinds of files say what they are.
    room.add(vec![data(), data().join("0.png"), data().join("../training/0.txt")]);
    assert_eq!(settle(room), Vec::<String>::new());
    assert_eq!(room.training().photos.len(), 6);
    let note = opened.folder.path().join("song.mp3");
    std::fs::write(&note, b"x").unwrap();
    room.add(vec![note, opened.folder.path().join("none")]);
    let said = settle(room).join(" ");
    assert!(said.contains("song.mp3 is no photo") && said.contains("none is no photo"), "{said}");
    assert!(room.draft.undo() && room.training().photos.is_empty());
    assert_eq!(kinds(room), [Kind::NoPhotos]);
}

#[test]
fn findings_are_cured_by_one_call_each_and_each_is_a_step() {
    let mut opened = Room::with_photos();
    let room = &mut opened.room;
    let broken = opened.folder.path().join("broken.png");
    std::fs::write(&broken, b"\x89PNG\r\n\x1a\nno picture").unwrap();
    room.draft.edit("Spoil", |training| {
        training.class_word = "cat".into();
        training.photos[1].caption = "a cat in the desert".into();
        training.photos[2].mask = None;
        training.photos.push(Photo::new(broken.clone()));
        training.photos.push(training.photos[0].clone());
    });
    settle(room);
    assert_eq!(kinds(room), [Kind::Unusable, Kind::NoPlace, Kind::NoMask, Kind::NearDuplicate]);
    assert!(room.obstacle().unwrap().contains("broken.png"));
    let photos = |room: &mut Trainings, kind: Kind| {
        room.findings().iter().find(|finding| finding.kind == kind).unwrap().photos.clone()
    };
    let doomed = photos(room, Kind::Unusable);
    room.leave_out(&doomed);
    let captions = photos(room, Kind::NoPlace);
    room.mend_captions(&captions);
    assert_eq!(room.training().photos[1].caption, "a <TOK> in the desert");
    let copies = photos(room, Kind::NearDuplicate);
    room.leave_out(&copies[1..]);
    assert_eq!((kinds(room), room.draft.undo_name()), (vec![Kind::NoMask], Some("Leave 0.png out")));

    let looked = room.photo(2).unwrap().ready().unwrap().clone();
    assert!(looked.mask.pixels().all(|pixel| pixel.0 == [255]));
    let mut mask = GrayImage::new(256, 256);
    (60..200).for_each(|x| (60..200).for_each(|y| mask.put_pixel(x, y, Luma([255]))));
    let mask = Arc::new(mask);
    room.paint_mask(2, mask.clone());
    assert_eq!(room.photo(2).unwrap().ready().unwrap().mask, mask, "it is shown at once");
    assert!(kinds(room).is_empty());
    settle(room);
    let path = room.training().photos[2].mask.clone().unwrap();
    assert_eq!(image::open(&path).unwrap().to_luma8(), *mask);
    assert_eq!(room.obstacle(), None);
    room.paint_mask(2, Arc::new(GrayImage::new(256, 256)));
    assert_eq!(kinds(room), [Kind::EmptyMask]);
    room.drop_masks(&[2]);
    assert_eq!(kinds(room), [Kind::NoMask]);
    while room.draft.undo_name() != Some("Spoil") {
        assert!(room.draft.undo());
    }
    assert_eq!(room.training().photos.len(), 8);
}

/// Settles again and again until something is so; what was said stays said.
fn until(room: &mut Trainings, said: &mut Vec<String>, so: impl Fn(&Trainings) -> bool) {
    let begun = Instant::now();
    while !so(room) {
        said.extend(settle(room));
        assert!(begun.elapsed() < Duration::from_secs(120), "waited in vain: {said:?}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_painted_mask_that_the_disk_does_not_take_is_said_once_and_written_later() {
    let mut opened = Room::with_photos();
    let pasted = Places::in_folder(opened.folder.path()).pasted_folder();
    std::fs::create_dir_all(pasted.parent().unwrap()).unwrap();
    std::fs::write(&pasted, "in the way").unwrap();
    let room = &mut opened.room;
    room.paint_mask(2, Arc::new(GrayImage::from_pixel(256, 256, Luma([255]))));
    let mut said = settle(room);
    let path = room.training().photos[2].mask.clone().unwrap();
    assert!(said.len() == 1 && said[0].contains("tried again"), "{said:?}");
    assert!(!path.exists() && room.unwritten() == 1 && room.obstacle().is_some());
    std::fs::remove_file(&pasted).unwrap();
    until(room, &mut said, |room| room.unwritten() == 0 && path.exists());
    assert_eq!(said.len(), 1, "{said:?}");
}

#[test]
fn what_is_open_is_kept_once_the_disk_takes_it_though_nothing_more_is_changed() {
    let mut opened = Room::open();
    let path = Places::in_folder(opened.folder.path()).open_training();
    // A folder of its name.
    std::fs::create_dir_all(&path).unwrap();
    let room = &mut opened.room;
    room.draft.edit("Steps", |training| training.settings.steps = 7);
    let mut said = settle(room);
    assert!(said.len() == 1 && said[0].contains("not kept for the next start"), "{said:?}");
    std::fs::remove_dir(&path).unwrap();
    until(room, &mut said, |_| path.is_file());
    assert_eq!(said.len(), 1, "{said:?}");
    let (again, _pool) = Room::in_folder(opened.folder.path());
    assert_eq!(again.training().settings.steps, 7);
}

#[test]
fn what_cannot_be_understood_of_the_last_session_is_not_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = Places::in_folder(folder.path()).open_training();
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, "of another Podium").unwrap();
    let (mut room, _pool) = Room::in_folder(folder.path());
    room.draft.edit("Steps", |training| training.settings.steps = 7);
    settle(&mut room);
    assert_eq!(std::fs::read_to_string(path.with_extension("broken")).unwrap(), "of another Podium");
    assert!(path.is_file());
}

#[test]
fn what_is_open_is_there_again_at_the_next_start_and_is_saved_to_files() {
    let mut opened = Room::with_photos();
    let room = &mut opened.room;
    room.draft.edit("Name", |training| training.rename("mint_cat", "cat"));
    settle(room);
    let (again, _pool) = Room::in_folder(opened.folder.path());
    assert_eq!(again.training(), opened.room.training());
    let room = &mut opened.room;
    let path = opened.folder.path().join("concept");
    room.save_to(path.clone());
    settle(room);
    let saved = path.with_extension("ron");
    assert_eq!(room.draft.file.as_deref(), Some(saved.as_path()));
    let before = room.training().clone();
    room.begin(None, None);
    assert!(room.training().photos.is_empty() && room.draft.file.is_none());
    room.add(vec![saved.clone()]);
    assert_eq!(settle(room), Vec::<String>::new());
    assert_eq!((room.training(), room.draft.file.as_deref()), (&before, Some(saved.as_path())));
    let other = opened.folder.path().join("other.ron");
    std::fs::write(&other, "(version: 3)").unwrap();
    room.save_to(other.clone());
    assert!(settle(room).join(" ").contains("is there already and is no training"));
    assert_eq!(std::fs::read_to_string(&other).unwrap(), "(version: 3)");
    room.open(opened.folder.path().join("none.ron"));
    assert!(settle(room).join(" ").contains("there is no such file"));
}

#[test]
fn what_keeps_a_training_from_beginning_is_said() {
    let mut opened = Room::with_photos();
    let engine = Engine::start(Cache::none(), || ()).unwrap();
    let room = &mut opened.room;
    room.draft.edit("Class", |training| training.class_word.clear());
    let said = room.start(&engine, DeviceChoice::Flex).unwrap_err();
    assert!(said.starts_with("The class word is empty; say what kind"), "{said}");
    room.draft.edit("Class", |training| {
        training.class_word = "cat".into();
        training.model = Some("/nowhere/model".into());
    });
    settle(room);
    let said = room.start(&engine, DeviceChoice::Flex).unwrap_err();
    assert!(said.contains("/nowhere/model"), "{said}");
    assert!(room.runs.iter().next().is_none());
}

#[test]
fn going_on_from_a_concept_is_a_step_that_can_be_taken_back() {
    let mut opened = Room::with_photos();
    let room = &mut opened.room;
    room.go_on_from(Some("/concepts/tom.safetensors".into()));
    assert_eq!(room.training().from.as_deref(), Some(std::path::Path::new("/concepts/tom.safetensors")));
    room.go_on_from(None);
    assert_eq!(room.training().from, None);
    room.draft.undo();
    assert_eq!(room.draft.redo_name(), Some("Begin the training anew"));
    assert!(room.training().from.is_some());
}

#[test]
fn a_queued_training_can_be_paused_and_goes_on_as_itself() {
    let mut opened = Room::with_photos();
    let engine = Engine::start(Cache::none(), || ()).unwrap();
    let room = &mut opened.room;
    room.draft.edit("Class", |training| training.class_word = "cat".into());
    let id = room.start(&engine, DeviceChoice::Flex).unwrap();
    assert_eq!(room.start(&engine, DeviceChoice::Flex).unwrap_err(), "This training is under way already.");
    room.pause(&engine, id);
    assert!(matches!(room.runs.get(id).unwrap().state, State::Paused));
    let first = room.runs.get(id).unwrap().job;
    assert_eq!(room.start(&engine, DeviceChoice::Flex), Ok(id), "the same training is gone on with");
    assert_ne!(room.runs.get(id).unwrap().job, first);
    room.pause(&engine, id);
    let folder = room.runs.get(id).unwrap().folder.clone();
    assert!(folder.starts_with(opened.folder.path()) && folder.ends_with(folder.file_name().unwrap()));
    room.draft.edit("Steps", |training| training.settings.steps = 9);
    let other = room.start(&engine, DeviceChoice::Flex).unwrap();
    assert_ne!(room.runs.get(other).unwrap().folder, folder, "another training has a folder of its own");
    room.pause(&engine, other);
}
