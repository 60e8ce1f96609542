//! What an ONNX file says of itself, read without its weights; and the same file with a few values worked out beforehand.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufReader, Cursor, Read, Seek};
use std::path::Path;

use super::wire::{Field, Kind, Wire, put_bytes, put_number, put_varint};

/// The longest name and the largest node that are read, bytes. A node may have a constant tensor.
const MOST: u64 = 1 << 30;
/// How deep graphs within graphs go.
const DEPTH: usize = 8;
/// The most nodes; the largest networks of this family have some ten thousand.
const NODES: usize = 1 << 20;

/// A number of elements along an axis: fixed, or told at run time.
pub type Axis = Option<usize>;

/// Which numbers a tensor has, as ONNX numbers them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Element(pub u64);

impl Element {
    /// Single precision.
    pub const F32: Self = Self(1);
    /// Half precision.
    pub const F16: Self = Self(10);
    /// Whole numbers of 32 and 64 bits.
    pub const WHOLE: [Self; 2] = [Self(6), Self(7)];

    /// What it is called.
    pub fn words(self) -> &'static str {
        match self.0 {
            1 => "numbers in single precision",
            2 => "bytes",
            3 => "signed bytes",
            6 | 7 => "whole numbers",
            9 => "yes and no",
            10 => "numbers in half precision",
            11 => "numbers in double precision",
            16 => "bfloat16 numbers",
            _ => "numbers of another kind",
        }
    }
}

/// What goes into a network or comes out of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Port {
    /// Its name.
    pub name: String,
    /// Which numbers it has.
    pub element: Element,
    /// How many along each axis; `None` where the file says nothing of it.
    pub shape: Option<Vec<Axis>>,
}

impl Port {
    /// The axis, counted from the last one where it is below 0.
    pub fn axis(&self, at: isize) -> Axis {
        let shape = self.shape.as_ref()?;
        let at = if at < 0 { shape.len().checked_add_signed(at)? } else { at as usize };
        shape.get(at).copied().flatten()
    }

    /// How many axes, where that is known.
    pub fn rank(&self) -> Option<usize> {
        self.shape.as_ref().map(Vec::len)
    }
}

/// An operation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Node {
    /// Its name among operations.
    pub kind: String,
    /// The names of what goes in; those that a graph inside takes from outside too.
    pub inputs: Vec<String>,
    /// The names of what comes out.
    pub outputs: Vec<String>,
    /// Its attributes that are texts.
    pub texts: Vec<(String, String)>,
}

impl Node {
    fn text(&self, name: &str) -> Option<&str> {
        self.texts.iter().find(|(own, _)| own == name).map(|(_, text)| text.as_str())
    }

    /// Whether it enlarges with cubic curves.
    pub fn is_cubic(&self) -> bool {
        self.kind == "Resize" && self.text("mode") == Some("cubic")
    }

    /// How it places the larger grid over the smaller one.
    pub fn placing(&self) -> &str {
        self.text("coordinate_transformation_mode").unwrap_or("half_pixel")
    }
}

/// A file's graph without its weights.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    /// What is to be given: weights are no inputs, although old files list them.
    pub inputs: Vec<Port>,
    /// What comes out.
    pub outputs: Vec<Port>,
    /// In the order in which they can run.
    pub nodes: Vec<Node>,
    /// The names of weights.
    pub weights: HashSet<String>,
    /// Whether weights are in another file.
    pub is_split: bool,
}

impl Told {
    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read or is no ONNX file.
    pub fn of_file(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let end = file.metadata()?.len();
        Self::read(BufReader::new(file), end)
    }

    /// Reads a file that is in memory.
    ///
    /// # Errors
    /// When it is no ONNX file.
    pub fn of_bytes(bytes: &[u8]) -> io::Result<Self> {
        Self::read(Cursor::new(bytes), bytes.len() as u64)
    }

