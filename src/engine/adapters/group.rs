//! The tensors of one layer, and the change that they make.

use std::collections::BTreeMap;

use super::change::{Array, Change, Kind};
use super::leaves::Leaf;
use super::modules::Op;
use super::names::{self, Module};
use super::peft::{Scale, Scaling};
use crate::engine::error::{EngineError, Result};

/// What is asked of a file of tensors. Only its header is in memory.
pub trait Tensors {
    /// The file's name, for messages.
    fn name(&self) -> &str;
    /// What it says of itself.
    fn metadata(&self) -> &BTreeMap<String, String>;
    /// Every tensor's dotted name and shape.
    fn listed(&self) -> Vec<(String, Vec<usize>)>;
    /// One tensor's numbers, as many as its shape says and finite.
    ///
    /// # Errors
    /// When it is not there, is damaged or holds no numbers.
    fn values(&self, name: &str) -> Result<Vec<f32>>;
    /// What it holds beside tensors.
    fn others(&self) -> &[String];
}

/// One tensor of a file, not yet read.
#[derive(Clone)]
pub struct Found<'a> {
    /// Its file.
    pub file: &'a dyn Tensors,
    /// Its name there.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
}

impl Found<'_> {
    /// Reads it.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(&self) -> Result<Vec<f32>> {
        let values = self.file.values(&self.name)?;
        if Some(values.len()) != product(&self.shape) {
            return Err(EngineError::Malformed {
                file: self.file.name().into(),
                what: format!("tensor `{}` has {} numbers, not what its shape says", self.name, values.len()),
            });
        }
        Ok(values)
    }

    /// Its sizes where it is a matrix, or one with two trailing ones as a convolution of one pixel has.
    pub fn matrix(&self) -> Option<[usize; 2]> {
        match *self.shape {
            [rows, columns] | [rows, columns, 1, 1] => Some([rows, columns]),
            _ => None,
        }
    }
}

/// How many numbers a shape has, if that can be counted.
pub fn product(shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(1_usize, |product, size| product.checked_mul(*size))
}

/// What may still be computed and held for a file, beyond its own numbers: enough for every layer of Stable Diffusion 1.5
/// as a whole at rank 64, and no more, whatever a file's shapes say.
#[derive(Debug)]
pub struct Budget {
    numbers: usize,
    work: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { numbers: 1 << 30, work: 1 << 38 }
    }
}

impl Budget {
    /// The most numbers of one array: twice the largest convolution's of Stable Diffusion 1.5.
    const ARRAY: usize = 1 << 26;

    /// Takes `work` multiplications for an array of this shape out of it.
    ///
    /// # Errors
    /// When there is less left.
    pub fn take(&mut self, group: &Group<'_>, shape: &[usize], work: usize) -> Result<()> {
        let numbers = product(shape).filter(|numbers| *numbers <= Self::ARRAY);
        let left = numbers.and_then(|numbers| Some((self.numbers.checked_sub(numbers)?, self.work.checked_sub(work)?)));
        let Some((numbers, work)) = left else {
            return Err(group.malformed(format!(
                "multiplies out to an array of shape {shape:?}, more than any layer of Stable Diffusion 1.5 has"
            )));
        };
        (self.numbers, self.work) = (numbers, work);
        Ok(())
    }
}

/// The tensors of one layer.
pub struct Group<'a> {
    /// The file, for messages.
    pub file: &'a str,
    /// The layer.
    pub module: Module,
    /// What the layer does.
    pub op: Op,
    /// Its tensors by what they are.
    pub tensors: BTreeMap<Leaf, Found<'a>>,
}

/// What a layer's tensors make.
#[derive(Debug)]
pub struct Built {
    /// What is added to the layer.
    pub change: Change,
    /// The form it has in the file.
    pub kind: Kind,
    /// The rank that was trained, where it has one.
    pub rank: Option<usize>,
    /// The alpha that was trained with, where that is said.
    pub alpha: Option<f32>,
}

impl<'a> Group<'a> {
    /// The form of its tensors; none where there is nothing but an alpha.
    ///
    /// # Errors
    /// When they are of several forms.
    pub fn kind(&self) -> Result<Option<Kind>> {
        let form = |leaf: &Leaf| match leaf {
            Leaf::Down | Leaf::Up | Leaf::Mid => Some(Kind::Lora),
            Leaf::HadaW1A | Leaf::HadaW1B | Leaf::HadaW2A | Leaf::HadaW2B | Leaf::HadaT1 | Leaf::HadaT2 => {
                Some(Kind::LoHa)
            }
            Leaf::LokrW1
            | Leaf::LokrW1A
            | Leaf::LokrW1B
            | Leaf::LokrW2
            | Leaf::LokrW2A
            | Leaf::LokrW2B
            | Leaf::LokrT2 => Some(Kind::LoKr),
            Leaf::Weight | Leaf::OnInput => Some(Kind::Ia3),
            Leaf::Alpha | Leaf::Refused(_) | Leaf::Foreign => None,
        };
        let mut forms = self.tensors.keys().filter_map(form);
        let first = forms.next();
        match first.and_then(|first| forms.find(|other| *other != first)) {
            Some(other) => Err(self.malformed(format!(
                "has tensors of two kinds, {} and {other}; the file was put together wrongly",
                first.unwrap_or(other)
            ))),
            None => Ok(first),
        }
    }

