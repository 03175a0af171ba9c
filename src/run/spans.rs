//! The spans of a run for an OpenTelemetry collector (feature `otel`): where `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` or
//! `OTEL_EXPORTER_OTLP_ENDPOINT` name one, as the OpenTelemetry specification has it.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::SubscriberExt;

use super::error::ProgramError;
use crate::error::Result;
use crate::instrumentation::otel::{self, Exporter};

/// Names the spans' service unless `OTEL_SERVICE_NAME` does.
const SERVICE: &str = "predict_classifier";

/// Begins to export spans, if the environment asks for it. A subscriber belongs to the whole process, so that only the
/// first run of a process exports.
///
/// # Errors
/// When the address is none, or the process has a subscriber.
pub(super) fn export() -> Result<Option<Exporter>> {
    let Some(endpoint) = endpoint(|name| std::env::var(name).ok()) else { return Ok(None) };
    let service = std::env::var("OTEL_SERVICE_NAME").ok().filter(|name| !name.is_empty());
    let (layer, exporter) = otel::layer(&endpoint, service.as_deref().unwrap_or(SERVICE))
        .map_err(|error| ProgramError::SpansAddress(error.message().into_owned().into()))?;
    // Finer spans are those of the exporter's own requests, among others.
    let subscriber = tracing_subscriber::registry().with(layer.with_filter(LevelFilter::INFO));
    tracing::subscriber::set_global_default(subscriber).map_err(|error| ProgramError::Spans(error.into()))?;
    Ok(Some(exporter))
}

/// The full address of the collector's traces: given as such, or made from its base address.
fn endpoint(variable: impl Fn(&str) -> Option<String>) -> Option<String> {
    let given = |name| variable(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
    given("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT").or_else(|| {
        let base = given("OTEL_EXPORTER_OTLP_ENDPOINT")?;
        Some(format!("{}/v1/traces", base.trim_end_matches('/')))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_is_the_full_one_or_made_from_the_base() {
        let both =
            |name: &str| Some(format!("http://{}/", if name.contains("TRACES") { "full" } else { "base" }));
        assert_eq!(endpoint(both).as_deref(), Some("http://full/"));
        let base = |name: &str| both(name).filter(|_| !name.contains("TRACES"));
        assert_eq!(endpoint(base).as_deref(), Some("http://base/v1/traces"));
        assert_eq!(endpoint(|_| Some(" ".into())), None);
        assert_eq!(endpoint(|_| None), None);
    }
}
