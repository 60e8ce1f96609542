//! Torch files as Python writes them, for tests: the zip archive and the stream of before torch 1.6.

use std::io::{Cursor, Seek, Write};
use std::rc::Rc;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// A value to be pickled.
#[derive(Clone)]
pub enum Py {
    None,
    Whole(i32),
    Text(String),
    List(Vec<Py>),
    Dict(Vec<(Py, Py)>),
    /// `collections.OrderedDict`, as a state dict is.
    Ordered(Vec<(Py, Py)>),
    /// A class by its module and name.
    Class(&'static str, &'static str),
    /// What a class makes of nothing, filled like a dictionary.
    Made(&'static str, &'static str, Vec<(Py, Py)>),
    /// A module, with its parameters and modules.
    Module(Vec<(Py, Py)>, Vec<(Py, Py)>),
    Tensor(Tensor),
    /// A tensor as a parameter.
    Parameter(Tensor),
}

/// A tensor over a storage of its own.
#[derive(Clone)]
pub struct Tensor {
    /// `FloatStorage`
    pub kind: &'static str,
    pub shape: Vec<usize>,
    /// Row by row where there are none.
    pub strides: Option<Vec<usize>>,
    /// Its first number in the storage.
    pub offset: usize,
    /// Numbers in the storage.
    pub length: usize,
    /// The storage's bytes, made when they are written.
    pub bytes: Rc<dyn Fn() -> Vec<u8>>,
}

pub fn text(text: &str) -> Py {
    Py::Text(text.into())
}

/// A tensor of f32, row by row.
pub fn tensor(shape: &[usize], values: &[f32]) -> Tensor {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let bytes = Rc::new(move || bytes.clone());
    Tensor { kind: "FloatStorage", shape: shape.into(), strides: None, offset: 0, length: values.len(), bytes }
}

/// Pickles by protocol 2, as torch does.
#[derive(Default)]
struct Pickler {
    out: Vec<u8>,
    storages: Vec<Tensor>,
    /// Numbers of storages begin here.
    first: usize,
}

impl Pickler {
    fn whole(&mut self, number: i64) {
        match i32::try_from(number) {
            Ok(number) => self.out.extend([&b"J"[..], &number.to_le_bytes()].concat()),
            Err(_) => self.out.extend([&[0x8a, 8][..], &number.to_le_bytes()].concat()),
        }
    }

    fn text(&mut self, text: &str) {
        self.out.push(b'X');
        self.out.extend((text.len() as u32).to_le_bytes());
        self.out.extend(text.as_bytes());
    }

    fn class(&mut self, module: &str, name: &str) {
        self.out.extend(format!("c{module}\n{name}\n").into_bytes());
    }

    fn pairs(&mut self, pairs: &[(Py, Py)]) {
        self.out.push(b'(');
        for (key, value) in pairs {
            self.value(key);
            self.value(value);
        }
        self.out.push(b'u');
    }

    fn sizes(&mut self, sizes: &[usize]) {
        self.out.push(b'(');
        sizes.iter().for_each(|size| self.whole(*size as i64));
        self.out.push(b't');
    }

    fn tensor(&mut self, tensor: &Tensor) {
        self.class("torch._utils", "_rebuild_tensor_v2");
        self.out.extend(b"((");
        self.text("storage");
        self.class("torch", tensor.kind);
        self.text(&(self.first + self.storages.len()).to_string());
        self.text("cpu");
        self.whole(tensor.length as i64);
        self.out.extend(b"tQ");
        self.whole(tensor.offset as i64);
        self.sizes(&tensor.shape);
        let sides = tensor.shape.len();
        let plain = (0..sides).map(|side| tensor.shape[side + 1..].iter().product()).collect::<Vec<usize>>();
        self.sizes(tensor.strides.as_ref().unwrap_or(&plain));
        self.out.push(0x89);
        self.class("collections", "OrderedDict");
        self.out.extend(b")RtR");
        self.storages.push(tensor.clone());
    }

