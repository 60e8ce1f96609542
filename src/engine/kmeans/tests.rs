use super::*;

fn never() -> bool {
    false
}

fn random_points(n: usize, dim: usize, seed: u64) -> Vec<f32> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    (0..n * dim).map(|_| random.random::<f32>()).collect()
}

/// Points near `k` corners, in turn.
fn blobs(n: usize, dim: usize, k: usize) -> Vec<f32> {
    let corner = |i: usize| if i / dim % k == i % dim { 10.0 } else { 0.0 };
    let noise = random_points(n, dim, 3);
    noise.iter().enumerate().map(|(i, noise)| corner(i) + noise).collect()
}

/// Sum of the squared distances to the clusters' means, straight from the coordinates.
fn inertia(points: &[f32], dim: usize, labels: &[u32], k: usize) -> f64 {
    let means = means(points, dim, labels, k);
    let rows = points.chunks_exact(dim).zip(labels);
    rows.map(|(row, &label)| distance(row, &means[label as usize])).sum()
}

fn means(points: &[f32], dim: usize, labels: &[u32], k: usize) -> Vec<Vec<f64>> {
    let mut means = vec![vec![0.0; dim]; k];
    let mut sizes = vec![0.0; k];
    for (row, &label) in points.chunks_exact(dim).zip(labels) {
        sizes[label as usize] += 1.0;
        let mean = &mut means[label as usize];
        mean.iter_mut().zip(row).for_each(|(sum, &x)| *sum += f64::from(x));
    }
    for (mean, size) in means.iter_mut().zip(sizes) {
        mean.iter_mut().for_each(|sum| *sum /= f64::max(size, 1.0));
    }
    means
}

fn distance(row: &[f32], mean: &[f64]) -> f64 {
    row.iter().zip(mean).map(|(&x, m)| (f64::from(x) - m).powi(2)).sum()
}

/// Lloyd's by the book, from random points.
fn naive(points: &[f32], n: usize, dim: usize, k: usize, starts: u64) -> f64 {
    let run = |start: u64| {
        let mut random = ChaCha8Rng::seed_from_u64(start + 1000);
        let mut means: Vec<Vec<f64>> = (0..k)
            .map(|_| random.random_range(0..n))
            .map(|i| points[i * dim..(i + 1) * dim].iter().map(|&x| f64::from(x)).collect())
            .collect();
        let mut labels = vec![0; n];
        for _ in 0..100 {
            let nearest = |row: &[f32]| {
                let distances = means.iter().map(|mean| distance(row, mean));
                distances.zip(0..).min_by(|a, b| a.0.total_cmp(&b.0)).unwrap().1
            };
            let new: Vec<u32> = points.chunks_exact(dim).map(nearest).collect();
            if new == labels {
                break;
            }
            labels = new;
            means = self::means(points, dim, &labels, k);
        }
        inertia(points, dim, &labels, k)
    };
    (0..starts).map(run).fold(f64::INFINITY, f64::min)
}

fn assert_close(found: f64, expected: f64, relative: f64) {
    assert!((found - expected).abs() <= relative * expected.abs(), "{found} is not {expected}");
}

#[test]
fn separated_blobs_are_recovered() {
    let (n, dim, k) = (150, 7, 5);
    let points = blobs(n, dim, k);
    let found = kmeans(&points, n, dim, k, 5, 1, &never);
    let expected: Vec<u32> = (0..n).map(|i| (i % k) as u32).collect();
    assert_eq!(found.labels, expected);
    assert_close(found.inertia, inertia(&points, dim, &expected, k), 1e-4);
}

#[test]
fn the_same_seed_gives_the_same_labels_on_any_number_of_threads() {
    let (n, dim) = (200, 40);
    let points = random_points(n, dim, 5);
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| kmeans(&points, n, dim, 4, 150, 11, &never))
    };
    assert_eq!(on(1), on(2));
    assert_eq!(on(1), on(7));
}

#[test]
fn it_is_no_worse_than_lloyd_by_the_book() {
    for (n, dim, k) in [(130, 9, 3), (64, 300, 4), (257, 3, 6)] {
        let points = random_points(n, dim, 9);
        let found = kmeans(&points, n, dim, k, 30, 2, &never);
        assert_close(found.inertia, inertia(&points, dim, &found.labels, k), 1e-4);
        let expected = naive(&points, n, dim, k, 30);
        assert!(found.inertia <= expected * 1.005, "{} is worse than {expected}", found.inertia);
    }
}

