//! What in a project will silently have no effect.

use std::fmt;

use super::concept::{Concept, ConceptFile, MaskSource};
use super::prompt::{TOKEN_MARK, class_word_spans};
use super::settings::{Execution, Fusion, Method, PromptReading};
use super::syntax::{self, Hint};
use super::{Layout, Project};

/// One of a project's prompts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PromptOf {
    /// The prompt of the picture.
    Base,
    /// What the picture is pushed away from.
    Negative,
    /// What a concept's branch reads, written by hand; the concept's name.
    Concept(String),
}

/// Something that is allowed, but does not do what its owner may expect. `Display` says what and
/// what to do.
///
/// Concepts are named, layers counted from 0 (the rearmost), so that a warning can be shown where
/// it is caused.
#[derive(Clone, Debug, PartialEq)]
pub enum ProjectWarning {
    /// There is no base prompt.
    EmptyPrompt,
    /// A concept is found by its layers, and no visible layer names it.
    ConceptOnNoLayer {
        /// The concept's name.
        concept: String,
    },
    /// A concept is found by its layers, but the layout is a finished picture and has none.
    LayoutHasNoLayers {
        /// The concept's name.
        concept: String,
    },
    /// A concept's list of mask files or points is empty.
    ConceptWithoutMask {
        /// The concept's name.
        concept: String,
    },
    /// A concept's class word is not in the base prompt, from which its own prompt is derived.
    ClassWordNotInPrompt {
        /// The concept's name.
        concept: String,
        /// The word that is missing.
        class_word: String,
    },
    /// A concept's own prompt mentions neither `<TOK>`, nor any other token, nor its trigger words.
    OwnPromptWithoutTokens {
        /// The concept's name.
        concept: String,
    },
    /// A concept has a prompt of its own, and the method reads one prompt for all.
    OwnPromptUnread {
        /// The concept's name.
        concept: String,
    },
    /// The strength of all files of a concept is 0.
    StrengthZero {
        /// The concept's name.
        concept: String,
    },
    /// The strength of a style is 0.
    StyleStrengthZero {
        /// The style's title.
        style: String,
    },
    /// A layer carries a concept, but is hidden or wholly transparent.
    HiddenLayer {
        /// The layer, from 0 for the rearmost.
        layer: usize,
        /// The layer's title.
        title: String,
        /// The concept it carries.
        concept: String,
    },
    /// Both kinds of attention are excluded from injection, so that no concept reaches the picture.
    InjectionOff,
    /// Layout alignment is on, but its weight is 0.
    AlignmentWeightZero,
    /// Mask refinement is on, but no sampling step falls between its start and end.
    RefinementNeverActs {
        /// The sampling steps in use.
        steps: u32,
    },
    /// Layout alignment is on, but acts on so few steps that it moves nothing.
    AlignmentHardlyActs {
        /// The steps that it acts on.
        aligned: usize,
        /// The sampling steps in use.
        steps: u32,
    },
    /// Noise is fused, which looks at neither switch of injection, and one of them is off.
    SwitchesUnread,
    /// The guidance scale is 1, at which nothing is pushed away from the negative prompt.
    NegativePromptUnread,
    /// Branches are to be computed one after another, and the method has one for all.
    ExecutionUnread {
        /// The method.
        method: Method,
    },
    /// Something in a prompt is not read as its writer may think.
    Unread {
        /// Which prompt.
        of: PromptOf,
        /// What, and what to do.
        hint: Hint,
    },
    /// The noisiest timesteps are not sampled, since the steps do not divide them.
    NoiseLeftOut {
        /// The sampling steps in use.
        steps: u32,
        /// How many timesteps are left out.
        left: u32,
        /// The next number of steps that leaves out few.
        next: u32,
    },
}

