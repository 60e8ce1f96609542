//! The numbers of the report as tables of text.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::basis::{COST, Records};
use crate::engine::encoders::config::Kind;
use crate::evaluate::methods::{FULL, Method, Table as Place, method};
use crate::evaluate::metrics::background::{BackgroundMetric, LEVELS};
use crate::evaluate::metrics::learned::{LearnedMetric, Segments};
use crate::evaluate::metrics::{Metric, anchors};
use crate::evaluate::record::{Outcome, Plan, Record};
use crate::evaluate::statistics::{DRAWS, Draws, Mean, Nest, holm};
use crate::evaluate::suite::{Case, Measure, Prompt};
use crate::plush;

/// A table of text.
pub(super) struct Table {
    pub title: String,
    /// What its numbers are.
    pub note: String,
    pub columns: Vec<String>,
    /// As many cells each as there are columns.
    pub rows: Vec<Vec<String>>,
}

/// What no picture has.
const NOTHING: &str = "—";

/// All pictures that methods share: a case, a prompt and a seed each.
struct Pictures<'a> {
    plan: &'a Plan,
    records: &'a Records,
    /// For each, the place of its case, of its prompt, and its seed.
    places: Vec<(&'a Case, &'a Prompt, u64)>,
    draws: Draws,
}

impl<'a> Pictures<'a> {
    fn new(plan: &'a Plan, records: &'a Records) -> Self {
        let (mut places, mut nest) = (Vec::new(), Nest::new());
        for case in plan.suite.cases.iter().filter(|case| plan.choice.full || !case.full) {
            let mut prompts = Vec::new();
            for prompt in plan.suite.prompts_of(case).iter().filter(|prompt| plan.choice.full || !prompt.full) {
                let first = places.len();
                places.extend((0..u64::from(plan.suite.seeds(plan.choice.full))).map(|seed| (case, prompt, seed)));
                prompts.push((first..places.len()).collect());
            }
            nest.push(prompts);
        }
        // Pictures that nobody made yet are not drawn.
        let made: HashSet<(&str, &str, u64)> =
            records.keys().map(|unit| (unit.case.as_str(), unit.prompt.as_str(), unit.seed)).collect();
        let any = |picture: &usize| {
            let (case, prompt, seed) = places[*picture];
            made.contains(&(case.name().as_str(), prompt.name.as_str(), seed))
        };
        nest.iter_mut().flatten().for_each(|seeds| seeds.retain(any));
        let draws = Draws::new(nest, places.len());
        Self { plan, records, places, draws }
    }

    fn record(&self, picture: usize, method: &str) -> Option<&Record> {
        let (case, prompt, seed) = self.places[picture];
        let name = crate::evaluate::suite::UnitName {
            case: case.name(),
            prompt: prompt.name.clone(),
            method: method.to_owned(),
            seed,
        };
        self.records.get(&name)
    }

    /// A metric of every picture; none of those that are not made yet, the worst of those that failed.
    fn values(&self, method: &str, column: Column) -> Vec<Option<f64>> {
        let worst = self.worst(column);
        let value = |picture| {
            let record = self.record(picture, method)?;
            match (column, &record.outcome) {
                (Column::Own(metric), Outcome::Made(measures)) => measures.as_ref().map(|measures| metric.of(measures)),
                (Column::Learned(metric), Outcome::Made(_)) => metric.of(record.learned.as_ref()?),
                (Column::Background(metric), Outcome::Made(_)) => record.background.as_ref().map(|of| metric.of(of)),
                // Without a photo there is none that could have changed.
                (Column::Background(_), _) if self.places[picture].1.photo.is_none() => None,
                (_, Outcome::Failed(_)) => Some(worst),
            }
        };
        (0..self.places.len()).map(value).collect()
    }

    /// What a picture that failed counts with; of what has no bounds, the worst that any picture has.
    fn worst(&self, column: Column) -> f64 {
        match column {
            Column::Own(metric) => metric.worst(),
            Column::Background(metric) => metric.worst(),
            Column::Learned(metric @ LearnedMetric::Reward) => {
                let all = self.records.values().filter_map(|record| metric.of(record.learned.as_ref()?));
                all.min_by(f64::total_cmp).unwrap_or(0.0)
            }
            Column::Learned(metric) => metric.worst(),
        }
    }

    /// What stands in the tables of scores: what the suite measures, what became of photos, and what encoders have measured of
    /// any picture.
    fn columns(&self) -> Vec<Column> {
        let own = Metric::ALL.into_iter().filter(|_| self.plan.suite.measure == Measure::Plush).map(Column::Own);
        own.chain(self.backgrounds()).chain(self.learned()).collect()
    }

