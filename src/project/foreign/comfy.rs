//! What ComfyUI writes: the graph that was run, `{id: {class_type, inputs}}`, an input being a value or a link `[id, slot]`.
//!
//! The sampler is found, and from it what it samples: along its links to the prompts, the model, its LoRAs and the size. A
//! graph may be anything, so each walk visits at most [`MAX_WALK`] nodes, and never one twice.

use serde_json::{Map, Value};

use super::{Parameters, Program, TheirLora, stem};

/// How many nodes a walk visits.
const MAX_WALK: usize = 256;
/// Inputs that are latents.
const LATENTS: [&str; 3] = ["latent_image", "samples", "latent"];
/// How many names of other nodes are listed.
const MAX_NAMES: usize = 12;

/// Kinds of nodes that are understood, or that say nothing of what the picture is.
const KNOWN: [&str; 15] = [
    "KSampler",
    "KSamplerAdvanced",
    "CLIPTextEncode",
    "CLIPSetLastLayer",
    "EmptyLatentImage",
    "CheckpointLoaderSimple",
    "CheckpointLoader",
    "LoraLoader",
    "LoraLoaderModelOnly",
    "VAEDecode",
    "VAELoader",
    "SaveImage",
    "PreviewImage",
    "Note",
    "Reroute",
];

/// A node of the graph.
#[derive(Clone, Copy)]
struct Node<'a> {
    kind: &'a str,
    inputs: &'a Map<String, Value>,
}

struct Graph(Map<String, Value>);

impl Graph {
    fn node(&self, id: &str) -> Option<Node<'_>> {
        let node = self.0.get(id)?;
        Some(Node { kind: node.get("class_type")?.as_str()?, inputs: node.get("inputs")?.as_object()? })
    }

    /// The node that an input is linked to; its id may be a number.
    fn linked(&self, value: &Value) -> Option<Node<'_>> {
        match value.as_array()?.first()? {
            Value::String(id) => self.node(id),
            Value::Number(id) => self.node(&id.to_string()),
            _ => None,
        }
    }

    /// All nodes, those with the smallest numbers first.
    fn nodes(&self) -> Vec<Node<'_>> {
        let mut ids: Vec<&String> = self.0.keys().collect();
        ids.sort_by_key(|id| (id.parse::<u64>().unwrap_or(u64::MAX), id.as_str()));
        ids.into_iter().filter_map(|id| self.node(id)).collect()
    }

    /// The nodes that are reached from a value along the inputs of these names, near ones first. Inputs whose names are
    /// tried first are followed first.
    fn walk(&self, from: Option<&Value>, names: &[&str]) -> Vec<Node<'_>> {
        let (mut found, mut seen): (Vec<Node<'_>>, Vec<*const Map<String, Value>>) = (Vec::new(), Vec::new());
        let mut next: Vec<&Value> = from.into_iter().collect();
        while let Some(value) = next.pop() {
            let Some(node) = self.linked(value) else { continue };
            if seen.contains(&std::ptr::from_ref(node.inputs)) || found.len() >= MAX_WALK {
                continue;
            }
            seen.push(node.inputs);
            found.push(node);
            next.extend(names.iter().rev().filter_map(|name| node.inputs.get(*name)));
        }
        found
    }

    /// A value that may be given by another node, as primitive ones do.
    fn value(&self, value: Option<&Value>, wanted: fn(&Value) -> bool) -> Option<Value> {
        let mut value = value?;
        for _ in 0..8 {
            if wanted(value) {
                return Some(value.clone());
            }
            let node = self.linked(value)?;
            let names = ["value", "seed", "noise_seed", "int", "float", "text", "string", "String", "prompt", "number"];
            let given = names.iter().filter_map(|name| node.inputs.get(*name));
            value = given.into_iter().next()?;
        }
        None
    }

    fn number(&self, value: Option<&Value>) -> Option<Value> {
        self.value(value, Value::is_number)
    }

    fn whole(&self, value: Option<&Value>) -> Option<u32> {
        self.number(value)?.as_u64().and_then(|number| u32::try_from(number).ok())
    }

    fn text(&self, value: Option<&Value>) -> Option<String> {
        self.value(value, Value::is_string)?.as_str().map(str::to_owned)
    }
}

/// Reads the graph.
pub(super) fn read(json: &str) -> Parameters {
    let mut found = Parameters::new(Program::ComfyUi);
    let graph = match serde_json::from_str::<Value>(&without_nan(json)) {
        Ok(Value::Object(nodes)) => Graph(nodes),
        Ok(_) => {
            found.troubles.push("What ComfyUI wrote into it is no graph.".into());
            return found;
        }
        Err(error) => {
            found.troubles.push(format!("What ComfyUI wrote into it is broken ({error})."));
            return found;
        }
    };
    let nodes = graph.nodes();
    let has = |node: &Node<'_>, names: &[&str]| names.iter().all(|name| node.inputs.contains_key(*name));
    // Nodes of extensions that sample have the same inputs.
    let samplers: Vec<Node<'_>> =
        nodes.iter().copied().filter(|node| has(node, &["positive", "negative", "steps", "cfg"])).collect();
    // Later ones begin with what an earlier one made.
    let first = |node: &&Node<'_>| {
        let path = graph.walk(node.inputs.get("latent_image"), &LATENTS);
        path.iter().all(|node| !node.inputs.contains_key("steps")) && empty_latent(&graph, node).is_some()
    };
    let Some(sampler) = samplers.iter().find(first).or(samplers.first()) else {
        found.troubles.push("No sampler that Podium knows is in its ComfyUI graph, so nothing is known of it.".into());
        other_nodes(&nodes, &mut found);
        return found;
    };
    if samplers.len() > 1 {
        let said = format!("{} of them; what the first one samples is taken", samplers.len());
        found.others.push(("Samplers".into(), said));
    }
    sampled(&graph, sampler, &mut found);
    other_nodes(&nodes, &mut found);
    found
}

