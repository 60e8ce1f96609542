//! What torch means by a pickle's values: tensors by their dotted names, and what lies beside them.

use std::collections::{BTreeMap, HashMap};

use super::kind::StoredType;
use super::pickle::{Id, Made, Node, Pickle};

/// The most values that a tensor may have which does not lie in the file as it is: a gigabyte of f32. Repeating one
/// number takes no room in a file.
const MAX_VALUES: usize = 1 << 28;
/// The most tensors of a file; a model with its optimizer has some 4000.
const MAX_TENSORS: usize = 100_000;
/// The most bytes of a tensor's name.
const MAX_NAME: usize = 1000;
/// How deep dictionaries may lie in each other; what lies deeper is no model's.
const MAX_DEPTH: usize = 32;
/// The most values that are looked at. Shared ones are looked at once for each of their places.
const MAX_VISITS: usize = 4_000_000;

/// A tensor as a view of a storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct View {
    pub kind: StoredType,
    /// Which storage.
    pub storage: String,
    /// Its first number in it.
    pub offset: usize,
    /// Its sizes, the slowest first.
    pub shape: Vec<usize>,
    /// How many numbers further the next along each side is.
    pub strides: Vec<usize>,
}

impl View {
    /// Whether its numbers lie in their order without gaps. A side of one has no next.
    pub(super) fn is_plain(&self) -> bool {
        let mut expected = 1;
        let sides = self.shape.iter().zip(&self.strides).rev();
        sides.filter(|(side, _)| **side != 1).all(|(side, stride)| {
            let plain = *stride == expected;
            expected = expected.saturating_mul(*side);
            plain
        })
    }

    /// How many numbers of the storage it reaches over from its first on. Checked when it was read.
    pub(super) fn reach(&self) -> usize {
        if self.shape.contains(&0) {
            return 0;
        }
        self.shape.iter().zip(&self.strides).map(|(side, stride)| (side - 1) * stride).sum::<usize>() + 1
    }
}

/// What a pickle holds.
#[derive(Debug, Default)]
pub(super) struct Content {
    /// Tensors by dotted name.
    pub views: BTreeMap<String, View>,
    /// What was left aside, in words.
    pub others: Vec<String>,
}

/// A pickle's tensors, out of as many dictionaries `state_dict` as lie in each other.
///
/// # Errors
/// In words, when a tensor reaches past its storage, or the pickle was made to be endless.
pub(super) fn content(pickle: &Pickle) -> Result<Content, String> {
    let mut walk = Walk { pickle, content: Content::default(), visits: 0 };
    let mut root = pickle.root;
    for _ in 0..MAX_DEPTH {
        let Some(entries) = walk.entries(root) else { break };
        let inner = entries.iter().find(|(key, value)| {
            pickle.text(*key) == Some("state_dict") && walk.entries(*value).is_some_and(|inner| !inner.is_empty())
        });
        let Some(&(wrapped, inner)) = inner else { break };
        for (key, value) in entries.into_iter().filter(|(key, _)| *key != wrapped) {
            walk.leave(key, value)?;
        }
        root = inner;
    }
    let Some(entries) = walk.entries(root) else {
        return Err("it holds no dictionary of tensors".into());
    };
    for (key, value) in entries {
        let before = walk.content.views.len();
        let Some(name) = walk.key(key) else {
            walk.leave(key, value)?;
            continue;
        };
        walk.descend(name, value, 1)?;
        if walk.content.views.len() == before {
            walk.leave(key, value)?;
        }
    }
    Ok(walk.content)
}

/// All storages that the pickle names: how their numbers are stored, and how many there are.
///
/// # Errors
/// In words, when one of them cannot be understood or is named in two ways.
pub(super) fn storages(pickle: &Pickle) -> Result<HashMap<String, (StoredType, usize)>, String> {
    let mut all = HashMap::new();
    for node in pickle.nodes() {
        let Node::Outside(id) = node else { continue };
        let storage = storage(pickle, *id)?;
        let about = (storage.kind, storage.length);
        if all.insert(storage.key.clone(), about).is_some_and(|other| other != about) {
            return Err(format!("its storage {} has two sizes", storage.key));
        }
    }
    Ok(all)
}

