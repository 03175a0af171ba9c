//! Which files are held out, and which fold tests which volume: always whole volumes (or whole files where
//! all files lie in one folder), always the same for a seed.

use crate::model::ModelError;
use crate::model::gold::GoldDocument;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{SeedableRng, seq::IndexedRandom as _};

/// The share of paragraphs to hold out.
const HELD_OUT: f64 = 0.2;

/// Files of one volume, and how many paragraphs they hold.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Group {
    files: Vec<usize>,
    paragraphs: usize,
}

/// Splits the files (indices of `documents`) into those to train on and those to test on.
///
/// # Errors
/// [`ModelError::NothingToHoldOut`] when there is but one volume.
pub(super) fn hold_out(
    documents: &[GoldDocument],
    seed: u64,
) -> Result<(Vec<usize>, Vec<usize>), ModelError> {
    let mut groups = groups(documents);
    if groups.len() < 2 {
        return Err(ModelError::NothingToHoldOut);
    }
    groups.shuffle(&mut StdRng::seed_from_u64(seed));
    let total: usize = groups.iter().map(|group| group.paragraphs).sum();
    let wanted = (total as f64 * HELD_OUT) as usize;
    let (mut train, mut test, mut held) = (Vec::new(), Vec::new(), 0);
    for group in groups {
        // A volume goes to the test as long as it does not make it much larger than wanted.
        let goes = held < wanted && held + group.paragraphs <= wanted + wanted / 2;
        held += if goes { group.paragraphs } else { 0 };
        if goes { &mut test } else { &mut train }.push(group);
    }
    // Of volumes that are all large the smallest: most of the paragraphs are for learning.
    if test.is_empty() {
        let smallest = (0..train.len()).min_by_key(|&place| train[place].paragraphs).unwrap_or(0);
        test.push(train.swap_remove(smallest));
    }
    let files = |groups: Vec<Group>| groups.into_iter().flat_map(|group| group.files).collect::<Vec<usize>>();
    let (mut train, mut test) = (files(train), files(test));
    train.sort_unstable();
    test.sort_unstable();
    Ok((train, test))
}

/// The files that each of `k` folds tests on: whole volumes, in turn in the order of their paths. Volumes of
/// one journal follow each other there and so go to different folds.
///
/// # Errors
/// [`ModelError::TooManyFolds`] when there are fewer volumes than folds.
pub(super) fn folds(documents: &[GoldDocument], k: usize) -> Result<Vec<Vec<usize>>, ModelError> {
    let groups = groups(documents);
    if k < 2 || groups.len() < k {
        return Err(ModelError::TooManyFolds { folds: k, volumes: groups.len() });
    }
    let mut folds = vec![Vec::new(); k];
    for (place, group) in groups.into_iter().enumerate() {
        folds[place % k].extend(group.files);
    }
    folds.iter_mut().for_each(|files| files.sort_unstable());
    Ok(folds)
}

/// A part of `files` that holds about `share` of their paragraphs, drawn by `seed`; larger shares hold the
/// smaller ones. Whole files, at least one.
pub(super) fn part(documents: &[GoldDocument], files: &[usize], share: f64, seed: u64) -> Vec<usize> {
    let mut random = StdRng::seed_from_u64(seed);
    let order: Vec<usize> = files.choose_multiple(&mut random, files.len()).copied().collect();
    let total: usize = files.iter().map(|&file| documents[file].blocks.len()).sum();
    let (mut taken, mut paragraphs) = (Vec::new(), 0);
    for file in order {
        if !taken.is_empty() && paragraphs as f64 >= share * total as f64 {
            break;
        }
        paragraphs += documents[file].blocks.len();
        taken.push(file);
    }
    taken.sort_unstable();
    taken
}

fn groups(documents: &[GoldDocument]) -> Vec<Group> {
    let mut groups: std::collections::BTreeMap<&str, Group> = std::collections::BTreeMap::new();
    for (file, document) in documents.iter().enumerate() {
        let group = groups.entry(&document.volume).or_insert(Group { files: Vec::new(), paragraphs: 0 });
        group.files.push(file);
        group.paragraphs += document.blocks.len();
    }
    groups.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn documents(sizes: &[(u8, u8)]) -> Vec<GoldDocument> {
        let document = |(place, &(volume, blocks)): (usize, &(u8, u8))| {
            let text = "[@x#Description*]\n".repeat(usize::from(blocks) + 1);
            GoldDocument::parse(&format!("v{volume}/{place}.ann"), &format!("v{volume}"), &text)
        };
        sizes.iter().enumerate().map(document).collect()
    }

    #[test]
    fn volumes_that_follow_each_other_are_tested_by_different_folds() {
        let documents = documents(&[(3, 1), (0, 1), (1, 9), (2, 1), (0, 1), (4, 0)]);
        let folds = folds(&documents, 2).expect("five volumes");
        assert_eq!(folds, [vec![1, 3, 4, 5], vec![0, 2]]);
    }

    #[test]
    fn most_paragraphs_are_for_learning_however_large_the_volumes_are() {
        let documents = documents(&[(0, 40), (1, 60), (1, 60)]);
        for seed in 0..20 {
            assert_eq!(
                hold_out(&documents, seed).expect("two volumes"),
                (vec![1, 2], vec![0]),
                "seed {seed}"
            );
        }
    }

    proptest! {
        /// Whatever the volumes: nothing is in both parts, nothing is lost, no volume is cut in two.
        #[test]
        fn volumes_stay_whole(
            sizes in prop::collection::vec((0_u8..6, 0_u8..20), 1..20), seed in any::<u64>(), k in 2_usize..5
        ) {
            let documents = documents(&sizes);
            let volume = |files: &[usize]| -> std::collections::BTreeSet<String> {
                files.iter().map(|&file| documents[file].volume.clone()).collect()
            };
            let volumes = volume(&(0..documents.len()).collect::<Vec<_>>()).len();
            match hold_out(&documents, seed) {
                Ok((train, test)) => {
                    prop_assert!(!train.is_empty() && !test.is_empty());
                    prop_assert_eq!(train.len() + test.len(), documents.len());
                    prop_assert!(volume(&train).is_disjoint(&volume(&test)));
                    prop_assert_eq!(hold_out(&documents, seed).expect("again"), (train, test));
                }
                Err(_) => prop_assert!(volumes < 2),
            }
            match folds(&documents, k) {
                Ok(folds) => {
                    prop_assert_eq!(folds.iter().map(Vec::len).sum::<usize>(), documents.len());
                    prop_assert_eq!(folds.iter().map(|fold| volume(fold).len()).sum::<usize>(), volumes);
                    prop_assert!(folds.iter().all(|fold| !fold.is_empty()));
                }
                Err(_) => prop_assert!(volumes < k),
            }
        }

        #[test]
        fn a_larger_part_holds_the_smaller(sizes in prop::collection::vec((0_u8..6, 0_u8..20), 1..20), seed in any::<u64>()) {
            let documents = documents(&sizes);
            let files: Vec<usize> = (0..documents.len()).collect();
            let (small, large) = (part(&documents, &files, 0.25, seed), part(&documents, &files, 0.5, seed));
            prop_assert!(!small.is_empty() && small.iter().all(|file| large.contains(file)));
            prop_assert_eq!(part(&documents, &files, 1.0, seed), files);
        }
    }
}
