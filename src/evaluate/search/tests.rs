use super::*;
use crate::engine::cache::Cache;
use crate::evaluate::metrics::OfSubject;
use crate::evaluate::tests::small;
use crate::link::DeviceChoice;
use crate::project::settings::Inversion;

fn axes(words: &[&str]) -> Vec<Axis> {
    words.iter().map(|words| words.parse().unwrap()).collect()
}

#[test]
fn the_suites_own_settings_come_first_and_points_that_are_them_are_no_others() {
    let suite = small();
    let axes = axes(&["guidance_scale=7.5,5", "layout_alignment.weight=20,10"]);
    let all = space::candidates(&suite, &axes, 16).unwrap();
    // Four points of which one is the suite itself.
    assert_eq!(all.len(), 4);
    assert!(all[0].is_own() && all[1..].iter().all(|candidate| !candidate.is_own()));
    assert!(all[1..].iter().all(|candidate| candidate.suite(&suite).unwrap() != suite));
    assert_eq!(all, space::candidates(&suite, &axes, 16).unwrap(), "always the same ones");
    assert_eq!(space::candidates(&suite, &axes, 3).unwrap(), all[..3]);
}

#[test]
fn strength_is_that_of_all_concepts() {
    let candidate = Candidate { name: "1".into(), changes: vec![("strength".into(), "0.5".into())] };
    let suite = candidate.suite(&small()).unwrap();
    assert!(suite.concepts.iter().all(|concept| concept.strength == 0.5));
    let wrong = Candidate { name: "1".into(), changes: vec![("strength".into(), "7".into())] };
    assert!(wrong.suite(&small()).unwrap_err().contains("from 0 to 2"));
}

#[test]
fn nonsense_to_try_is_told_before_anything_is_made() {
    for wrong in ["guidance_scale", "guidance_scale=", "=4", "guidance_scale=4,,5", "guidance_scale=4,4"] {
        assert!(wrong.parse::<Axis>().unwrap_err().contains("such as guidance_scale=4,5,6"), "{wrong}");
    }
    let suite = small();
    let words = |tried: &[&str]| space::candidates(&suite, &axes(tried), 16).unwrap_err();
    assert!(words(&["magic=1,2"]).contains("magic"));
    assert!(words(&["guidance_scale=4,much"]).contains("much"));
    assert!(words(&["guidance_scale=4", "guidance_scale=5"]).contains("twice"));
    assert!(words(&["guidance_scale=7.5"]).contains("nothing to try"));
    let many: Vec<String> = (0..300).map(|value| value.to_string()).collect();
    let many = format!("={}", many.join(","));
    let tried = ["a", "b", "c", "d", "e", "f", "g", "h"].map(|key| format!("{key}{many}").parse().unwrap());
    assert!(space::candidates(&suite, &tried, 16).unwrap_err().contains("fewer values"));
}

#[test]
fn a_picture_is_worth_what_is_right_in_it() {
    let subject =
        |recognised, identity, leakage| OfSubject { recognised, identity, leakage, borrowed: -1.0, layout: 0.5 };
    let of =
        |subjects: Vec<OfSubject>, figures| worth(Some(&Measures { subjects, right: false, segsim: 0.5, figures }));
    let good = || subject(true, 0.8, 0.0);
    assert!((of(vec![good(), good()], 2) - 1.4).abs() < 1e-9);
    assert!((of(vec![good(), good()], 3) - 1.15).abs() < 1e-9, "one figure too many");
    assert!((of(vec![good(), subject(false, 0.2, 0.9)], 2) - (0.5 + 0.25 - 0.25)).abs() < 1e-9, "one is another's");
    assert!((of(vec![subject(false, 0.0, 0.9)], 9) - -1.0).abs() < 1e-9);
    assert_eq!(worth(None), -1.0);
}

