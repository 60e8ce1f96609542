//! Linear layers and convolutions of the UNet that a caller may add to. The only file that calls a [`Tap`] at them.

use burn::tensor::Tensor;

use super::layers::{Conv2d, Linear};
use super::site::Layer;
use super::tap::Tap;

/// A layer that knows where it is. The autoencoder's are nowhere, and no tap is called at them.
#[derive(Clone, Debug)]
pub struct Tapped<L> {
    layer: Option<Layer>,
    /// The layer itself.
    pub plain: L,
}

impl<L> Tapped<L> {
    /// A layer at its place.
    pub fn new(layer: impl Into<Option<Layer>>, plain: L) -> Self {
        Self { layer: layer.into(), plain }
    }
}

impl Tapped<Linear> {
    /// # Shapes
    /// `[rows, tokens, in]` to `[rows, tokens, out]`.
    pub fn forward(&self, x: Tensor<3>, tap: &mut dyn Tap) -> Tensor<3> {
        let Some(layer) = self.layer else { return self.plain.forward(x) };
        let output = self.plain.forward(x.clone());
        tap.linear(layer, &self.plain, &x, output)
    }

    /// A layer of the time embedding.
    ///
    /// # Shapes
    /// `[rows, in]` to `[rows, out]`, of which a tap may make more rows (see [`Tap::linear`]).
    pub fn forward_time(&self, x: Tensor<2>, tap: &mut dyn Tap) -> Tensor<2> {
        let [rows, width] = x.dims();
        let y = self.forward(x.reshape([rows, 1, width]), tap);
        let [rows, _, width] = y.dims();
        y.reshape([rows, width])
    }
}

impl Tapped<Conv2d> {
    /// # Shapes
    /// `[rows, in, h, w]` to `[rows, out, h', w']`.
    pub fn forward(&self, x: Tensor<4>, tap: &mut dyn Tap) -> Tensor<4> {
        let Some(layer) = self.layer else { return self.plain.forward(x) };
        let output = self.plain.forward(x.clone());
        tap.conv(layer, &self.plain, &x, output)
    }
}
