//! Which branches a project has by its method, what each of them reads, and which of their words stand for subjects.

use super::baselines::Way;
use super::baselines::fuse::{Fusing, Ingredient};
use super::baselines::masked::{Masked, MaskedConcept};
use super::baselines::merge::{Merged, Merging};
use super::baselines::regional::Regional;
use super::baselines::residual::{Guided, Placed, residual, with_residuals};
use super::cache::Cache;
use super::concept::Adapter;
use super::error::{EngineError, Result};
use super::models::Models;
use super::nets::attention::Context;
use super::nets::tokenizer::{Encoded, Token};
use super::prompt::{EncodedPrompt, Word, encode, encode_base};
use super::report::Reporter;
use super::scene::Branch;
use crate::link::{Stage, Warning};
use crate::project::settings::Method;
use crate::project::{Concept, Project};

/// A concept of the project with what its files add.
pub struct Member<'a> {
    /// The concept.
    pub concept: &'a Concept,
    /// What its files add, and the words that they bring.
    pub adapter: Adapter,
}

/// What branches are made of.
pub struct Casting<'a> {
    /// The model.
    pub models: &'a Models,
    /// Results of earlier renders.
    pub cache: &'a Cache,
    /// The job's line to its listener.
    pub report: &'a Reporter,
    /// The project.
    pub project: &'a Project,
    /// All of its concepts.
    pub members: &'a [Member<'a>],
    /// Which of them have a subject, in their order.
    pub used: &'a [usize],
    /// What acts on everything.
    pub styles: Option<&'a Adapter>,
}

/// The branches of a project.
pub struct Cast {
    /// The base first.
    pub branches: Vec<Branch>,
    /// For each branch, then for the reference, the words that stand for subjects.
    pub words: Vec<Vec<Word>>,
    /// The reference's prompt.
    pub reference: EncodedPrompt,
    /// How one pass treats all concepts, where the method has no branches of its own for them.
    pub way: Option<Way>,
}

/// The tokens of everything that is read, equally many: the prompts are rows of one batch, or stand side by side.
struct Texts {
    base: Encoded,
    negative: Encoded,
    reference: Encoded,
    own: Vec<OwnText>,
}

/// What a concept's branch or region reads.
struct OwnText {
    /// The concept's place in the project.
    member: usize,
    /// With what it reads.
    reading: Adapter,
    text: String,
    prompt: Encoded,
    negative: Encoded,
}

/// The prompts of a method with one for all concepts.
struct Named {
    base: Encoded,
    negative: Encoded,
    reference: EncodedPrompt,
    /// For each concept that has a subject, the positions of what calls it, place by place.
    each: Vec<Vec<Vec<usize>>>,
    /// See [`Cast::words`].
    words: Vec<Vec<Word>>,
}

