use std::path::Path;

use super::super::encoders::Encoders;
use super::super::record::{Folder, Plan};
use super::super::report::{COST, write};
use super::super::suite::Suite;
use super::super::tests::SMALL;
use super::*;
use crate::engine::cache::Cache;

/// A pair in two scenes with two seeds, by two methods whose files are built in: eight pictures.
fn suite() -> Suite {
    let mut suite = Suite::from_text(
        &SMALL.replace("[\"base\", \"conductor\", \"release\", \"lora_sum\"]", "[\"base\", \"lora_sum\"]"),
    )
    .unwrap();
    for (concept, name) in suite.concepts.iter_mut().zip(["mint_cat", "plum_dog", "coral_bear"]) {
        concept.file = format!("assets:miniature/concepts/{name}.safetensors").into();
    }
    suite.cases.truncate(1);
    suite
}

/// What a run told, and how it ended.
#[derive(Default)]
struct Heard {
    /// Of each picture that ended, whether it failed.
    failed: Vec<bool>,
    /// Devices that failed, with why.
    gone: Vec<(DeviceChoice, String)>,
    /// The most units that were begun and had not ended.
    at_once: usize,
}

/// Runs a suite in a folder until so many pictures have ended.
fn made(at: &Path, suite: &Suite, crew: &mut Crew, until: usize) -> (Result<Ending, String>, Heard, Plan) {
    let choice = suite.choice(false, &[]).unwrap();
    let folder = Folder::create(at).unwrap();
    let plan = folder.begin(suite, &choice).unwrap();
    let encoders = Encoders::default();
    let units = suite.units(&choice);
    let order = Order { suite, base: Path::new("."), units, folder: &folder, encoders: &encoders, strips: None };
    let (stop, interrupts) = crossbeam_channel::unbounded();
    let (mut heard, mut begun) = (Heard::default(), 0);
    let ending = run(&order, crew, &interrupts, &mut |told| match told {
        Told::Begins(..) => {
            begun += 1;
            heard.at_once = heard.at_once.max(begun - heard.failed.len());
        }
        Told::Gone(device, words) => {
            heard.gone.push((device, words.to_owned()));
            begun -= 1;
        }
        Told::Ended(record) => {
            heard.failed.push(matches!(record.outcome, Outcome::Failed(_)));
            if heard.failed.len() == until {
                stop.send(()).unwrap();
            }
        }
        _ => {}
    });
    (ending, heard, plan)
}

/// The report but for what it cost, and all pictures.
fn come_of(at: &Path, plan: &Plan) -> (String, Vec<RgbImage>) {
    let (folder, _) = Folder::open(at).unwrap();
    let [_, markdown] = write(&folder, plan).unwrap();
    let text = std::fs::read_to_string(markdown).unwrap();
    let pictures = folder.records(plan).into_keys().map(|unit| read(&folder.picture(&unit)).unwrap()).collect();
    (text[..text.rfind(COST).unwrap()].to_owned(), pictures)
}

fn crew(devices: &[DeviceChoice]) -> Crew {
    Crew::start(devices, &Cache::none()).unwrap()
}

/// An adapter that no machine has.
const NOWHERE: DeviceChoice = DeviceChoice::Adapter(250);

#[test]
fn two_engines_share_the_work_and_what_comes_of_it_is_what_one_makes() {
    let (suite, one, two) = (suite(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (ending, heard, plan) = made(one.path(), &suite, &mut crew(&[DeviceChoice::Flex]), usize::MAX);
    assert_eq!((ending, heard.failed, heard.at_once), (Ok(Ending::Done), vec![false; 8], 1));
    // One that is stopped goes on with what is missing.
    let mut both = crew(&[DeviceChoice::Flex, DeviceChoice::Flex]);
    let (ending, first, _) = made(two.path(), &suite, &mut both, 2);
    assert!(ending == Ok(Ending::Stopped) && (2..8).contains(&first.failed.len()), "{:?}", first.failed);
    let (ending, rest, _) = made(two.path(), &suite, &mut both, usize::MAX);
    assert_eq!((ending, first.failed.len() + rest.failed.len()), (Ok(Ending::Done), 8));
    assert!(first.at_once >= 2 && rest.failed.iter().all(|failed| !failed));
    assert!(come_of(one.path(), &plan) == come_of(two.path(), &plan), "the same pictures and the same report");
}

#[test]
fn what_a_device_cannot_make_others_make_and_it_is_told_once() {
    let (suite, one, two) = (suite(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut both = crew(&[NOWHERE, DeviceChoice::Flex]);
    let (ending, heard, plan) = made(one.path(), &suite, &mut both, usize::MAX);
    assert_eq!((ending, heard.failed), (Ok(Ending::Done), vec![false; 8]));
    let [(device, words)] = heard.gone.as_slice() else { panic!("{:?}", heard.gone) };
    assert!(*device == NOWHERE && words.contains("adapter"), "{device}: {words}");
    let (_, again, _) = made(two.path(), &suite, &mut both, usize::MAX);
    assert_eq!((again.failed.len(), again.gone.len()), (8, 0), "it is not tried again");
    assert!(come_of(one.path(), &plan) == come_of(two.path(), &plan));
    // Who is alone says of each picture why it is not there.
    let alone = tempfile::tempdir().unwrap();
    let (ending, heard, plan) = made(alone.path(), &suite, &mut crew(&[NOWHERE]), usize::MAX);
    assert_eq!((ending, heard.failed, heard.gone.len()), (Ok(Ending::Done), vec![true; 8], 0));
    let (folder, _) = Folder::open(alone.path()).unwrap();
    let said = |record: &Record| matches!(&record.outcome, Outcome::Failed(words) if words.contains("adapter"));
    assert!(folder.records(&plan).values().all(said));
}