    /// What became of photos, where concepts were placed into any.
    fn backgrounds(&self) -> impl Iterator<Item = Column> {
        let any = self.records.values().any(|record| record.background.is_some());
        BackgroundMetric::ALL.into_iter().filter(move |_| any).map(Column::Background)
    }

    /// What encoders have measured of any picture.
    fn learned(&self) -> impl Iterator<Item = Column> {
        let measured = move |metric: &LearnedMetric| {
            self.records
                .values()
                .filter_map(|record| record.learned.as_ref())
                .any(|learned| metric.of(learned).is_some())
        };
        LearnedMetric::ALL.into_iter().filter(measured).map(Column::Learned)
    }

    /// Those columns that decide: named beforehand for the Plush World and for photos; of other pictures all that encoders measure.
    fn primary(&self) -> Vec<Column> {
        let photos = self.backgrounds().filter(|column| *column == Column::Background(BackgroundMetric::PRIMARY));
        match self.plan.suite.measure {
            Measure::Plush => Metric::PRIMARY.into_iter().map(Column::Own).chain(photos).collect(),
            Measure::Nothing => photos.chain(self.learned()).collect(),
        }
    }

    fn methods(&self) -> impl Iterator<Item = &'static Method> {
        self.plan.choice.methods.iter().filter_map(|name| method(name))
    }
}

/// A column of the tables of scores.
#[derive(Clone, Copy, PartialEq)]
enum Column {
    /// What the suite measures.
    Own(Metric),
    /// What became of a photo.
    Background(BackgroundMetric),
    /// What encoders of the user's measure.
    Learned(LearnedMetric),
}

impl Column {
    fn title(self) -> &'static str {
        match self {
            Self::Own(metric) => metric.title(),
            Self::Background(metric) => metric.title(),
            Self::Learned(metric) => metric.title(),
        }
    }

    fn more_is_better(self) -> bool {
        match self {
            Self::Own(metric) => metric.more_is_better(),
            Self::Background(_) => false,
            Self::Learned(metric) => metric.more_is_better(),
        }
    }
}

/// All tables but that of costs.
pub(super) fn tables(plan: &Plan, records: &Records) -> Vec<Table> {
    let pictures = Pictures::new(plan, records);
    let mut tables = Vec::new();
    let is_plush = plan.suite.measure == Measure::Plush;
    if !pictures.columns().is_empty() {
        let ablated = |method: &Method| method.table == Place::Ablations || method.name == FULL;
        let beside: Vec<&Method> = pictures.methods().filter(|method| method.table == Place::Methods).collect();
        let parts: Vec<&Method> = pictures.methods().filter(|method| ablated(method)).collect();
        if !beside.is_empty() {
            tables.push(scores(&pictures, "Table 1: methods", &beside));
        }
        if parts.iter().any(|method| method.table == Place::Ablations) {
            tables.push(scores(&pictures, "Table 2: without parts of the method", &parts));
        }
        tables.extend(differences(&pictures));
        let own = [Metric::Recognised, Metric::SegSim].map(Column::Own).into_iter().filter(|_| is_plush);
        let others = pictures.backgrounds().chain(pictures.learned());
        tables.extend(own.chain(others).map(|column| by_case(&pictures, column)));
        if is_plush {
            tables.push(bounds(plan));
        }
    }
    tables.push(methods(&pictures));
    tables
}

fn number(value: f64) -> String {
    // No "-0.000".
    format!("{:.3}", value + 0.0).replace("-0.000", "0.000")
}

fn interval(mean: &Mean) -> String {
    format!("{} [{}, {}]", number(mean.mean), number(mean.interval.0), number(mean.interval.1))
}

fn scores(pictures: &Pictures<'_>, title: &str, methods: &[&Method]) -> Table {
    let arrow = |column: &Column| format!("{} {}", column.title(), if column.more_is_better() { "↑" } else { "↓" });
    let all = pictures.columns();
    let row = |method: &&Method| {
        let means: Vec<Option<Mean>> =
            all.iter().map(|column| pictures.draws.mean(&pictures.values(method.name, *column))).collect();
        let count = means.iter().flatten().map(|mean| mean.count).max().unwrap_or(0);
        let cells = means.iter().map(|mean| mean.as_ref().map_or(NOTHING.to_owned(), interval));
        [method.title.to_owned(), count.to_string()].into_iter().chain(cells).collect()
    };
    Table {
        title: title.to_owned(),
        note: format!(
            "Means with 95 % intervals (bootstrap, {DRAWS} draws over cases, prompts and seeds). A picture that failed counts \
             with the worst of each.{} {} The paper's own numbers are not at hand and are left out.",
            photos(pictures),
            encoders(pictures)
        ),
        columns: ["method", "pictures"].map(str::to_owned).into_iter().chain(all.iter().map(arrow)).collect(),
        rows: methods.iter().map(row).collect(),
    }
}

