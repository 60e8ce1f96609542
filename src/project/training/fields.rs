//! Every value of a training's settings: its key, words, sentence and range. The window's rows, the command line's
//! `--set KEY=VALUE` and the checks are read off this one table.

use strsim::levenshtein;

use super::super::error::ProjectError;
use super::settings::TrainingSettings;

/// How many similar keys an error for an unknown one lists.
const NEAR_KEYS: usize = 3;

/// A part of the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// How long, with how many photos, of which size.
    Run,
    /// How fast it learns.
    Rates,
    /// What counts as the subject.
    Subject,
    /// How photos are varied.
    Variety,
    /// What is told and kept on the way.
    Watching,
}

impl Group {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 5] = [Self::Run, Self::Rates, Self::Subject, Self::Variety, Self::Watching];

    /// Its title.
    pub fn words(self) -> &'static str {
        match self {
            Self::Run => "Length and size",
            Self::Rates => "Learning rates",
            Self::Subject => "The subject",
            Self::Variety => "Variety",
            Self::Watching => "Watching and keeping",
        }
    }
}

/// One value of the settings.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// What `--set` calls it.
    pub key: &'static str,
    /// What it is called in the window.
    pub words: &'static str,
    /// One sentence.
    pub explanation: &'static str,
    /// What stands after it, with the space before.
    pub unit: &'static str,
    /// Where it is shown.
    pub group: Group,
    /// What kind it is.
    pub value: Value,
}

/// What kind of value it is, and how it is read and written.
#[derive(Clone, Copy, Debug)]
pub enum Value {
    /// On or off.
    Switch {
        /// Reads it.
        get: fn(&TrainingSettings) -> bool,
        /// Writes it.
        set: fn(&mut TrainingSettings, bool),
    },
    /// A number.
    Number {
        /// The least.
        least: f64,
        /// The greatest.
        most: f64,
        /// What it is a multiple of; 0 where it is any number.
        step: f64,
        /// What it is called where there is none; nothing where there must be one.
        none: Option<&'static str>,
        /// Reads it.
        get: fn(&TrainingSettings) -> Option<f64>,
        /// Writes it; `None` does nothing where there must be one.
        set: fn(&mut TrainingSettings, Option<f64>),
    },
}

/// A whole number that there must be.
macro_rules! whole {
    ($field:ident, $type:ty, $least:expr, $most:expr) => {
        Value::Number {
            least: $least,
            most: $most,
            step: 1.0,
            none: None,
            get: |settings| Some(settings.$field as f64),
            set: |settings, value| settings.$field = value.map_or(settings.$field, |value| value as $type),
        }
    };
}

/// Any number that there must be.
macro_rules! real {
    ($field:ident, $most:expr) => {
        Value::Number {
            least: 0.0,
            most: $most,
            step: 0.0,
            none: None,
            get: |settings| Some(settings.$field),
            set: |settings, value| settings.$field = value.unwrap_or(settings.$field),
        }
    };
}

macro_rules! switch {
    ($field:ident) => {
        Value::Switch { get: |settings| settings.$field, set: |settings, on| settings.$field = on }
    };
}

/// The greatest whole number up to which every one is a double.
const GREATEST: f64 = 9_007_199_254_740_992.0;

