//! Sums, means and quantiles.

use super::cell::{Number, order};

/// The sum: exact for whole numbers, compensated for others.
pub(super) fn sum(numbers: &[Number]) -> Number {
    let whole: Option<i128> = numbers.iter().try_fold(0, |sum: i128, number| match number {
        Number::Whole(number) => Some(sum + i128::from(*number)),
        Number::Real(_) => None,
    });
    match whole.map(i64::try_from) {
        Some(Ok(whole)) => Number::Whole(whole),
        _ => Number::Real(real_sum(numbers.iter().map(|number| number.real()))),
    }
}

/// Neumaier's sum: what is lost in rounding is kept beside and added at the end.
fn real_sum(numbers: impl Iterator<Item = f64>) -> f64 {
    let (mut sum, mut lost) = (0.0_f64, 0.0_f64);
    for number in numbers {
        let next = sum + number;
        lost += if sum.abs() >= number.abs() { (sum - next) + number } else { (number - next) + sum };
        sum = next;
    }
    if sum.is_finite() { sum + lost } else { sum }
}

/// The mean, if there are numbers.
pub(super) fn mean(numbers: &[Number]) -> Option<f64> {
    (!numbers.is_empty()).then(|| sum(numbers).real() / numbers.len() as f64)
}

/// The number in the middle, or the mean of the two.
pub(super) fn median(numbers: &[Number]) -> Option<Number> {
    let sorted = sorted(numbers);
    match sorted.len() {
        0 => None,
        count if count % 2 == 1 => Some(sorted[count / 2]),
        count => Some(Number::Real(f64::midpoint(sorted[count / 2 - 1].real(), sorted[count / 2].real()))),
    }
}

/// The smallest and the largest number.
pub(super) fn extremes(numbers: &[Number]) -> Option<(Number, Number)> {
    let sorted = sorted(numbers);
    Some((*sorted.first()?, *sorted.last()?))
}

/// The standard deviation of the sample; it needs two numbers.
pub(super) fn deviation(numbers: &[Number]) -> Option<f64> {
    let mean = mean(numbers).filter(|_| numbers.len() > 1)?;
    let squares = real_sum(numbers.iter().map(|number| (number.real() - mean).powi(2)));
    Some((squares / (numbers.len() - 1) as f64).sqrt())
}

/// The limits beyond which a number is far from the others: 1.5 interquartile ranges beyond the
/// quartiles. Fewer than four numbers have none.
pub(super) fn fences(numbers: &[Number]) -> Option<(f64, f64)> {
    if numbers.len() < 4 {
        return None;
    }
    let sorted = sorted(numbers);
    let (low, high) = (quantile(&sorted, 0.25), quantile(&sorted, 0.75));
    let range = high - low;
    Some((low - 1.5 * range, high + 1.5 * range))
}

fn quantile(sorted: &[Number], part: f64) -> f64 {
    let position = part * (sorted.len() - 1) as f64;
    let below = position.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    let (low, high) = (sorted[below].real(), sorted[above].real());
    low + (high - low) * position.fract()
}

fn sorted(numbers: &[Number]) -> Vec<Number> {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(|left, right| order(*left, *right).unwrap_or(std::cmp::Ordering::Equal));
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(numbers: &[i64]) -> Vec<Number> {
        numbers.iter().copied().map(Number::Whole).collect()
    }

    #[test]
    fn whole_sums_are_exact_and_real_ones_compensated() {
        assert_eq!(sum(&whole(&[9007199254740993, 2])), Number::Whole(9007199254740995));
        assert_eq!(sum(&whole(&[i64::MAX, 1])), Number::Real(9.223372036854776e18));
        assert_eq!(sum(&[1.0, 1e100, 1.0, -1e100].map(Number::Real)), Number::Real(2.0));
    }

    #[test]
    fn quartiles_fence_off_what_is_far() {
        assert_eq!(fences(&whole(&[1, 2, 3])), None);
        assert_eq!(fences(&whole(&[1, 2, 3, 4, 100])), Some((-1.0, 7.0)));
        assert_eq!(median(&whole(&[3, 1])), Some(Number::Real(2.0)));
        assert_eq!(deviation(&whole(&[2, 4])), Some(std::f64::consts::SQRT_2));
    }
}
