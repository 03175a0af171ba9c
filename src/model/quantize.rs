//! Quantized weights, a byte each, for models with many labels.
//!
//! A row holds the weights of one feature. It is stored as one exponent e for all of it and a whole number q
//! from -127 to 127 for each weight, which is q * 2^e: a quarter of the size, and off by at most 1/127 of the
//! largest weight of the row. Powers of two make it exact to quantize again what was dequantized.

/// Largest whole number of a quantized weight.
const LARGEST: f64 = 127.0;

/// Quantizes rows of `width` weights: for each row its exponent, then its numbers.
pub(super) fn quantize(weights: &[f32], width: usize) -> Vec<u8> {
    let mut quantized = Vec::with_capacity(weights.len() + weights.len() / width.max(1));
    for row in weights.chunks(width.max(1)) {
        let largest = row.iter().fold(0.0_f64, |largest, &weight| largest.max(f64::from(weight).abs()));
        let exponent = if largest > 0.0 { (largest / LARGEST).log2().ceil() } else { 0.0 };
        let exponent = exponent.clamp(f64::from(i8::MIN), f64::from(i8::MAX)) as i8;
        quantized.extend_from_slice(&exponent.to_le_bytes());
        for &weight in row {
            let number = (f64::from(weight) / f64::from(exponent).exp2()).round().clamp(-LARGEST, LARGEST);
            quantized.extend_from_slice(&(number as i8).to_le_bytes());
        }
    }
    quantized
}

/// The weights that [`quantize`] quantized.
pub(super) fn dequantize(quantized: &[u8], width: usize) -> Vec<f32> {
    let rows = quantized.chunks_exact(width + 1);
    let mut weights = Vec::with_capacity(rows.len() * width);
    for row in rows {
        let mut row = row.iter().map(|&byte| i8::from_le_bytes([byte]));
        let scale = f64::from(row.next().unwrap_or(0)).exp2();
        weights.extend(row.map(|number| (f64::from(number) * scale) as f32));
    }
    weights
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn quantized_weights_are_near_and_quantize_again_to_the_same(
            weights in prop::collection::vec(prop_oneof![-9.0_f32..9.0, -1e-6_f32..1e-6, Just(0.0)], 0..60), width in 1_usize..7,
        ) {
            let weights = &weights[..weights.len() / width * width];
            let quantized = quantize(weights, width);
            let dequantized = dequantize(&quantized, width);
            prop_assert_eq!(dequantized.len(), weights.len());
            for (row, near) in weights.chunks(width).zip(dequantized.chunks(width)) {
                let largest = row.iter().fold(0.0_f32, |largest, weight| largest.max(weight.abs()));
                for (a, b) in row.iter().zip(near) {
                    prop_assert!((a - b).abs() <= largest / 127.0 + 1e-30, "{} became {}", a, b);
                }
            }
            prop_assert_eq!(dequantize(&quantize(&dequantized, width), width), dequantized);
        }
    }

    #[test]
    fn bytes_that_are_no_rows_do_no_harm() {
        assert!(dequantize(&[], 3).is_empty());
        assert_eq!(dequantize(&[127, 1, 128, 7], 2).len(), 2, "the rest of a row is left out");
    }
}