    /// How many inputs the layer has, as far as its factors tell.
    pub fn inputs(&self) -> Option<usize> {
        let columns = |leaf: Leaf| self.get(leaf)?.shape.get(1).copied();
        let kronecker = || {
            let left = columns(Leaf::LokrW1).or_else(|| columns(Leaf::LokrW1B))?;
            let right = columns(Leaf::LokrW2).or_else(|| columns(Leaf::LokrW2B))?;
            left.checked_mul(right)
        };
        columns(Leaf::Down).or_else(|| columns(Leaf::HadaW1B)).or_else(kronecker)
    }

    /// The side of the layer's kernel; 1 of a linear layer.
    pub fn kernel(&self) -> usize {
        if let Op::Conv(kernel) = self.op { kernel } else { 1 }
    }

    /// The tensor that is `leaf` to the layer.
    pub fn get(&self, leaf: Leaf) -> Option<&Found<'a>> {
        self.tensors.get(&leaf)
    }

    /// The same where there has to be one; `name` is what its name ends with.
    ///
    /// # Errors
    /// When it is missing.
    pub fn need(&self, leaf: Leaf, name: &str) -> Result<&Found<'a>> {
        self.get(leaf).ok_or_else(|| self.malformed(format!("has no {name}; the file is incomplete, fetch it again")))
    }

    /// A matrix that there has to be.
    ///
    /// # Errors
    /// When it is missing or no matrix.
    pub fn need_matrix(&self, leaf: Leaf, name: &str) -> Result<(&Found<'a>, [usize; 2])> {
        let found = self.need(leaf, name)?;
        match found.matrix() {
            Some(sizes) if sizes[0] > 0 && sizes[1] > 0 => Ok((found, sizes)),
            _ => Err(self.malformed(format!("has {name} of shape {:?}; a matrix is needed", found.shape))),
        }
    }

    /// The core `[rank, rank, kernel, kernel]` of a layer's factors.
    ///
    /// # Errors
    /// When it does not fit the ranks or the layer's kernel.
    pub fn core(&self, found: &Found<'_>, name: &str, ranks: [usize; 2]) -> Result<Array> {
        let kernel = self.kernel();
        let shape = [ranks[0], ranks[1], kernel, kernel];
        if !matches!(self.op, Op::Conv(_)) || found.shape != shape {
            return Err(self.malformed(format!("has {name} of shape {:?} where {shape:?} is needed", found.shape)));
        }
        Ok(Array { values: found.read()?, shape: shape.into() })
    }

    /// The shape of a factor with `rows` rows over the layer's inputs, of which `columns` count each pixel of the kernel.
    ///
    /// # Errors
    /// When the columns are no multiple of the kernel's pixels.
    pub fn unfolded(&self, name: &str, rows: usize, columns: usize) -> Result<Vec<usize>> {
        let Op::Conv(kernel) = self.op else { return Ok(vec![rows, columns]) };
        if !columns.is_multiple_of(kernel * kernel) {
            return Err(self.malformed(format!(
                "has {name} of {columns} columns, which a kernel of {kernel} x {kernel} pixels does not divide"
            )));
        }
        Ok(vec![rows, columns / (kernel * kernel), kernel, kernel])
    }

    /// What a product of this rank is multiplied by: alpha / rank, where alpha is the layer's own or else what the
    /// trainer's settings say; 1 where nobody says anything.
    ///
    /// # Errors
    /// When alpha is no number.
    pub fn scale(&self, rank: usize, scaling: &Scaling) -> Result<Scale> {
        let Some(found) = self.get(Leaf::Alpha) else { return Ok(scaling.scale(&self.module, rank)) };
        match *found.read()? {
            [alpha] if scaling.alpha_is_factor() => Ok(Scale { factor: alpha, alpha: Some(alpha) }),
            [alpha] => Ok(Scale { factor: alpha / rank as f32, alpha: Some(alpha) }),
            _ => Err(self.malformed(format!("has an alpha of shape {:?}; one number is needed", found.shape))),
        }
    }

    /// An error about this layer.
    pub fn malformed(&self, what: String) -> EngineError {
        // People know the flattened name from their trainer, and the path from everywhere else.
        let flat = self.tensors.values().find_map(|found| names::flattened(&found.name));
        let module = match flat {
            Some(name) => format!("`{name}` ({})", self.module),
            None => format!("`{}`", self.module),
        };
        EngineError::Malformed { file: self.file.into(), what: format!("{module} {what}") }
    }
}
