//! Softmax.

use ndarray::NdFloat;

/// Turns scores into probabilities, in place, and gives the logarithm of the sum of the scores' exponentials.
///
/// ```text
/// p_c = exp(s_c) / sum_j exp(s_j)          ln sum_j exp(s_j) = max + ln sum_j exp(s_j - max)
/// ```
///
/// The largest score is taken off first, so that nothing overflows. No scores give no probabilities.
///
/// ```
/// let mut scores = [1000.0, 1000.0];
/// let normalizer = linfa_sparse_logistic::softmax(&mut scores);
/// assert_eq!(scores, [0.5, 0.5]);
/// assert_eq!(normalizer, 1000.0 + 2_f64.ln());
/// ```
#[inline]
pub fn softmax<F: NdFloat>(scores: &mut [F]) -> F {
    let highest = scores.iter().copied().fold(F::neg_infinity(), F::max);
    let mut total = F::zero();
    for score in scores.iter_mut() {
        *score = (*score - highest).exp();
        total += *score;
    }
    scores.iter_mut().for_each(|score| *score /= total);
    highest + total.ln()
}

/// The place of the largest value, the first of equal ones; 0 for none.
#[inline]
pub(crate) fn argmax<F: NdFloat>(values: &[F]) -> usize {
    values.iter().enumerate().fold(0, |best, (at, value)| if *value > values[best] { at } else { best })
}
