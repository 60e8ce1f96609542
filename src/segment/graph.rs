//! Writes a network as an ONNX file in memory: weights, operations one after another, what goes in and what comes out.

use super::onnx::{Element, put_weight};
use super::wire::{put_bytes, put_float, put_number, put_varint};

/// The version of ONNX's operations that are meant: the first one with `Gelu`.
const OPERATIONS: u64 = 20;
/// The version of the file format that goes with them.
const FORMAT: u64 = 9;

/// A value of the network, by its name in the file.
pub type Value = String;

/// Something that an operation is told beside its inputs.
#[derive(Debug, Clone, Copy)]
pub enum Setting<'a> {
    /// A whole number.
    Whole(i64),
    /// Several.
    Wholes(&'a [i64]),
    /// A number.
    Number(f32),
}

/// A network that is being written.
#[derive(Debug, Default)]
pub struct Graph {
    nodes: Vec<u8>,
    weights: Vec<u8>,
    ports: Vec<u8>,
    count: usize,
}

impl Graph {
    fn name(&mut self) -> Value {
        self.count += 1;
        format!("v{}", self.count)
    }

    /// A weight of this shape, its numbers row by row: as many as the shape says.
    pub fn weight(&mut self, shape: &[usize], numbers: &[f32]) -> Value {
        debug_assert_eq!(shape.iter().product::<usize>(), numbers.len());
        let name = self.name();
        put_weight(&mut self.weights, &name, shape, numbers);
        name
    }

    /// One number for all.
    pub fn number(&mut self, number: f32) -> Value {
        self.weight(&[], &[number])
    }

    /// Whole numbers side by side: a shape, for one.
    fn wholes(&mut self, numbers: &[i64]) -> Value {
        let name = self.name();
        let mut tensor = Vec::new();
        put_number(&mut tensor, 1, numbers.len() as u64);
        put_number(&mut tensor, 2, Element::WHOLE[1].0);
        put_bytes(&mut tensor, 8, name.as_bytes());
        let raw: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        put_bytes(&mut tensor, 9, &raw);
        put_bytes(&mut self.weights, 5, &tensor);
        name
    }

    /// What goes in, in single precision. An axis of `None` is told at run time.
    pub fn input(&mut self, name: &str, shape: &[Option<usize>]) -> Value {
        put_bytes(&mut self.ports, 11, &port(name, shape));
        name.to_owned()
    }

    /// Says that a value comes out, under this name.
    pub fn output(&mut self, name: &str, shape: &[Option<usize>], value: &str) {
        self.node("Identity", &[value], &[name.to_owned()], &[]);
        put_bytes(&mut self.ports, 12, &port(name, shape));
    }

    fn node(&mut self, kind: &str, inputs: &[&str], outputs: &[Value], settings: &[(&str, Setting)]) {
        let mut node = Vec::new();
        inputs.iter().for_each(|name| put_bytes(&mut node, 1, name.as_bytes()));
        outputs.iter().for_each(|name| put_bytes(&mut node, 2, name.as_bytes()));
        put_bytes(&mut node, 4, kind.as_bytes());
        for (name, setting) in settings {
            let mut attribute = Vec::new();
            put_bytes(&mut attribute, 1, name.as_bytes());
            let kind = match setting {
                Setting::Number(number) => {
                    put_float(&mut attribute, 2, *number);
                    1
                }
                Setting::Whole(whole) => {
                    put_number(&mut attribute, 3, *whole as u64);
                    2
                }
                Setting::Wholes(wholes) => {
                    wholes.iter().for_each(|whole| put_number(&mut attribute, 8, *whole as u64));
                    7
                }
            };
            put_number(&mut attribute, 20, kind);
            put_bytes(&mut node, 5, &attribute);
        }
        put_bytes(&mut self.nodes, 1, &node);
    }

    /// An operation with one answer.
    pub fn op(&mut self, kind: &str, inputs: &[&str], settings: &[(&str, Setting)]) -> Value {
        let name = self.name();
        self.node(kind, inputs, std::slice::from_ref(&name), settings);
        name
    }

    /// The sum of two.
    pub fn add(&mut self, one: &str, other: &str) -> Value {
        self.op("Add", &[one, other], &[])
    }