#[test]
fn it_ends_where_every_point_is_nearest_to_its_own_mean() {
    let (n, dim, k) = (180, 5, 4);
    let points = random_points(n, dim, 21);
    let labels = kmeans(&points, n, dim, k, 1, 3, &never).labels;
    let means = means(&points, dim, &labels, k);
    for (row, &label) in points.chunks_exact(dim).zip(&labels) {
        let own = distance(row, &means[label as usize]);
        assert!(means.iter().all(|mean| distance(row, mean) > own - 1e-5));
    }
}

#[test]
fn a_great_offset_and_a_great_scale_change_nothing() {
    let (n, dim) = (60, 4);
    let plain = blobs(n, dim, 3);
    let expected = kmeans(&plain, n, dim, 3, 3, 1, &never).labels;
    for (factor, offset) in [(1e30, 0.0), (1e-30, 0.0), (1.0, 1000.0), (1e37, 1e38)] {
        let points: Vec<f32> = plain.iter().map(|x| x * factor + offset).collect();
        assert_eq!(kmeans(&points, n, dim, 3, 3, 1, &never).labels, expected);
    }
}

#[test]
fn fewer_points_than_clusters_are_a_cluster_each() {
    let found = kmeans(&[0.0, 5.0, 9.0], 3, 1, 8, 4, 0, &never);
    assert_eq!(found.labels, [0, 1, 2]);
    assert_eq!(found.inertia, 0.0);
}

#[test]
fn equal_points_share_a_cluster() {
    let found = kmeans(&[0.3; 90 * 5], 90, 5, 4, 10, 0, &never);
    assert_eq!(found.labels, [0; 90]);
    let twice: Vec<f32> = (0..80).map(|i| if i % 2 == 0 { 1.0 } else { 7.0 }).collect();
    let found = kmeans(&twice, 80, 1, 5, 10, 0, &never);
    let expected: Vec<u32> = (0..80).map(|i| i % 2).collect();
    assert_eq!(found.labels, expected);
}

#[test]
fn an_empty_cluster_takes_the_farthest_point() {
    let mut labels = [0, 0, 0, 1];
    fill_empty(&mut labels, &[1.0, 4.0, 0.0, 9.0], 4, 0.5);
    assert_eq!(labels, [3, 2, 0, 1]);
    fill_empty(&mut labels, &[0.0; 4], 5, 0.5);
    assert_eq!(labels, [3, 2, 0, 1]);
}

#[test]
fn points_that_cannot_be_right_still_get_labels() {
    let mut points = blobs(90, 6, 3);
    points[4] = f32::NAN;
    points[50] = f32::INFINITY;
    let found = kmeans(&points, 90, 6, 3, 10, 0, &never);
    assert_eq!(found.labels.len(), 90);
    assert!(found.inertia.is_finite());
    // The good points are clustered as ever; the first one is at fault, so the names begin with its cluster's.
    assert_eq!(found.labels[10], found.labels[13]);
    assert_ne!(found.labels[10], found.labels[11]);
    let all = kmeans(&[f32::NAN; 40], 20, 2, 3, 4, 0, &never);
    assert_eq!(all.labels, [0; 20]);
    let short = kmeans(&[1.0, 2.0, 3.0], 4, 2, 2, 4, 0, &never);
    assert_eq!(short.labels.len(), 4);
}

#[test]
fn nothing_to_do_is_done() {
    assert!(kmeans(&[], 0, 0, 3, 4, 0, &never).labels.is_empty());
    assert_eq!(kmeans(&[], 3, 0, 2, 4, 0, &never).labels, [0; 3]);
    let one = kmeans(&[1.0, 3.0], 2, 1, 0, 0, 0, &never);
    assert_eq!((one.labels, one.inertia), (vec![0, 0], 2.0));
}

#[test]
fn cancelling_gives_labels_at_once() {
    let points = random_points(100, 8, 1);
    let found = kmeans(&points, 100, 8, 3, 1_000_000, 0, &|| true);
    assert_eq!(found.labels.len(), 100);
    assert_eq!(found.inertia, f64::INFINITY);
}