/// What is to be known of what became of photos, in sentences that follow others; nothing where there are none.
fn photos(pictures: &Pictures<'_>) -> String {
    if pictures.backgrounds().next().is_none() {
        return String::new();
    }
    format!(
        " Background: how far the photo differs from what it was outside of the subjects' masks, in the piece that the canvas \
         shows, as a mean in levels of 255; touched: the share of its pixels with a channel that differs by more than {LEVELS}; \
         unpasted: the levels of the render before it is put back."
    )
}

/// What is to be known of learned measures, in sentences.
fn encoders(pictures: &Pictures<'_>) -> String {
    let (mut names, mut counted): (BTreeSet<&str>, BTreeSet<&str>) = Default::default();
    let mut segments: BTreeSet<&Segments> = BTreeSet::new();
    let mut rewarded = false;
    for learned in pictures.records.values().filter_map(|record| record.learned.as_ref()) {
        names.extend(learned.scores.iter().map(|scores| scores.encoder.as_str()));
        rewarded |= LearnedMetric::Reward.of(learned).is_some();
        // ImageReward alone looks at no segments.
        let looked = learned.scores.iter().any(|scores| scores.kind != Kind::Reward);
        segments.extend(Some(&learned.segments).filter(|_| looked));
        counted.extend(learned.count.iter().map(|count| count.segmenter.as_str()));
    }
    let counted = Vec::from_iter(counted).join("; ");
    let counts = match counted.as_str() {
        "" => String::new(),
        counted => format!(
            " Found n < N and n > N: the pictures in which {counted} finds fewer or more subjects of the class words than there are \
             concepts; boxes of one place count once."
        ),
    };
    if names.is_empty() {
        return format!(
            "CLIP and ImageReward scores are not measured: they need learned models that know photographs.{counts}"
        );
    }
    let names = Vec::from_iter(names).join("; ");
    let segments: Vec<String> = segments.into_iter().map(Segments::words).collect();
    let seen = match segments.as_slice() {
        [] => "SegSim and CLIP-T are not measured by any encoder.".to_owned(),
        segments => format!(
            "Segments: {}; each is shown to an encoder as a square about its box, grey around it. CLIP-T is the cosine with the \
             plain base prompt.",
            segments.join(" and ")
        ),
    };
    let rewarded = if rewarded {
        "ImageReward is the score of the whole picture with the plain base prompt; it has no bounds, and a picture that failed \
         counts with the least of all pictures."
    } else {
        "ImageReward is not measured."
    };
    format!("Measured with {names}. {seen} {rewarded}{counts}")
}

/// All methods against the full one, on the pictures that both have.
fn differences(pictures: &Pictures<'_>) -> Option<Table> {
    let others: Vec<&Method> = pictures.methods().filter(|method| method.name != FULL).collect();
    let mut found = Vec::new();
    for method in &others {
        for column in pictures.primary() {
            let (theirs, ours) = (pictures.values(method.name, column), pictures.values(FULL, column));
            if let Some(difference) = pictures.draws.difference(&theirs, &ours) {
                found.push((*method, column, difference));
            }
        }
    }
    let corrected = holm(&found.iter().map(|(.., difference)| difference.p).collect::<Vec<_>>());
    let row = |((method, column, difference), p): (&(&Method, Column, _), f64)| {
        let difference: &crate::evaluate::statistics::Difference = difference;
        vec![
            method.title.to_owned(),
            column.title().to_owned(),
            interval(&difference.mean),
            difference.mean.count.to_string(),
            difference.cases.to_string(),
            number(difference.p),
            number(p),
        ]
    };
    let rows: Vec<Vec<String>> = found.iter().zip(corrected).map(row).collect();
    let full = method(FULL).map_or(FULL, |method| method.title);
    (!rows.is_empty()).then(|| Table {
        title: format!("Differences from {full}"),
        note: format!(
            "Each method minus {full}, on the same cases, prompts and seeds, for the metrics that were named beforehand; p by \
             the exact test over the signs of the cases' means, and corrected for all rows by Holm. With few cases no p can \
             be small: with 7 none is below 0.016."
        ),
        columns: ["method", "metric", "difference", "pictures", "cases", "p", "p (Holm)"].map(str::to_owned).to_vec(),
        rows,
    })
}