    fn read<R: Read + Seek>(from: R, end: u64) -> io::Result<Self> {
        let mut wire = Wire::new(from);
        let mut told = None;
        while let Some(field) = wire.next(end)? {
            if field.number == 7 && matches!(field.kind, Kind::Bytes(_)) {
                let mut graph = Self::default();
                graph.take_graph(&mut wire, field.end, 0)?;
                told = Some(graph);
            }
            wire.go_to(field.end)?;
        }
        let mut told = told.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "it has no graph"))?;
        let Self { inputs, weights, .. } = &mut told;
        inputs.retain(|port| !weights.contains(&port.name));
        Ok(told)
    }

    /// The input of this name.
    pub fn input(&self, name: &str) -> Option<&Port> {
        self.inputs.iter().find(|port| port.name == name)
    }

    /// The output of this name.
    pub fn output(&self, name: &str) -> Option<&Port> {
        self.outputs.iter().find(|port| port.name == name)
    }

    fn take_graph<R: Read + Seek>(&mut self, wire: &mut Wire<R>, end: u64, depth: usize) -> io::Result<()> {
        if depth > DEPTH {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "graphs within graphs without end"));
        }
        while let Some(field) = wire.next(end)? {
            if matches!(field.kind, Kind::Bytes(_)) {
                match field.number {
                    1 => {
                        let node = node(wire, field.end, depth)?;
                        self.nodes.push(node);
                        if self.nodes.len() > NODES {
                            return Err(io::Error::new(io::ErrorKind::InvalidData, "more than a million nodes"));
                        }
                    }
                    5 => self.take_weight(wire, field.end)?,
                    11 => self.inputs.push(port(&wire.bytes(&field, MOST)?)?),
                    12 => self.outputs.push(port(&wire.bytes(&field, MOST)?)?),
                    _ => {}
                }
            }
            wire.go_to(field.end)?;
        }
        Ok(())
    }

    /// A weight's name; its numbers are passed over.
    fn take_weight<R: Read + Seek>(&mut self, wire: &mut Wire<R>, end: u64) -> io::Result<()> {
        while let Some(field) = wire.next(end)? {
            match (field.number, field.kind) {
                (8, Kind::Bytes(_)) => {
                    self.weights.insert(text(wire, &field)?);
                }
                (14, Kind::Number(1)) => self.is_split = true,
                _ => {}
            }
            wire.go_to(field.end)?;
        }
        Ok(())
    }
}

fn text<R: Read + Seek>(wire: &mut Wire<R>, field: &Field) -> io::Result<String> {
    Ok(String::from_utf8_lossy(&wire.bytes(field, 1 << 16)?).into_owned())
}

fn node<R: Read + Seek>(wire: &mut Wire<R>, end: u64, depth: usize) -> io::Result<Node> {
    let mut node = Node::default();
    while let Some(field) = wire.next(end)? {
        if matches!(field.kind, Kind::Bytes(_)) {
            match field.number {
                1 => node.inputs.push(text(wire, &field)?),
                2 => node.outputs.push(text(wire, &field)?),
                4 => node.kind = text(wire, &field)?,
                5 => attribute(wire, field.end, depth, &mut node)?,
                _ => {}
            }
        }
        wire.go_to(field.end)?;
    }
    Ok(node)
}

fn attribute<R: Read + Seek>(wire: &mut Wire<R>, end: u64, depth: usize, node: &mut Node) -> io::Result<()> {
    let (mut name, mut value) = (String::new(), None);
    while let Some(field) = wire.next(end)? {
        if matches!(field.kind, Kind::Bytes(_)) {
            match field.number {
                1 => name = text(wire, &field)?,
                4 if field.end - field.value < 1 << 16 => value = Some(text(wire, &field)?),
                // A graph inside: what it takes from outside, this node takes.
                6 => {
                    let mut inner = Told::default();
                    inner.take_graph(wire, field.end, depth + 1)?;
                    let own: HashSet<&String> = inner.nodes.iter().flat_map(|node| &node.outputs).collect();
                    let taken = inner.nodes.iter().flat_map(|node| &node.inputs);
                    let taken = taken.chain(inner.outputs.iter().map(|port| &port.name));
                    let outer = taken.filter(|name| !own.contains(name) && !inner.weights.contains(*name));
                    node.inputs.extend(outer.cloned());
                }
                _ => {}
            }
        }
        wire.go_to(field.end)?;
    }
    if let Some(value) = value {
        node.texts.push((name, value));
    }
    Ok(())
}

