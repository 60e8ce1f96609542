use std::process::{Command, Stdio};

use super::*;
use crate::project::Layer;

const FAST: Duration = Duration::from_millis(100);
/// Long enough for any machine; nothing here waits for it unless it fails.
const LONG: Duration = Duration::from_secs(120);

fn places() -> (tempfile::TempDir, Places) {
    let folder = tempfile::tempdir().unwrap();
    let places = Places::in_folder(folder.path());
    (folder, places)
}

fn project(prompt: &str) -> Project {
    Project { prompt: prompt.into(), ..Project::new() }
}

fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < LONG, "waited too long until {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn endings(places: &Places) -> Vec<String> {
    let ending = |path: PathBuf| path.extension().map_or(String::new(), |end| end.to_string_lossy().into_owned());
    let mut endings: Vec<String> = files(&places.autosave_folder()).into_iter().map(ending).collect();
    endings.sort();
    endings
}

/// A session that ended without order, having noted this.
fn crash(places: &Places, prompt: &str) {
    let mut autosave = Autosave::start_every(places, FAST);
    autosave.note(&project(prompt), Some(Path::new("/work/beach.ron")), Path::new("/work"), 1);
}

#[test]
fn what_a_crashed_session_was_given_last_is_recovered() {
    let (_folder, places) = places();
    let mut autosave = Autosave::start_every(&places, Duration::from_secs(3600));
    autosave.note(&project("one"), None, Path::new("/work"), 1);
    autosave.note(&project("two"), Some(Path::new("/work/beach.ron")), Path::new("/work"), 2);
    drop(autosave);
    let found = Autosave::recoverable(&places);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].project, project("two"));
    assert_eq!(found[0].file.as_deref(), Some(Path::new("/work/beach.ron")));
    assert_eq!(found[0].folder, Path::new("/work"));
    assert!(found[0].when.elapsed().unwrap() < LONG);

    Autosave::discard(&found[0].path).unwrap();
    assert_eq!(Autosave::recoverable(&places), []);
    assert_eq!(endings(&places), [] as [&str; 0]);
}

#[test]
fn masks_are_kept_with_their_project_whether_it_is_saved_or_not_and_go_with_them() {
    let (_folder, places) = places();
    let painted = Arc::new(crate::studio::session::kept_painting::made_up());
    let mut autosave = Autosave::start_every(&places, Duration::from_secs(3600));
    autosave.saved(4);
    assert!(!autosave.paint(Some(painted.clone())));
    assert!(autosave.paint(Some(painted.clone())), "the same again");
    autosave.note(&project("saved"), None, Path::new("/work"), 4);
    drop(autosave);
    let found = Autosave::recoverable(&places);
    assert_eq!((found.len(), &found[0].project, &found[0].painted), (1, &project("saved"), &Some(painted.clone())));
    Autosave::discard(&found[0].path).unwrap();

    let mut autosave = Autosave::start_every(&places, FAST);
    autosave.paint(Some(painted));
    autosave.note(&project("saved"), None, Path::new("/work"), 4);
    wait_until("it is written", || autosave.written() == 1);
    assert!(autosave.paint(None));
    autosave.saved(4);
    autosave.note(&project("saved"), None, Path::new("/work"), 4);
    drop(autosave);
    assert_eq!(Autosave::recoverable(&places), []);
}

#[test]
fn strokes_that_cannot_be_read_do_not_take_their_project_with_them() {
    let (_folder, places) = places();
    let mut painted = crate::studio::session::kept_painting::made_up();
    // No render has so many steps left.
    painted.step = usize::MAX;
    let mut autosave = Autosave::start_every(&places, FAST);
    autosave.paint(Some(Arc::new(painted)));
    autosave.note(&project("worth more"), None, Path::new("/work"), 1);
    drop(autosave);
    let found = Autosave::recoverable(&places);
    assert_eq!((found.len(), found[0].project.prompt.as_str(), &found[0].painted), (1, "worth more", &None));
}

