//! TLS: the system's roots, and those of a certificate file.
//!
//! The configuration is handed to the HTTP client whole, with `ring` as its cryptography, so that no
//! process-wide default provider has to be installed: a library leaves global state alone.

use super::{ConnectionParams, Error};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use rustls_platform_verifier::Verifier;
use std::sync::Arc;

/// The TLS configuration for `params`.
///
/// A plain `http` server gets one that trusts nobody, so that a machine without any certificates can
/// speak to it.
pub(super) fn config(params: &ConnectionParams) -> Result<rustls::ClientConfig, Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(Error::Tls)?;
    if params.url().starts_with("http:") {
        return Ok(builder.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth());
    }
    let verifier = match &params.ca_file {
        None => Verifier::new(provider),
        Some(path) => {
            let pem = std::fs::read(path)
                .map_err(|source| Error::CertificateFile { path: path.clone(), source })?;
            let roots: Vec<_> = CertificateDer::pem_slice_iter(&pem)
                .collect::<Result<_, _>>()
                .map_err(|source| Error::CertificatePem { path: path.clone(), source })?;
            if roots.is_empty() {
                return Err(Error::NoCertificate { path: path.clone() });
            }
            Verifier::new_with_extra_roots(roots, provider)
        }
    }
    .map_err(Error::Tls)?;
    let mut config =
        builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
