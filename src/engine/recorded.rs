//! What attention layers attended to, on the host: recorded beside a pass, averaged over the heads, one table for each branch
//! and picture.
//!
//! Only the conditional half's rows are looked at, and they come in pieces ([`Look::Rows`]): what recording takes beside its
//! tables is a few pieces of bounded size, not all rows' scores and probabilities of all heads.

use std::collections::HashMap;

use burn::tensor::Tensor;

use super::nets::tap::{Kind, Look, Piece, Site, Tap};
use super::pictures::host;

/// Head-averaged attention probabilities by site.
pub type Maps = HashMap<Site, Recorded>;

/// Head-averaged attention probabilities of one layer.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    pictures: usize,
    queries: usize,
    keys: usize,
    /// `queries` rows of `keys` probabilities each; the pictures of the first branch first.
    tables: Vec<Vec<f32>>,
}

impl Recorded {
    /// One branch's table of one picture: [`Recorded::queries`] rows of [`Recorded::keys`] probabilities.
    ///
    /// # Panics
    /// Where there is no such branch or picture.
    pub fn of(&self, branch: usize, picture: usize) -> &[f32] {
        assert!(picture < self.pictures, "picture {picture} of {}", self.pictures);
        &self.tables[branch * self.pictures + picture]
    }

    /// How many branches were recorded.
    pub fn branches(&self) -> usize {
        self.tables.len() / self.pictures.max(1)
    }

    /// Pictures of each branch.
    pub fn pictures(&self) -> usize {
        self.pictures
    }

    /// Tokens that attend: the cells of the layer's grid.
    pub fn queries(&self) -> usize {
        self.queries
    }

    /// Tokens that are attended to.
    pub fn keys(&self) -> usize {
        self.keys
    }

    /// Tables that nobody computed: those of the first branch's pictures, then of the next one's.
    #[cfg(test)]
    pub fn made_up(pictures: usize, queries: usize, keys: usize, tables: Vec<Vec<f32>>) -> Self {
        Self { pictures, queries, keys, tables }
    }

    /// Puts the branches of another record of the same layer behind these.
    pub fn append(&mut self, other: Self) {
        self.tables.extend(other.tables);
    }
}

/// Records head-averaged attention probabilities of the conditional half at a few sites.
///
/// Rows of the batch are branch × half × picture.
pub struct Record {
    /// Where.
    pub sites: Vec<Site>,
    /// Branches in the batch.
    pub branches: usize,
    /// Pictures in the batch.
    pub pictures: usize,
    /// 2 with an unconditional half before the conditional one, else 1.
    pub halves: usize,
    /// How many prompts stand side by side in the keys of cross-attention (`Context::beside`), of which the first is looked at.
    pub prompts: usize,
    /// What was recorded.
    pub maps: Maps,
}

impl Record {
    /// Nothing recorded yet.
    pub fn new(sites: Vec<Site>, branches: usize, pictures: usize, halves: usize) -> Self {
        Self { sites, branches, pictures, halves, prompts: 1, maps: HashMap::new() }
    }

    /// Rows of each branch.
    fn rows(&self) -> usize {
        self.halves * self.pictures
    }

    /// Which table a row of the batch belongs to; none where it is unconditional, or no row of the batch.
    fn table(&self, row: usize) -> Option<usize> {
        let (branch, within) = (row / self.rows().max(1), row % self.rows().max(1));
        let picture = within.checked_sub((self.halves - 1) * self.pictures)?;
        (branch < self.branches).then_some(branch * self.pictures + picture)
    }
}

impl Tap for Record {
    fn wants_probs(&self, site: Site) -> Look {
        if !self.sites.contains(&site) {
            return Look::Away;
        }
        Look::Rows((0..self.branches * self.rows()).filter(|row| self.table(*row).is_some()).collect())
    }

