//! From the ClientHello to EncryptedExtensions, HelloRetryRequest included (RFC 8446 §4.1, §4.3.1).
//!
//! Invariant: suite and group are ones that were offered; a HelloRetryRequest is answered once, and only if it changes
//! the next ClientHello.

use heapless::Vec;

use super::{Cx, Message, Protected, Setup, send};
use crate::codec::Writer;
use crate::crypto::signature::{self, SignatureScheme};
use crate::crypto::{Group, KeyExchangeError, KeyShare, Random, Suite};
use crate::tls::config::{ConfigError, SHARES_MAX};
use crate::tls::error::{Error, PeerMisbehaved};
use crate::tls::key_schedule::HandshakeSecrets;
use crate::tls::message::{
    ClientHello, EncryptedExtensions, Hello, Retry, ServerHello, encode_second,
};
use crate::tls::transcript::Transcript;
use crate::wire::packet::Space;

/// What a ClientHello offered: waits for ServerHello or HelloRetryRequest.
pub struct Offer {
    shares: [Option<KeyShare>; SHARES_MAX],
    retried: Option<Retried>,
}

/// What a HelloRetryRequest settled.
struct Retried {
    suite: Suite,
    transcript: Transcript,
    /// The group it asked for, where it did.
    group: Option<Group>,
}

/// Signature schemes that are offered: all that exist here.
const SCHEMES_MAX: usize = 16;

impl Offer {
    /// Makes the key shares and writes the first ClientHello.
    pub fn start(
        setup: &Setup<'_>,
        groups: &[Group],
        random: &mut Random,
        parameters: &[u8],
        out: &mut Writer<'_>,
    ) -> Result<Self, ConfigError> {
        let mut shares = [const { None }; SHARES_MAX];
        for (share, &group) in shares.iter_mut().zip(groups) {
            let key = KeyShare::generate(group, random, setup.provider());
            *share = Some(key.map_err(|_| ConfigError::Groups)?);
        }
        let mut schemes = Vec::<SignatureScheme, SCHEMES_MAX>::new();
        schemes.extend(signature::schemes(setup.algorithms()).take(SCHEMES_MAX));
        let hello = ClientHello {
            random: &setup.random,
            server_name: setup.server_name.sni(),
            suites: setup.suites,
            groups: setup.groups,
            shares: &shares,
            schemes: &schemes,
            protocols: setup.protocols,
            parameters,
            status_request: setup.status_request(),
        };
        hello.encode(out).map_err(|_| ConfigError::SendBuffer)?;
        Ok(Self {
            shares,
            retried: None,
        })
    }

    /// Goes on with what the server answered: with keys, or with another ClientHello.
    pub fn handle(
        &mut self,
        message: Message<'_>,
        cx: &mut Cx<'_, '_>,
    ) -> Result<Option<Protected>, Error> {
        match ServerHello::decode(message.body())? {
            ServerHello::Hello(hello) => self.handle_hello(message, hello, cx).map(Some),
            ServerHello::Retry(retry) => self.handle_retry(message, retry, cx).map(|()| None),
        }
    }

