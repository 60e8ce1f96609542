//! Means over boxes of pixels, for one number a pixel.

/// Turns each value into the mean of those within `radius` of it across and down; at the edges, of those that are there.
pub fn mean(values: &mut [f32], wide: usize, radius: usize) {
    if radius == 0 || values.is_empty() {
        return;
    }
    let mut line = Vec::with_capacity(wide);
    for row in values.chunks_exact_mut(wide) {
        line.clear();
        line.extend_from_slice(row);
        let mut sum: f64 = line.iter().take(radius).map(|value| f64::from(*value)).sum();
        let mut count = radius.min(wide);
        for x in 0..wide {
            if let Some(comes) = line.get(x + radius) {
                sum += f64::from(*comes);
                count += 1;
            }
            if x > radius {
                sum -= f64::from(line[x - radius - 1]);
                count -= 1;
            }
            row[x] = (sum / count as f64) as f32;
        }
    }
    // Downwards, all columns at once.
    let high = values.len() / wide;
    let before = values.to_vec();
    let row = |y: usize| &before[y * wide..(y + 1) * wide];
    let mut sums = vec![0.0_f64; wide];
    let mut count = 0;
    for y in 0..radius.min(high) {
        sums.iter_mut().zip(row(y)).for_each(|(sum, value)| *sum += f64::from(*value));
        count += 1;
    }
    for y in 0..high {
        if y + radius < high {
            sums.iter_mut().zip(row(y + radius)).for_each(|(sum, value)| *sum += f64::from(*value));
            count += 1;
        }
        if y > radius {
            sums.iter_mut().zip(row(y - radius - 1)).for_each(|(sum, value)| *sum -= f64::from(*value));
            count -= 1;
        }
        let share = 1.0 / f64::from(count);
        for (value, sum) in values[y * wide..(y + 1) * wide].iter_mut().zip(&sums) {
            *value = (sum * share) as f32;
        }
    }
}

/// A blur that is nearly a normal distribution's and reaches `radius` pixels: three means.
pub fn soft(values: &mut [f32], wide: usize, radius: usize) {
    for part in 0..3 {
        mean(values, wide, (radius + part) / 3);
    }
}