struct Storage {
    key: String,
    kind: StoredType,
    /// Numbers, all together.
    length: usize,
    /// The numbers that may be used: a part of it in files of the first years.
    part: (usize, usize),
}

/// `('storage', type, key, device, numbers[, (key, offset, numbers)])`
fn storage(pickle: &Pickle, id: Id) -> Result<Storage, String> {
    let fields = pickle.sequence(id).unwrap_or_default();
    let [tag, kind, key, _device, length, view @ ..] = fields else {
        return Err("a storage is not described as torch does".into());
    };
    if pickle.text(*tag) != Some("storage") {
        return Err("it names something outside of it that is no storage".into());
    }
    let name = pickle.name(*kind).or_else(|| pickle.text(*kind)).unwrap_or_default();
    let kind = match name.rsplit('.').next().unwrap_or_default() {
        "FloatStorage" => StoredType::F32,
        "DoubleStorage" => StoredType::F64,
        "HalfStorage" => StoredType::F16,
        "BFloat16Storage" => StoredType::Bf16,
        "LongStorage" => StoredType::I64,
        "IntStorage" => StoredType::I32,
        "ShortStorage" => StoredType::I16,
        "CharStorage" => StoredType::I8,
        // Untyped ones are counted in bytes.
        "ByteStorage" | "UntypedStorage" => StoredType::U8,
        "BoolStorage" => StoredType::Bool,
        _ => return Err(format!("it holds numbers as {name}, which cannot be read")),
    };
    let key = match pickle.node(*key) {
        Node::Text(key) => key.to_string(),
        Node::Whole(key) => key.to_string(),
        _ => return Err("a storage has no name".into()),
    };
    let length = count(pickle, *length)?;
    let part = match view.first().and_then(|view| pickle.sequence(*view)) {
        Some([_key, offset, numbers]) => {
            let (offset, numbers) = (count(pickle, *offset)?, count(pickle, *numbers)?);
            let end = offset.checked_add(numbers).filter(|end| *end <= length);
            (offset, end.ok_or_else(|| format!("a part of storage {key} reaches past its end"))?)
        }
        _ => (0, length),
    };
    Ok(Storage { key, kind, length, part })
}

fn count(pickle: &Pickle, id: Id) -> Result<usize, String> {
    match pickle.node(id) {
        Node::Whole(number) => usize::try_from(*number).map_err(|_| format!("a size is {number}")),
        _ => Err("a size is no whole number".into()),
    }
}

fn counts(pickle: &Pickle, id: Id) -> Result<Vec<usize>, String> {
    let items = pickle.sequence(id).ok_or("a shape is no list of sizes")?;
    if items.len() > 16 {
        return Err("a tensor has more than 16 sides".into());
    }
    items.iter().map(|id| count(pickle, *id)).collect()
}

struct Walk<'a> {
    pickle: &'a Pickle,
    content: Content,
    visits: usize,
}