#[test]
fn a_running_session_is_not_taken_for_a_crash() {
    let (_folder, places) = places();
    let mut autosave = Autosave::start_every(&places, FAST);
    autosave.note(&project("mine"), None, Path::new("/work"), 1);
    wait_until("it is written", || autosave.written() == 1);
    crash(&places, "lost");
    let found = Autosave::recoverable(&places);
    assert_eq!(found.iter().map(|found| found.project.prompt.as_str()).collect::<Vec<_>>(), ["lost"]);
    autosave.clean();
    assert_eq!(endings(&places), ["ron"]);
}

/// The real thing: another process, killed in the middle of its work.
#[test]
fn a_killed_process_loses_nothing_that_was_on_disk_while_more_and_more_came() {
    const HOME: &str = "PODIUM_TEST_AUTOSAVE_VICTIM";
    if let Some(home) = std::env::var_os(HOME) {
        let mut autosave = Autosave::start_every(&Places::in_folder(home), FAST);
        for revision in 0.. {
            autosave.note(&project(&format!("revision {revision}")), None, Path::new("/work"), revision);
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    let (folder, places) = places();
    // The function's own name, so that it cannot be called by one that is no longer there.
    let name = std::any::type_name_of_val(&a_killed_process_loses_nothing_that_was_on_disk_while_more_and_more_came);
    let (_, name) = name.split_once("::").unwrap();
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(HOME, folder.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let on_disk = || {
        let path =
            files(&places.autosave_folder()).into_iter().find(|path| path.extension() == Some("ron".as_ref()))?;
        recover(&path)?.project.prompt.strip_prefix("revision ")?.parse::<u64>().ok()
    };
    // States that come faster than they can be written must not keep each other from the disk.
    let mut states = std::collections::BTreeSet::new();
    wait_until("the victim has written three states", || {
        assert_eq!(victim.try_wait().unwrap(), None, "the victim ended by itself");
        states.extend(on_disk());
        states.len() >= 3
    });
    assert_eq!(Autosave::recoverable(&places), [], "it is still running");
    let last = on_disk().unwrap();
    victim.kill().unwrap();
    victim.wait().unwrap();
    let found = Autosave::recoverable(&places);
    assert_eq!(found.len(), 1);
    let revision: u64 = found[0].project.prompt.strip_prefix("revision ").unwrap().parse().unwrap();
    assert!(revision >= last, "revision {revision} was recovered, and {last} had been on disk");
}

#[test]
fn a_burst_of_changes_is_written_a_few_times_and_the_last_one_soon() {
    let (_folder, places) = places();
    let mut autosave = Autosave::start_every(&places, FAST);
    let start = Instant::now();
    for revision in 0..1000 {
        autosave.note(&project(&revision.to_string()), None, Path::new("/work"), revision);
    }
    let on_disk = || {
        let path =
            files(&places.autosave_folder()).into_iter().find(|path| path.extension() == Some("ron".as_ref()))?;
        Some(recover(&path)?.project.prompt)
    };
    wait_until("the last state is on disk", || on_disk().as_deref() == Some("999"));
    let most = 2 + start.elapsed().as_millis() / FAST.as_millis();
    assert!(u128::from(autosave.written()) <= most, "{} writes of at most {most}", autosave.written());
    assert_eq!(autosave.take_message(), None);
}

#[test]
fn the_same_revision_is_copied_and_written_once() {
    let (_folder, places) = places();
    let mut autosave = Autosave::start_every(&places, Duration::ZERO);
    for _ in 0..100 {
        autosave.note(&project("one"), None, Path::new("/work"), 7);
    }
    wait_until("it is written", || autosave.written() == 1);
    // Saved under a name for the first time: the same revision belongs to a file now.
    autosave.note(&project("one"), Some(Path::new("/work/a.ron")), Path::new("/work"), 7);
    wait_until("it is written again", || autosave.written() == 2);
    drop(autosave);
    assert_eq!(Autosave::recoverable(&places)[0].file.as_deref(), Some(Path::new("/work/a.ron")));
}

#[test]
fn a_state_is_confirmed_when_it_is_on_the_disk_itself_and_not_one_before_it() {
    let (_folder, places) = places();
    let mut autosave = Autosave::start_every(&places, Duration::from_secs(3600));
    autosave.note(&project("of before"), None, Path::new("/work"), 1);
    let before = autosave.told();
    wait_until("it is written", || autosave.confirmed() == before);
    // Recovered, say: until it is written in its turn, the file that it came from must stay.
    autosave.note(&project("recovered"), None, Path::new("/work"), 2);
    assert!(autosave.told() > autosave.confirmed());
    autosave.leave();
    assert_eq!(autosave.told(), autosave.confirmed());
    assert_eq!(Autosave::recoverable(&places)[0].project.prompt, "recovered");
}

#[test]
fn how_the_project_s_file_was_is_kept_with_it() {
    let (folder, places) = places();
    let path = folder.path().join("a.ron");
    fs::write(&path, "one").unwrap();
    let first = Stamp::of(&path);
    let mut autosave = Autosave::start_every(&places, Duration::ZERO);
    autosave.read_as(first);
    autosave.note(&project("one"), Some(&path), folder.path(), 7);
    wait_until("it is written", || autosave.written() == 1);
    // An older state was saved meanwhile: the same revision, and another file.
    fs::write(&path, "longer").unwrap();
    autosave.read_as(Stamp::of(&path));
    autosave.note(&project("one"), Some(&path), folder.path(), 7);
    wait_until("it is written again", || autosave.written() == 2);
    drop(autosave);
    fs::write(&path, "somebody else's").unwrap();
    let found = Autosave::recoverable(&places).remove(0);
    assert!(found.stamp.is_some() && found.stamp != first && found.stamp != Stamp::of(&path));
}

#[test]
fn nothing_is_kept_of_what_is_saved_until_it_changes_again() {
    let (_folder, places) = places();
    let mut autosave = Autosave::start_every(&places, Duration::ZERO);
    autosave.saved(0);
    autosave.note(&project("opened"), None, Path::new("/work"), 0);
    autosave.note(&project("changed"), None, Path::new("/work"), 1);
    wait_until("the change is written", || autosave.written() == 1);
    autosave.saved(1);
    autosave.note(&project("changed"), None, Path::new("/work"), 1);
    wait_until("the file is gone", || endings(&places) == ["lock"]);
    autosave.note(&project("changed again"), None, Path::new("/work"), 2);
    wait_until("the next change is written", || autosave.written() == 2);
    // Undone: the state that was saved is back.
    autosave.note(&project("changed"), None, Path::new("/work"), 1);
    wait_until("the file is gone again", || endings(&places) == ["lock"]);
    autosave.clean();
    assert_eq!(endings(&places), [] as [&str; 0]);
}

#[test]
fn a_change_made_while_an_older_state_was_being_saved_stays_kept() {
    let (_folder, places) = places();
    let mut autosave = Autosave::start_every(&places, FAST);
    autosave.note(&project("older"), None, Path::new("/work"), 1);
    autosave.note(&project("newer"), None, Path::new("/work"), 2);
    autosave.saved(1);
    autosave.note(&project("newer"), None, Path::new("/work"), 2);
    drop(autosave);
    assert_eq!(Autosave::recoverable(&places)[0].project.prompt, "newer");
}

#[test]
fn an_orderly_end_before_anything_was_written_leaves_nothing() {
    let (_folder, places) = places();
    let mut autosave = Autosave::start(&places);
    autosave.note(&project("one"), None, Path::new("/work"), 1);
    autosave.note(&project("two"), None, Path::new("/work"), 2);
    autosave.clean();
    assert_eq!(endings(&places), [] as [&str; 0]);
    assert_eq!(Autosave::recoverable(&places), []);
}

#[test]
fn a_project_that_is_not_valid_yet_is_recovered_all_the_same() {
    let (_folder, places) = places();
    let mut half = project("half done");
    half.layers_mut().unwrap().push(Layer::new("", 1.0, 2.0));
    half.number_layers(&mut 0);
    half.settings.guidance_scale = f32::INFINITY;
    assert!(half.validate().is_err());
    let mut autosave = Autosave::start_every(&places, FAST);
    autosave.note(&half, None, Path::new("relative"), 1);
    drop(autosave);
    let found = Autosave::recoverable(&places);
    assert_eq!(found[0].project, half);
    assert!(found[0].folder.is_absolute());
}

#[test]
fn what_a_podium_of_version_1_left_is_recovered() {
    let (_folder, places) = places();
    let old = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/projects-v1/autosave.ron");
    fs::create_dir_all(places.autosave_folder()).unwrap();
    fs::copy(old, places.autosave_folder().join("1-a.ron")).unwrap();
    let found = Autosave::recoverable(&places);
    assert_eq!(
        (found[0].file.as_deref(), found[0].folder.as_path()),
        (Some(Path::new("/work/cat.ron")), Path::new("/work"))
    );
    let project = &found[0].project;
    assert_eq!((project.version, project.prompt.as_str(), project.layers()[0].id), (project::VERSION, "a cat", 1));
}

#[test]
fn a_damaged_file_is_passed_over_and_kept_aside() {
    let (_folder, places) = places();
    crash(&places, "good");
    let good = Autosave::recoverable(&places).remove(0);
    let text = fs::read(&good.path).unwrap();
    let damaged = [&text[..text.len() / 2], b"", b"\xff\xff", b"(((((((((((", b"hello"];
    for (number, bytes) in damaged.iter().enumerate() {
        fs::write(places.autosave_folder().join(format!("{number}.ron")), bytes).unwrap();
    }
    fs::create_dir(places.autosave_folder().join("folder.ron")).unwrap();
    assert_eq!(Autosave::recoverable(&places), std::slice::from_ref(&good));
    for (number, bytes) in damaged.iter().enumerate() {
        assert_eq!(fs::read(places.autosave_folder().join(format!("{number}.broken"))).unwrap(), *bytes);
    }
    assert_eq!(Autosave::recoverable(&places), [good]);
}

#[test]
fn the_latest_is_first_and_leftovers_are_swept() {
    let (_folder, places) = places();
    for (prompt, when) in [("old", 1_000), ("new", 3_000), ("middle", 2_000)] {
        let draft =
            Draft { when, file: None, stamp: None, folder: "/work".into(), project: project(prompt), painted: None };
        let path = places.autosave_folder().join(format!("{prompt}.ron"));
        write_whole(&path, Kept::write(&draft).unwrap().as_bytes()).unwrap();
    }
    let lock = places.autosave_folder().join("dead.lock");
    fs::write(&lock, "4194304999").unwrap();
    let prompts: Vec<String> =
        Autosave::recoverable(&places).into_iter().map(|recovered| recovered.project.prompt).collect();
    assert_eq!(prompts, ["new", "middle", "old"]);
    assert!(!lock.exists());
}

#[test]
fn a_folder_that_cannot_be_written_is_told_once_and_tried_again() {
    let (folder, places) = places();
    fs::create_dir_all(folder.path().join("data")).unwrap();
    fs::write(places.autosave_folder(), b"a file in the way").unwrap();
    let mut autosave = Autosave::start_every(&places, Duration::from_millis(5));
    autosave.note(&project("one"), None, Path::new("/work"), 1);
    let mut message = None;
    wait_until("there is a message", || {
        message = autosave.take_message();
        message.is_some()
    });
    assert!(message.unwrap().starts_with("Unsaved changes are not kept for a crash: cannot write"));
    std::thread::sleep(FAST);
    assert_eq!(autosave.take_message(), None);
    fs::remove_file(places.autosave_folder()).unwrap();
    wait_until("it is written after all", || autosave.written() == 1);
}