    fn value(&mut self, value: &Py) {
        match value {
            Py::None => self.out.push(b'N'),
            Py::Whole(number) => self.whole((*number).into()),
            Py::Text(text) => self.text(text),
            Py::List(items) => {
                self.out.extend(b"](");
                items.iter().for_each(|item| self.value(item));
                self.out.push(b'e');
            }
            Py::Dict(pairs) => {
                self.out.push(b'}');
                self.pairs(pairs);
            }
            Py::Ordered(pairs) => {
                self.class("collections", "OrderedDict");
                self.out.extend(b")R");
                self.pairs(pairs);
            }
            Py::Class(module, name) => self.class(module, name),
            Py::Made(module, name, pairs) => {
                self.class(module, name);
                self.out.extend(b")\x81");
                self.pairs(pairs);
            }
            Py::Module(parameters, modules) => {
                self.class("torch.nn.modules.module", "Module");
                self.out.extend(b")\x81");
                let [parameters, modules] = [parameters, modules].map(|entries| Py::Ordered(entries.clone()));
                let tables = ["_parameters", "_buffers", "_modules"].map(text);
                let [a, b, c] = tables;
                self.value(&Py::Dict(vec![
                    (text("training"), Py::None),
                    (a, parameters),
                    (b, Py::Ordered(vec![(text("none"), Py::None)])),
                    (c, modules),
                ]));
                self.out.push(b'b');
            }
            Py::Tensor(tensor) => self.tensor(tensor),
            Py::Parameter(tensor) => {
                self.class("torch._utils", "_rebuild_parameter");
                self.out.push(b'(');
                self.tensor(tensor);
                self.out.push(0x88);
                self.class("collections", "OrderedDict");
                self.out.extend(b")RtR");
            }
        }
    }
}

fn pickled(value: &Py) -> Pickler {
    let mut pickler = Pickler { out: vec![0x80, 2], ..Pickler::default() };
    pickler.value(value);
    pickler.out.push(b'.');
    pickler
}

/// Writes what `torch.save` writes since 1.6.
pub fn write_zip(value: &Py, to: impl Write + Seek) {
    let Pickler { out, storages, .. } = pickled(value);
    let mut archive = ZipWriter::new(to);
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored).large_file(true);
    let mut put = |name: &str, bytes: &[u8]| {
        archive.start_file(format!("model/{name}"), stored).expect("begun");
        archive.write_all(bytes).expect("written");
    };
    put("data.pkl", &out);
    put("byteorder", b"little");
    for (index, tensor) in storages.iter().enumerate() {
        put(&format!("data/{index}"), &(tensor.bytes)());
    }
    put("version", b"3\n");
    archive.finish().expect("finished");
}

/// [`write_zip`], in memory.
pub fn zip_archive(value: &Py) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_zip(value, Cursor::new(&mut bytes));
    bytes
}

/// Writes what `torch.save` wrote before 1.6.
pub fn write_stream(value: &Py, mut to: impl Write) {
    let magic =
        [&[0x80, 2, 0x8a, 10][..], &[0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19], b"."].concat();
    let version = pickled(&Py::Whole(1001)).out;
    // True is what the writer calls a parameter's `requires_grad` too.
    let mut system = vec![0x80, 2, b'}', b'X', 13, 0, 0, 0];
    system.extend(b"little_endian\x88s.");
    let Pickler { out, storages, .. } = pickled(value);
    let keys = (0..storages.len()).map(|index| text(&index.to_string())).collect();
    let keys = pickled(&Py::List(keys)).out;
    [magic, version, system, out, keys].iter().for_each(|part| to.write_all(part).expect("written"));
    for tensor in storages {
        to.write_all(&(tensor.length as u64).to_le_bytes()).expect("written");
        to.write_all(&(tensor.bytes)()).expect("written");
    }
}

/// [`write_stream`], in memory.
pub fn stream(value: &Py) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_stream(value, &mut bytes);
    bytes
}