    #[inline(never)]
    fn handle_hello(
        &mut self,
        message: Message<'_>,
        hello: Hello<'_>,
        cx: &mut Cx<'_, '_>,
    ) -> Result<Protected, Error> {
        let suite = chosen_suite(cx.setup, hello.suite)?;
        let mut transcript = match self.retried.take() {
            //= rfc8446#4.1.4
            Some(retried) if retried.suite != suite => {
                return Err(PeerMisbehaved::SuiteChanged.into());
            }
            Some(Retried {
                group: Some(group), ..
            }) if group.code() != hello.group => return Err(PeerMisbehaved::WrongGroup.into()),
            Some(retried) => retried.transcript,
            None => Transcript::new(suite.hash(), cx.output.client_hello()),
        };
        transcript.add(message.whole);
        //= rfc8446#4.2.8
        let is_meant = |share: &&mut Option<KeyShare>| is_of_group(share.as_ref(), hello.group);
        let share = self.shares.iter_mut().find(is_meant);
        let shared = share
            .and_then(Option::take)
            .ok_or(PeerMisbehaved::WrongGroup)?
            .agree(hello.share)
            .map_err(|_| PeerMisbehaved::InvalidKeyShare)?;
        let digest = transcript.digest();
        let secrets = HandshakeSecrets::new(suite.hash(), shared.as_slice(), &digest);
        let setup = &mut *cx.setup;
        setup.suite = Some(suite);
        setup.log("CLIENT_HANDSHAKE_TRAFFIC_SECRET", secrets.client());
        setup.log("SERVER_HANDSHAKE_TRAFFIC_SECRET", secrets.server());
        cx.output
            .keys(Space::Handshake, suite, secrets.client(), secrets.server());
        Ok(Protected {
            suite,
            transcript,
            secrets,
        })
    }

    #[inline(never)]
    fn handle_retry(
        &mut self,
        message: Message<'_>,
        retry: Retry<'_>,
        cx: &mut Cx<'_, '_>,
    ) -> Result<(), Error> {
        //= rfc8446#4.1.4
        if self.retried.is_some() {
            return Err(PeerMisbehaved::SecondRetry.into());
        }
        let suite = chosen_suite(cx.setup, retry.suite)?;
        if retry.group.is_none() && retry.cookie.is_none() {
            return Err(PeerMisbehaved::RetryWithoutChange.into());
        }
        let group = match retry.group {
            Some(code) => Some(self.retry_group(cx.setup, code)?),
            None => None,
        };
        if let Some(group) = group {
            let share = KeyShare::generate(group, cx.random, cx.setup.provider());
            let share = share.map_err(|_: KeyExchangeError| PeerMisbehaved::UnofferedGroup)?;
            self.shares = [Some(share), None];
        }
        let mut transcript = Transcript::retried(suite.hash(), cx.output.client_hello());
        transcript.add(message.whole);
        let share = self.shares[0].as_ref().filter(|_| group.is_some());
        send(
            cx.output,
            Space::Initial,
            &mut transcript,
            &mut |first, out| encode_second(first, share, retry.cookie, out),
        )?;
        self.retried = Some(Retried {
            suite,
            transcript,
            group,
        });
        Ok(())
    }

    /// The group a HelloRetryRequest asks for: one that was offered, and of which no share was sent.
    //= rfc8446#4.2.8
    fn retry_group(&self, setup: &Setup<'_>, code: u16) -> Result<Group, PeerMisbehaved> {
        let mut shares = self.shares.iter();
        if shares.any(|share| is_of_group(share.as_ref(), code)) {
            return Err(PeerMisbehaved::RetryForSharedGroup);
        }
        let mut groups = setup.groups.iter().copied();
        groups
            .find(|group| group.code() == code)
            .ok_or(PeerMisbehaved::UnofferedGroup)
    }
}

//= rfc8446#4.1.3
fn chosen_suite(setup: &Setup<'_>, code: u16) -> Result<Suite, PeerMisbehaved> {
    let mut suites = setup.suites.iter().copied();
    suites
        .find(|suite| suite.code() == code)
        .ok_or(PeerMisbehaved::UnofferedSuite)
}

fn is_of_group(share: Option<&KeyShare>, code: u16) -> bool {
    share.is_some_and(|share| share.group().code() == code)
}

impl Protected {
    /// EncryptedExtensions: hands the transport parameters over.
    pub fn handle_extensions(
        &mut self,
        message: Message<'_>,
        cx: &mut Cx<'_, '_>,
    ) -> Result<(), Error> {
        let setup = &mut *cx.setup;
        let extensions =
            EncryptedExtensions::decode(message.body(), setup.protocols, &setup.server_name)?;
        setup.protocol = Some(extensions.protocol);
        cx.output.parameters(extensions.parameters)?;
        self.transcript.add(message.whole);
        Ok(())
    }
}
