//! A model as a file.
//!
//! | section | holds |
//! |---|---|
//! | `INFO` | [`ModelInfo`] as JSON |
//! | `FEAT` | the [`Features`] |
//! | `WGHT` | weights of the first stage, `f32`, features x labels; or |
//! | `WGT8` | the same, [quantized](super::quantize) |
//! | `BIAS` | its intercepts, `f64` |
//! | `DECO` | the second stage, if there is one: intercepts, `f64`, then weights, `f32` |
//! | `COAR` | the auxiliary model, if there is one: a whole model file |

use super::container::{self, Container};
use super::quantize::{dequantize, quantize};
use super::stacked::StackedClassifier;
use super::stored::{Linear, ModelParts};
use super::{Model, ModelError, ModelInfo};
use crate::features::Features;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

impl Model {
    /// The model out of its parts. Digest and size are those of its file form.
    ///
    /// # Errors
    /// When the parts do not fit each other.
    pub(super) fn from_parts(mut parts: ModelParts) -> Result<Self, ModelError> {
        let labels = parts.linear.classes().len();
        if parts.info.preset.labels == super::LabelSet::Fine {
            // What is measured must be what is stored.
            let weights = dequantize(&quantize(parts.linear.weights(), labels), labels);
            parts.linear = linear(weights, parts.linear.intercept().to_vec())?;
        }
        let mut model = Self::assemble(parts, String::new(), 0)?;
        let bytes = model.to_bytes();
        model.sha256 = Container::open(&bytes)?.sha256;
        model.file_size = bytes.len();
        Ok(model)
    }

    /// The same model with digest and size of its file as they are now, after a change of what is known about it.
    pub(super) fn restored(&self) -> Result<Self, ModelError> {
        Self::from_parts(ModelParts {
            info: self.info.clone(),
            features: self.features.clone(),
            linear: self.linear.clone(),
            stacked: self.stacked.clone(),
            auxiliary: self.auxiliary().cloned(),
        })
    }

    /// The model file.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut features = Vec::new();
        self.features.encode(&mut features);
        let weights = self.linear.weights();
        let mut sections = vec![
            (b"INFO", serde_json::to_vec(&self.info).unwrap_or_default()),
            (b"FEAT", features),
            if self.is_fine() {
                (b"WGT8", quantize(weights, self.labels.len()))
            } else {
                (b"WGHT", weights.iter().flat_map(|weight| weight.to_le_bytes()).collect())
            },
            (b"BIAS", self.linear.intercept().iter().flat_map(|bias| bias.to_le_bytes()).collect()),
        ];
        if let Some(stacked) = &self.stacked {
            // Its window is in the preset, within INFO.
            let biases = stacked.fitted().intercept().iter().flat_map(|bias| bias.to_le_bytes());
            let weights = stacked.fitted().weights().iter().flat_map(|weight| weight.to_le_bytes());
            sections.push((b"DECO", biases.chain(weights).collect()));
        }
        if let Some(auxiliary) = self.auxiliary() {
            sections.push((b"COAR", auxiliary.to_bytes()));
        }
        container::write(&sections)
    }

    /// Reads a model file's bytes; `origin` names it in errors.
    ///
    /// # Errors
    /// [`ModelError::Unusable`] when the bytes are truncated, damaged, foreign, of a newer format, or hold what makes
    /// no model: labels that cannot stand in an annotation, numbers that are not finite.
    pub fn from_bytes(bytes: &[u8], origin: &str) -> Result<Self, ModelError> {
        parse(bytes, 0)
            .map_err(|source| ModelError::Unusable { origin: origin.to_owned(), source: source.into() })
    }

    /// Writes the model file: a reader sees either all of it or what was there before.
    ///
    /// # Errors
    /// [`ModelError::Write`] when it cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), ModelError> {
        write_atomically(path, &self.to_bytes())
    }
}

fn parse(bytes: &[u8], depth: usize) -> Result<Model, ModelError> {
    let file = Container::open(bytes)?;
    let info: ModelInfo = serde_json::from_slice(file.section("INFO")?).map_err(ModelError::Description)?;
    let (features, _) = Features::decode(file.section("FEAT")?)?;
    let intercept = doubles(file.section("BIAS")?);
    let labels = intercept.len();
    let weights = match file.optional("WGT8") {
        Some(quantized) => dequantize(quantized, labels),
        None => singles(file.section("WGHT")?),
    };
    let linear = linear(weights, intercept)?;
    let stacked = match &info.preset.context_window {
        Some(window) => {
            let bytes = file.section("DECO")?;
            let (biases, weights) = bytes
                .split_at_checked(8 * labels)
                .ok_or_else(|| ModelError::Invalid("its second stage is cut off".to_owned()))?;
            let fitted = self::linear(singles(weights), doubles(biases))?;
            Some(StackedClassifier::new(window.clone(), fitted)?)
        }
        None => None,
    };
    let auxiliary = match &info.preset.auxiliary_model {
        // One level: its preset has no auxiliary model, whatever its bytes say.
        Some(_) if depth > 0 => {
            return Err(ModelError::Invalid("an auxiliary model has one of its own".to_owned()));
        }
        Some(_) => {
            let model = parse(file.section("COAR")?, depth + 1);
            Some(Arc::new(model.map_err(|error| ModelError::Auxiliary(error.into()))?))
        }
        None => None,
    };
    let parts = ModelParts { info, features, linear, stacked, auxiliary };
    Model::assemble(parts, file.sha256, bytes.len())
}

/// A stage's linear model, whose classes are indices into the labels.
pub(super) fn linear(weights: Vec<f32>, intercept: Vec<f64>) -> Result<Linear, ModelError> {
    let classes = (0..intercept.len()).collect();
    Linear::from_parts(weights, intercept, classes).map_err(ModelError::Parts)
}

fn doubles(bytes: &[u8]) -> Vec<f64> {
    bytes.as_chunks().0.iter().map(|&bytes| f64::from_le_bytes(bytes)).collect()
}

fn singles(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect()
}

/// Writes a file under another name, makes it durable, and moves it to its place.
pub(crate) fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), ModelError> {
    let write = || -> std::io::Result<()> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder)?;
        let mut builder = tempfile::Builder::new();
        #[cfg(unix)]
        let builder = {
            use std::os::unix::fs::PermissionsExt;
            builder.permissions(std::fs::Permissions::from_mode(0o666))
        };
        let mut file = builder.prefix(".writing-").tempfile_in(folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        std::fs::File::open(folder)?.sync_all()
    };
    write().map_err(|source| ModelError::Write { path: path.to_owned(), source })
}
