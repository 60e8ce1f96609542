//! AdamW (Loshchilov & Hutter 2019, algorithm 2), with PyTorch's constants.

use burn::tensor::{Device, Tensor};

/// Decay of the mean of gradients.
const BETA_1: f64 = 0.9;
/// Decay of the mean of their squares.
const BETA_2: f64 = 0.999;
/// Keeps the quotient finite.
const EPSILON: f64 = 1e-8;

/// Running means of the gradients of one group of parameters.
#[derive(Clone, Debug)]
pub struct Moments {
    /// Of the gradients.
    pub mean: Tensor<1>,
    /// Of their squares.
    pub square: Tensor<1>,
}

impl Moments {
    /// Before the first step.
    pub fn none(count: usize, device: &Device) -> Self {
        let zeros = || crate::engine::nets::layers::upload(vec![0.0; count], [count], device);
        Self { mean: zeros(), square: zeros() }
    }

    /// One step: gives the parameters after it.
    ///
    /// `step` counts from 1; `rate` is the learning rate of this step.
    pub fn step(
        &mut self,
        values: Tensor<1>,
        gradient: Tensor<1>,
        step: usize,
        rate: f64,
        weight_decay: f64,
    ) -> Tensor<1> {
        self.mean = self.mean.clone() * BETA_1 + gradient.clone() * (1.0 - BETA_1);
        self.square = self.square.clone() * BETA_2 + gradient.square() * (1.0 - BETA_2);
        let unbiased = |beta: f64| 1.0 / (1.0 - beta.powi(step.min(1 << 20) as i32));
        let mean = self.mean.clone() * unbiased(BETA_1);
        let root = (self.square.clone() * unbiased(BETA_2)).sqrt() + EPSILON;
        values * (1.0 - rate * weight_decay) - mean / root * rate
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::nets::layers::upload;
    use crate::engine::pictures::host;

    #[test]
    fn steps_are_those_of_pytorch() {
        // torch.optim.AdamW([1, -2, 0.5], lr=0.1, weight_decay=0.01), gradients of sum(x^3) / 3 + x, three steps.
        let device = Device::flex();
        let mut x = vec![1.0f64, -2.0, 0.5];
        let (mut mean, mut square) = (vec![0.0f64; 3], vec![0.0f64; 3]);
        let mut values = upload(vec![1.0, -2.0, 0.5], [3], &device);
        let mut moments = Moments::none(3, &device);
        for step in 1..=3 {
            let gradient = values.clone().square() + 1.0;
            values = moments.step(values, gradient, step, 0.1, 0.01);
            // The algorithm by hand, in f64.
            for (index, x) in x.iter_mut().enumerate() {
                let g = *x * *x + 1.0;
                mean[index] = 0.9 * mean[index] + 0.1 * g;
                square[index] = 0.999 * square[index] + 0.001 * g * g;
                let m = mean[index] / (1.0 - 0.9f64.powi(step as i32));
                let v = square[index] / (1.0 - 0.999f64.powi(step as i32));
                *x = *x * (1.0 - 0.1 * 0.01) - 0.1 * m / (v.sqrt() + 1e-8);
            }
        }
        for (found, wanted) in host(values).into_iter().zip(x) {
            assert!((f64::from(found) - wanted).abs() < 1e-5, "{found} and {wanted}");
        }
    }
}