impl fmt::Display for ProjectWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EmptyPrompt => write!(f, "The prompt is empty; describe the picture."),
            Self::ConceptOnNoLayer { concept } => write!(
                f,
                "{concept} is on no visible layer and will not appear; assign it to a layer, \
                 or give it mask files or points."
            ),
            Self::LayoutHasNoLayers { concept } => write!(
                f,
                "{concept} takes its mask from layers, and the layout is a picture without \
                 any; give it mask files or points."
            ),
            Self::ConceptWithoutMask { concept } => write!(
                f,
                "{concept} has no mask and will not appear; add a mask file or a point, or \
                 assign it to a layer."
            ),
            Self::ClassWordNotInPrompt { concept, class_word } => write!(
                f,
                "The prompt does not mention \"{class_word}\", the class word of {concept}; \
                 add it where {concept} shall be."
            ),
            Self::OwnPromptWithoutTokens { concept } => write!(
                f,
                "The own prompt of {concept} does not mention {TOKEN_MARK}; put it where \
                 {concept} shall be."
            ),
            Self::OwnPromptUnread { concept } => write!(
                f,
                "The own prompt of {concept} is not read: this method has one prompt, which names \
                 all concepts, each in the place of its class word."
            ),
            Self::StrengthZero { concept } => write!(
                f,
                "The strength of {concept} is 0, which leaves the base model's subject; 0.7 \
                 is usual for an ED-LoRA, 1 for other files."
            ),
            Self::StyleStrengthZero { style } => write!(
                f,
                "The strength of the style {style} is 0, so it changes nothing; raise it, or \
                 remove the style."
            ),
            Self::HiddenLayer { title, concept, .. } => write!(
                f,
                "The layer {title} carries {concept}, but cannot be seen; show it, or take \
                 the concept off it."
            ),
            Self::InjectionOff => write!(
                f,
                "Neither self-attention nor cross-attention is injected, so no concept will \
                 appear; turn one of them on."
            ),
            Self::AlignmentWeightZero => write!(
                f,
                "Layout alignment has weight 0 and does nothing; raise the weight (10 is \
                 usual), or turn it off to save time."
            ),
            Self::RefinementNeverActs { steps } => write!(
                f,
                "No sampling step of {steps} lies between the start and the end of mask \
                 refinement; widen them, or turn it off."
            ),
            Self::AlignmentHardlyActs { aligned, steps } => write!(
                f,
                "Layout alignment acts on {aligned} of {steps} steps, too few to move anything; raise \"Until step\" or \
                 lower \"Every\"."
            ),
            Self::SwitchesUnread => write!(
                f,
                "Self-attention and cross-attention are looked at only when features are fused; noise fusion ignores \
                 both switches."
            ),
            Self::NegativePromptUnread => {
                write!(f, "With a guidance scale of 1 the negative prompt has no effect; raise it above 1.")
            }
            Self::ExecutionUnread { method } => write!(
                f,
                "Sequential execution has no effect: {} makes one pass for all concepts. It takes the memory of that pass.",
                method.title()
            ),
            Self::Unread { of: PromptOf::Base, hint } => write!(f, "{hint}"),
            Self::Unread { of: PromptOf::Negative, hint } => write!(f, "In the negative prompt: {hint}"),
            Self::Unread { of: PromptOf::Concept(name), hint } => write!(f, "In the prompt of {name}: {hint}"),
            Self::NoiseLeftOut { steps, left, next } => write!(
                f,
                "{steps} steps leave out the {left} noisiest of 1000 timesteps, so that pictures come out flat or \
                 noisy; use {next} steps, or even spacing."
            ),
        }
    }
}

impl Project {
    /// Everything in the project that will have no effect, in the order: prompt, concepts, layers,
    /// the prompts' signs, settings.
    pub fn warnings(&self) -> Vec<ProjectWarning> {
        let mut warnings = Vec::new();
        if self.prompt.trim().is_empty() {
            warnings.push(ProjectWarning::EmptyPrompt);
        }
        self.warn_of_concepts(&mut warnings);
        for (index, layer) in self.layers().iter().enumerate() {
            if let (Some(concept), false) = (&layer.concept, layer.is_seen()) {
                warnings.push(ProjectWarning::HiddenLayer {
                    layer: index,
                    title: layer.title(),
                    concept: concept.clone(),
                });
            }
        }
        self.warn_of_syntax(&mut warnings);
        self.warn_of_settings(&mut warnings);
        warnings
    }

    /// What in the prompts is not read as their writer may think.
    fn warn_of_syntax(&self, warnings: &mut Vec<ProjectWarning>) {
        if self.settings.prompt_reading == PromptReading::Plain {
            return;
        }
        // A method with one prompt for all reads no concept's own.
        let reads_own = !self.settings.method.has_one_prompt();
        let own = self.concepts.iter().filter(|_| reads_own);
        let own = own.filter_map(|concept| Some((PromptOf::Concept(concept.name.clone()), concept.prompt.as_deref()?)));
        let base = [(PromptOf::Base, self.prompt.as_str()), (PromptOf::Negative, self.negative_prompt.as_str())];
        for (of, prompt) in base.into_iter().chain(own) {
            let hints = syntax::parse(prompt, &[]).hints.into_iter();
            warnings.extend(hints.map(|hint| ProjectWarning::Unread { of: of.clone(), hint }));
        }
    }

