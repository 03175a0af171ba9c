//! Weights in a byte each, for models with many labels.
//!
//! A row holds the weights of one feature. It is stored as one exponent e for all of it and a whole number q
//! from -127 to 127 for each weight, which is q * 2^e: a quarter of the size, and off by at most 1/127 of the
//! largest weight of the row. Powers of two make it exact to pack again what was unpacked.

/// Largest whole number of a packed weight.
const LARGEST: f64 = 127.0;

/// Packs rows of `width` weights: for each row its exponent, then its numbers.
pub(super) fn pack(weights: &[f32], width: usize) -> Vec<u8> {
    let mut packed = Vec::with_capacity(weights.len() + weights.len() / width.max(1));
    for row in weights.chunks(width.max(1)) {
        let largest = row.iter().fold(0.0_f64, |largest, &weight| largest.max(f64::from(weight).abs()));
        let exponent = if largest > 0.0 { (largest / LARGEST).log2().ceil() } else { 0.0 };
        let exponent = exponent.clamp(f64::from(i8::MIN), f64::from(i8::MAX)) as i8;
        packed.extend_from_slice(&exponent.to_le_bytes());
        for &weight in row {
            let number = (f64::from(weight) / f64::from(exponent).exp2()).round().clamp(-LARGEST, LARGEST);
            packed.extend_from_slice(&(number as i8).to_le_bytes());
        }
    }
    packed
}

/// The weights that [`pack`] packed.
pub(super) fn unpack(packed: &[u8], width: usize) -> Vec<f32> {
    let rows = packed.chunks_exact(width + 1);
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
        fn packed_weights_are_near_and_pack_again_to_the_same(
            weights in prop::collection::vec(prop_oneof![-9.0_f32..9.0, -1e-6_f32..1e-6, Just(0.0)], 0..60), width in 1_usize..7,
        ) {
            let weights = &weights[..weights.len() / width * width];
            let packed = pack(weights, width);
            let unpacked = unpack(&packed, width);
            prop_assert_eq!(unpacked.len(), weights.len());
            for (row, near) in weights.chunks(width).zip(unpacked.chunks(width)) {
                let largest = row.iter().fold(0.0_f32, |largest, weight| largest.max(weight.abs()));
                for (a, b) in row.iter().zip(near) {
                    prop_assert!((a - b).abs() <= largest / 127.0 + 1e-30, "{} became {}", a, b);
                }
            }
            prop_assert_eq!(unpack(&pack(&unpacked, width), width), unpacked);
        }
    }

    #[test]
    fn bytes_that_are_no_rows_do_no_harm() {
        assert!(unpack(&[], 3).is_empty());
        assert_eq!(unpack(&[127, 1, 128, 7], 2).len(), 2, "the rest of a row is left out");
    }
}
