//! Pictures in memory, of which those not used longest go first.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use image::RgbImage;

/// A bounded set of pictures.
pub(super) struct Recent<K> {
    held: HashMap<K, (u64, Arc<RgbImage>)>,
    /// How many may be held.
    most: usize,
    /// How many bytes may be held.
    room: usize,
    bytes: usize,
    clock: u64,
}

impl<K: Clone + Eq + Hash> Recent<K> {
    pub(super) fn new(most: usize, room: usize) -> Self {
        Self { held: HashMap::new(), most, room, bytes: 0, clock: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.held.len()
    }

    pub(super) fn holds(&self, key: &K) -> bool {
        self.held.contains_key(key)
    }

    pub(super) fn get(&mut self, key: &K) -> Option<Arc<RgbImage>> {
        self.clock += 1;
        let (used, picture) = self.held.get_mut(key)?;
        *used = self.clock;
        Some(picture.clone())
    }

    /// Holds a picture, and lets go of others to make room; the new one always stays.
    pub(super) fn put(&mut self, key: K, picture: Arc<RgbImage>) {
        self.clock += 1;
        self.bytes += picture.as_raw().len();
        if let Some((_, old)) = self.held.insert(key, (self.clock, picture)) {
            self.bytes -= old.as_raw().len();
        }
        while self.held.len() > 1 && (self.held.len() > self.most || self.bytes > self.room) {
            let oldest = self.held.iter().min_by_key(|(_, (used, _))| *used).map(|(key, _)| key.clone());
            let Some((_, gone)) = oldest.and_then(|key| self.held.remove(&key)) else { return };
            self.bytes -= gone.as_raw().len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(side: u32) -> Arc<RgbImage> {
        Arc::new(RgbImage::new(side, side))
    }

    #[test]
    fn what_was_not_used_longest_goes_first() {
        let mut recent = Recent::new(2, usize::MAX);
        recent.put(1, picture(1));
        recent.put(2, picture(1));
        assert!(recent.get(&1).is_some());
        recent.put(3, picture(1));
        assert_eq!((recent.holds(&1), recent.holds(&2), recent.holds(&3)), (true, false, true));
    }

    #[test]
    fn bytes_are_bounded_too_and_one_picture_always_fits() {
        let mut recent = Recent::new(100, 100);
        for key in 0..10 {
            recent.put(key, picture(3));
        }
        assert_eq!((recent.len(), recent.bytes), (3, 81));
        recent.put(9, picture(2));
        assert_eq!((recent.len(), recent.bytes), (3, 66));
        recent.put(11, picture(50));
        assert_eq!((recent.len(), recent.holds(&11)), (1, true));
    }
}
