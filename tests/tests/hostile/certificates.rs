//! Chains that other verifiers took, or were kept busy by (the cases of x509-limbo that reach a client of names).

use super::ours::{Ours, Seen, assert_closed, assert_legal, config};
use quicpro_core::crypto::signature::algorithms;
use quicpro_core::crypto::{Provider, SignatureScheme, Signer};
use quicpro_core::mem::Shared;
use quicpro_core::wire::Code;
use quicpro_core::{ClientConfig, Limits};
use quicpro_tests::certificates::Identity;
use quicpro_tests::scripted::{Link, Options, Server};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CustomExtension, DnType,
    ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, KeyPair, KeyUsagePurpose, NameConstraints,
    SanType, SigningKey, date_time_ymd,
};
use rustls::pki_types::{
    AlgorithmIdentifier, CertificateDer, InvalidSignature, PrivatePkcs8KeyDer,
    SignatureVerificationAlgorithm,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Signatures that are checked for one chain at most (RUSTSEC-2023-0053), and the one of CertificateVerify.
const SIGNATURES_MAX: usize = 100 + 1;

type Issuer = CertifiedIssuer<'static, KeyPair>;

fn key() -> KeyPair {
    KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).expect("a key")
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    (params.not_before, params.not_after) =
        (date_time_ymd(2024, 1, 1), date_time_ymd(2049, 12, 31));
    params
}

