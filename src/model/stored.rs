//! A model: what was learnt, what is known about it, and its form as a file.

use super::coarse::Coarse;
use super::container::{self, Container, ContainerError};
use super::decode::Decoder;
use super::pack::{pack, unpack};
use super::scorer::TablesCell;
use super::solver::{SolverError, fitted_from_parts};
use super::{LabelSet, Preset};
use crate::document::labels::COLLAPSED_LABELS;
use crate::features::Features;
use crate::{Error, Result};
use linfa_logistic::MultiFittedLogisticRegression;
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

/// What is known about a model besides its numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelInfo {
    /// What it is called.
    pub name: String,
    /// The name of its preset.
    pub preset_name: String,
    /// What it was trained with.
    pub preset: Preset,
    /// What it was trained on.
    pub data: DataSummary,
    /// Day of training, `YYYY-MM-DD` in UTC.
    pub date: String,
    /// Version of the program that trained it.
    pub version: String,
    /// Seed of the split.
    pub seed: u64,
    /// Scores were divided by this, so that probabilities mean what they say; 1 when not calibrated. It is
    /// already folded into the weights, except where a [`Coarse`] has the last word.
    pub temperature: f64,
}

/// What a model was trained on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataSummary {
    /// Annotated files.
    pub files: usize,
    /// Volumes: the folders of the files.
    pub volumes: Vec<String>,
    /// Paragraphs per label, in the model's label order.
    pub paragraphs: Vec<(String, usize)>,
}

/// A trained model: features, and for each feature a weight in each label.
#[derive(Debug, Clone)]
pub struct Model {
    pub(super) info: ModelInfo,
    pub(super) labels: Vec<String>,
    pub(super) features: Features,
    /// Row-major: features x labels.
    pub(super) weights: Vec<f32>,
    pub(super) intercept: Vec<f64>,
    /// The second stage, if there is one.
    pub(super) decoder: Option<Decoder>,
    /// The model of the three labels beside, if there is one.
    pub(super) coarse: Option<Coarse>,
    pub(super) sha256: String,
    pub(super) file_size: usize,
    /// Made on first use.
    pub(super) tables: TablesCell,
}

