//! Whom the image trusts: an authority, whose certificate lies in flash as DER, or without `webpki` one key.

#[cfg(not(feature = "webpki"))]
pub use pinned::config;
#[cfg(feature = "webpki")]
pub use verified::config;

#[cfg(feature = "webpki")]
mod verified {
    use core::hint::black_box;

    use quicpro_core::{ClientConfig, TrustAnchor, WallClock};
    use rustls_pki_types::CertificateDer;
    use static_cell::StaticCell;

    use crate::exit::Failure;

    /// The file that `QUICPRO_ROOT` named when the image was built.
    static ROOT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/root.der"));

    /// Trusts servers of the authority, at `date` in seconds since 1970. Once in the life of the program.
    pub fn config(date: u64) -> Result<ClientConfig<'static>, Failure> {
        static CERTIFICATE: StaticCell<CertificateDer<'static>> = StaticCell::new();
        static ROOTS: StaticCell<[TrustAnchor<'static>; 1]> = StaticCell::new();
        // An image that was built without a certificate still has all the code that reads one.
        let certificate = CERTIFICATE.init(CertificateDer::from(black_box(ROOT)));
        let anchor = webpki::anchor_from_trusted_cert(certificate).map_err(|_| Failure::Root)?;
        Ok(ClientConfig::new(ROOTS.init([anchor]), WallClock::At(date)))
    }
}

#[cfg(not(feature = "webpki"))]
mod pinned {
    use quicpro_core::ClientConfig;
    use quicpro_core::tls::Pin;

    use crate::exit::Failure;

    /// What `QUICPRO_PIN` said when the image was built.
    static PINS: [Pin; 1] = [Pin(*include_bytes!(concat!(env!("OUT_DIR"), "/pin")))];

    /// Trusts the one server that holds the key; dates mean nothing.
    pub fn config(_: u64) -> Result<ClientConfig<'static>, Failure> {
        Ok(ClientConfig::pinned_keys_only(&PINS))
    }
}