    fn warn_of_concepts(&self, warnings: &mut Vec<ProjectWarning>) {
        for concept in &self.concepts {
            let name = concept.name.clone();
            let on_layer =
                || self.layers().iter().any(|layer| layer.is_seen() && layer.concept.as_ref() == Some(&name));
            match (&concept.mask, &self.layout) {
                (MaskSource::Layers, Layout::Picture(_)) => {
                    warnings.push(ProjectWarning::LayoutHasNoLayers { concept: name.clone() });
                }
                (MaskSource::Layers, Layout::Collage { .. }) if !on_layer() => {
                    warnings.push(ProjectWarning::ConceptOnNoLayer { concept: name.clone() });
                }
                (MaskSource::Files(files), _) if files.is_empty() => {
                    warnings.push(ProjectWarning::ConceptWithoutMask { concept: name.clone() });
                }
                (MaskSource::Points(points), _) if points.is_empty() => {
                    warnings.push(ProjectWarning::ConceptWithoutMask { concept: name.clone() });
                }
                _ => {}
            }
            let in_one = self.settings.method.has_one_prompt();
            if in_one && concept.prompt.is_some() {
                warnings.push(ProjectWarning::OwnPromptUnread { concept: name.clone() });
            }
            match concept.prompt.as_ref().filter(|_| !in_one) {
                // A person may also write the tokens out as their file names them, in angle
                // brackets.
                Some(own) if !own.contains('<') && !mentions_trigger(own, concept) => {
                    warnings.push(ProjectWarning::OwnPromptWithoutTokens { concept: name.clone() });
                }
                None if self.class_word_spans(&self.prompt, &[&concept.class_word]).is_empty() => {
                    warnings.push(ProjectWarning::ClassWordNotInPrompt {
                        concept: name.clone(),
                        class_word: concept.class_word.clone(),
                    });
                }
                _ => {}
            }
            if concept.files().iter().all(is_off) {
                warnings.push(ProjectWarning::StrengthZero { concept: name });
            }
        }
        for style in self.styles.iter().filter(|style| is_off(style)) {
            warnings.push(ProjectWarning::StyleStrengthZero { style: style.title() });
        }
    }

    fn warn_of_settings(&self, warnings: &mut Vec<ProjectWarning>) {
        let settings = &self.settings;
        if settings.guidance_scale == 1.0 && !self.negative_prompt.trim().is_empty() {
            warnings.push(ProjectWarning::NegativePromptUnread);
        }
        if !settings.method.is_conductor() && settings.execution == Execution::Sequential {
            warnings.push(ProjectWarning::ExecutionUnread { method: settings.method });
        }
        if !settings.method.is_conductor() {
            // It has none of these parts, which is said where they stand.
            return;
        }
        let injection = &settings.concept_injection;
        let reaches_nothing = !injection.self_attention && !injection.cross_attention;
        if !self.concepts.is_empty() && injection.fusion == Fusion::Features && reaches_nothing {
            warnings.push(ProjectWarning::InjectionOff);
        }
        if injection.fusion == Fusion::Noise && !(injection.self_attention && injection.cross_attention) {
            warnings.push(ProjectWarning::SwitchesUnread);
        }
        let aligned = settings.guided_steps().into_iter().filter(|on| *on).count();
        if settings.layout_alignment.enabled && aligned <= 1 && settings.steps > 2 {
            warnings.push(ProjectWarning::AlignmentHardlyActs { aligned, steps: settings.steps });
        }
        if settings.layout_alignment.enabled && settings.layout_alignment.weight == 0.0 {
            warnings.push(ProjectWarning::AlignmentWeightZero);
        }
        if settings.mask_refinement.enabled && !settings.refined_steps().contains(&true) {
            let steps = settings.steps;
            warnings.push(ProjectWarning::RefinementNeverActs { steps });
        }
        if let Some((left, next)) = settings.left_out() {
            warnings.push(ProjectWarning::NoiseLeftOut { steps: settings.steps, left, next });
        }
    }
}

/// Whether a file has no weight at all.
fn is_off(file: &ConceptFile) -> bool {
    file.strength == 0.0 && file.text_strength.unwrap_or(0.0) == 0.0
}