/// Every case by itself: they are few, and one may carry a mean.
fn by_case(pictures: &Pictures<'_>, column: Column) -> Table {
    let methods: Vec<&Method> = pictures.methods().collect();
    let values: Vec<Vec<Option<f64>>> = methods.iter().map(|method| pictures.values(method.name, column)).collect();
    let mut rows = Vec::new();
    for case in pictures.plan.suite.cases.iter().filter(|case| pictures.plan.choice.full || !case.full) {
        let mean = |values: &Vec<Option<f64>>| {
            let of_case = pictures.places.iter().zip(values).filter(|((other, ..), _)| std::ptr::eq(*other, case));
            let known: Vec<f64> = of_case.filter_map(|(_, value)| *value).collect();
            if known.is_empty() { NOTHING.to_owned() } else { number(known.iter().sum::<f64>() / known.len() as f64) }
        };
        rows.push([case.name()].into_iter().chain(values.iter().map(mean)).collect());
    }
    Table {
        title: format!("Case by case: {}", column.title()),
        note: "Means over prompts and seeds.".to_owned(),
        columns: ["case"].into_iter().chain(methods.iter().map(|method| method.title)).map(str::to_owned).collect(),
        rows,
    }
}

/// What SegSim can be at all.
fn bounds(plan: &Plan) -> Table {
    let mut rows = Vec::new();
    for case in plan.suite.cases.iter().filter(|case| plan.choice.full || !case.full) {
        let all: Vec<&plush::Concept> =
            plan.suite.concepts_of(case).filter_map(|subject| plush::concept(subject.plush.as_deref()?)).collect();
        for (index, concept) in all.iter().enumerate() {
            let others = all.iter().enumerate().filter(|(other, _)| *other != index);
            let found: Vec<(f64, f64)> = others.map(|(_, other)| anchors(concept, other)).collect();
            let Some((ceiling, _)) = found.first() else { continue };
            let floor = found.iter().map(|(_, floor)| *floor).fold(0.0, f64::max);
            rows.push(vec![case.name(), concept.words(), number(*ceiling), number(floor)]);
        }
    }
    Table {
        title: "What SegSim can be".to_owned(),
        note: "Ceiling: photos of a concept among themselves. Floor: a picture of only the case's other concepts."
            .to_owned(),
        columns: ["case", "concept", "ceiling", "floor"].map(str::to_owned).to_vec(),
        rows,
    }
}

fn methods(pictures: &Pictures<'_>) -> Table {
    let row = |method: &'static Method| {
        let changes = method.changed(pictures.plan.suite.places());
        let changes = if changes.is_empty() { NOTHING.to_owned() } else { changes.join(", ") };
        vec![
            method.title.to_owned(),
            method.name.to_owned(),
            method.about.to_owned(),
            changes,
            method.source.to_owned(),
        ]
    };
    Table {
        title: "The methods".to_owned(),
        note: "All on the same engine, noise and layouts.".to_owned(),
        columns: ["method", "name", "what it is", "changes", "source"].map(str::to_owned).to_vec(),
        rows: pictures.methods().map(row).collect(),
    }
}

/// What pictures cost, by method and device.
pub(super) fn cost(plan: &Plan, records: &Records) -> Table {
    let mut rows = Vec::new();
    for method in plan.choice.methods.iter().filter_map(|name| method(name)) {
        let mut devices: BTreeMap<&str, Vec<&Record>> = BTreeMap::new();
        for record in records.values().filter(|record| record.unit.method == method.name) {
            if matches!(record.outcome, Outcome::Made(_)) {
                devices.entry(&record.cost.device).or_default().push(record);
            }
        }
        for (device, made) in devices {
            let mut seconds: Vec<f64> = made.iter().map(|record| record.cost.seconds).collect();
            seconds.sort_by(f64::total_cmp);
            let mean = seconds.iter().sum::<f64>() / seconds.len() as f64;
            let memory = made.iter().filter_map(|record| record.cost.memory).max();
            rows.push(vec![
                method.title.to_owned(),
                device.to_owned(),
                seconds.len().to_string(),
                format!("{mean:.1} s"),
                format!("{:.1} s", seconds[seconds.len() / 2]),
                memory.map_or(NOTHING.to_owned(), crate::bytes::words),
            ]);
        }
    }
    Table {
        title: COST.to_owned(),
        note: "Of each picture, with reading and measuring; the first of a layout inverts its reference, which later ones find \
               again. Memory is the most that the process was seen to hold."
            .to_owned(),
        columns: ["method", "device", "pictures", "mean", "median", "memory"].map(str::to_owned).to_vec(),
        rows,
    }
}
