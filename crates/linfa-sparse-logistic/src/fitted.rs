//! Weights into linfa-logistic's fitted model.
//!
//! `MultiFittedLogisticRegression` has no public constructor, but it is `Deserialize`. This is a
//! deserializer over the parts in memory, so that they need not be written out as text and read again.

use super::SolverError;
use linfa_logistic::MultiFittedLogisticRegression;
use serde::de::value::{Error, SeqDeserializer};
use serde::de::{Deserializer, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

/// ndarray's version of its serialized form.
const NDARRAY_VERSION: usize = 1;

/// A fitted multinomial logistic regression out of `intercept` (one per class), `weights` (row-major,
/// features x classes) and `classes`.
///
/// # Errors
/// When the lengths do not fit each other.
pub fn fitted_from_parts<C>(
    intercept: Vec<f64>,
    weights: Vec<f64>,
    classes: Vec<C>,
) -> Result<MultiFittedLogisticRegression<f64, C>, SolverError>
where
    C: PartialOrd + Clone + serde::de::DeserializeOwned + serde::Serialize,
{
    let k = classes.len();
    if k == 0 || intercept.len() != k || !weights.len().is_multiple_of(k) {
        return Err(SolverError::Optimiser(format!(
            "{k} classes, {} intercepts and {} weights do not make a model",
            intercept.len(),
            weights.len()
        )));
    }
    let classes = serde_json::to_value(classes).map_err(|error| SolverError::Optimiser(error.to_string()))?;
    let features = weights.len() / k;
    let fields = vec![
        Part::List(array(vec![k], intercept)),
        Part::List(array(vec![features, k], weights)),
        Part::Json(classes),
    ];
    serde::Deserialize::deserialize(Part::List(fields))
        .map_err(|error: Error| SolverError::Optimiser(error.to_string()))
}

/// The serialized form of an ndarray: version, dimensions, data.
fn array(dimensions: Vec<usize>, data: Vec<f64>) -> Vec<Part> {
    vec![
        Part::Number(NDARRAY_VERSION),
        Part::List(dimensions.into_iter().map(Part::Number).collect()),
        Part::Floats(data),
    ]
}

enum Part {
    Number(usize),
    Floats(Vec<f64>),
    List(Vec<Part>),
    Json(serde_json::Value),
}

impl<'de> Deserializer<'de> for Part {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Self::Number(number) => visitor.visit_u64(number as u64),
            Self::Floats(floats) => visitor.visit_seq(SeqDeserializer::new(floats.into_iter())),
            Self::List(parts) => visitor.visit_seq(SeqDeserializer::new(parts.into_iter())),
            Self::Json(value) => value.deserialize_any(visitor).map_err(serde::de::Error::custom),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de> IntoDeserializer<'de, Error> for Part {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}
