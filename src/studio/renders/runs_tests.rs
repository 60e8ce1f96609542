use image::RgbImage;

use std::time::Duration;

use super::*;
use crate::link::{AttentionView, Lane, Times};
use crate::project::Settings;

#[test]
fn steps_are_bounded_in_bytes_and_what_is_shown_stays_whole() {
    let mut runs = Runs::default();
    let heavy = |step: usize| {
        let map = |word: &str| AttentionView {
            lane: Lane::Base,
            picture: 0,
            word: word.into(),
            grid: (16, 16),
            values: vec![0.5; 256],
            range: (0.0, 1.0),
        };
        let attention = vec![map("cat"), map("dog")];
        Arc::new(StepView { previews: vec![RgbImage::new(8, 8)], attention, ..StepView::clone(&view(step, 4)) })
    };
    let each = heavy(0).bytes();
    assert_eq!(each, 8 * 8 * 3 + 2 * 256 * 4);
    runs.set_room(Some(10 * each));
    let project = Project { settings: Settings { steps: 4, ..Settings::default() }, ..Project::new() };
    for job in 1..=6 {
        runs.add(JobId(job), format!("run {job}"), Arc::new(project.clone()), PathBuf::new(), origin(job), None);
        for step in 0..4 {
            runs.take(&Event::Step(JobId(job), heavy(step)), Instant::now());
        }
        runs.take(&Event::Cancelled(JobId(job)), Instant::now());
        assert!(runs.bytes() <= 10 * each, "{} bytes after run {job}", runs.bytes());
    }
    let whole = |run: &Run| run.steps.iter().flatten().filter(|step| !step.attention.is_empty()).count();
    let kept: Vec<(u64, usize, usize)> =
        runs.iter().map(|run| (run.job.0, run.steps.iter().flatten().count(), whole(run))).collect();
    // Two fit whole and four without their attention.
    assert_eq!(kept, [(1, 4, 0), (2, 4, 0), (3, 4, 0), (4, 4, 0), (5, 4, 4), (6, 4, 4)]);
    runs.show(JobId(1));
    runs.set_room(Some(1));
    let left: Vec<u64> = runs.iter().map(|run| run.job.0).collect();
    assert_eq!(left, [1], "what is shown stays");
}

fn origin(revision: u64) -> Origin {
    Origin { document: 0, revision }
}

fn view(step: usize, steps: usize) -> Arc<StepView> {
    Arc::new(StepView {
        step,
        steps,
        timestep: 999 - step,
        previews: Vec::new(),
        masks: Vec::new(),
        refined: false,
        clusters: Vec::new(),
        attention: Vec::new(),
        loss: None,
        gradient_norm: None,
        times: Times::default(),
    })
}

fn runs(count: u64) -> Runs {
    let mut runs = Runs::default();
    let mut project = Project::new();
    project.settings.steps = 4;
    for job in 1..=count {
        runs.add(JobId(job), format!("run {job}"), Arc::new(project.clone()), PathBuf::new(), origin(job), None);
    }
    runs
}

fn tell(runs: &mut Runs, event: Event) -> Option<JobId> {
    runs.take(&event, Instant::now())
}

fn started(job: u64) -> Event {
    Event::Started { job: JobId(job), device: "cpu".into(), first_use: false }
}

#[test]
fn a_live_playhead_follows_the_steps_and_one_that_was_dragged_stays() {
    let mut runs = runs(1);
    tell(&mut runs, started(1));
    tell(&mut runs, Event::Step(JobId(1), view(0, 4)));
    tell(&mut runs, Event::Step(JobId(1), view(1, 4)));
    assert_eq!(runs.step().map(|step| step.step), Some(1));
    runs.seek_by(-2);
    tell(&mut runs, Event::Step(JobId(1), view(2, 4)));
    assert_eq!((runs.playhead, runs.step().map(|step| step.step)), (Playhead::At(0), Some(0)));
    runs.seek(3);
    assert_eq!((runs.playhead, runs.step().map(|step| step.step)), (Playhead::Live, Some(2)));
}

#[test]
fn pausing_and_going_on_keeps_the_steps_so_far() {
    let mut runs = runs(1);
    tell(&mut runs, started(1));
    tell(&mut runs, Event::Step(JobId(1), view(0, 4)));
    runs.pausing(JobId(1));
    tell(&mut runs, Event::Cancelled(JobId(1)));
    let run = runs.get(JobId(1)).unwrap();
    assert!(matches!(run.state, State::Paused));
    assert_eq!((run.next_step(), run.words().as_str()), (1, "Paused before step 2 of 4"));
    let (project, folder) = (run.project.clone(), run.folder.clone());
    runs.add(JobId(2), "again".into(), project, folder, origin(1), Some((JobId(1), 1)));
    assert_eq!(runs.shown, Some(JobId(2)));
    assert_eq!(runs.get(JobId(2)).unwrap().newest(), Some(0));
}

