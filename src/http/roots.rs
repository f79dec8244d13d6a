//! Certificates that a person trusts beside those that the machine trusts: of an authority of their own, or the very one that
//! their server shows. Never trusts less than the machine does, and never lets a signature go unchecked.

use std::{fmt, sync::Arc};

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::CryptoProvider,
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject as _},
};

use super::HttpErrorKind;

/// Certificates to trust.
#[derive(Clone, PartialEq, Eq)]
pub struct Roots(Arc<Vec<CertificateDer<'static>>>);

impl fmt::Debug for Roots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Roots({})", self.0.len())
    }
}

/// Trusts what the machine trusts, and a server that shows one of these certificates itself.
#[derive(Debug)]
struct Pinned {
    usual: Arc<WebPkiServerVerifier>,
    roots: Roots,
}

impl Roots {
    /// Reads the text of a PEM file. Says what is wrong with one that holds no certificate.
    pub fn read(pem: &[u8]) -> Result<Self, &'static str> {
        let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        match found {
            Ok(found) if !found.is_empty() => Ok(Self(Arc::new(found))),
            Ok(_) => Err("holds no certificate; it must be a PEM file, with BEGIN CERTIFICATE"),
            Err(_) => Err("is not a PEM file of certificates"),
        }
    }

    /// How to speak TLS with these.
    pub(super) fn config(&self) -> Result<ClientConfig, HttpErrorKind> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let failed = |error: &dyn fmt::Display| HttpErrorKind::Tls(error.to_string());
        let usual = WebPkiServerVerifier::builder_with_provider(
            Arc::new(self.store()),
            Arc::<CryptoProvider>::clone(&provider),
        );
        let pinned = Pinned {
            usual: usual.build().map_err(|e| failed(&e))?,
            roots: self.clone(),
        };
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|e| failed(&e))?;
        let builder = builder.dangerous();
        Ok(builder
            .with_custom_certificate_verifier(Arc::new(pinned))
            .with_no_client_auth())
    }

    /// The machine's certificates and these. Whoever brings their own can do without the machine's.
    fn store(&self) -> RootCertStore {
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        store.add_parsable_certificates(self.0.iter().cloned());
        store
    }
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let usual = self.usual.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        );
        match usual {
            // A certificate that signed itself is nobody's authority, and may not say which server it is for. That it is the
            // very one that was named says more than either.
            Err(Error::InvalidCertificate(error))
                if !matches!(
                    error,
                    CertificateError::Revoked | CertificateError::BadSignature
                ) && self.roots.0.iter().any(|root| root == end_entity) =>
            {
                Ok(ServerCertVerified::assertion())
            }
            usual => usual,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.usual.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.usual.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.usual.supported_verify_schemes()
    }
}