/// All of them, in the order in which they are shown.
pub const FIELDS: [Field; 24] = [
    Field {
        key: "steps",
        words: "Steps",
        explanation: "Steps of the optimiser. More learn more, and in the end the photos by heart.",
        unit: "",
        group: Group::Run,
        value: whole!(steps, usize, 1.0, 100_000.0),
    },
    Field {
        key: "batch",
        words: "Photos a step",
        explanation: "Photos in one step: memory and time grow with it, and each step is less a matter of chance.",
        unit: "",
        group: Group::Run,
        value: whole!(batch, usize, 1.0, 64.0),
    },
    Field {
        key: "rank",
        words: "Rank",
        explanation: "Rank of the low-rank changes: how much there is room to learn, and how large the file is.",
        unit: "",
        group: Group::Run,
        value: whole!(rank, usize, 1.0, 128.0),
    },
    Field {
        key: "size",
        words: "Size",
        explanation: "Side of the square that photos are cropped to. Memory grows with its square.",
        unit: " px",
        group: Group::Run,
        value: Value::Number {
            least: 64.0,
            most: 1024.0,
            step: 64.0,
            none: Some("the model's own"),
            get: |settings| settings.size.map(f64::from),
            set: |settings, value| settings.size = value.map(|value| value as u32),
        },
    },
    Field {
        key: "recompute",
        words: "Save memory",
        explanation: "Computes the forward pass again for the gradients, block by block: less memory, about a third slower.",
        unit: "",
        group: Group::Run,
        value: switch!(recompute),
    },
    Field {
        key: "embedding_rate",
        words: "Words",
        explanation: "Learning rate of the two words' embeddings; like the others it falls to 0 in a line.",
        unit: "",
        group: Group::Rates,
        value: real!(embedding_rate, 1.0),
    },
    Field {
        key: "text_rate",
        words: "Text encoder",
        explanation: "Learning rate of the text encoder's changes; 0 leaves the text encoder as it is.",
        unit: "",
        group: Group::Rates,
        value: real!(text_rate, 1.0),
    },
    Field {
        key: "unet_rate",
        words: "UNet",
        explanation: "Learning rate of the UNet's changes; 0 leaves the UNet as it is.",
        unit: "",
        group: Group::Rates,
        value: real!(unet_rate, 1.0),
    },
    Field {
        key: "weight_decay",
        words: "Weight decay",
        explanation: "How strongly AdamW pulls everything that is learnt towards 0.",
        unit: "",
        group: Group::Rates,
        value: real!(weight_decay, 1.0),
    },
    Field {
        key: "embedding_norm",
        words: "Words rest at",
        explanation: "The words' embeddings stay as they are once their mean norm has passed this.",
        unit: "",
        group: Group::Rates,
        value: Value::Number {
            least: 0.01,
            most: 100.0,
            step: 0.0,
            none: Some("never"),
            get: |settings| settings.embedding_norm,
            set: |settings, value| settings.embedding_norm = value,
        },
    },
    Field {
        key: "background",
        words: "Background counts",
        explanation: "How much the picture outside the mask counts: 0 learns the subject alone, as the paper does.",
        unit: "",
        group: Group::Subject,
        value: real!(background, 1.0),
    },
    Field {
        key: "attention",
        words: "Attention",
        explanation: "Weight of the regularisation that keeps the words' attention inside the mask; 0 turns it off.",
        unit: "",
        group: Group::Subject,
        value: real!(attention, 10.0),
    },
    Field {
        key: "full_identity",
        words: "Fill the mask",
        explanation: "The second word's attention shall fill the mask, not only stay inside it.",
        unit: "",
        group: Group::Subject,
        value: switch!(full_identity),
    },
    Field {
        key: "prior",
        words: "Keep the class",
        explanation: "Weight of pictures of the class that the base model draws itself beforehand; 0 for none.",
        unit: "",
        group: Group::Subject,
        value: real!(prior, 10.0),
    },
    Field {
        key: "prior_pictures",
        words: "Pictures of the class",
        explanation: "How many of them are drawn.",
        unit: "",
        group: Group::Subject,
        value: whole!(prior_pictures, usize, 1.0, 1000.0),
    },
    Field {
        key: "crop",
        words: "Crop",
        explanation: "How often a photo is resized and cropped at random.",
        unit: "",
        group: Group::Variety,
        value: real!(crop, 1.0),
    },
    Field {
        key: "mirror",
        words: "Mirror",
        explanation: "Mirrors photos half of the time. Not for subjects whose left and right differ.",
        unit: "",
        group: Group::Variety,
        value: switch!(mirror),
    },
    Field {
        key: "shuffle",
        words: "Shuffle captions",
        explanation: "The parts of captions between commas change places.",
        unit: "",
        group: Group::Variety,
        value: switch!(shuffle),
    },
    Field {
        key: "noise_offset",
        words: "Noise offset",
        explanation: "The noise gets this times a constant for each channel. With much of it the words tell the subject's colours and not the picture so far: try 0.2 to 0.5 where it comes out in another hue.",
        unit: "",
        group: Group::Variety,
        value: real!(noise_offset, 1.0),
    },
    Field {
        key: "weighting",
        words: "Emphasise noise",
        explanation: "How much more timesteps with much noise count, where colours are decided: 0 as in the paper, 1 as if the velocity were learnt.",
        unit: "",
        group: Group::Variety,
        value: real!(weighting, 1.0),
    },
    Field {
        key: "checkpoint_every",
        words: "Checkpoint every",
        explanation: "Writes a checkpoint every so many steps; 0 for none but where it is paused or ends.",
        unit: " steps",
        group: Group::Watching,
        value: whole!(checkpoint_every, usize, 0.0, 100_000.0),
    },
    Field {
        key: "show_every",
        words: "Pictures every",
        explanation: "Draws validation pictures every so many steps, at strength 0, 0.7 and 1; 0 for none.",
        unit: " steps",
        group: Group::Watching,
        value: whole!(show_every, usize, 0.0, 100_000.0),
    },
    Field {
        key: "enough",
        words: "Enough likeness",
        explanation: "Ends early once its pictures show this much of the subject's own colours, of 1; 0 for never. Needs masks and pictures on the way.",
        unit: "",
        group: Group::Watching,
        value: real!(enough, 1.0),
    },
    Field {
        key: "full_at",
        words: "Full at strength",
        explanation: "The strength at which the finished concept acts as it was learnt: 0.7 is where concepts are usually used, so nothing of it is lost there; 1 as in the paper. Changes the files and the pictures, not what is learnt.",
        unit: "",
        group: Group::Watching,
        value: Value::Number {
            least: *TrainingSettings::FULL_AT.start(),
            most: *TrainingSettings::FULL_AT.end(),
            step: 0.0,
            none: None,
            get: |settings| Some(settings.full_at),
            set: |settings, value| settings.full_at = value.unwrap_or(settings.full_at),
        },
    },
];

