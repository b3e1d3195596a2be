//! Certificate authorities and leaves, good and bad, made at run time.
//!
//! Invariant: every leaf but [`Flaw::WrongName`] is valid for [`NAMES`], so that a test which refuses one
//! refuses it for the flaw that it asked for.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CustomExtension, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// Names and addresses that good leaves are valid for.
pub const NAMES: [&str; 4] = ["localhost", "h3.test", "127.0.0.1", "::1"];

/// The kind of a key, and of the signatures that it makes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256.
    #[default]
    P256,
    /// ECDSA on P-384 with SHA-384.
    P384,
    /// Ed25519.
    Ed25519,
    /// RSA with 2,048 bits; certificates are signed with PKCS#1 v1.5 and SHA-256.
    Rsa2048,
}

impl Algorithm {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::P256, Self::P384, Self::Ed25519, Self::Rsa2048];

    fn key_pair(self) -> KeyPair {
        let algorithm = match self {
            Self::P256 => &rcgen::PKCS_ECDSA_P256_SHA256,
            Self::P384 => &rcgen::PKCS_ECDSA_P384_SHA384,
            Self::Ed25519 => {
                // rcgen would write a key of version 2, which many readers of PKCS #8 refuse.
                let mut secret = [0; 32];
                aws_lc_rs::rand::fill(&mut secret).expect("the system has entropy");
                return ed25519_key_pair(secret);
            }
            Self::Rsa2048 => &rcgen::PKCS_RSA_SHA256,
        };
        KeyPair::generate_for(algorithm).expect("the test's own crypto makes every kind of key")
    }
}

impl std::str::FromStr for Algorithm {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Ok(match name {
            "p256" => Self::P256,
            "p384" => Self::P384,
            "ed25519" => Self::Ed25519,
            "rsa2048" => Self::Rsa2048,
            _ => return Err(format!("unknown algorithm {name}")),
        })
    }
}

/// What is wrong with a leaf.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Flaw {
    /// Nothing.
    #[default]
    None,
    /// It is for `wrong.test` alone.
    WrongName,
    /// Its time ended in 2021.
    Expired,
    /// Its time starts in 2048.
    NotYetValid,
}

/// A certificate chain, leaf first, and the leaf's key.
#[derive(Debug)]
pub struct Identity {
    /// The leaf, then each certificate's issuer; the root is left out.
    pub chain: Vec<CertificateDer<'static>>,
    /// The leaf's private key, as PKCS #8.
    pub key: PrivateKeyDer<'static>,
}

impl Clone for Identity {
    fn clone(&self) -> Self {
        Self {
            chain: self.chain.clone(),
            key: self.key.clone_key(),
        }
    }
}

impl Identity {
    /// A leaf that signed itself: no authority vouches for it.
    pub fn self_signed() -> Self {
        let key = Algorithm::P256.key_pair();
        let certificate = leaf_params(Flaw::None)
            .self_signed(&key)
            .expect("own parameters are legal");
        Self {
            chain: vec![certificate.der().clone()],
            key: pkcs8(&key),
        }
    }

    /// The chain as PEM, for peers that read files.
    pub fn chain_pem(&self) -> String {
        self.chain
            .iter()
            .map(|der| pem("CERTIFICATE", der))
            .collect()
    }

    /// The key as PEM, for peers that read files.
    pub fn key_pem(&self) -> String {
        pem("PRIVATE KEY", self.key.secret_der())
    }
}

/// A certificate authority: a root, or an intermediate below one.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    /// What a server sends after the leaf: this certificate and those above it, without the root.
    above: Vec<CertificateDer<'static>>,
}

impl Default for Authority {
    fn default() -> Self {
        Self::root("quicpro test root", Algorithm::P256)
    }
}

impl Authority {
    /// A root with a fresh key. Two roots of one `name` are different authorities all the same.
    pub fn root(name: &str, algorithm: Algorithm) -> Self {
        let issuer = CertifiedIssuer::self_signed(authority_params(name), algorithm.key_pair());
        Self {
            issuer: issuer.expect("own parameters are legal"),
            above: Vec::new(),
        }
    }

    /// A root that is the same for the same arguments: an Ed25519 key from `secret`.
    pub fn deterministic(name: &str, secret: [u8; 32]) -> Self {
        let issuer = CertifiedIssuer::self_signed(authority_params(name), ed25519_key_pair(secret));
        Self {
            issuer: issuer.expect("own parameters are legal"),
            above: Vec::new(),
        }
    }

    /// An intermediate authority signed by this one.
    pub fn intermediate(&self, name: &str, algorithm: Algorithm) -> Self {
        let issuer =
            CertifiedIssuer::signed_by(authority_params(name), algorithm.key_pair(), &self.issuer);
        let issuer = issuer.expect("own parameters are legal");
        let above = std::iter::once(issuer.der().clone()).chain(self.above.iter().cloned());
        Self {
            above: above.collect(),
            issuer,
        }
    }