impl Walk<'_> {
    /// What a dictionary holds, of whatever class it is, or the tensors and modules of a module; none of anything else.
    fn entries(&self, id: Id) -> Option<Vec<(Id, Id)>> {
        let made = match self.pickle.node(id) {
            Node::Dict(entries) => return Some(entries.clone()),
            Node::Made(made) => made,
            _ => return None,
        };
        if let Some(Node::Dict(state)) = made.state.map(|state| self.pickle.node(state)) {
            let table = |name: &str| {
                let (_, table) = state.iter().find(|(key, _)| self.pickle.text(*key) == Some(name))?;
                Some(*table)
            };
            if let (Some(parameters), Some(modules)) = (table("_parameters"), table("_modules")) {
                let tables = [Some(parameters), table("_buffers"), Some(modules)];
                let all = tables.into_iter().flatten().filter(|table| *table != id);
                return Some(all.filter_map(|table| self.plain_entries(table)).flatten().collect());
            }
        }
        self.plain_entries(id)
    }

    fn plain_entries(&self, id: Id) -> Option<Vec<(Id, Id)>> {
        match self.pickle.node(id) {
            Node::Dict(entries) => Some(entries.clone()),
            Node::Made(made) => {
                let name = self.pickle.name(made.by).unwrap_or_default();
                let ordered = name == "collections.OrderedDict";
                // `OrderedDict([(key, value), …])`
                let given = self.pickle.sequence(made.with).and_then(|with| self.pickle.sequence(*with.first()?));
                let pair = |id: &Id| match self.pickle.sequence(*id)? {
                    [key, value] => Some((*key, *value)),
                    _ => None,
                };
                let given = given.filter(|_| ordered).into_iter().flatten().filter_map(pair);
                let entries: Vec<_> = given.chain(made.pairs.iter().copied()).collect();
                (ordered || !entries.is_empty()).then_some(entries)
            }
            _ => None,
        }
    }

    fn key(&self, id: Id) -> Option<String> {
        match self.pickle.node(id) {
            Node::Text(text) if text.len() <= MAX_NAME => Some(text.to_string()),
            Node::Whole(number) => Some(number.to_string()),
            _ => None,
        }
    }

    fn visit(&mut self) -> Result<(), String> {
        self.visits += 1;
        if self.visits > MAX_VISITS { Err("its values hold each other without end".into()) } else { Ok(()) }
    }

    /// Notes an entry that is not used.
    fn leave(&mut self, key: Id, value: Id) -> Result<(), String> {
        let mut tensors = 0;
        let mut within = vec![(value, 0)];
        while let Some((id, depth)) = within.pop() {
            self.visit()?;
            if self.rebuilt(id).is_some() {
                tensors += 1;
            } else if depth < MAX_DEPTH {
                let entries = self.entries(id).unwrap_or_default().into_iter().map(|(_, value)| value);
                let items = self.pickle.sequence(id).unwrap_or_default().iter().copied();
                within.extend(entries.chain(items).map(|id| (id, depth + 1)));
            }
        }
        let name = self.key(key).or_else(|| Some(self.pickle.name(key)?.to_owned()));
        let name: String = name.unwrap_or_else(|| "a value without a name".into()).chars().take(80).collect();
        let words = match self.pickle.node(value) {
            _ if tensors > 0 => format!("{name} ({tensors} tensors)"),
            Node::Whole(number) => format!("{name} ({number})"),
            Node::Real(number) => format!("{name} ({number})"),
            Node::Text(text) if text.len() <= 40 => format!("{name} ({text})"),
            _ => name,
        };
        if self.content.others.len() < MAX_TENSORS {
            self.content.others.push(words);
        }
        Ok(())
    }

    /// Takes the tensors at and below a value.
    fn descend(&mut self, name: String, id: Id, depth: usize) -> Result<(), String> {
        self.visit()?;
        if let Some((which, arguments)) = self.rebuilt(id) {
            let view = self.view(which, arguments).map_err(|why| format!("tensor `{name}`: {why}"))?;
            if self.content.views.len() >= MAX_TENSORS {
                return Err(format!("it holds more than {MAX_TENSORS} tensors"));
            }
            self.content.views.insert(name, view);
            return Ok(());
        }
        if depth >= MAX_DEPTH {
            return Ok(());
        }
        let entries = match self.entries(id) {
            Some(entries) => entries.into_iter().filter_map(|(key, value)| Some((self.key(key)?, value))).collect(),
            None => {
                let items = self.pickle.sequence(id).unwrap_or_default().iter().enumerate();
                items.map(|(index, item)| (index.to_string(), *item)).collect::<Vec<_>>()
            }
        };
        for (key, value) in entries {
            if name.len() + key.len() < MAX_NAME {
                self.descend(format!("{name}.{key}"), value, depth + 1)?;
            }
        }
        Ok(())
    }

    /// Where a value is a tensor: which function makes it, and with what.
    fn rebuilt(&self, id: Id) -> Option<(Rebuild, Id)> {
        let mut id = id;
        for _ in 0..MAX_DEPTH {
            let Node::Made(made) = self.pickle.node(id) else { return None };
            let Made { by, with, .. } = &**made;
            match self.pickle.name(*by)? {
                "torch._utils._rebuild_tensor" | "torch._utils._rebuild_tensor_v2" => {
                    return Some((Rebuild::Plain, *with));
                }
                "torch._utils._rebuild_tensor_v3" => return Some((Rebuild::Typed, *with)),
                // A parameter is its tensor, with what training wants to know of it.
                "torch._utils._rebuild_parameter" | "torch._utils._rebuild_parameter_with_state" => {
                    id = *self.pickle.sequence(*with)?.first()?;
                }
                // A subclass: the function and the arguments that make the tensor are its own.
                "torch._tensor._rebuild_from_type_v2" => {
                    let [function, _class, arguments, ..] = self.pickle.sequence(*with)? else { return None };
                    return match self.pickle.name(*function)? {
                        "torch._utils._rebuild_tensor_v2" => Some((Rebuild::Plain, *arguments)),
                        "torch._utils._rebuild_tensor_v3" => Some((Rebuild::Typed, *arguments)),
                        _ => None,
                    };
                }
                _ => return None,
            }
        }
        None
    }

    /// `(storage, offset, shape, strides, …)`, and with the type of its numbers where the storage has none.
    fn view(&self, rebuild: Rebuild, arguments: Id) -> Result<View, String> {
        let fields = self.pickle.sequence(arguments).unwrap_or_default();
        let [source, offset, shape, strides, more @ ..] = fields else {
            return Err("it is not described as torch does".into());
        };
        let Node::Outside(id) = self.pickle.node(*source) else { return Err("it has no storage".into()) };
        let storage = storage(self.pickle, *id)?;
        let kind = match rebuild {
            Rebuild::Plain => storage.kind,
            Rebuild::Typed => typed(more.get(2).and_then(|id| self.pickle.name(*id)).unwrap_or_default())?,
        };
        let (shape, strides) = (counts(self.pickle, *shape)?, counts(self.pickle, *strides)?);
        let view = View { kind, storage: storage.key, offset: count(self.pickle, *offset)?, shape, strides };
        let size = kind.size().ok_or("its numbers are of a kind that cannot be read")?;
        // Counted in the tensor's own numbers.
        let of = |numbers: usize| numbers.checked_mul(storage.kind.size()?)?.checked_div(size);
        let past = "it reaches past the end of its storage";
        let (start, end) = (of(storage.part.0).ok_or(past)?, of(storage.part.1).ok_or(past)?);
        let offset = view.offset.checked_add(start).ok_or(past)?;
        let view = View { offset, ..view };
        if view.shape.len() != view.strides.len() {
            return Err(format!("it has {} sides and {} strides", view.shape.len(), view.strides.len()));
        }
        let values = view.shape.iter().try_fold(1_usize, |all, side| all.checked_mul(*side)).ok_or(past)?;
        if values > 0 {
            let reach = view
                .shape
                .iter()
                .zip(&view.strides)
                .try_fold(1_usize, |reach, (side, stride)| (side - 1).checked_mul(*stride)?.checked_add(reach));
            reach.and_then(|reach| reach.checked_add(offset)).filter(|reach| *reach <= end).ok_or(past)?;
        }
        if !view.is_plain() && values > MAX_VALUES {
            return Err(format!("it repeats its numbers to {values}, and more than {MAX_VALUES} are not read so"));
        }
        Ok(view)
    }
}

/// How a tensor is described.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rebuild {
    /// Its numbers are of its storage's kind.
    Plain,
    /// The kind is said beside.
    Typed,
}

fn typed(name: &str) -> Result<StoredType, String> {
    Ok(match name.strip_prefix("torch.").unwrap_or(name) {
        "float32" => StoredType::F32,
        "float64" => StoredType::F64,
        "float16" => StoredType::F16,
        "bfloat16" => StoredType::Bf16,
        "float8_e4m3fn" => StoredType::F8E4M3,
        "float8_e5m2" => StoredType::F8E5M2,
        "int64" => StoredType::I64,
        "int32" => StoredType::I32,
        "int16" => StoredType::I16,
        "int8" => StoredType::I8,
        "uint8" => StoredType::U8,
        "bool" => StoredType::Bool,
        _ => return Err(format!("its numbers are stored as {name}, which cannot be read")),
    })
}
