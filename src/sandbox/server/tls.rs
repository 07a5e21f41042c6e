//! The sandbox's own certificate authority: made anew for each run, trusted by nobody but whoever
//! is given its file.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// A CA certificate and a server that presents a leaf signed by it.
pub(crate) struct Authority {
    /// The CA certificate as PEM.
    pub pem: String,
    /// Accepts TLS connections for `localhost`, `127.0.0.1` and `::1`.
    pub acceptor: TlsAcceptor,
}

impl Authority {
    /// Makes keys and certificates. The text names the step that failed.
    pub fn create() -> Result<Self, String> {
        let issuer_error = |e: rcgen::Error| format!("the sandbox's CA could not be made: {e}");
        let ca_key = KeyPair::generate().map_err(issuer_error)?;
        let ca_params = ca_params();
        let ca = ca_params.self_signed(&ca_key).map_err(issuer_error)?;
        let leaf_key = KeyPair::generate().map_err(issuer_error)?;
        let issuer = Issuer::from_params(&ca_params, &ca_key);
        let leaf =
            leaf_params().map_err(issuer_error)?.signed_by(&leaf_key, &issuer).map_err(issuer_error)?;

        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(leaf_key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|e| e.to_string())?
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone(), ca.der().clone()], key)
            .map_err(|e| format!("the sandbox's certificate was refused: {e}"))?;
        Ok(Self { pem: ca.pem(), acceptor: TlsAcceptor::from(Arc::new(config)) })
    }
}

fn ca_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "diptych sandbox CA");
    params.distinguished_name.push(DnType::OrganizationName, "diptych sandbox");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages =
        vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
    params
}

/// Verifiers are strict about leaves: CA:FALSE, server authentication and an authority key id
/// (Python 3.13 refuses a leaf without the last).
fn leaf_params() -> Result<CertificateParams, rcgen::Error> {
    let names: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name.push(DnType::CommonName, "localhost");
    params.is_ca = IsCa::ExplicitNoCa;
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Ok(params)
}
