//! Training with linfa, the fitted model, scoring, storing, evaluating.

pub mod solver;
