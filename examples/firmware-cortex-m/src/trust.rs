//! The authority that the image trusts: its certificate lies in flash, as DER.

use core::hint::black_box;

use quicpro_core::TrustAnchor;
use rustls_pki_types::CertificateDer;
use static_cell::StaticCell;

use crate::exit::Failure;

/// The file that `QUICPRO_ROOT` named when the image was built.
static ROOT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/root.der"));

/// The anchors to trust. Once in the life of the program.
pub fn roots() -> Result<&'static [TrustAnchor<'static>], Failure> {
    static CERTIFICATE: StaticCell<CertificateDer<'static>> = StaticCell::new();
    static ROOTS: StaticCell<[TrustAnchor<'static>; 1]> = StaticCell::new();
    // An image that was built without a certificate still has all the code that reads one.
    let certificate = CERTIFICATE.init(CertificateDer::from(black_box(ROOT)));
    let anchor = webpki::anchor_from_trusted_cert(certificate).map_err(|_| Failure::Root)?;
    Ok(ROOTS.init([anchor]))
}
