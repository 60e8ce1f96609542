//! Two hundred captions of everyday pictures, made of a few lists: on them the constrained merge leaves the model as it is. The
//! authors take the first 200 captions of their regularisation pictures, which are not in their repository.

const THINGS: [&str; 50] = [
    "cat",
    "dog",
    "bear",
    "robot",
    "toy",
    "man",
    "woman",
    "child",
    "bird",
    "horse",
    "fish",
    "cow",
    "sheep",
    "car",
    "bus",
    "train",
    "boat",
    "bicycle",
    "plane",
    "house",
    "church",
    "bridge",
    "tower",
    "street",
    "garden",
    "tree",
    "flower",
    "red apple",
    "cake",
    "pizza",
    "bowl of soup",
    "cup of coffee",
    "bottle",
    "glass of wine",
    "table",
    "chair",
    "lamp",
    "clock",
    "book",
    "guitar",
    "camera",
    "phone",
    "backpack",
    "hat",
    "pair of boots",
    "dress",
    "ball",
    "yellow umbrella",
    "suitcase",
    "painting",
];

const PLACES: [&str; 40] = [
    "on the beach",
    "in the snow",
    "in a meadow",
    "in the desert",
    "in the city at night",
    "in a room",
    "in the forest",
    "on a mountain top",
    "by a river",
    "under a blue sky",
    "at sunset",
    "in the rain",
    "on a wooden table",
    "in a kitchen",
    "in front of a red wall",
    "on a sofa",
    "in a shop",
    "at a market",
    "on the sidewalk",
    "beside a window",
    "on green grass",
    "with two friends",
    "from above",
    "in black and white",
    "in bright colours",
    "on a white background",
    "near the sea",
    "in an old town",
    "at a party",
    "in the morning light",
    "behind a fence",
    "on a stage",
    "in a museum",
    "for sale",
    "with a smile",
    "in autumn",
    "at the station",
    "in a bedroom",
    "full of people",
    "made of wood",
];

const KINDS: [&str; 5] = ["a photo of a", "a", "the", "a painting of a small", "a close view of one large"];

/// How many there are.
pub const COUNT: usize = 200;

/// All of them. No two are the same.
pub fn all() -> impl Iterator<Item = String> {
    // Fifty things, each four times, at another place and in another way.
    (0..COUNT).map(|index| {
        let (thing, turn) = (index % THINGS.len(), index / THINGS.len());
        let place = PLACES[(thing * 3 + turn * 11) % PLACES.len()];
        format!("{} {} {place}", KINDS[(thing + turn) % KINDS.len()], THINGS[thing])
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn there_are_two_hundred_and_every_word_of_the_lists_is_in_one() {
        let captions: BTreeSet<String> = all().collect();
        assert_eq!(captions.len(), COUNT);
        for words in THINGS.iter().chain(&PLACES).chain(&KINDS) {
            assert!(captions.iter().any(|caption| caption.contains(words)), "{words}");
        }
        assert_eq!(all().next().as_deref(), Some("a photo of a cat on the beach"));
    }
}
