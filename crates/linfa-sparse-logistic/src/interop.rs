//! To and from linfa-logistic's fitted model.
//!
//! `MultiFittedLogisticRegression` has no public constructor, but it is `Deserialize`. This is a deserializer over the
//! parts in memory, so that they need not be written out as text and read again.

use crate::{Error, FittedSparseLogisticRegression};
use linfa_logistic::MultiFittedLogisticRegression;
use serde::de::value::{Error as ValueError, SeqDeserializer};
use serde::de::{DeserializeOwned, Deserializer, IntoDeserializer, Visitor};
use serde::{Deserialize, Serialize, forward_to_deserialize_any};

/// ndarray's version of its serialized form.
const NDARRAY_VERSION: usize = 1;

impl<C: PartialOrd + Clone> TryFrom<&MultiFittedLogisticRegression<f64, C>>
    for FittedSparseLogisticRegression<f64, C>
{
    type Error = Error;

    /// # Errors
    /// [`Error::InvalidPart`] when a number of the model is not finite, as after a fit that diverged.
    fn try_from(model: &MultiFittedLogisticRegression<f64, C>) -> Result<Self, Error> {
        let weights = model.params().iter().copied().collect();
        Self::from_parts(weights, model.intercept().to_vec(), model.classes().to_vec())
    }
}

impl<F, C> TryFrom<&FittedSparseLogisticRegression<F, C>> for MultiFittedLogisticRegression<f64, C>
where
    F: Copy + Into<f64>,
    C: PartialOrd + Clone + Serialize + DeserializeOwned,
{
    type Error = Error;

    /// # Errors
    /// [`Error::Class`] when a class does not come back from serde as it was.
    fn try_from(model: &FittedSparseLogisticRegression<F, C>) -> Result<Self, Error> {
        let classes = serde_json::to_value(model.classes()).map_err(|error| Error::Class(error.into()))?;
        let weights = model.weights().iter().map(|&weight| weight.into()).collect();
        let fields = vec![
            Part::List(array(vec![model.classes().len()], model.intercept().to_vec())),
            Part::List(array(vec![model.n_features(), model.classes().len()], weights)),
            Part::Json(classes),
        ];
        Deserialize::deserialize(Part::List(fields)).map_err(|error: ValueError| Error::Class(error.into()))
    }
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
    type Error = ValueError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
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

impl<'de> IntoDeserializer<'de, ValueError> for Part {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}
