//! The stages together: plans as they are made and sent, and rows as others may write them.

mod encodings;
mod plans;