    /// The product of two matrices, or of two stacks of them.
    pub fn product(&mut self, one: &str, other: &str) -> Value {
        self.op("MatMul", &[one, other], &[])
    }

    /// Every number times this one.
    pub fn scaled(&mut self, value: &str, by: f32) -> Value {
        let by = self.number(by);
        self.op("Mul", &[value, &by], &[])
    }

    /// The same numbers in another shape; one side may be -1, whatever is left.
    pub fn reshaped(&mut self, value: &str, shape: &[i64]) -> Value {
        let shape = self.wholes(shape);
        self.op("Reshape", &[value, &shape], &[])
    }

    /// Its axes in another order.
    pub fn turned(&mut self, value: &str, order: &[i64]) -> Value {
        self.op("Transpose", &[value], &[("perm", Setting::Wholes(order))])
    }

    /// Along an axis, what is from `start` on and before `end`.
    pub fn part(&mut self, value: &str, axis: i64, start: i64, end: i64) -> Value {
        let [start, end, axis] = [start, end, axis].map(|whole| self.wholes(&[whole]));
        self.op("Slice", &[value, &start, &end, &axis], &[])
    }

    /// Parts of the same length along an axis.
    pub fn parts(&mut self, value: &str, axis: i64, count: usize, length: usize) -> Vec<Value> {
        let names: Vec<Value> = (0..count).map(|_| self.name()).collect();
        let lengths = self.wholes(&vec![length as i64; count]);
        self.node("Split", &[value, &lengths], &names, &[("axis", Setting::Whole(axis))]);
        names
    }

    /// One behind another along an axis.
    pub fn joined(&mut self, values: &[Value], axis: i64) -> Value {
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        self.op("Concat", &values, &[("axis", Setting::Whole(axis))])
    }

    /// With zeros around: so many before each axis, and so many behind each.
    pub fn padded(&mut self, value: &str, before: &[i64], behind: &[i64]) -> Value {
        let pads = self.wholes(&[before, behind].concat());
        self.op("Pad", &[value, &pads], &[])
    }

    /// Softmax along the last axis.
    pub fn softmax(&mut self, value: &str) -> Value {
        self.op("Softmax", &[value], &[("axis", Setting::Whole(-1))])
    }

    /// GELU, the exact one.
    pub fn gelu(&mut self, value: &str) -> Value {
        self.op("Gelu", &[value], &[])
    }

    /// The file.
    pub fn file(self) -> Vec<u8> {
        let Self { nodes, weights, ports, .. } = self;
        let mut made = Vec::with_capacity(weights.len() + nodes.len() + ports.len() + 64);
        put_number(&mut made, 1, FORMAT);
        let mut operations = Vec::new();
        put_bytes(&mut operations, 1, b"");
        put_number(&mut operations, 2, OPERATIONS);
        put_bytes(&mut made, 8, &operations);
        let mut name = Vec::new();
        put_bytes(&mut name, 2, b"podium");
        let parts = [nodes, name, weights, ports];
        put_varint(&mut made, 7 << 3 | 2);
        put_varint(&mut made, parts.iter().map(Vec::len).sum::<usize>() as u64);
        parts.into_iter().for_each(|part| made.extend_from_slice(&part));
        made
    }
}

/// What goes in or comes out: a name, and a tensor of a shape.
fn port(name: &str, shape: &[Option<usize>]) -> Vec<u8> {
    let mut sides = Vec::new();
    for side in shape {
        let mut axis = Vec::new();
        match side {
            Some(length) => put_number(&mut axis, 1, *length as u64),
            None => put_bytes(&mut axis, 2, b"count"),
        }
        put_bytes(&mut sides, 1, &axis);
    }
    let mut tensor = Vec::new();
    put_number(&mut tensor, 1, Element::F32.0);
    put_bytes(&mut tensor, 2, &sides);
    let mut kind = Vec::new();
    put_bytes(&mut kind, 1, &tensor);
    let mut port = Vec::new();
    put_bytes(&mut port, 1, name.as_bytes());
    put_bytes(&mut port, 2, &kind);
    port
}
