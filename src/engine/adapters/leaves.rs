//! What a tensor is to its layer: the end of its name, in every trainer's spelling.

/// A tensor's meaning within its layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Leaf {
    /// LoRA's first factor.
    Down,
    /// LoRA's second factor.
    Up,
    /// LoCon's core between the two.
    Mid,
    /// What the product is multiplied by, times the rank.
    Alpha,
    /// LoHa's factors: of the first product, of the second, and the cores of both.
    HadaW1A,
    /// See [`Leaf::HadaW1A`].
    HadaW1B,
    /// See [`Leaf::HadaW1A`].
    HadaW2A,
    /// See [`Leaf::HadaW1A`].
    HadaW2B,
    /// See [`Leaf::HadaW1A`].
    HadaT1,
    /// See [`Leaf::HadaW1A`].
    HadaT2,
    /// LoKr's products, whole or split in two, and the core of the second.
    LokrW1,
    /// See [`Leaf::LokrW1`].
    LokrW1A,
    /// See [`Leaf::LokrW1`].
    LokrW1B,
    /// See [`Leaf::LokrW1`].
    LokrW2,
    /// See [`Leaf::LokrW1`].
    LokrW2A,
    /// See [`Leaf::LokrW1`].
    LokrW2B,
    /// See [`Leaf::LokrW1`].
    LokrT2,
    /// IA3's factors; of a model's own file the layer's weight.
    Weight,
    /// IA3's axis.
    OnInput,
    /// Belongs to a kind of file that is not taken.
    Refused(Refused),
    /// Nothing that is known here.
    Foreign,
}

/// The kinds of files that are not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refused {
    /// Weights of which length and direction are trained apart.
    Dora,
    /// Orthogonal turns of the weights.
    Oft,
    /// The same by butterflies.
    Boft,
    /// Low-rank changes that depend on the weight.
    Glora,
    /// Differences of weights or biases as a whole.
    Full,
    /// PEFT's IA3.
    PeftIa3,
}

impl Refused {
    /// What it is and why it is not taken.
    pub fn words(self) -> &'static str {
        match self {
            Self::Dora => "is a DoRA, which trains the length of the weights apart from their direction",
            Self::Oft => "is an OFT file, which turns the weights instead of adding to them",
            Self::Boft => "is a BOFT file, which turns the weights instead of adding to them",
            Self::Glora => "is a GLoRA, whose changes depend on the model's own weights",
            Self::Full => "holds full differences of weights, norms or biases, not only low-rank changes",
            Self::PeftIa3 => "is an IA3 file as PEFT writes it",
        }
    }
}

/// What the end of a name means; `dimensions` are how many the tensor has.
pub fn leaf(text: &str, dimensions: usize) -> Leaf {
    // PEFT's training states have the adapter's name: `lora_A.default.weight`, `hada_w1_a.default`.
    let (first, rest) = text.split_once('.').unwrap_or((text, ""));
    let plain = rest.is_empty() || !rest.contains('.');
    let weight = rest == "weight" || rest.ends_with(".weight") && rest.matches('.').count() == 1;
    match first {
        "lora_down" | "lora_A" if weight => Leaf::Down,
        "lora_up" | "lora_B" if weight => Leaf::Up,
        "lora_mid" if weight => Leaf::Mid,
        "lora" | "lora_linear_layer" if rest == "down.weight" => Leaf::Down,
        "lora" | "lora_linear_layer" if rest == "up.weight" => Leaf::Up,
        "down" if rest == "weight" => Leaf::Down,
        "up" if rest == "weight" => Leaf::Up,
        "alpha" if rest.is_empty() => Leaf::Alpha,
        "hada_w1_a" if plain => Leaf::HadaW1A,
        "hada_w1_b" if plain => Leaf::HadaW1B,
        "hada_w2_a" if plain => Leaf::HadaW2A,
        "hada_w2_b" if plain => Leaf::HadaW2B,
        "hada_t1" if plain => Leaf::HadaT1,
        "hada_t2" if plain => Leaf::HadaT2,
        "lokr_w1" if plain => Leaf::LokrW1,
        "lokr_w1_a" if plain => Leaf::LokrW1A,
        "lokr_w1_b" if plain => Leaf::LokrW1B,
        "lokr_w2" if plain => Leaf::LokrW2,
        "lokr_w2_a" if plain => Leaf::LokrW2A,
        "lokr_w2_b" if plain => Leaf::LokrW2B,
        "lokr_t2" if plain => Leaf::LokrT2,
        "weight" if rest.is_empty() => Leaf::Weight,
        "on_input" if rest.is_empty() => Leaf::OnInput,
        "dora_scale" | "lora_magnitude_vector" => Leaf::Refused(Refused::Dora),
        "oft_blocks" if dimensions == 4 => Leaf::Refused(Refused::Boft),
        "oft_blocks" | "oft_diag" | "oft_r" | "oft_R" => Leaf::Refused(Refused::Oft),
        "boft_R" | "boft_s" => Leaf::Refused(Refused::Boft),
        "a1" | "a2" | "b1" | "b2" if weight => Leaf::Refused(Refused::Glora),
        "diff" | "diff_b" | "w_norm" | "b_norm" => Leaf::Refused(Refused::Full),
        "lora_up" | "lora_B" | "lora_down" | "lora_A" if rest.ends_with("bias") => Leaf::Refused(Refused::Full),
        "lora" | "lora_linear_layer" if rest == "up.bias" => Leaf::Refused(Refused::Full),
        "ia3_l" => Leaf::Refused(Refused::PeftIa3),
        _ => Leaf::Foreign,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_of_names_are_known_in_every_spelling() {
        for (text, expected) in [
            ("lora_down.weight", Leaf::Down),
            ("lora.down.weight", Leaf::Down),
            ("lora_linear_layer.up.weight", Leaf::Up),
            ("down.weight", Leaf::Down),
            ("lora_A.weight", Leaf::Down),
            ("lora_B.default.weight", Leaf::Up),
            ("lora_mid.weight", Leaf::Mid),
            ("alpha", Leaf::Alpha),
            ("hada_w1_a", Leaf::HadaW1A),
            ("hada_t2.default", Leaf::HadaT2),
            ("lokr_w2_b", Leaf::LokrW2B),
            ("weight", Leaf::Weight),
            ("on_input", Leaf::OnInput),
            ("dora_scale", Leaf::Refused(Refused::Dora)),
            ("lora_magnitude_vector.default.weight", Leaf::Refused(Refused::Dora)),
            ("oft_blocks", Leaf::Refused(Refused::Oft)),
            ("a1.weight", Leaf::Refused(Refused::Glora)),
            ("diff_b", Leaf::Refused(Refused::Full)),
            ("lora_B.bias", Leaf::Refused(Refused::Full)),
            ("lora_down.bias.x.y", Leaf::Foreign),
            ("lora_down", Leaf::Foreign),
            ("rescale", Leaf::Foreign),
            ("", Leaf::Foreign),
        ] {
            assert_eq!(leaf(text, 3), expected, "{text}");
        }
        assert_eq!(leaf("oft_blocks", 4), Leaf::Refused(Refused::Boft));
    }
}