#[test]
fn a_run_is_stopped_whatever_it_does() {
    let state = |runs: &Runs| runs.get(JobId(1)).unwrap().state.clone();
    let mut waiting = runs(1);
    waiting.stopping(JobId(1));
    assert!(matches!(state(&waiting), State::Stopped));
    tell(&mut waiting, started(1));
    assert!(matches!(state(&waiting), State::Stopped), "it was on its way when it was stopped");

    let mut pausing = runs(1);
    tell(&mut pausing, started(1));
    pausing.pausing(JobId(1));
    pausing.stopping(JobId(1));
    assert!(matches!(state(&pausing), State::Stopping));
    pausing.pausing(JobId(1));
    tell(&mut pausing, Event::Cancelled(JobId(1)));
    assert!(matches!(state(&pausing), State::Stopped));

    let mut paused = runs(1);
    tell(&mut paused, started(1));
    paused.pausing(JobId(1));
    tell(&mut paused, Event::Cancelled(JobId(1)));
    paused.stopping(JobId(1));
    assert!(matches!(state(&paused), State::Stopped));
}

#[test]
fn a_queued_run_does_not_take_the_window_from_the_one_that_runs() {
    let mut runs = runs(1);
    tell(&mut runs, started(1));
    runs.add(JobId(2), "later".into(), Arc::default(), PathBuf::new(), origin(2), None);
    assert_eq!(runs.shown, Some(JobId(1)));
    assert_eq!(runs.active().count(), 2);
}

#[test]
fn only_the_last_runs_keep_their_steps() {
    let mut runs = runs(1);
    for job in 2..=60 {
        tell(&mut runs, Event::Failed(JobId(job - 1), "no".into()));
        runs.add(JobId(job), String::new(), Arc::default(), PathBuf::new(), origin(job), None);
    }
    assert_eq!(runs.iter().count(), KEPT);
}

#[test]
fn a_long_queue_leaves_no_more_behind_than_single_renders() {
    let mut runs = runs(50);
    let done = |pictures: usize| {
        Arc::new(Finished {
            pictures: vec![RgbImage::new(8, 8); pictures],
            seeds: vec![0; pictures],
            overlaps: Vec::new(),
            findings: Vec::new(),
            elapsed: Duration::from_secs(1),
        })
    };
    for job in 1..=50 {
        tell(&mut runs, started(job));
        runs.show(JobId(job));
        tell(&mut runs, Event::Step(JobId(job), view(0, 4)));
        assert_eq!(tell(&mut runs, Event::Done(JobId(job), done(2))), Some(JobId(job)));
        if job == 1 {
            // Whatever comes before its pictures are in the gallery, it is there to be asked for them.
            runs.show(JobId(2));
            runs.set_room(Some(1));
            assert!(runs.get(JobId(1)).is_some());
            runs.set_room(None);
            runs.show(JobId(1));
        }
        runs.keep_results(JobId(job), vec!["a".into(), "b".into()]);
        let ended = runs.iter().filter(|run| !run.state.is_active()).count();
        assert!(ended <= KEPT, "{ended} after {job}");
    }
    assert_eq!(runs.iter().count(), KEPT);
    assert_eq!(runs.bytes(), KEPT as u64 * 2 * 8 * 8 * 3, "pictures count, steps of nothing do not");
    runs.set_room(Some(2 * 8 * 8 * 3));
    assert_eq!(runs.iter().map(|run| run.job.0).collect::<Vec<_>>(), [50], "what is shown stays");
}

#[test]
fn a_run_is_made_anew_alike_unless_something_was_changed_on_its_way() {
    let mut runs = runs(1);
    let (project, folder) = (runs.get(JobId(1)).unwrap().project.clone(), PathBuf::new());
    let other = Arc::new(Project { seed: 7, ..Project::clone(&project) });
    let mut add = |job: u64, project: &Arc<Project>, from: u64| {
        let from = Some((JobId(from), 1));
        runs.add(JobId(job), String::new(), project.clone(), folder.clone(), origin(1), from);
    };
    // Gone on as it was; with another seed; from that as it was.
    add(2, &project, 1);
    add(3, &other, 1);
    add(4, &other, 3);
    add(5, &project, 2);
    runs.painted_over(JobId(5));
    let anew: Vec<bool> = runs.iter().map(|run| run.anew).collect();
    assert_eq!(anew, [true, true, false, false, false]);
}

#[test]
fn notes_know_their_step_and_are_not_repeated() {
    let mut runs = runs(1);
    tell(&mut runs, started(1));
    tell(&mut runs, Event::Progress { job: JobId(1), stage: Stage::Denoising, step: 2, steps: 4 });
    for _ in 0..2 {
        tell(&mut runs, Event::Warning(JobId(1), Warning::NoEffect("too small".into())));
    }
    assert_eq!(runs.get(JobId(1)).unwrap().notes, [Note { step: Some(2), words: "too small".into() }]);
}

#[test]
fn words_name_the_part_of_the_method_that_acts() {
    let mut runs = runs(1);
    tell(&mut runs, started(1));
    let at = |runs: &mut Runs, step| {
        tell(runs, Event::Progress { job: JobId(1), stage: Stage::Denoising, step, steps: 4 });
        runs.get(JobId(1)).unwrap().words()
    };
    assert_eq!(at(&mut runs, 0), "Aligning the layout · step 1 of 4");
    assert_eq!(at(&mut runs, 1), "Refining masks · step 2 of 4");
    assert_eq!(at(&mut runs, 3), "Injecting concepts · step 4 of 4");
}