fn authority(name: &str) -> CertificateParams {
    let mut params = params(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

fn leaf(names: Vec<SanType>) -> CertificateParams {
    let mut params = params("leaf");
    params.subject_alt_names = names;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params
}

fn dns(name: &str) -> SanType {
    SanType::DnsName(name.try_into().expect("ASCII"))
}

/// A leaf of `names` below `issuer`, and the certificates above it.
fn identity(issuer: &Issuer, names: Vec<SanType>, above: Vec<CertificateDer<'static>>) -> Identity {
    let key = key();
    let leaf = leaf(names).signed_by(&key, issuer).expect("a certificate");
    let mut chain = vec![leaf.der().clone()];
    chain.extend(above);
    Identity {
        chain,
        key: PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
    }
}

/// A root, and an intermediate below it that `constrain` has changed.
fn constrained(constrain: impl FnOnce(&mut CertificateParams)) -> (Issuer, Issuer) {
    let root = Issuer::self_signed(authority("root"), key()).expect("a certificate");
    let mut params = authority("middle");
    constrain(&mut params);
    let middle = CertifiedIssuer::signed_by(params, key(), &root).expect("a certificate");
    (root, middle)
}

fn connect(root: &Issuer, identity: Identity) -> Link<Ours> {
    let server = Server::new(Options {
        root: root.der().clone(),
        identity,
        ..Options::default()
    });
    let config = config(&server);
    run(server, &config)
}

fn run(server: Server, config: &ClientConfig<'static>) -> Link<Ours> {
    let client = Ours::new(config, &Limits::DESKTOP, 1);
    let mut link = Link::new(client, server);
    link.settle();
    link
}

fn below(root: &Issuer, middle: &Issuer, names: Vec<SanType>) -> Link<Ours> {
    let identity = identity(middle, names, vec![middle.der().clone()]);
    connect(root, identity)
}

#[track_caller]
fn assert_refused(link: &Link<Ours>) {
    assert!(!link.client.has_seen(&Seen::Connected));
    // bad_certificate
    assert_closed(link, Code::crypto(42).get());
}

fn only_dns(permitted: &[&str], excluded: &[&str]) -> NameConstraints {
    let subtrees = |names: &[&str]| {
        let names = names
            .iter()
            .map(|name| GeneralSubtree::DnsName((*name).to_owned()));
        names.collect()
    };
    NameConstraints {
        permitted_subtrees: subtrees(permitted),
        excluded_subtrees: subtrees(excluded),
    }
}

//= rfc5280#4.2.1.10 test
#[test]
fn names_inside_and_outside_of_what_an_authority_may_sign() {
    let case = |permitted: &[&str], excluded: &[&str], name: &str| {
        let (root, middle) = constrained(|params| {
            params.name_constraints = Some(only_dns(permitted, excluded));
        });
        below(&root, &middle, vec![dns(name)])
    };
    for (permitted, excluded) in [(&["test"][..], &[][..]), (&["h3.test"], &["other.test"])] {
        let link = case(permitted, excluded, "h3.test");
        assert!(
            link.client.has_seen(&Seen::Connected),
            "{permitted:?} {excluded:?}"
        );
    }
    assert_refused(&case(&["other.test"], &[], "h3.test"));
    assert_refused(&case(&["test"], &["h3.test"], "h3.test"));
}

/// RUSTSEC-2026-0099: a wildcard stands for names that the authority may not sign.
//= rfc5280#4.2.1.10 test
#[test]
fn wildcards_that_reach_beyond_what_an_authority_may_sign() {
    let is_connected = |permitted: &[&str], excluded: &[&str]| {
        let (root, middle) = constrained(|params| {
            if !permitted.is_empty() || !excluded.is_empty() {
                params.name_constraints = Some(only_dns(permitted, excluded));
            }
        });
        let names = vec![dns("*.h3.test")];
        let identity = identity(&middle, names, vec![middle.der().clone()]);
        let server = Server::new(Options {
            root: root.der().clone(),
            identity,
            ..Options::default()
        });
        let config = config(&server).server_name("a.h3.test");
        run(server, &config).client.has_seen(&Seen::Connected)
    };
    assert!(is_connected(&[], &[]));
    assert!(is_connected(&["h3.test"], &[]));
    assert!(!is_connected(&["a.h3.test"], &[]));
    assert!(!is_connected(&["h3.test"], &["b.h3.test"]));
}

/// RUSTSEC-2026-0098: a constraint on URIs is no reason to let every URI pass.
//= rfc5280#4.2.1.10 test
#[test]
fn constraints_on_uris_are_not_passed_over() {
    // permittedSubtrees with one uniformResourceIdentifier: "example.org".
    let content = [
        &[0x30, 0x11, 0xa0, 0x0f, 0x30, 0x0d, 0x86, 0x0b][..],
        b"example.org",
    ]
    .concat();
    let is_connected = |is_constrained: bool, names: Vec<SanType>| {
        let (root, middle) = constrained(|params| {
            let content = content.clone();
            let mut extension = CustomExtension::from_oid_content(&[2, 5, 29, 30], content);
            extension.set_criticality(true);
            if is_constrained {
                params.custom_extensions = vec![extension];
            }
        });
        below(&root, &middle, names)
            .client
            .has_seen(&Seen::Connected)
    };
    let uri = SanType::URI("https://elsewhere.test/".try_into().expect("ASCII"));
    let names = vec![dns("h3.test"), uri];
    assert!(is_connected(false, names.clone()));
    assert!(is_connected(true, vec![dns("h3.test")]));
    assert!(!is_connected(true, names));
}

/// Checks signatures as another does, and counts.
#[derive(Debug)]
struct Counting(&'static dyn SignatureVerificationAlgorithm);

static CHECKED: AtomicUsize = AtomicUsize::new(0);

impl SignatureVerificationAlgorithm for Counting {
    fn verify_signature(
        &self,
        public_key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        CHECKED.fetch_add(1, Ordering::Relaxed);
        self.0.verify_signature(public_key, message, signature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        self.0.public_key_alg_id()
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.0.signature_alg_id()
    }
}

struct Counted(&'static [&'static dyn SignatureVerificationAlgorithm]);

impl Provider for Counted {
    fn signature_algorithms(
        &self,
    ) -> Option<&'static [&'static dyn SignatureVerificationAlgorithm]> {
        Some(self.0)
    }
}

/// Connects with every signature counted; how many there were.
fn count(root: &Issuer, identity: Identity) -> (Link<Ours>, usize) {
    let server = Server::new(Options {
        root: root.der().clone(),
        identity,
        ..Options::default()
    });
    let counting: Vec<&'static dyn SignatureVerificationAlgorithm> = algorithms(None)
        .iter()
        .map(|&algorithm| &*Box::leak(Box::new(Counting(algorithm))) as _)
        .collect();
    let provider: Arc<dyn Provider> = Arc::new(Counted(Vec::leak(counting)));
    let config = config(&server).provider(Shared::Owned(provider));
    let before = CHECKED.load(Ordering::Relaxed);
    let link = run(server, &config);
    (link, CHECKED.load(Ordering::Relaxed) - before)
}

/// RUSTSEC-2023-0053: authorities of one name that have all signed each other. There are as many ways through them as
/// they can be ordered, and none ends at the root, whatever its name is.
#[test]
fn authorities_that_have_signed_each_other() {
    let (root, middle) = constrained(|_| {});
    let above = vec![middle.der().clone()];
    let (link, checked) = count(&root, identity(&middle, vec![dns("h3.test")], above));
    assert!(link.client.has_seen(&Seen::Connected));
    assert_eq!(checked, 3, "two of the chain, and CertificateVerify");
    for name in ["root", "circle"] {
        let root = Issuer::self_signed(authority(name), key()).expect("a certificate");
        let first = Issuer::self_signed(authority("circle"), key()).expect("a certificate");
        let mut circle = vec![first];
        for _ in 0..7 {
            let last = circle.last().expect("there is one");
            let next = CertifiedIssuer::signed_by(authority("circle"), key(), last);
            circle.push(next.expect("a certificate"));
        }
        let above = circle.iter().map(|issuer| issuer.der().clone()).collect();
        let identity = identity(&circle[3], vec![dns("h3.test")], above);
        let (link, checked) = count(&root, identity);
        assert!(!link.client.has_seen(&Seen::Connected));
        assert!(link.server.closed().is_some());
        assert!(checked <= SIGNATURES_MAX, "{checked} signatures");
    }
}

/// Signs for a client.
struct ClientKey(KeyPair);

impl Signer for ClientKey {
    fn schemes(&self) -> &[SignatureScheme] {
        &[SignatureScheme::ECDSA_SECP256R1_SHA256]
    }

    fn sign(&self, _: SignatureScheme, message: &[u8], out: &mut [u8]) -> Option<usize> {
        let signature = SigningKey::sign(&self.0, message).ok()?;
        out.get_mut(..signature.len())?.copy_from_slice(&signature);
        Some(signature.len())
    }
}

/// A server that says everything at once, and a client whose certificate is of any length: its acknowledgement of the
/// server's Initial packet, its own flight, and what it has to say after that share a datagram of 1,200 bytes,
/// whatever is left for the last of them.
//= rfc9000#14.1 test
#[test]
fn no_client_certificate_makes_a_datagram_too_short() {
    let clients = Issuer::self_signed(authority("clients"), key()).expect("a certificate");
    let mut lengths = Vec::new();
    for padding in (400..640).step_by(3) {
        let pair = key();
        let mut params = leaf(vec![dns("client.test")]);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let content = vec![4; padding];
        let extension = CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 32473, 1], content);
        params.custom_extensions = vec![extension];
        let certificate = params.signed_by(&pair, &clients).expect("a certificate");
        lengths.push(certificate.der().len());
        let server = Server::new(Options {
            client_authority: Some(clients.der().clone()),
            ..Options::default()
        });
        let identity = quicpro_core::tls::Identity {
            chain: Shared::Owned(vec![certificate.der().clone()].into()),
            signer: Shared::Owned(Arc::new(ClientKey(pair))),
        };
        let config = config(&server).identity(identity);
        let link = run(server, &config);
        assert!(link.client.has_seen(&Seen::Connected), "{padding}");
        assert_legal(&link);
    }
    assert!(lengths.iter().any(|length| *length < 900));
    assert!(lengths.iter().any(|length| *length > 1000), "{lengths:?}");
}
