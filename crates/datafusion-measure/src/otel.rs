//! Export of spans to an OpenTelemetry collector, by OTLP over HTTP (feature `otel`).
//!
//! The stages' own spans come from [`Scope`](super::Scope); those of the engine's operators, with their metrics, from
//! `datafusion-tracing`, by a rule that is added to the session. Sends spans and nothing else.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use datafusion::execution::SessionStateBuilder;
//! use datafusion_measure::otel;
//! use tracing_subscriber::layer::SubscriberExt;
//!
//! let (layer, exporter) = otel::layer("http://localhost:4318/v1/traces", "my_service")?;
//! let subscriber = tracing_subscriber::registry().with(layer);
//! tracing::subscriber::set_global_default(subscriber)?;
//! let state = SessionStateBuilder::new()
//!     .with_default_features()
//!     .with_physical_optimizer_rule(otel::operator_spans())
//!     .build();
//! // … run queries …
//! exporter.shutdown().await?;
//! # Ok(()) }
//! ```

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use datafusion::error::{DataFusionError, Result};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion_tracing::{InstrumentationOptions, instrument_with_info_spans};
use opentelemetry::trace::TracerProvider;
use opentelemetry_http::{HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SdkTracerProvider, Tracer};
use tracing_opentelemetry::OpenTelemetryLayer;

/// How long a batch of spans may take to be sent, and the last ones at the end.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The sending side. Shut it down before the process ends, or the last spans are lost.
#[derive(Debug)]
pub struct Exporter {
    provider: SdkTracerProvider,
    failure: Failure,
}

/// Why spans were last refused, if they were: the provider itself does not tell.
type Failure = Arc<Mutex<Option<String>>>;

impl Exporter {
    /// Sends what is left and stops.
    ///
    /// # Errors
    /// When the collector did not take the last spans within five seconds, or refused some before.
    pub async fn shutdown(self) -> Result<()> {
        // The provider blocks until its thread has sent everything; that thread needs this runtime to do so.
        tokio::task::spawn_blocking(move || self.provider.shutdown_with_timeout(TIMEOUT))
            .await
            .map_err(|error| DataFusionError::Execution(format!("sending the last spans: {error}")))?
            .map_err(|error| DataFusionError::Execution(format!("sending the last spans: {error}")))?;
        match self.failure.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(failure) => Err(DataFusionError::Execution(format!("spans were lost: {failure}"))),
            None => Ok(()),
        }
    }
}

/// A layer for a `tracing` subscriber that sends spans to `endpoint`, the full address of a collector's OTLP traces
/// (usually `http://…:4318/v1/traces`), under the name `service`. To be called within a tokio runtime, which sends.
///
/// # Errors
/// When the address is not one, or there is no runtime.
pub fn layer<S>(endpoint: &str, service: &str) -> Result<(OpenTelemetryLayer<S, Tracer>, Exporter)>
where
    S: tracing::Subscriber + for<'span> tracing_subscriber::registry::LookupSpan<'span>,
{
    let refused = |error: String| {
        DataFusionError::Configuration(format!(
            "cannot export spans to '{endpoint}': {error}; give the collector's address, as in http://localhost:4318/v1/traces"
        ))
    };
    let failure = Failure::default();
    let client = OnRuntime {
        failure: Arc::clone(&failure),
        runtime: tokio::runtime::Handle::try_current().map_err(|error| refused(error.to_string()))?,
        client: reqwest::Client::builder()
            .timeout(TIMEOUT)
            .tls_backend_preconfigured(tls(endpoint).map_err(refused)?)
            .build()
            .map_err(|error| refused(error.to_string()))?,
    };
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(client)
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(endpoint)
        .with_timeout(TIMEOUT)
        .build()
        .map_err(|error| refused(error.to_string()))?;
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_resource(Resource::builder().with_service_name(service.to_owned()).build())
        .build();
    let tracer = provider.tracer("datafusion");
    Ok((tracing_opentelemetry::layer().with_tracer(tracer), Exporter { provider, failure }))
}

/// TLS with the system's certificates; for plain `http` one that trusts nobody. Given to the client whole, so that no
/// process-wide provider of cryptography has to be installed.
fn tls(endpoint: &str) -> std::result::Result<rustls::ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    if endpoint.starts_with("http:") {
        return Ok(builder.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth());
    }
    let verifier = rustls_platform_verifier::Verifier::new(provider).map_err(|error| error.to_string())?;
    Ok(builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth())
}

/// A rule that gives every operator of a plan a span with the engine's metrics. Add it as the last rule of a session.
#[must_use]
pub fn operator_spans() -> Arc<dyn PhysicalOptimizerRule + Send + Sync> {
    let options = InstrumentationOptions::builder().record_metrics(true).build();
    instrument_with_info_spans!(options: options)
}

/// Sends on the caller's runtime what the exporter's own thread, which has none, wants sent.
#[derive(Debug)]
struct OnRuntime {
    failure: Failure,
    runtime: tokio::runtime::Handle,
    client: reqwest::Client,
}

#[async_trait]
impl HttpClient for OnRuntime {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let client = self.client.clone();
        let sent = self.runtime.spawn(async move {
            let (parts, body) = request.into_parts();
            let response = client
                .request(parts.method, parts.uri.to_string())
                .headers(parts.headers)
                .body(body)
                .send()
                .await?;
            let status = response.status();
            let mut answer = Response::new(response.bytes().await?);
            *answer.status_mut() = status;
            Ok::<_, HttpError>(answer)
        });
        let answer: Result<_, HttpError> = sent.await.map_err(HttpError::from).and_then(|answer| answer);
        let failure = match &answer {
            Ok(answer) if answer.status().is_success() => None,
            Ok(answer) => Some(format!("the collector answered {}", answer.status())),
            Err(error) => Some(error.to_string()),
        };
        if failure.is_some() {
            *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = failure;
        }
        answer
    }
}