impl Casting<'_> {
    /// The branches, by the project's method.
    ///
    /// # Errors
    /// When the job is cancelled, or a concept is none that the method can use.
    pub fn cast(&self) -> Result<Cast> {
        match self.project.settings.method {
            Method::ConceptConductor => Ok(self.conductor()),
            Method::MaskedAdapters | Method::FoundMasks => Ok(self.masked()),
            Method::RegionalSampling => {
                let adapters: Vec<&Adapter> = self.used_members().map(|member| &member.adapter).collect();
                Ok(self.regional(Adapter::sum(&adapters)))
            }
            Method::MixOfShow => Ok(self.regional(self.fused()?)),
            Method::ConstrainedMerge => self.merged(),
            Method::ResidualOnly => self.residual_only(),
        }
    }

    fn used_members(&self) -> impl Iterator<Item = &Member<'_>> {
        self.used.iter().map(|&index| &self.members[index])
    }

    /// A branch for each concept, which reads with its own concept's words and the styles'.
    fn conductor(&self) -> Cast {
        let none = Adapter::default();
        let styles = self.styles.unwrap_or(&none);
        let texts = self.read(styles, |member| member.adapter.reading_with(styles));
        let reference = encode_base(self.models, texts.reference.clone());
        let (mut branches, words) = self.encode(texts, styles, &reference);
        for (branch, member) in branches[1..].iter_mut().zip(self.used_members()) {
            branch.adapter = Some(member.adapter.clone());
        }
        Cast { branches, words, reference, way: None }
    }

    /// One branch of one model with all concepts in it; the base prompt and each concept's own stand side by side, all encoded
    /// by that model. Each of them knows only its own concept's words.
    fn regional(&self, model: Adapter) -> Cast {
        let none = Adapter::default();
        let styles = self.styles.unwrap_or(&none);
        let base = model.speaking(&[]).reading_with(styles);
        let texts = self.read(&base, |member| model.speaking(&[&member.adapter]).reading_with(styles));
        let reference = encode_base(self.models, texts.reference.clone());
        let (branches, mut words) = self.encode(texts, &base, &reference);
        let beside = |of: fn(&Branch) -> &Context| {
            Context::beside(&branches.iter().map(|branch| of(branch).clone()).collect::<Vec<_>>())
        };
        let branch = Branch {
            name: String::new(),
            conditional: beside(|branch| &branch.conditional),
            unconditional: beside(|branch| &branch.unconditional),
            adapter: Some(model),
        };
        let regions = branches.len() - 1;
        words.drain(1..=regions);
        Cast { branches: vec![branch], words, reference, way: Some(Way::Regional(Regional { regions })) }
    }

    /// All concepts' files as one model.
    fn fused(&self) -> Result<Adapter> {
        let tokens: Vec<String> = self.used_members().map(|member| member.adapter.words()).collect();
        let ingredients = self.used_members().zip(&tokens);
        let ingredients: Vec<Ingredient<'_>> = ingredients
            .map(|(member, tokens)| Ingredient { adapter: &member.adapter, call: member.concept.call(tokens) })
            .collect();
        let config = &self.models.unet.config;
        let canvas = self.project.canvas;
        let latent = [canvas.height, canvas.width].map(|side| side as usize / self.models.vae.config.factor());
        // The size that the model was trained on, where it says so.
        let size = config.sample_size().map_or(latent, |side| [side, side]);
        let fusing = Fusing { models: self.models, concepts: &ingredients, size };
        fusing.fused(self.cache, &mut |done, of| self.report.progress(Stage::Fusing, done, of))
    }

    /// One branch with one prompt that names all concepts, each of which acts in its mask.
    fn masked(&self) -> Cast {
        let adapters = self.told_apart();
        let all: Vec<&Adapter> = adapters.iter().collect();
        let reading = self.with_styles(&Adapter::sum(&all).speaking(&all));
        let Named { base, negative, reference, each, words } = self.named(&adapters, &reading);
        let positions = base.tokens.len();
        let concepts = adapters.iter().zip(each).map(|(adapter, places)| {
            let tokens = places.into_iter().flatten().collect();
            MaskedConcept { adapter: adapter.clone(), tokens }
        });
        let seeks = self.project.settings.method == Method::FoundMasks;
        let way = Way::Masked(Masked { concepts: concepts.collect(), positions, seeks });
        let [base, negative] = [base, negative].map(|tokens| encode(self.models, &reading, tokens));
        Self::in_one((base.context, negative.context), None, words, reference, way)
    }

    /// One branch with one prompt that names all concepts, of a model into which their keys and values were merged.
    fn merged(&self) -> Result<Cast> {
        let adapters = self.told_apart();
        let all: Vec<&Adapter> = adapters.iter().collect();
        let reading = Adapter::sum(&all).speaking(&all);
        let tokens: Vec<String> = adapters.iter().map(Adapter::words).collect();
        let ingredients = self.used_members().zip(&adapters).zip(&tokens);
        let ingredients: Vec<Ingredient<'_>> = ingredients
            .map(|((member, adapter), tokens)| Ingredient {
                adapter,
                call: self.project.called(member.concept, tokens),
            })
            .collect();
        let merging = Merging { models: self.models, concepts: &ingredients, reading: &reading };
        let Merged { adapter, heard } =
            merging.merged(&mut |done, of| self.report.progress(Stage::Fusing, done, of))?;
        for (member, _) in self.used_members().zip(&heard).filter(|(_, heard)| !**heard) {
            let name = &member.concept.name;
            self.report.warn(Warning::NoEffect(format!(
                "{name} will not be seen: the words that call it call another concept too, and they can give only one of them; \
                 give it trigger words of its own, or choose another method"
            )));
        }
        let reading = self.with_styles(&reading);
        let Named { base, negative, reference, words, .. } = self.named(&adapters, &reading);
        let [base, negative] = [base, negative].map(|tokens| encode(self.models, &reading, tokens));
        Ok(Self::in_one((base.context, negative.context), Some(adapter), words, reference, Way::Plain))
    }

    /// One branch of the plain model, whose one prompt has every concept's residual in the place of its class word.
    fn residual_only(&self) -> Result<Cast> {
        let mut residuals = Vec::with_capacity(self.used.len());
        let count = self.used.len();
        for (done, Member { concept, adapter }) in self.used_members().enumerate() {
            self.report.progress(Stage::Fusing, done, count)?;
            let tokens = adapter.words();
            let found = residual(self.models, adapter, concept.call(&tokens), &concept.class_word);
            residuals.push(found.ok_or_else(|| {
                EngineError::Job(format!(
                    "{}: the method {} knows a concept by its learnt words alone, and {}; take an ED-LoRA or a textual \
                     inversion of it, or choose another method",
                    concept.name,
                    Method::ResidualOnly.title(),
                    if tokens.is_empty() {
                        "its files bring none"
                    } else {
                        "its trigger words name none of those of its files"
                    }
                ))
            })?);
        }
        let reading = self.with_styles(&Adapter::default());
        let adapters: Vec<Adapter> = self.used_members().map(|member| member.adapter.clone()).collect();
        let Named { base, negative, reference, each, words } = self.named(&adapters, &reading);
        let (positions, weights) = (base.tokens.len(), base.weights.clone());
        let [base, negative] = [base, negative].map(|tokens| encode(self.models, &reading, tokens));
        let placed: Vec<Placed<'_>> = (residuals.iter().zip(&each))
            .flat_map(|(residual, places)| places.iter().map(move |at| Placed { residual, at }))
            .collect();
        let layers = self.models.unet.config.transformers().len();
        let context = with_residuals(&base.context, layers, &weights, &placed);
        let tokens = each.into_iter().map(|places| places.into_iter().flatten().collect()).collect();
        let way = Way::Guided(Guided { tokens, positions });
        Ok(Self::in_one((context, negative.context), None, words, reference, way))
    }

    /// What each concept that has a subject adds, no two with a word of one name.
    fn told_apart(&self) -> Vec<Adapter> {
        let mut adapters: Vec<Adapter> = Vec::with_capacity(self.used.len());
        for member in self.used_members() {
            let own = member.adapter.told_apart_from(&adapters);
            adapters.push(own);
        }
        adapters
    }

    fn with_styles(&self, reading: &Adapter) -> Adapter {
        self.styles.map_or_else(|| reading.clone(), |styles| reading.reading_with(styles))
    }

    /// The prompts of a method with one for all concepts: `adapters` are theirs, `reading` reads it.
    fn named(&self, adapters: &[Adapter], reading: &Adapter) -> Named {
        let mut calls: Vec<Option<String>> = vec![None; self.members.len()];
        for (&index, adapter) in self.used.iter().zip(adapters) {
            calls[index] = Some(self.project.called(self.members[index].concept, &adapter.words()).to_owned());
        }
        let naming = self.project.naming(&calls);
        let read = |prompt: &str, by: &Adapter| {
            let reading = self.project.settings.prompt_reading;
            self.models.tokenizer.read(prompt, reading, by.placeholders())
        };
        let mut base = read(&naming.prompt, reading);
        let mut negative = read(&self.project.negative_prompt, reading);
        self.level(&mut [&mut base, &mut negative]);
        let prompt_for_reference = self.project.prompt_for_reference();
        let reference = encode_base(self.models, read(prompt_for_reference, &Adapter::default()));
        let places_of = |index: usize| {
            let places = naming.places.iter().filter(|(_, concept)| *concept == index);
            places.map(|(place, _)| base.positions_in(place).collect::<Vec<usize>>()).collect::<Vec<_>>()
        };
        let each: Vec<Vec<Vec<usize>>> = self.used.iter().map(|&index| places_of(index)).collect();
        let called = self.used.iter().zip(&each).map(|(&index, places)| {
            let name = calls[index].clone().unwrap_or_default();
            (name, places.concat())
        });
        let words = vec![called.collect(), self.class_words(prompt_for_reference, &reference.tokens)];
        self.warn_if_cut("the picture", &base);
        self.warn_if_cut("what to avoid", &negative);
        self.warn_if_cut("the reference", &reference.tokens);
        Named { base, negative, reference, each, words }
    }

    /// One branch for all.
    fn in_one(
        (conditional, unconditional): (Context, Context),
        adapter: Option<Adapter>,
        words: Vec<Vec<Word>>,
        reference: EncodedPrompt,
        way: Way,
    ) -> Cast {
        let branch = Branch { name: String::new(), conditional, unconditional, adapter };
        Cast { branches: vec![branch], words, reference, way: Some(way) }
    }

    /// Reads all prompts as the project's settings have it; `reading` says with what a concept's own are read.
    fn read(&self, base: &Adapter, reading: impl Fn(&Member<'_>) -> Adapter) -> Texts {
        let none = Adapter::default();
        let project = self.project;
        let tokenizer = &self.models.tokenizer;
        let read =
            |prompt: &str, by: &Adapter| tokenizer.read(prompt, project.settings.prompt_reading, by.placeholders());
        let own = self.used.iter().map(|&member| {
            let Member { concept, adapter } = &self.members[member];
            let reading = reading(&self.members[member]);
            let text = project.branch_prompt(concept, &adapter.words());
            let (prompt, negative) = (read(&text, &reading), read(&project.negative_prompt, &reading));
            OwnText { member, reading, text, prompt, negative }
        });
        let mut texts = Texts {
            own: own.collect(),
            base: read(&project.prompt, base),
            negative: read(&project.negative_prompt, base),
            reference: read(project.prompt_for_reference(), &none),
        };
        let mut all = vec![&mut texts.base, &mut texts.negative, &mut texts.reference];
        all.extend(texts.own.iter_mut().flat_map(|own| [&mut own.prompt, &mut own.negative]));
        self.level(&mut all);
        texts
    }

    /// Gives all of them equally many chunks.
    fn level(&self, all: &mut [&mut Encoded]) {
        let tokenizer = &self.models.tokenizer;
        let chunks = all.iter().map(|tokens| tokenizer.chunks_of(tokens)).max().unwrap_or(1);
        all.iter_mut().for_each(|tokens| tokenizer.lengthen(tokens, chunks));
    }

    /// One encoded prompt pair a branch, the base first and without adapters, and the words that the cross-attention view
    /// follows, the reference's last.
    fn encode(&self, texts: Texts, base: &Adapter, reference: &EncodedPrompt) -> (Vec<Branch>, Vec<Vec<Word>>) {
        let (models, project) = (self.models, self.project);
        let conditional = encode(models, base, texts.base);
        self.warn_if_cut("the picture", &conditional.tokens);
        let negative = encode(models, base, texts.negative);
        self.warn_if_cut("what to avoid", &negative.tokens);
        let mut words = vec![self.class_words(&project.prompt, &conditional.tokens)];
        let mut branches = vec![Branch {
            name: String::new(),
            conditional: conditional.context,
            unconditional: negative.context,
            adapter: None,
        }];
        for OwnText { member, reading, text, prompt, negative } in texts.own {
            let Member { concept, adapter } = &self.members[member];
            let prompt = encode(models, &reading, prompt);
            self.warn_if_cut(&concept.name, &prompt.tokens);
            words.push(calling_words(project, adapter, concept.call(&adapter.words()), &text, &prompt.tokens));
            branches.push(Branch {
                name: concept.name.clone(),
                conditional: prompt.context,
                unconditional: encode(models, &reading, negative).context,
                adapter: None,
            });
        }
        words.push(self.class_words(project.prompt_for_reference(), &reference.tokens));
        self.warn_if_cut("the reference", &reference.tokens);
        (branches, words)
    }

    fn warn_if_cut(&self, whose: &str, tokens: &Encoded) {
        if let Some(cut) = &tokens.cut {
            let short: String = cut.chars().take(60).collect();
            self.report.warn(Warning::PromptCut {
                whose: whose.into(),
                tokens: tokens.length,
                room: tokens.spans.len(),
                cut: if short.len() < cut.len() { format!("{short}...") } else { short },
            });
        }
    }

    /// The class words of the base prompt or the reference's.
    fn class_words(&self, prompt: &str, tokens: &Encoded) -> Vec<Word> {
        words_at(self.project, prompt, &self.project.class_words(), tokens)
    }
}

/// Words wherever they stand in a prompt.
fn words_at(project: &Project, prompt: &str, words: &[&str], tokens: &Encoded) -> Vec<Word> {
    let spans = project.class_word_spans(prompt, words);
    spans.iter().map(|(range, _)| (prompt[range.clone()].to_owned(), tokens.positions_in(range).collect())).collect()
}

/// What calls a concept in its branch's prompt: the tokens that its files bring, or the words that stand in their place.
fn calling_words(project: &Project, adapter: &Adapter, call: &str, prompt: &str, tokens: &Encoded) -> Vec<Word> {
    let mut first = 0;
    let brought = adapter.placeholders().iter().map(|placeholder| {
        let vectors = first..first + placeholder.vectors;
        first = vectors.end;
        let of = |token: &Token| matches!(token, Token::Placeholder(vector) if vectors.contains(vector));
        let found = tokens.tokens.iter().enumerate().filter(|(_, token)| of(token));
        (placeholder.word.clone(), found.map(|(position, _)| position).collect())
    });
    let brought: Vec<Word> = brought.collect();
    if brought.iter().any(|(_, positions)| !positions.is_empty()) {
        return brought;
    }
    words_at(project, prompt, &[call], tokens)
}
