//! The field `skol_classifier` of a document: who made its annotations, when, and from what.
//!
//! ```json
//! "skol_classifier": {
//!   "annotations": {
//!     "article.txt.ann": {
//!       "model": "...", "model_sha256": "...", "version": "0.1.0", "time": "2026-01-31T02:00:00Z",
//!       "labels": { "Nomenclature": 12, "Description": 40 },
//!       "sha256": "...", "length": 81920, "revpos": 3
//!     }
//!   }
//! }
//! ```
//!
//! `sha256` and `length` are those of the annotation; `revpos` is the number of the revision that it was
//! written with. All three agree with the attachment's stub for as long as nobody else touched it.

use super::raw::{RawObject, render};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

/// The name of the field.
pub const PROVENANCE_FIELD: &str = "skol_classifier";

/// The key below it that holds one entry for each annotation.
const ANNOTATIONS: &str = "annotations";

/// Who makes annotations: the part of the provenance that is the same for a whole run.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Producer {
    /// The model's name.
    pub model: String,
    /// SHA-256 of the model's file, in hexadecimal.
    pub model_sha256: String,
    /// The program's version.
    pub version: String,
}

/// The provenance of one annotation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnnotationProvenance {
    /// Who made it.
    #[serde(flatten)]
    pub producer: Producer,
    /// When it was written, UTC, RFC 3339 with seconds.
    pub time: String,
    /// How many paragraphs got each label.
    pub labels: BTreeMap<String, u64>,
    /// SHA-256 of the annotation, in hexadecimal.
    pub sha256: String,
    /// Length of the annotation in bytes.
    pub length: u64,
    /// Number of the revision that the annotation was written with.
    pub revpos: u64,
}

/// The provenance that `fields` (of a document) hold for `annotation`; `None` when there is none or it cannot be
/// read, for example because a newer version wrote it.
pub(super) fn read(fields: &RawObject, annotation: &str) -> Option<AnnotationProvenance> {
    fields.object(PROVENANCE_FIELD)?.object(ANNOTATIONS)?.read(annotation)
}

/// Sets the provenance of `annotation`; that of others, and keys unknown here, stay to the letter. `false` when the
/// field is somebody else's, of another form than ours: then nothing is set.
pub(super) fn write(fields: &mut RawObject, annotation: &str, provenance: &AnnotationProvenance) -> bool {
    let Some(mut field) = object(fields, PROVENANCE_FIELD) else { return false };
    let Some(mut annotations) = object(&field, ANNOTATIONS) else { return false };
    if annotations.get(annotation).is_some() && annotations.object(annotation).is_none() {
        return false;
    }
    annotations.set(annotation, render(provenance));
    field.set(ANNOTATIONS, annotations.to_raw());
    fields.set(PROVENANCE_FIELD, field.to_raw());
    true
}

/// The object below `name`, an empty one where there is nothing; `None` where there is something else.
fn object(fields: &RawObject, name: &str) -> Option<RawObject> {
    match fields.get(name) {
        None | Some("null") => Some(RawObject::default()),
        Some(_) => fields.object(name),
    }
}

/// `now` in UTC as RFC 3339 with seconds.
pub(crate) fn timestamp(now: SystemTime) -> String {
    let seconds = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (days, rest) = ((seconds / 86_400) as i64, seconds % 86_400);
    // Days to year, month, day: Howard Hinnant, "chrono-compatible low-level date algorithms".
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_shifted + 2) / 5 + 1;
    let month = if month_shifted < 10 { month_shifted + 3 } else { month_shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (rest / 3_600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn timestamps_are_rfc_3339() {
        let at = |seconds| timestamp(UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(at(0), "1970-01-01T00:00:00Z");
        assert_eq!(at(951_782_399), "2000-02-28T23:59:59Z");
        assert_eq!(at(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(at(1_735_689_599), "2024-12-31T23:59:59Z");
    }

    fn provenance() -> AnnotationProvenance {
        AnnotationProvenance {
            producer: Producer { model: "m".into(), model_sha256: "00".into(), version: "1".into() },
            time: timestamp(UNIX_EPOCH),
            labels: BTreeMap::from([("Description".into(), 3)]),
            sha256: "ff".into(),
            length: 9,
            revpos: 2,
        }
    }

    #[test]
    fn what_others_wrote_into_the_field_stays() {
        let theirs = r#"{"skol_classifier":{"note":1E400,"annotations":{"b.ann":{"x":0.10}}},"z":[]}"#;
        let mut fields = RawObject::parse(theirs).unwrap();
        assert!(write(&mut fields, "a.ann", &provenance()));
        assert_eq!(read(&fields, "a.ann"), Some(provenance()));
        let json = fields.to_json();
        assert!(
            json.starts_with(
                r#"{"skol_classifier":{"note":1E400,"annotations":{"b.ann":{"x":0.10},"a.ann":{"#
            )
        );
        assert!(json.ends_with(r#"}}},"z":[]}"#), "{json}");
    }

    #[test]
    fn a_field_of_another_form_is_left_alone() {
        for theirs in [
            r#"{"skol_classifier":"mine"}"#,
            r#"{"skol_classifier":[1,2]}"#,
            r#"{"skol_classifier":{"annotations":7}}"#,
            r#"{"skol_classifier":{"annotations":{"a.ann":"mine"}}}"#,
        ] {
            let mut fields = RawObject::parse(theirs).unwrap();
            assert!(!write(&mut fields, "a.ann", &provenance()), "{theirs}");
            assert_eq!(fields.to_json(), theirs);
        }
    }
}