fn sampled(graph: &Graph, sampler: &Node<'_>, found: &mut Parameters) {
    let input = |name: &str| sampler.inputs.get(name);
    found.seed = graph.number(input("seed").or_else(|| input("noise_seed"))).and_then(|seed| seed.as_u64());
    found.steps = graph.whole(input("steps"));
    found.guidance_scale = graph.number(input("cfg")).and_then(|scale| scale.as_f64()).map(|scale| scale as f32);
    let schedule = graph.text(input("scheduler")).map(|name| format!(", schedule {name}")).unwrap_or_default();
    found.sampler = graph.text(input("sampler_name")).map(|name| format!("{name}{schedule}"));
    if let Some(denoise) = graph.number(input("denoise")).and_then(|part| part.as_f64()).filter(|part| *part < 1.0) {
        found.others.push(("Denoising strength".into(), denoise.to_string()));
    }
    found.prompt = words(graph, input("positive"), "positive", found).filter(|prompt| !prompt.trim().is_empty());
    found.negative_prompt = words(graph, input("negative"), "negative", found);
    found.size = empty_latent(graph, sampler);
    for node in graph.walk(input("model"), &["model"]) {
        let name = |key: &str| graph.text(node.inputs.get(key));
        if let Some(file) = name("ckpt_name").or_else(|| name("unet_name")) {
            found.model.get_or_insert_with(|| stem(&file));
        }
        if let Some(file) = name("lora_name") {
            let strength = |key: &str| graph.number(node.inputs.get(key)).and_then(|number| number.as_f64());
            let unet = strength("strength_model").unwrap_or(1.0) as f32;
            let text = strength("strength_clip").map_or(0.0, |strength| strength as f32);
            found.loras.push(TheirLora { name: stem(&file), unet, text, hash: None });
        }
    }
    // The chain is walked from the sampler back, and LoRAs are named in the order in which they act.
    found.loras.reverse();
}

/// The words of a prompt, and what else acts on it along the way.
fn words(graph: &Graph, from: Option<&Value>, side: &str, found: &mut Parameters) -> Option<String> {
    let names = [
        side,
        "conditioning",
        "conditioning_1",
        "conditioning_to",
        "conditioning1",
        "conditioning_2",
        "conditioning_from",
    ];
    let path = graph.walk(from, &names);
    let texts: Vec<Node<'_>> = path.iter().copied().filter(|node| node.inputs.contains_key("text")).collect();
    let node = texts.first()?;
    if texts.len() > 1 {
        let said = format!("{} joined; the first one's words are taken", texts.len());
        found.others.push((format!("Prompts ({side})"), said));
    }
    for before in graph.walk(node.inputs.get("clip"), &["clip"]) {
        let stop = graph.number(before.inputs.get("stop_at_clip_layer")).and_then(|stop| stop.as_i64());
        if let Some(skip) = stop.and_then(|stop| u32::try_from(stop.checked_neg()?).ok()).filter(|skip| *skip > 0) {
            found.clip_skip = Some(skip);
        }
    }
    graph.text(node.inputs.get("text"))
}

/// The size of the empty latent that a sampler begins with.
fn empty_latent(graph: &Graph, sampler: &Node<'_>) -> Option<(u32, u32)> {
    let path = graph.walk(sampler.inputs.get("latent_image"), &LATENTS);
    let empty = path.iter().find(|node| node.kind.contains("Empty") && node.inputs.contains_key("width"))?;
    graph.whole(empty.inputs.get("width")).zip(graph.whole(empty.inputs.get("height")))
}

/// Names the kinds of nodes that are not understood.
fn other_nodes(nodes: &[Node<'_>], found: &mut Parameters) {
    let mut names: Vec<&str> = nodes.iter().map(|node| node.kind).filter(|kind| !KNOWN.contains(kind)).collect();
    names.sort_unstable();
    names.dedup();
    if names.is_empty() {
        return;
    }
    let rest = names.len().saturating_sub(MAX_NAMES);
    names.truncate(MAX_NAMES);
    let mut said = super::short(&names.join(", "), 400);
    if rest > 0 {
        said.push_str(&format!(" and {rest} more"));
    }
    found.others.push(("Other nodes".into(), said));
}

/// Python writes numbers that JSON has not.
fn without_nan(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    let (mut rest, mut inside) = (json, false);
    while let Some(letter) = rest.chars().next() {
        let strange = ["NaN", "-Infinity", "Infinity"].iter().find(|strange| !inside && rest.starts_with(**strange));
        let taken = match (strange, letter) {
            (Some(strange), _) => {
                text.push_str("null");
                rest = &rest[strange.len()..];
                continue;
            }
            // A quote in a string is written with a backslash, which takes the next letter with it.
            (None, '\\') if inside => letter.len_utf8() + rest[1..].chars().next().map_or(0, char::len_utf8),
            (None, '"') => {
                inside = !inside;
                1
            }
            _ => letter.len_utf8(),
        };
        text.push_str(&rest[..taken]);
        rest = &rest[taken..];
    }
    text
}