/// The seed, which has no row of its own among the others.
pub const SEED: Field = Field {
    key: "seed",
    words: "Seed",
    explanation: "The seed of everything that is random: the same seed on the same device trains the same concept.",
    unit: "",
    group: Group::Watching,
    value: whole!(seed, u64, 0.0, GREATEST),
};

/// All values, the seed too.
pub fn all() -> impl Iterator<Item = &'static Field> {
    FIELDS.iter().chain(std::iter::once(&SEED))
}

impl TrainingSettings {
    /// Checks every value's range.
    ///
    /// # Errors
    /// The first that is out of its range, with what it may be.
    pub fn validate(&self) -> Result<(), ProjectError> {
        all().try_for_each(|field| field.check(self))?;
        if [self.embedding_rate, self.text_rate, self.unet_rate].iter().all(|rate| *rate == 0.0) {
            let advice = "set embedding_rate, text_rate or unet_rate above 0";
            return Err(ProjectError::value("settings", "let nothing be learnt: all learning rates are 0", advice));
        }
        Ok(())
    }

    /// Sets one value by its key, such as `steps`. Nothing changes when the key is unknown, the value is of another kind
    /// or out of its range. `none` is what it says.
    ///
    /// # Errors
    /// In words, with what could be meant.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), ProjectError> {
        let (key, value) = (key.trim(), value.trim());
        let field = all().find(|field| field.key == key).ok_or_else(|| unknown(key))?;
        let odd = |advice: String| ProjectError::value(field.place(), format!("cannot be {value:?}"), advice);
        let mut changed = self.clone();
        match field.value {
            Value::Switch { set, .. } => match value {
                "true" => set(&mut changed, true),
                "false" => set(&mut changed, false),
                _ => return Err(odd("write true or false".into())),
            },
            Value::Number { none: Some(_), set, .. } if value == "none" => set(&mut changed, None),
            Value::Number { step, none, set, least, most, .. } => {
                let or_none = if none.is_some() { ", or none" } else { "" };
                let number = value.parse::<f64>().ok().filter(|number| number.is_finite());
                let number = number.ok_or_else(|| odd(format!("write a number such as {least}{or_none}")))?;
                // Before it is cut to the field's own type.
                if !fits(number, least, most, step) {
                    return Err(odd(range_words(least, most, step, none)));
                }
                set(&mut changed, Some(number));
            }
        }
        *self = changed;
        Ok(())
    }
}

impl Field {
    /// Where it stands in a file.
    fn place(&self) -> String {
        format!("settings.{}", self.key)
    }

    /// What it may be, in words; nothing for a switch.
    pub fn range(&self) -> String {
        match self.value {
            Value::Switch { .. } => String::new(),
            Value::Number { least, most, step, none, .. } => range_words(least, most, step, none),
        }
    }

    fn check(&self, settings: &TrainingSettings) -> Result<(), ProjectError> {
        let Value::Number { least, most, step, none, get, .. } = self.value else { return Ok(()) };
        match get(settings) {
            Some(value) if !fits(value, least, most, step) => {
                let words = range_words(least, most, step, none);
                Err(ProjectError::value(self.place(), format!("is {value}"), words))
            }
            _ => Ok(()),
        }
    }
}

/// NaN fits nowhere.
fn fits(value: f64, least: f64, most: f64, step: f64) -> bool {
    (least..=most).contains(&value) && (step == 0.0 || value % step == 0.0)
}