impl Model {
    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.info.name
    }

    /// The labels that it tells apart; a label is known by its place here.
    #[must_use]
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// The labels that it answers with: its own, or the three when `collapsed`.
    #[must_use]
    pub fn answers(&self, collapsed: bool) -> Vec<String> {
        if collapsed { COLLAPSED_LABELS.map(str::to_owned).to_vec() } else { self.labels.clone() }
    }

    /// Whether its labels are fine ones, which collapse to three.
    #[must_use]
    pub fn is_fine(&self) -> bool {
        self.info.preset.labels == LabelSet::Fine
    }

    /// SHA-256 of its file, in hexadecimal.
    #[must_use]
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Size of its file in bytes.
    #[must_use]
    pub fn file_size(&self) -> usize {
        self.file_size
    }

    /// What is known about it.
    #[must_use]
    pub fn info(&self) -> &ModelInfo {
        &self.info
    }

    /// Its features.
    #[must_use]
    pub fn features(&self) -> &Features {
        &self.features
    }

    /// The weight of each feature in each label, row-major (features x labels).
    #[must_use]
    pub fn weights(&self) -> &[f32] {
        &self.weights
    }

    /// The intercept of each label.
    #[must_use]
    pub fn intercept(&self) -> &[f64] {
        &self.intercept
    }

    /// The second stage, if the model has one.
    #[must_use]
    pub fn decoder(&self) -> Option<&Decoder> {
        self.decoder.as_ref()
    }

    /// The model of the three labels beside it, if it has one.
    #[must_use]
    pub fn coarse(&self) -> Option<&Coarse> {
        self.coarse.as_ref()
    }

    /// The model as linfa-logistic's fitted model over the rows of [`Features::transform`]; its classes are
    /// places in [`labels`](Self::labels).
    ///
    /// # Errors
    /// Never for a model that was loaded or trained; the parts were checked then.
    pub fn fitted(&self) -> Result<MultiFittedLogisticRegression<f64, usize>, SolverError> {
        let weights = self.weights.iter().map(|&weight| f64::from(weight)).collect();
        fitted_from_parts(self.intercept.clone(), weights, (0..self.labels.len()).collect())
    }

    /// The model out of its parts. `sha256` is computed from its file form.
    ///
    /// # Errors
    /// When the numbers of labels, features and weights do not fit each other.
    pub(super) fn from_parts(
        info: ModelInfo,
        features: Features,
        weights: Vec<f32>,
        intercept: Vec<f64>,
        decoder: Option<Decoder>,
        coarse: Option<Arc<Self>>,
    ) -> Result<Self> {
        let labels: Vec<String> = info.data.paragraphs.iter().map(|(label, _)| label.clone()).collect();
        let coarse = coarse
            .map(|model| Coarse::new(model, &labels, info.temperature))
            .transpose()
            .map_err(|error| Error::unusable(error.to_string()))?;
        let mut model = Self {
            info,
            labels,
            features,
            weights,
            intercept,
            decoder,
            coarse,
            sha256: String::new(),
            file_size: 0,
            tables: TablesCell::default(),
        };
        model.verify().map_err(Error::unusable)?;
        if model.is_fine() {
            // What is measured must be what is stored.
            model.weights = unpack(&pack(&model.weights, model.labels.len()), model.labels.len());
        }
        let bytes = model.to_bytes();
        let container = Container::open(&bytes).map_err(|error| Error::unusable(error.to_string()))?;
        model.sha256 = container.sha256;
        model.file_size = bytes.len();
        Ok(model)
    }

    fn verify(&self) -> Result<(), String> {
        let (labels, features) = (self.labels.len(), self.features.n_features());
        if labels < 2 || self.intercept.len() != labels || self.weights.len() != labels * features {
            return Err(format!(
                "{labels} labels, {} intercepts, {features} features and {} weights do not make a model",
                self.intercept.len(),
                self.weights.len()
            ));
        }
        if !(self.info.temperature.is_finite() && self.info.temperature > 0.0) {
            return Err(format!("its temperature is {}", self.info.temperature));
        }
        let finite =
            self.weights.iter().all(|w| w.is_finite()) && self.intercept.iter().all(|b| b.is_finite());
        if finite { Ok(()) } else { Err("some of its weights are not finite numbers".into()) }
    }

    /// The model file.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut features = Vec::new();
        self.features.encode(&mut features);
        let mut sections = vec![
            (b"INFO", serde_json::to_vec(&self.info).unwrap_or_default()),
            (b"FEAT", features),
            if self.is_fine() {
                (b"WGT8", pack(&self.weights, self.labels.len()))
            } else {
                (b"WGHT", self.weights.iter().flat_map(|weight| weight.to_le_bytes()).collect())
            },
            (b"BIAS", self.intercept.iter().flat_map(|bias| bias.to_le_bytes()).collect()),
        ];
        if let Some(decoder) = &self.decoder {
            // Its parameters are in the preset, within INFO.
            let biases = decoder.intercept().iter().flat_map(|bias| bias.to_le_bytes());
            let weights = decoder.weights().iter().flat_map(|weight| weight.to_le_bytes());
            sections.push((b"DECO", biases.chain(weights).collect()));
        }
        if let Some(coarse) = &self.coarse {
            sections.push((b"COAR", coarse.model().to_bytes()));
        }
        container::write(&sections)
    }

    /// Reads a model file's bytes; `origin` names it in errors.
    ///
    /// # Errors
    /// Unusable when the bytes are truncated, damaged, foreign or of a newer format.
    pub fn from_bytes(bytes: &[u8], origin: &str) -> Result<Self> {
        Self::parse(bytes, 0).map_err(|reason| {
            Error::unusable(format!(
                "model {origin} cannot be used: {reason}. Take a whole copy of the file, train the model \
                 again, or choose a shipped one (--list-models)"
            ))
        })
    }

    fn parse(bytes: &[u8], depth: usize) -> Result<Self, String> {
        let told = |error: ContainerError| error.to_string();
        let file = Container::open(bytes).map_err(told)?;
        let info: ModelInfo = serde_json::from_slice(file.section("INFO").map_err(told)?)
            .map_err(|error| format!("its description cannot be read: {error}"))?;
        let (features, _) =
            Features::decode(file.section("FEAT").map_err(told)?).map_err(|error| error.to_string())?;
        let intercept = file.section("BIAS").map_err(told)?.as_chunks::<8>().0;
        let weights = match file.optional("WGT8") {
            Some(packed) => unpack(packed, intercept.len()),
            None => {
                let plain = file.section("WGHT").map_err(told)?.as_chunks::<4>().0;
                plain.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect()
            }
        };
        let decoder = match &info.preset.decoder {
            Some(params) => {
                let bytes = file.section("DECO").map_err(told)?;
                let (biases, weights) =
                    bytes.split_at_checked(8 * intercept.len()).ok_or("its decoder is cut off")?;
                let biases =
                    biases.as_chunks::<8>().0.iter().map(|&bytes| f64::from_le_bytes(bytes)).collect();
                let weights =
                    weights.as_chunks::<4>().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
                Some(Decoder::new(params.clone(), weights, biases).map_err(|error| error.to_string())?)
            }
            None => None,
        };
        let labels: Vec<String> = info.data.paragraphs.iter().map(|(label, _)| label.clone()).collect();
        let coarse = match &info.preset.coarse {
            // One level: its preset has no model beside, whatever its bytes say.
            Some(_) if depth > 0 => return Err("a model beside it has another one beside it".into()),
            Some(_) => {
                let model = Self::parse(file.section("COAR").map_err(told)?, depth + 1)
                    .map_err(|reason| format!("the model beside it: {reason}"))?;
                Some(
                    Coarse::new(Arc::new(model), &labels, info.temperature)
                        .map_err(|error| error.to_string())?,
                )
            }
            None => None,
        };
        let model = Self {
            decoder,
            coarse,
            tables: TablesCell::default(),
            labels,
            info,
            features,
            weights,
            intercept: intercept.iter().map(|&bytes| f64::from_le_bytes(bytes)).collect(),
            sha256: file.sha256,
            file_size: bytes.len(),
        };
        model.verify()?;
        Ok(model)
    }

    /// Writes the model file: a reader sees either all of it or what was there before.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        write_atomically(path, &self.to_bytes())
    }
}

/// Writes a file beside its place, makes it durable, and moves it there.
pub(super) fn write_atomically(path: &Path, bytes: &[u8]) -> Result<()> {
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
    write().map_err(|error| {
        Error::unusable(format!(
            "cannot write {}: {error}; choose a folder that can be written with --output",
            path.display()
        ))
    })
}