    /// The same as for a deterministic root, one step below; `padding` bytes make the certificate longer.
    pub fn intermediate_deterministic(&self, name: &str, secret: [u8; 32], padding: usize) -> Self {
        let mut params = authority_params(name);
        let content = vec![4; padding];
        // Below the enterprise number that is for examples (RFC 5612).
        let extension = CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 32473, 1], content);
        params.custom_extensions.push(extension);
        let issuer = CertifiedIssuer::signed_by(params, ed25519_key_pair(secret), &self.issuer);
        let issuer = issuer.expect("own parameters are legal");
        let above = std::iter::once(issuer.der().clone()).chain(self.above.iter().cloned());
        Self {
            above: above.collect(),
            issuer,
        }
    }

    /// This authority's certificate.
    pub fn der(&self) -> CertificateDer<'static> {
        self.issuer.der().clone()
    }

    /// This authority's certificate as PEM.
    pub fn pem(&self) -> String {
        pem("CERTIFICATE", self.issuer.der())
    }

    /// A good Ed25519 leaf whose key is `secret`; the same for the same key, below a deterministic authority.
    pub fn issue_deterministic(&self, secret: [u8; 32]) -> Identity {
        self.sign(&ed25519_key_pair(secret), Flaw::None)
    }

    /// A leaf for servers and clients, with the chain up to the root.
    pub fn issue(&self, algorithm: Algorithm, flaw: Flaw) -> Identity {
        self.sign(&algorithm.key_pair(), flaw)
    }

    fn sign(&self, key: &KeyPair, flaw: Flaw) -> Identity {
        let leaf = leaf_params(flaw)
            .signed_by(key, &self.issuer)
            .expect("own parameters are legal");
        let chain = std::iter::once(leaf.der().clone()).chain(self.above.iter().cloned());
        Identity {
            chain: chain.collect(),
            key: pkcs8(key),
        }
    }

    /// A good P-256 leaf.
    pub fn good(&self) -> Identity {
        self.issue(Algorithm::P256, Flaw::None)
    }
}

fn authority_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    (params.not_before, params.not_after) =
        (date_time_ymd(2024, 1, 1), date_time_ymd(2049, 12, 31));
    params
}

fn leaf_params(flaw: Flaw) -> CertificateParams {
    let names: &[&str] = if flaw == Flaw::WrongName {
        &["wrong.test"]
    } else {
        &NAMES
    };
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let mut params = CertificateParams::new(names).expect("the names are ASCII");
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, "quicpro test leaf");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![
        ExtendedKeyUsagePurpose::ServerAuth,
        ExtendedKeyUsagePurpose::ClientAuth,
    ];
    let (from, to) = match flaw {
        Flaw::Expired => (2020, 2021),
        Flaw::NotYetValid => (2048, 2049),
        Flaw::None | Flaw::WrongName => (2024, 2049),
    };
    (params.not_before, params.not_after) = (date_time_ymd(from, 1, 1), date_time_ymd(to, 1, 1));
    params
}

fn pkcs8(key: &KeyPair) -> PrivateKeyDer<'static> {
    PrivatePkcs8KeyDer::from(key.serialize_der()).into()
}

/// RFC 8410: a private key of 32 bytes in PKCS #8.
fn ed25519_key_pair(secret: [u8; 32]) -> KeyPair {
    const PREFIX: [u8; 16] = [
        0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20,
    ];
    let der = PrivatePkcs8KeyDer::from([&PREFIX[..], &secret].concat());
    KeyPair::from_pkcs8_der_and_sign_algo(&der, &rcgen::PKCS_ED25519)
        .expect("every 32 bytes are a key")
}

/// RFC 7468: base64 in lines of 64 letters between two labels.
fn pem(label: &str, der: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = format!("-----BEGIN {label}-----\n");
    for line in der.chunks(48) {
        for group in line.chunks(3) {
            let mut bytes = [0; 3];
            bytes[..group.len()].copy_from_slice(group);
            let bits = u32::from_be_bytes([0, bytes[0], bytes[1], bytes[2]]);
            for place in 0..4 {
                let letter = ALPHABET[(bits >> (18 - 6 * place)) as usize & 63] as char;
                text.push(if place > group.len() { '=' } else { letter });
            }
        }
        text.push('\n');
    }
    text + &format!("-----END {label}-----\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::pki_types::pem::PemObject;

    #[test]
    fn pem_is_read_back_by_another_reader() {
        let authority = Authority::default();
        let leaf = authority.good();
        assert_eq!(
            CertificateDer::from_pem_slice(authority.pem().as_bytes()).unwrap(),
            authority.der()
        );
        let chain: Vec<_> = CertificateDer::pem_slice_iter(leaf.chain_pem().as_bytes())
            .map(Result::unwrap)
            .collect();
        assert_eq!(chain, leaf.chain);
        assert_eq!(
            PrivateKeyDer::from_pem_slice(leaf.key_pem().as_bytes()).unwrap(),
            leaf.key
        );
    }

    #[test]
    fn deterministic_certificates_are_the_same_each_time() {
        let make = |secret| {
            let authority = Authority::deterministic("root", [1; 32]);
            (authority.der(), authority.issue_deterministic(secret).chain)
        };
        assert_eq!(make([2; 32]), make([2; 32]));
        assert_ne!(make([2; 32]).1, make([3; 32]).1);
    }

    #[test]
    fn a_chain_below_an_intermediate_leaves_the_root_out() {
        let root = Authority::default();
        let middle = root.intermediate("middle", Algorithm::P384);
        let chain = middle.good().chain;
        assert_eq!(chain.len(), 2);
        assert_eq!(chain[1], middle.der());
    }
}