fn range_words(least: f64, most: f64, step: f64, none: Option<&str>) -> String {
    let or_none = none.map_or_else(String::new, |words| format!(", or none ({words})"));
    match step {
        0.0 => format!("use {least} to {most}{or_none}"),
        1.0 => format!("use a whole number from {least} to {most}{or_none}"),
        step => format!("use a multiple of {step} from {least} to {most}{or_none}"),
    }
}

fn unknown(key: &str) -> ProjectError {
    let mut near: Vec<(usize, &str)> = all().map(|field| (levenshtein(key, field.key), field.key)).collect();
    near.sort_unstable();
    let close: Vec<String> = near
        .iter()
        .filter(|(distance, _)| *distance <= key.len().min(24) / 3)
        .take(NEAR_KEYS)
        .map(|(_, key)| (*key).to_owned())
        .collect();
    let near = if close.is_empty() { all().map(|field| field.key.to_owned()).collect() } else { close };
    ProjectError::UnknownKey { key: key.to_owned(), near }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_has_a_field_and_every_field_reads_what_it_writes() {
        let plain = serde_json::to_value(TrainingSettings::default()).unwrap();
        let mut names: Vec<&str> = plain.as_object().unwrap().keys().map(String::as_str).collect();
        let mut keys: Vec<&str> = all().map(|field| field.key).collect();
        names.sort_unstable();
        keys.sort_unstable();
        assert_eq!(names, keys);
        for field in all() {
            let mut settings = TrainingSettings::default();
            match field.value {
                Value::Switch { get, set } => {
                    let before = get(&settings);
                    set(&mut settings, !before);
                    assert_eq!(get(&settings), !before, "{}", field.key);
                }
                Value::Number { least, most, none, get, set, .. } => {
                    set(&mut settings, None);
                    assert_eq!(get(&settings).is_none(), none.is_some(), "{}", field.key);
                    for value in [least, most] {
                        set(&mut settings, Some(value));
                        assert_eq!(get(&settings), Some(value), "{}", field.key);
                    }
                }
            }
            assert_ne!(settings, TrainingSettings::default(), "{}", field.key);
        }
    }

    #[test]
    fn a_value_out_of_its_range_says_what_it_may_be() {
        let said = |change: fn(&mut TrainingSettings)| {
            let mut settings = TrainingSettings::default();
            change(&mut settings);
            settings.validate().unwrap_err().to_string()
        };
        assert_eq!(said(|s| s.steps = 0), "settings.steps is 0; use a whole number from 1 to 100000");
        assert_eq!(
            said(|s| s.size = Some(100)),
            "settings.size is 100; use a multiple of 64 from 64 to 1024, or none (the model's own)"
        );
        assert_eq!(said(|s| s.unet_rate = f64::NAN), "settings.unet_rate is NaN; use 0 to 1");
        assert_eq!(said(|s| s.full_at = 0.0), "settings.full_at is 0; use 0.1 to 2");
        assert_eq!(said(|s| s.full_at = f64::NAN), "settings.full_at is NaN; use 0.1 to 2");
        assert!(said(|s| s.background = 1.5).contains("settings.background is 1.5"));
        let still = said(|s| (s.embedding_rate, s.text_rate, s.unet_rate) = (0.0, 0.0, 0.0));
        assert!(still.contains("all learning rates are 0"), "{still}");
        assert_eq!(TrainingSettings::default().validate(), Ok(()));
    }

    #[test]
    fn values_are_set_by_their_keys_as_they_are_typed() {
        let mut settings = TrainingSettings::default();
        for (key, value) in [
            ("unet_rate", "2e-3"),
            ("mirror", "true"),
            ("size", "128"),
            ("embedding_norm", "none"),
            ("full_at", "0.85"),
        ] {
            settings.set(key, value).unwrap();
        }
        assert_eq!((settings.unet_rate, settings.mirror, settings.full_at), (2e-3, true, 0.85));
        assert_eq!((settings.size, settings.embedding_norm), (Some(128), None));
        settings.set("size", "none").unwrap();
        assert_eq!(settings.size, None);
        let before = settings.clone();
        let mut said = |key: &str, value: &str| settings.set(key, value).unwrap_err().to_string();
        assert!(said("step", "9").contains("did you mean steps"), "{}", said("step", "9"));
        assert!(said("colour", "9").contains("embedding_rate"), "{}", said("colour", "9"));
        assert!(said("steps", "1.5").contains("a whole number from 1"), "{}", said("steps", "1.5"));
        assert!(said("steps", "none").contains("write a number"), "{}", said("steps", "none"));
        assert!(said("mirror", "maybe").contains("true or false"));
        assert!(said("crop", "-1").contains("use 0 to 1"));
        assert_eq!(settings, before);
    }
}
