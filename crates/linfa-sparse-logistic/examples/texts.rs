//! Tells languages apart by the letters of their words: sparse records, class weights, both solvers.
//!
//! `cargo run --example texts`

use linfa::prelude::*;
use linfa_sparse_logistic::{
    Error, FittedSparseLogisticRegression, SparseLogisticRegression, SparseRecords,
    StochasticLogisticRegression, balanced_weights,
};
use ndarray::Array1;

const TEXTS: [(&str, &str); 9] = [
    ("English", "the cap is red and the stem is white with a ring"),
    ("English", "found in the woods under oaks when the summer was wet"),
    ("English", "smell of flour and the taste of nothing much"),
    ("English", "what they thought was the same thing we had seen"),
    ("German", "der Hut ist rot und der Stiel ist weiß mit einem Ring"),
    ("German", "gefunden im Wald unter Eichen nach einem nassen Sommer"),
    ("German", "sie wachsen auf der Wiese und nicht zwischen den Bäumen"),
    ("Latin", "pileo rubro stipite albo annulato sporis ellipsoideis"),
    ("Latin", "in silvis sub quercubus post aestatem pluviosam lectus"),
];

/// Features: pairs of letters, hashed to so many columns.
const COLUMNS: usize = 4096;

fn pairs(text: &str) -> Vec<(u32, f64)> {
    let letters: Vec<char> = format!(" {} ", text.to_lowercase()).chars().collect();
    let column = |pair: &[char]| (pair[0] as usize * 67 + pair[1] as usize * 1031) % COLUMNS;
    letters.windows(2).map(|pair| (column(pair) as u32, 1.0)).collect()
}

fn main() -> Result<(), Error> {
    let mut records = SparseRecords::new(COLUMNS);
    for (_, text) in TEXTS {
        records.push(&mut pairs(text))?;
    }
    let targets: Array1<&str> = TEXTS.iter().map(|(language, _)| *language).collect();
    // Four English texts should not count twice as much as two Latin ones.
    let weights = balanced_weights(&targets);
    let dataset = DatasetBase::new(records, targets).with_weights(weights);

    let exact = SparseLogisticRegression::params().alpha(0.5).fit(&dataset)?;
    let stochastic = StochasticLogisticRegression::params().epochs(20).rate(0.1).fit(&dataset)?;

    let mut unseen = SparseRecords::new(COLUMNS);
    let texts = ["a ring on the stem", "unter der Rinde gefunden", "sporis albis stipite longo"];
    for text in texts {
        unseen.push(&mut pairs(text))?;
    }
    show("L-BFGS", &exact, &unseen, &texts);
    show("AdaGrad", &stochastic, &unseen, &texts);
    assert_eq!(exact.predict(&unseen), ndarray::array!["English", "German", "Latin"]);
    Ok(())
}

fn show(
    solver: &str,
    model: &FittedSparseLogisticRegression<f64, &str>,
    records: &SparseRecords,
    texts: &[&str],
) {
    println!("{solver}");
    for (text, row) in texts.iter().zip(model.predict_probabilities(records).rows()) {
        let shares = model.classes().iter().zip(row).map(|(class, p)| format!("{class} {p:.2}"));
        println!("  {text:28} {}", shares.collect::<Vec<_>>().join("  "));
    }
}
