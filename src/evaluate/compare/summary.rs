//! What all pairs say together: means, differences of the same seeds, and whether they can be told from chance.

use serde::Serialize;

use super::scores::{Score, Scores};
use crate::evaluate::statistics::{Draws, holm};

/// A difference is told where it would come about by chance less often than this, over all scores that are compared.
const CHANCE: f64 = 0.05;

/// One score of both sides.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line {
    /// Which.
    #[serde(skip)]
    pub score: Score,
    /// What it is called.
    pub title: &'static str,
    /// The mean of A's pictures.
    pub a: f64,
    /// The mean of B's pictures.
    pub b: f64,
    /// Mean of B less A over the seeds that both have, with its 95 % interval.
    pub difference: f64,
    /// Lower and upper end of the interval.
    pub interval: (f64, f64),
    /// How likely so great a difference is by chance, corrected for the number of scores; the time is not tested.
    pub p: Option<f64>,
    /// Which side is better, in words, or that it cannot be told.
    pub verdict: String,
}

/// What a comparison says.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Summary {
    /// How many seeds both sides have.
    pub pairs: usize,
    /// One for each score that is known.
    pub lines: Vec<Line>,
    /// What it comes to, in a sentence.
    pub verdict: String,
}

/// Puts pairs of pictures together, A's and B's of one seed each; seeds that lack one are left out.
pub fn summarise(pairs: &[[Option<&Scores>; 2]]) -> Summary {
    let pairs: Vec<[&Scores; 2]> = pairs.iter().filter_map(|[a, b]| Some([(*a)?, (*b)?])).collect();
    if pairs.is_empty() {
        return Summary {
            verdict: "Nothing can be told before both have a picture of one seed.".into(),
            ..Summary::default()
        };
    }
    let draws = Draws::new((0..pairs.len()).map(|at| vec![vec![at]]).collect(), pairs.len());
    let mut lines: Vec<Line> = Score::ALL.into_iter().filter_map(|score| line(score, &pairs, &draws)).collect();
    let ps: Vec<f64> = lines.iter().filter_map(|line| line.p).collect();
    let corrected = holm(&ps);
    let tested = lines.iter_mut().filter(|line| line.p.is_some());
    tested.zip(corrected).for_each(|(line, p)| line.p = Some(p));
    lines.iter_mut().for_each(|line| line.verdict = told(line));
    let verdict = verdict(&lines, pairs.len());
    Summary { pairs: pairs.len(), lines, verdict }
}

/// A score of all pairs; none where it is not known of each.
fn line(score: Score, pairs: &[[&Scores; 2]], draws: &Draws) -> Option<Line> {
    let side = |side: usize| pairs.iter().map(|pair| score.value(pair[side])).collect::<Vec<_>>();
    let (a, b) = (side(0), side(1));
    let (mean_a, mean_b) = (draws.mean(&a)?, draws.mean(&b)?);
    let found = draws.difference(&b, &a)?;
    Some(Line {
        score,
        title: score.title(),
        a: mean_a.mean,
        b: mean_b.mean,
        difference: found.mean.mean,
        interval: found.mean.interval,
        p: (score != Score::Seconds).then_some(found.p),
        verdict: String::new(),
    })
}

impl Line {
    /// A's mean, B's, their difference and its interval, as they are written.
    pub fn cells(&self) -> [String; 4] {
        let write = |value| self.score.write(value);
        let signed =
            |value: f64| if value < 0.0 { format!("−{}", write(-value)) } else { format!("+{}", write(value)) };
        let (low, high) = self.interval;
        [write(self.a), write(self.b), signed(self.difference), format!("{} to {}", signed(low), signed(high))]
    }

    /// Whether it can be told which side is better.
    pub fn is_told(&self) -> bool {
        self.better().is_some()
    }

    /// Which side is better, 'A' or 'B', where that can be told.
    fn better(&self) -> Option<char> {
        let (low, high) = self.interval;
        let apart = low > 0.0 || high < 0.0;
        // Time is no matter of chance alone: where all of its interval is on one side, it is told.
        let told = apart && self.p.is_none_or(|p| p <= CHANCE);
        told.then(|| if (self.difference > 0.0) == self.score.more_is_better() { 'B' } else { 'A' })
    }
}

fn told(line: &Line) -> String {
    match line.better() {
        Some(side) if line.score == Score::Seconds => format!("{side} is faster"),
        Some(side) => format!("{side} is better"),
        None if line.difference == 0.0 && line.interval == (0.0, 0.0) => "the same".to_owned(),
        None => "cannot be told".to_owned(),
    }
}

fn verdict(lines: &[Line], pairs: usize) -> String {
    let tested = || lines.iter().filter(|line| line.p.is_some());
    let of = |side: char| -> Vec<&str> {
        tested().filter(|line| line.better() == Some(side)).map(|line| line.title).collect()
    };
    let (a, b) = (of('A'), of('B'));
    let seeds = if pairs == 1 { "one seed".to_owned() } else { format!("{pairs} seeds") };
    match (a.as_slice(), b.as_slice()) {
        ([], []) if tested().all(|line| line.difference == 0.0 && line.interval == (0.0, 0.0)) => {
            format!("Over {seeds} both have the same scores.")
        }
        // With n seeds all of which agree, chance does as well in 2 of 2ⁿ cases.
        ([], []) if 2.0_f64.powi(1 - pairs as i32) * tested().count() as f64 > CHANCE => {
            format!("Nothing can be told yet: {seeds} are too few, whatever they show. More seeds tell more.")
        }
        ([], []) => format!("Over {seeds} neither is better than chance would have it."),
        (a, []) => format!("Over {seeds} A is better: {}.", a.join(", ")),
        ([], b) => format!("Over {seeds} B is better: {}.", b.join(", ")),
        (a, b) => format!("Over {seeds} A is better in {}, and B in {}.", a.join(", "), b.join(", ")),
    }
}
