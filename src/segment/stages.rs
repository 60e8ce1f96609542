//! A network in several stages, so that whoever waits is told how far it is and can stop it: the runtime itself runs until it
//! has an answer. A stage ends where all that later ones need is a few values, which goes by the file's graph.

use std::collections::{HashMap, HashSet};

use rten::{Value, ValueOrView};

use super::error::Error;
use super::network::Network;
use super::onnx::Told;

/// Into how many stages a network is cut at the most.
const STAGES: usize = 24;
/// The most values that go from one stage of an encoder to the next.
pub const NARROW: usize = 4;
/// The most where words go beside the picture through the whole network.
pub const WIDE: usize = 32;

/// Where a network is cut: what each stage gives to the next, and in the end what is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stages {
    given: Vec<Vec<String>>,
    outputs: Vec<String>,
}

impl Stages {
    /// Cuts a graph between its inputs, of which the first is the picture, and its outputs, where no more than `width` values
    /// go on. `has` says whether the runtime still works out a value of this name.
    pub fn of(told: &Told, inputs: &[&str], outputs: &[String], width: usize, has: impl Fn(&str) -> bool) -> Self {
        // What depends on the inputs, by where it is used last.
        let mut moving: HashSet<&str> = inputs.iter().copied().collect();
        let mut last: HashMap<&str, usize> = HashMap::new();
        for (at, node) in told.nodes.iter().enumerate() {
            let mut moves = false;
            for name in node.inputs.iter().filter(|name| moving.contains(name.as_str())) {
                last.insert(name, at);
                moves = true;
            }
            if moves {
                moving.extend(node.outputs.iter().map(String::as_str));
            }
        }
        for output in outputs {
            last.insert(output, usize::MAX);
        }
        // What the runtime has joined with those who use it goes on as what it is made of.
        let mut joined: HashSet<&str> = HashSet::new();
        for node in told.nodes.iter().rev() {
            let gone = |name: &&str| last.contains_key(name) && moving.contains(name) && !has(name);
            let gone: Vec<&str> = node.outputs.iter().map(String::as_str).filter(gone).collect();
            let Some(until) = gone.iter().filter_map(|name| last.get(name).copied()).max() else { continue };
            joined.extend(gone);
            for name in node.inputs.iter().map(String::as_str).filter(|name| moving.contains(name)) {
                last.entry(name).and_modify(|last| *last = until.max(*last)).or_insert(until);
            }
        }
        let count = told.nodes.len();
        let mut live: HashSet<&str> = inputs.iter().copied().collect();
        let mut given: Vec<Vec<String>> = Vec::new();
        let mut next = count / STAGES;
        for (at, node) in told.nodes.iter().enumerate() {
            let made = node.outputs.iter().map(String::as_str);
            live.extend(made.filter(|name| moving.contains(name) && !joined.contains(name)));
            live.retain(|name| last.get(name).is_some_and(|last| *last > at));
            let whole = inputs.first().is_some_and(|picture| live.contains(picture));
            if at < next || live.is_empty() || live.len() > width || whole || at + 1 == count {
                continue;
            }
            let mut names: Vec<String> = live.iter().map(|name| (*name).to_owned()).collect();
            names.sort_unstable();
            given.push(names);
            next = at + (count / STAGES).max(1);
        }
        Self { given, outputs: outputs.to_vec() }
    }

    /// Computes the outputs, and asks between the stages whether to go on.
    ///
    /// # Errors
    /// When it was stopped, or the runtime gives up.
    pub fn run(
        &self,
        network: &Network,
        inputs: &[(&str, Value)],
        go_on: &dyn Fn(f32) -> Result<(), Error>,
    ) -> Result<Vec<Value>, Error> {
        match self.by_stages(network, inputs, go_on) {
            Err(Error::Failed { .. }) => {}
            other => return other,
        }
        // The runtime has joined what is cut here: all at once.
        let outputs: Vec<&str> = self.outputs.iter().map(String::as_str).collect();
        let made = network.run(inputs.iter().map(|(name, value)| (*name, value.into())).collect(), &outputs)?;
        go_on(1.0)?;
        Ok(made)
    }

    fn by_stages(
        &self,
        network: &Network,
        inputs: &[(&str, Value)],
        go_on: &dyn Fn(f32) -> Result<(), Error>,
    ) -> Result<Vec<Value>, Error> {
        let mut held: Vec<(&str, Value)> = Vec::new();
        // Those of the inputs that are still needed.
        let mut outer: Vec<&(&str, Value)> = inputs.iter().collect();
        let stages = self.given.len() + 1;
        for (at, wanted) in self.given.iter().chain([&self.outputs]).enumerate() {
            let is_wanted = |name: &str| wanted.iter().any(|own| own == name);
            // What is there already goes on as it is.
            let is_there =
                |name: &str| held.iter().any(|(own, _)| *own == name) || outer.iter().any(|(own, _)| *own == name);
            let missing: Vec<&str> = wanted.iter().map(String::as_str).filter(|name| !is_there(name)).collect();
            let own = held.iter().map(|(name, value)| (*name, ValueOrView::from(value)));
            let given = own.chain(outer.iter().map(|(name, value)| (*name, value.into()))).collect();
            let made = if missing.is_empty() { Vec::new() } else { network.run(given, &missing)? };
            held.retain(|(name, _)| is_wanted(name));
            outer.retain(|(name, _)| is_wanted(name));
            held.extend(missing.into_iter().zip(made));
            go_on((at + 1) as f32 / stages as f32)?;
        }
        let value = |name: &String| {
            let found = held.iter().find(|(own, _)| own == name).map(|(_, value)| value.clone());
            found.ok_or_else(|| Error::failed(network.path(), "it gives less than it says"))
        };
        self.outputs.iter().map(value).collect()
    }
}