    fn probs(&mut self, site: Site, piece: &Piece) {
        let mut probs = piece.probs.clone();
        if self.prompts > 1 && site.kind == Kind::Cross {
            // What the softmax of one prompt's logits alone would be.
            let keys = probs.dims()[3] / self.prompts;
            let first = probs.narrow(3, 0, keys);
            probs = first.clone() / first.sum_dim(3).clamp_min(f32::MIN_POSITIVE);
        }
        let [rows, _, some, keys] = probs.dims();
        let wanted: Vec<(usize, usize)> =
            (0..rows).filter_map(|row| Some((row, self.table(piece.row + row)?))).collect();
        let empty = || Recorded {
            pictures: self.pictures,
            queries: piece.queries,
            keys,
            tables: vec![Vec::new(); self.branches * self.pictures],
        };
        let recorded = self.maps.entry(site).or_insert_with(empty);
        for (row, table) in wanted {
            let mean: Tensor<4> = probs.clone().narrow(0, row, 1).mean_dim(1);
            let table = &mut recorded.tables[table];
            // Zeros that nobody wrote to take no memory yet.
            if table.is_empty() {
                *table = vec![0.0; recorded.queries * keys];
            }
            table[piece.query * keys..][..some * keys].copy_from_slice(&host(mean));
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::engine::models::Models;
    use crate::engine::nets::layers::upload;
    use crate::engine::nets::tap::Block;
    use crate::engine::noise;
    use crate::engine::prompt::encode_plain;
    use crate::engine::weights::ModelFiles;

    const SITE: Site = Site { block: Block::Up(1), attention: 0, kind: Kind::Cross };

    /// Probabilities that tell their row, head, query and key.
    fn probs(rows: usize, heads: usize, queries: usize, keys: usize) -> Tensor<4> {
        let count = rows * heads * queries * keys;
        upload((0..count).map(|index| index as f32).collect(), [rows, heads, queries, keys], &Device::flex())
    }

    #[test]
    fn only_conditional_rows_are_wanted_and_only_at_the_sites() {
        let record = Record::new(vec![SITE], 2, 3, 2);
        assert_eq!(record.wants_probs(SITE), Look::Rows(vec![3, 4, 5, 9, 10, 11]));
        assert_eq!(record.wants_probs(Site { attention: 1, ..SITE }), Look::Away);
        assert_eq!(Record::new(vec![SITE], 1, 2, 1).wants_probs(SITE), Look::Rows(vec![0, 1]));
    }

    #[test]
    fn pieces_of_rows_and_queries_make_the_tables_that_the_whole_makes() {
        let all = probs(8, 4, 5, 4);
        let mut whole = Record::new(vec![SITE], 2, 2, 2);
        whole.probs(SITE, &Piece { row: 0, query: 0, queries: 5, probs: all.clone() });
        let mut pieces = Record::new(vec![SITE], 2, 2, 2);
        let Look::Rows(rows) = pieces.wants_probs(SITE) else { panic!("it looks at rows") };
        for row in rows {
            // Not in order: a piece knows where it belongs.
            for (query, count) in [(3, 2), (0, 3)] {
                let probs = all.clone().narrow(0, row, 1).narrow(2, query, count);
                pieces.probs(SITE, &Piece { row, query, queries: 5, probs });
            }
        }
        assert_eq!(whole.maps, pieces.maps);
        let recorded = &whole.maps[&SITE];
        assert_eq!((recorded.branches(), recorded.pictures()), (2, 2));
        assert_eq!((recorded.queries(), recorded.keys()), (5, 4));
        // Rows 2, 3 and 6, 7 are the conditional ones; the mean of four heads is halfway between the second and third.
        for (branch, picture, row) in [(0, 0, 2), (0, 1, 3), (1, 0, 6), (1, 1, 7)] {
            let mean: Vec<f32> = (0..20).map(|at| (row * 80 + 30 + at) as f32).collect();
            assert_eq!(recorded.of(branch, picture), mean, "branch {branch}, picture {picture}");
        }
    }

    /// Averages all heads of all rows at once, as a whole table.
    struct Table(Site, Option<Tensor<4>>);

    impl Tap for Table {
        fn wants_probs(&self, site: Site) -> Look {
            if site == self.0 { Look::Whole } else { Look::Away }
        }

        fn probs(&mut self, _: Site, piece: &Piece) {
            self.1 = Some(piece.probs.clone().mean_dim(1));
        }
    }

    #[test]
    fn a_pass_in_pieces_records_what_the_whole_table_averages_to_and_predicts_the_very_same() {
        let models = Models::load(&ModelFiles::BuiltIn, &Device::flex(), &mut |_| Ok(())).expect("built in");
        let context = encode_plain(&models, "a cat").context.repeat_rows(2);
        // 2048 queries and as many keys of two heads: more than one piece.
        let latents = noise::seeded(&[1, 2], [4, 64, 32], &models.device);
        let site = Site { block: Block::Down(0), attention: 0, kind: Kind::Own };
        let predict = |tap: &mut dyn Tap| models.unet.predict(latents.clone(), &[501], &context, tap);
        let (mut record, mut table) = (Record::new(vec![site], 1, 1, 2), Table(site, None));
        let (watched, plain) = (host(predict(&mut record)), host(predict(&mut ())));
        assert!(watched == plain, "looking changes nothing");
        predict(&mut table);
        let expected = host(table.1.expect("it looked").narrow(0, 1, 1));
        let found = record.maps[&site].of(0, 0);
        assert_eq!((found.len(), expected.len()), (2048 * 2048, 2048 * 2048));
        let apart = found.iter().zip(&expected).map(|(found, expected)| (found - expected).abs() / expected.max(1e-9));
        let most = apart.fold(0.0, f32::max);
        assert!(most < 1e-4, "a probability is {most:e} of itself away");
        // Both at once: each sees what it asked for.
        let (mut record, mut table) = (Record::new(vec![site], 1, 1, 2), Table(site, None));
        predict(&mut (&mut record, &mut table));
        assert!(record.maps[&site].of(0, 0) == expected, "beside one that sees the whole");
        assert!(host(table.1.expect("it looked").narrow(0, 1, 1)) == expected);
    }

    #[test]
    fn branches_that_ran_one_after_another_are_put_side_by_side() {
        let of = |row: usize| {
            let mut record = Record::new(vec![SITE], 1, 1, 2);
            let probs = probs(4, 1, 2, 2).narrow(0, row, 2);
            record.probs(SITE, &Piece { row: 0, query: 0, queries: 2, probs });
            record.maps.remove(&SITE).expect("recorded")
        };
        let mut both = of(0);
        both.append(of(2));
        assert_eq!(both.branches(), 2);
        assert_eq!((both.of(0, 0), both.of(1, 0)), (&[4.0, 5.0, 6.0, 7.0][..], &[12.0, 13.0, 14.0, 15.0][..]));
    }
}
