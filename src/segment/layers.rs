//! Layers that the networks of this family have in common, written into a graph with their weights.

use super::error::Error;
use super::graph::{Graph, Setting, Value};
use super::weights::Weights;

/// What is added to a variance over channels, in all of this family.
const TINY: f32 = 1e-6;

/// A network that is made of weights.
pub struct Made<'a> {
    /// Where they come from.
    pub weights: &'a Weights,
    /// What was made of them.
    pub graph: Graph,
}

impl<'a> Made<'a> {
    /// Nothing so far.
    pub fn new(weights: &'a Weights) -> Self {
        Self { weights, graph: Graph::default() }
    }

    /// A tensor as it is.
    ///
    /// # Errors
    /// When weights are missing or of another shape.
    pub fn weight(&mut self, name: &str, shape: &[usize]) -> Result<Value, Error> {
        let numbers = self.weights.take(name, shape)?;
        Ok(self.graph.weight(shape, &numbers))
    }

    /// A linear layer with its bias, from `from` numbers to `to`.
    ///
    /// # Errors
    /// When weights are missing or of another shape.
    pub fn linear(&mut self, value: &str, name: &str, from: usize, to: usize) -> Result<Value, Error> {
        let rows = self.weights.take(&format!("{name}.weight"), &[to, from])?;
        let mut columns = vec![0.0; rows.len()];
        for (at, row) in rows.chunks_exact(from).enumerate() {
            row.iter().enumerate().for_each(|(column, number)| columns[column * to + at] = *number);
        }
        let columns = self.graph.weight(&[from, to], &columns);
        let bias = self.weight(&format!("{name}.bias"), &[to])?;
        let made = self.graph.product(value, &columns);
        Ok(self.graph.add(&made, &bias))
    }

    /// Layer normalisation along the last axis.
    ///
    /// # Errors
    /// When weights are missing or of another shape.
    pub fn norm(&mut self, value: &str, name: &str, width: usize, tiny: f32) -> Result<Value, Error> {
        let scale = self.weight(&format!("{name}.weight"), &[width])?;
        let bias = self.weight(&format!("{name}.bias"), &[width])?;
        let settings = [("axis", Setting::Whole(-1)), ("epsilon", Setting::Number(tiny))];
        Ok(self.graph.op("LayerNormalization", &[value, &scale, &bias], &settings))
    }

    /// The same of each pixel's channels: picture, channels, rows, columns.
    ///
    /// # Errors
    /// When weights are missing or of another shape.
    pub fn channel_norm(&mut self, value: &str, name: &str, width: usize) -> Result<Value, Error> {
        let last = self.graph.turned(value, &[0, 2, 3, 1]);
        let made = self.norm(&last, name, width, TINY)?;
        Ok(self.graph.turned(&made, &[0, 3, 1, 2]))
    }

    /// What all encoders of this family end with: `from` channels to as many as the decoder takes, which it says.
    ///
    /// # Errors
    /// When weights are missing or do not fit.
    pub fn neck(&mut self, value: &str, from: usize, grid: usize) -> Result<usize, Error> {
        let name = |at: usize| format!("image_encoder.neck.{at}");
        let [width, _, _, _] = self.weights.shape::<4>(&format!("{}.weight", name(0)))?;
        let first = self.weight(&format!("{}.weight", name(0)), &[width, from, 1, 1])?;
        let value = self.graph.op("Conv", &[value, &first], &[("kernel_shape", Setting::Wholes(&[1, 1]))]);
        let value = self.channel_norm(&value, &name(1), width)?;
        let second = self.weight(&format!("{}.weight", name(2)), &[width, width, 3, 3])?;
        let settings = [("kernel_shape", Setting::Wholes(&[3, 3])), ("pads", Setting::Wholes(&[1, 1, 1, 1]))];
        let value = self.graph.op("Conv", &[&value, &second], &settings);
        let value = self.channel_norm(&value, &name(3), width)?;
        self.graph.output("image_embeddings", &[Some(1), Some(width), Some(grid), Some(grid)], &value);
        Ok(width)
    }
}

/// How a grid lies in windows.
#[derive(Debug, Clone, Copy)]
pub struct Windows {
    /// Cells along a window.
    pub side: usize,
    /// Cells along the grid.
    pub grid: usize,
    /// Numbers a cell.
    pub width: usize,
}

impl Windows {
    fn count(self) -> i64 {
        self.grid.div_ceil(self.side) as i64
    }

    /// `1 x grid x grid x width` as `windows x cells x width`; windows that reach past the grid have zeros there.
    pub fn cut(self, graph: &mut Graph, value: &str) -> Value {
        let (side, count, width) = (self.side as i64, self.count(), self.width as i64);
        let more = side * count - self.grid as i64;
        let padded = if more > 0 { graph.padded(value, &[0; 4], &[0, more, more, 0]) } else { value.to_owned() };
        let rows = graph.reshaped(&padded, &[count, side, count, side, width]);
        let windows = graph.turned(&rows, &[0, 2, 1, 3, 4]);
        graph.reshaped(&windows, &[count * count, side * side, width])
    }

    /// The way back.
    pub fn joined(self, graph: &mut Graph, value: &str) -> Value {
        let (side, count, width, grid) = (self.side as i64, self.count(), self.width as i64, self.grid as i64);
        let windows = graph.reshaped(value, &[count, count, side, side, width]);
        let rows = graph.turned(&windows, &[0, 2, 1, 3, 4]);
        let whole = graph.reshaped(&rows, &[1, count * side, count * side, width]);
        if count * side == grid {
            return whole;
        }
        let high = graph.part(&whole, 1, 0, grid);
        graph.part(&high, 2, 0, grid)
    }
}