/// Whether a prompt says the words that were typed to call a concept.
fn mentions_trigger(prompt: &str, concept: &Concept) -> bool {
    concept.trigger.as_deref().is_some_and(|trigger| !class_word_spans(prompt, &[trigger]).is_empty())
}

#[cfg(test)]
mod tests {
    use super::super::settings::Spacing;
    use super::super::tests::example;
    use super::*;

    fn warnings(change: impl FnOnce(&mut Project)) -> Vec<ProjectWarning> {
        let mut project = example();
        change(&mut project);
        project.warnings()
    }

    #[test]
    fn the_example_has_nothing_to_warn_of() {
        assert_eq!(example().warnings(), []);
    }

    #[test]
    fn a_concept_on_no_visible_layer_is_a_warning_and_not_an_error() {
        let mut project = example();
        project.layers_mut().unwrap()[2].visible = false;
        assert_eq!(project.validate(), Ok(()));
        let warned = project.warnings();
        assert_eq!(warned[0], ProjectWarning::ConceptOnNoLayer { concept: "Rex".into() });
        assert!(matches!(&warned[1], ProjectWarning::HiddenLayer { layer: 2, title, .. } if title == "dog"));
        assert_eq!(warned.len(), 2);
    }

    #[test]
    fn a_plural_mentions_a_class_word_and_a_part_of_a_word_does_not() {
        assert_eq!(warnings(|project| project.prompt = "DOGS and cats".into()), []);
        let warned = warnings(|project| project.prompt = "dog and a category".into());
        let text = warned[0].to_string();
        assert!(text.contains("does not mention \"cat\", the class word of Tom"), "{text}");
        assert_eq!(warned.len(), 1);
    }

    #[test]
    fn a_prompt_of_its_own_needs_the_mark_and_not_the_class_word() {
        let own = |text: &str| {
            warnings(|project| {
                project.prompt = "a dog".into();
                project.concepts[0].prompt = Some(text.into());
            })
        };
        assert_eq!(own("a <TOK> asleep"), []);
        assert_eq!(own("a cat asleep"), [ProjectWarning::OwnPromptWithoutTokens { concept: "Tom".into() }]);
    }

    #[test]
    fn trigger_words_in_a_prompt_of_its_own_call_the_concept() {
        let own = |text: &str| {
            warnings(|project| {
                project.concepts[0].prompt = Some(text.into());
                project.concepts[0].trigger = Some("tomcat".into());
            })
        };
        assert_eq!(own("a TOMCAT asleep"), []);
        assert_eq!(own("a cat asleep"), [ProjectWarning::OwnPromptWithoutTokens { concept: "Tom".into() }]);
    }

    #[test]
    fn files_without_any_strength_are_warned_of() {
        let file = |strength, text_strength| ConceptFile { strength, text_strength, ..ConceptFile::new("oil.pt") };
        let warned = warnings(|project| {
            project.concepts[0].strength = 0.0;
            project.concepts[0].more = vec![file(0.5, None)];
            project.styles = vec![file(0.0, Some(1.0)), file(0.0, None)];
        });
        assert_eq!(warned, [ProjectWarning::StyleStrengthZero { style: "oil".into() }]);
        let warned =
            warnings(|project| (project.concepts[0].strength, project.concepts[0].more) = (0.0, vec![file(0.0, None)]));
        assert_eq!(warned, [ProjectWarning::StrengthZero { concept: "Tom".into() }]);
    }

    #[test]
    fn masks_that_do_not_exist_are_warned_of() {
        let none = ProjectWarning::ConceptWithoutMask { concept: "Tom".into() };
        for mask in [MaskSource::Files(vec![]), MaskSource::Points(vec![])] {
            let warned = warnings(|project| project.concepts[0].mask = mask);
            assert_eq!(warned, std::slice::from_ref(&none));
        }
        let warned = warnings(|project| project.layout = Layout::Picture("scene.png".into()));
        assert_eq!(warned[0], ProjectWarning::LayoutHasNoLayers { concept: "Tom".into() });
    }