fn port(bytes: &[u8]) -> io::Result<Port> {
    let mut port = Port::default();
    let mut wire = Wire::new(Cursor::new(bytes));
    let end = bytes.len() as u64;
    while let Some(field) = wire.next(end)? {
        match field.number {
            1 => port.name = text(&mut wire, &field)?,
            // Of all types only tensors are of any use here.
            2 => {
                while let Some(kind) = wire.next(field.end)? {
                    if kind.number == 1 {
                        tensor(&mut wire, kind.end, &mut port)?;
                    }
                    wire.go_to(kind.end)?;
                }
            }
            _ => {}
        }
        wire.go_to(field.end)?;
    }
    Ok(port)
}

fn tensor(wire: &mut Wire<Cursor<&[u8]>>, end: u64, port: &mut Port) -> io::Result<()> {
    while let Some(field) = wire.next(end)? {
        match (field.number, field.kind) {
            (1, Kind::Number(element)) => port.element = Element(element),
            (2, Kind::Bytes(_)) => {
                let mut shape = Vec::new();
                while let Some(axis) = wire.next(field.end)? {
                    let mut length = None;
                    while let Some(part) = wire.next(axis.end)? {
                        if let (1, Kind::Number(value)) = (part.number, part.kind) {
                            length = usize::try_from(value).ok().filter(|value| (1..1 << 24).contains(value));
                        }
                        wire.go_to(part.end)?;
                    }
                    shape.push(length);
                    wire.go_to(axis.end)?;
                }
                port.shape = Some(shape);
            }
            _ => {}
        }
        wire.go_to(field.end)?;
    }
    Ok(())
}

/// A value that is known beforehand, in the place of the node that works it out.
#[derive(Debug, Clone, PartialEq)]
pub struct Known {
    /// Its name.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its numbers, row by row.
    pub numbers: Vec<f32>,
}

/// Writes a weight as a graph has it.
pub fn put_weight(into: &mut Vec<u8>, name: &str, shape: &[usize], numbers: &[f32]) {
    let mut about = Vec::with_capacity(64);
    for length in shape {
        put_number(&mut about, 1, *length as u64);
    }
    put_number(&mut about, 2, Element::F32.0);
    put_bytes(&mut about, 8, name.as_bytes());
    let raw = numbers.len() * 4;
    put_varint(&mut about, 9 << 3 | 2);
    put_varint(&mut about, raw as u64);
    put_varint(into, 5 << 3 | 2);
    put_varint(into, (about.len() + raw) as u64);
    into.extend_from_slice(&about);
    into.reserve(raw);
    into.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
}

/// A file's bytes with these values as weights, without the nodes that work them out.
///
/// # Errors
/// When it is no ONNX file.
pub fn with_known(file: &[u8], known: &[Known]) -> io::Result<Vec<u8>> {
    let part = |from: u64, to: u64| &file[from as usize..to as usize];
    let mut made = Vec::with_capacity(file.len());
    let mut wire = Wire::new(Cursor::new(file));
    let end = file.len() as u64;
    while let Some(field) = wire.next(end)? {
        if field.number != 7 || !matches!(field.kind, Kind::Bytes(_)) {
            made.extend_from_slice(part(field.start, field.end));
            wire.go_to(field.end)?;
            continue;
        }
        let mut graph = Vec::with_capacity((field.end - field.value) as usize);
        while let Some(inner) = wire.next(field.end)? {
            let gone = inner.number == 1 && {
                let node = node(&mut wire, inner.end, 0)?;
                node.outputs.iter().any(|output| known.iter().any(|known| known.name == *output))
            };
            if !gone {
                graph.extend_from_slice(part(inner.start, inner.end));
            }
            wire.go_to(inner.end)?;
        }
        for known in known {
            put_weight(&mut graph, &known.name, &known.shape, &known.numbers);
        }
        put_bytes(&mut made, 7, &graph);
        wire.go_to(field.end)?;
    }
    Ok(made)
}