#[test]
fn the_search_sees_no_seed_of_the_suite_and_mixes_cases() {
    let suite = small();
    let (tuning, own) = (Seeds::Tuning(10).units(&suite), Seeds::Own(1000).units(&suite));
    assert_eq!((tuning.len(), own.len()), (10, 2 * 2 * 2));
    assert!(tuning.iter().all(|unit| unit.seed >= TUNING) && own.iter().all(|unit| unit.seed < 2));
    let names = |units: &[Unit<'_>]| units.iter().map(Unit::name).collect::<std::collections::HashSet<_>>();
    assert_eq!(names(&tuning).len(), 10, "none is there twice");
    assert_eq!(names(&tuning[..4]).len(), 4);
    assert!(tuning[..4].iter().any(|unit| unit.case.name() != tuning[0].case.name()));
    // More pictures of a candidate are those of before, and some more.
    assert_eq!(names(&Seeds::Tuning(4).units(&suite)), names(&tuning[..4]));
}

/// A suite of one pair, whose files are built in.
fn tiny() -> Suite {
    let mut suite = small();
    for (concept, name) in suite.concepts.iter_mut().zip(["mint_cat", "plum_dog", "coral_bear"]) {
        concept.file = format!("assets:miniature/concepts/{name}.safetensors").into();
    }
    suite.cases.truncate(1);
    suite.prompts.truncate(1);
    // The exact one's 999 steps for each picture would be nine tenths of the test.
    suite.settings.inversion = Inversion::Coarse;
    suite
}

#[test]
fn a_search_halves_goes_on_and_compares_on_other_seeds() {
    let (suite, folder) = (tiny(), tempfile::tempdir().unwrap());
    let search = Search {
        suite: &suite,
        base: Path::new("."),
        axes: axes(&["strength=0,0.9", "guidance_scale=1,7"]),
        effort: Effort { candidates: 4, first: 1, last: 2 },
    };
    let mut crew = Crew::start(&[DeviceChoice::Flex], &Cache::none()).unwrap();
    let (stop, interrupts) = crossbeam_channel::unbounded();
    let mut made = 0;
    let mut run = |interrupted_at: usize| {
        made = 0;
        let end = search.run(folder.path(), &mut crew, &interrupts, &mut |_, told| {
            if let Told::Ended(_) = told {
                made += 1;
                if made == interrupted_at {
                    stop.send(()).unwrap();
                }
            }
        });
        (end, made)
    };
    assert_eq!(run(3), (Ok(None), 3));
    let (end, rest) = run(usize::MAX);
    let Ok(Some(found)) = end else { panic!("{end:?}") };
    // Four make one each, two make one more; a winner that is not the suite's own makes two of its seeds, as do those.
    assert_eq!(found.rounds.iter().map(Vec::len).collect::<Vec<_>>(), [4, 2]);
    assert_eq!(rest, 4 - 3 + 2 + if found.winner.is_own() { 0 } else { 4 });
    assert!(found.rounds.iter().all(|round| round.windows(2).all(|pair| pair[0].worth >= pair[1].worth)));
    assert_eq!(found.rounds[1][0].candidate, found.winner);
    assert_eq!(found.last.is_none(), found.winner.is_own());
    let told = std::fs::read_to_string(folder.path().join("search.md")).unwrap();
    assert!(told.contains(&found.words()) && told.contains("## Round 2: 2 pictures each"), "{told}");
    assert!(
        told.contains("Tried: strength of 0, 0.9; guidance_scale of 1, 7. Of these 4 combinations 3 were drawn"),
        "{told}"
    );
    assert!(told.contains("## What each value gives") && told.contains("| strength | 0.9 |"), "{told}");
    // Nothing is made again, and the same comes out; another search does not go into the same folder.
    assert_eq!(run(usize::MAX), (Ok(Some(found.clone())), 0));
    // Two engines find what one finds.
    let elsewhere = tempfile::tempdir().unwrap();
    let mut two = Crew::start(&[DeviceChoice::Flex; 2], &Cache::none()).unwrap();
    assert_eq!(search.run(elsewhere.path(), &mut two, &interrupts, &mut |_, _| ()), Ok(Some(found)));
    let other = Search { effort: Effort { candidates: 3, first: 1, last: 2 }, axes: search.axes.clone(), ..search };
    let refused = other.run(folder.path(), &mut crew, &interrupts, &mut |_, _| ()).unwrap_err();
    assert!(refused.contains("another search"), "{refused}");
}