    #[test]
    fn step_counts_that_leave_out_the_noisiest_timesteps_are_warned_of_with_the_next_good_one() {
        let of =
            |steps, spacing| warnings(|project| (project.settings.steps, project.settings.spacing) = (steps, spacing));
        for (steps, left, next) in [(251, 247, 317), (350, 300, 475), (501, 499, 950), (140, 20, 0), (50, 0, 0)] {
            let found = of(steps, Spacing::Leading);
            let wanted = ProjectWarning::NoiseLeftOut { steps, left, next };
            assert_eq!(found, if next == 0 { vec![] } else { vec![wanted] }, "{steps}");
            assert_eq!(of(steps, Spacing::Even), []);
        }
        // A number that is advised is one that nothing is said of.
        for steps in 1..=999 {
            if let Some(ProjectWarning::NoiseLeftOut { next, .. }) = of(steps, Spacing::Leading).first() {
                assert_eq!(of(*next, Spacing::Leading), [], "{steps} to {next}");
            }
        }
    }

    #[test]
    fn settings_without_effect_are_warned_of() {
        let warned = warnings(|project| {
            project.concepts[1].strength = 0.0;
            project.settings.concept_injection.self_attention = false;
            project.settings.concept_injection.cross_attention = false;
            project.settings.layout_alignment.weight = 0.0;
            project.settings.mask_refinement.start = 90.0;
        });
        assert_eq!(
            warned,
            [
                ProjectWarning::StrengthZero { concept: "Rex".into() },
                ProjectWarning::InjectionOff,
                ProjectWarning::AlignmentWeightZero,
                ProjectWarning::RefinementNeverActs { steps: 50 },
            ]
        );
        for warning in warned {
            assert!(warning.to_string().ends_with('.'));
        }
    }

    #[test]
    fn signs_that_are_not_read_are_warned_of_at_their_prompt_and_only_where_signs_are_read() {
        let mut project = example();
        project.prompt = "a dog and a [cat:bird:0.5]".into();
        project.negative_prompt = "(blurry".into();
        project.concepts[0].prompt = Some("a <TOK> [on|off]".into());
        project.settings.prompt_reading = PromptReading::Weighted;
        let of = |project: &Project| -> Vec<PromptOf> {
            let unread = |warning: ProjectWarning| match warning {
                ProjectWarning::Unread { of, .. } => Some(of),
                _ => None,
            };
            project.warnings().into_iter().filter_map(unread).collect()
        };
        assert_eq!(of(&project), [PromptOf::Base, PromptOf::Negative, PromptOf::Concept("Tom".into())]);
        project.settings.method = Method::MaskedAdapters;
        assert_eq!(of(&project), [PromptOf::Base, PromptOf::Negative], "it reads no own prompt");
        project.settings.prompt_reading = PromptReading::Plain;
        assert_eq!(of(&project), []);
    }

    #[test]
    fn settings_that_others_make_idle_are_warned_of() {
        let warned = warnings(|project| {
            (project.negative_prompt, project.settings.guidance_scale) = ("blurry".into(), 1.0);
            project.settings.concept_injection.fusion = Fusion::Noise;
            project.settings.concept_injection.self_attention = false;
            project.settings.layout_alignment.end = 0.0;
            // Nothing is said of it where there are branches to run one after another.
            project.settings.execution = Execution::Sequential;
        });
        let steps = example().settings.steps;
        let hardly = ProjectWarning::AlignmentHardlyActs { aligned: 1, steps };
        assert_eq!(warned, [ProjectWarning::NegativePromptUnread, ProjectWarning::SwitchesUnread, hardly]);
        let warned = warnings(|project| {
            (project.settings.execution, project.settings.method) = (Execution::Sequential, Method::MixOfShow);
        });
        assert_eq!(warned, [ProjectWarning::ExecutionUnread { method: Method::MixOfShow }]);
        assert!(warned[0].to_string().contains("Mix-of-Show makes one pass"));
    }

    #[test]
    fn other_methods_have_no_parts_to_warn_of_and_those_of_one_prompt_read_no_own_ones() {
        let of = |method| {
            warnings(|project| {
                project.settings.method = method;
                project.settings.layout_alignment.weight = 0.0;
                project.settings.mask_refinement.start = 90.0;
                project.concepts[0].prompt = Some("a <TOK> asleep".into());
            })
        };
        assert_eq!(of(Method::RegionalSampling), []);
        let unread = ProjectWarning::OwnPromptUnread { concept: "Tom".into() };
        assert!(unread.to_string().ends_with('.'));
        for method in Method::ALL.into_iter().filter(Method::has_one_prompt) {
            assert_eq!(of(method), std::slice::from_ref(&unread), "{method:?}");
        }
    }
}
