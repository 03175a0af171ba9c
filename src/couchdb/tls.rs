//! TLS: the system's roots, and those of `--couchdb-ca-file`.
//!
//! The configuration is handed to the HTTP client whole, with `ring` as its cryptography, so that no
//! process-wide default provider has to be installed: a library leaves global state alone.

use super::ConnectionParams;
use crate::{Error, Result};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use rustls_platform_verifier::Verifier;
use std::sync::Arc;

/// The TLS configuration for `params`.
///
/// A plain `http` server gets one that trusts nobody, so that a machine without any certificates can
/// speak to it.
pub(super) fn config(params: &ConnectionParams) -> Result<rustls::ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    if params.url().starts_with("http:") {
        return Ok(rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| Error::unusable(format!("TLS cannot be set up: {error}")))?
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth());
    }
    let verifier = match &params.ca_file {
        None => Verifier::new(Arc::clone(&provider)),
        Some(path) => {
            let refuse = |what: String| {
                Error::unusable(format!(
                    "the certificate file {} {what}; --couchdb-ca-file takes certificates in PEM form",
                    path.display()
                ))
            };
            let pem = std::fs::read(path).map_err(|error| refuse(format!("cannot be read: {error}")))?;
            let roots: Vec<_> = CertificateDer::pem_slice_iter(&pem)
                .collect::<std::result::Result<_, _>>()
                .map_err(|error| refuse(format!("is not PEM: {error:?}")))?;
            if roots.is_empty() {
                return Err(refuse("holds no certificate".to_owned()));
            }
            Verifier::new_with_extra_roots(roots, Arc::clone(&provider))
        }
    }
    .map_err(|error| {
        Error::unusable(format!("TLS cannot be set up with the system's certificates: {error}"))
    })?;
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::unusable(format!("TLS cannot be set up: {error}")))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
