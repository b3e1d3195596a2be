//! Which redirects are followed, and what the next request looks like (RFC 9110 §15.4).
//!
//! Invariant: credentials never leave the origin (scheme, host and port) they were given for.

use std::fmt;
use std::sync::Arc;

use http::header::{
    AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HOST, LOCATION, PROXY_AUTHORIZATION,
};
use http::{HeaderMap, Method, StatusCode};
use url::Url;

use crate::config::REDIRECTS;
use crate::error::{Cause, Error, Phase, Result};
use crate::request::Request;

/// What a client does with a redirect.
#[derive(Clone)]
pub struct Policy(Kind);

#[derive(Clone)]
enum Kind {
    Limited(usize),
    None,
    Custom(Arc<dyn Fn(Attempt<'_>) -> Action + Send + Sync>),
}

/// A redirect about to be followed, as a custom policy sees it.
#[derive(Debug)]
pub struct Attempt<'a> {
    status: StatusCode,
    next: &'a Url,
    previous: &'a [Url],
}

/// What a policy decided.
#[derive(Debug)]
pub struct Action(Decision);

#[derive(Debug)]
enum Decision {
    Follow,
    Stop,
    Error(Box<dyn std::error::Error + Send + Sync>),
}

impl Policy {
    /// Follows at most `redirects` in a row; one more is an error.
    pub fn limited(redirects: usize) -> Self {
        Self(Kind::Limited(redirects))
    }

    /// Follows none: the redirect itself is the response.
    pub fn none() -> Self {
        Self(Kind::None)
    }

    /// Asks `decide` at each redirect.
    pub fn custom(decide: impl Fn(Attempt<'_>) -> Action + Send + Sync + 'static) -> Self {
        Self(Kind::Custom(Arc::new(decide)))
    }

    fn decide(&self, attempt: Attempt<'_>) -> Action {
        match &self.0 {
            Kind::Limited(limit) if attempt.previous.len() > *limit => {
                attempt.error(format!("more than {limit} redirects"))
            }
            Kind::Limited(_) => attempt.follow(),
            Kind::None => attempt.stop(),
            Kind::Custom(decide) => decide(attempt),
        }
    }
}

impl Default for Policy {
    /// Ten.
    fn default() -> Self {
        Self::limited(REDIRECTS)
    }
}

impl Attempt<'_> {
    /// The redirect's status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Where it leads.
    pub fn url(&self) -> &Url {
        self.next
    }

    /// The URLs asked for until now, the first request's first.
    pub fn previous(&self) -> &[Url] {
        self.previous
    }

    /// Follow it.
    pub fn follow(self) -> Action {
        Action(Decision::Follow)
    }

    /// Return the redirect as the response.
    pub fn stop(self) -> Action {
        Action(Decision::Stop)
    }

    /// Fail with `reason`.
    pub fn error(self, reason: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Action {
        Action(Decision::Error(reason.into()))
    }
}

/// The redirects of one request until now.
#[derive(Debug)]
pub(crate) struct Follower {
    policy: Policy,
    /// All URLs asked for until now.
    visited: Vec<Url>,
}

/// A request that got a redirect for an answer.
#[derive(Clone, Copy)]
pub(crate) struct Redirected<'a> {
    pub request: &'a Request,
    /// The body it had can be sent again.
    pub replayable: bool,
    pub status: StatusCode,
    pub headers: &'a HeaderMap,
}

impl Follower {
    pub fn new(policy: &Policy) -> Self {
        Self {
            policy: policy.clone(),
            visited: Vec::new(),
        }
    }

    /// The request that follows a response, or `None` if the response is for the caller.
    pub fn next(&mut self, redirected: Redirected<'_>) -> Result<Option<Request>> {
        let Some(next) = redirected.location()? else {
            return Ok(None);
        };
        if !redirected.replayable && !redirected.becomes_get() {
            return Ok(None);
        }
        self.visited.push(redirected.request.url().clone());
        let attempt = Attempt {
            status: redirected.status,
            next: &next,
            previous: &self.visited,
        };
        match self.policy.decide(attempt).0 {
            Decision::Follow => {}
            Decision::Stop => return Ok(None),
            Decision::Error(reason) => {
                let error = Error::new(Phase::Redirect, Cause::Other, reason.to_string());
                return Err(error.source(reason).with_url(next));
            }
        }
        if next.scheme() != "https" {
            let error = Error::new(Phase::Redirect, Cause::Other, "it leads away from https");
            return Err(error.with_url(next));
        }
        Ok(Some(redirected.follow(next)))
    }
}

impl Redirected<'_> {
    fn location(&self) -> Result<Option<Url>> {
        let followed = matches!(self.status.as_u16(), 301 | 302 | 303 | 307 | 308);
        let Some(location) = self.headers.get(LOCATION).filter(|_| followed) else {
            return Ok(None);
        };
        let base = self.request.url();
        let next = std::str::from_utf8(location.as_bytes())
            .ok()
            .and_then(|text| base.join(text).ok());
        let Some(mut next) = next else {
            let message = format!("Location is no URL: {location:?}");
            return Err(Error::new(Phase::Redirect, Cause::Other, message).with_url(base.clone()));
        };
        if next.fragment().is_none() {
            next.set_fragment(base.fragment());
        }
        Ok(Some(next))
    }

    //= rfc9110#15.4
    fn becomes_get(&self) -> bool {
        let method = self.request.method();
        match self.status.as_u16() {
            301 | 302 => method == Method::POST,
            303 => method != Method::HEAD,
            _ => false,
        }
    }

    fn follow(&self, next: Url) -> Request {
        let becomes_get = self.becomes_get();
        let copy = if becomes_get {
            None
        } else {
            self.request.try_clone()
        };
        let mut request = copy.unwrap_or_else(|| self.request.without_body());
        if becomes_get {
            *request.method_mut() = Method::GET;
            request.headers_mut().remove(CONTENT_TYPE);
            request.headers_mut().remove(CONTENT_LENGTH);
        }
        if request.url().origin() != next.origin() {
            // A Host of the caller's own was meant for the first.
            for name in [AUTHORIZATION, PROXY_AUTHORIZATION, COOKIE, HOST] {
                request.headers_mut().remove(name);
            }
        }
        *request.url_mut() = next;
        request
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Kind::Limited(limit) => write!(f, "Policy::limited({limit})"),
            Kind::None => f.write_str("Policy::none()"),
            Kind::Custom(_) => f.write_str("Policy::custom(..)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::Body;
    use http::HeaderValue;

    fn request(method: Method, url: &str) -> Request {
        let mut request = Request::new(method, url.parse().unwrap());
        request
            .headers_mut()
            .insert(AUTHORIZATION, HeaderValue::from_static("secret"));
        request
            .headers_mut()
            .insert(COOKIE, HeaderValue::from_static("c=1"));
        *request.body_mut() = Body::from("payload");
        request
    }

    fn step(
        follower: &mut Follower,
        request: &Request,
        status: u16,
        location: &'static str,
    ) -> Result<Option<Request>> {
        let headers = HeaderMap::from_iter([(LOCATION, HeaderValue::from_static(location))]);
        follower.next(Redirected {
            request,
            replayable: request.body().as_bytes().is_some(),
            status: StatusCode::from_u16(status).unwrap(),
            headers: &headers,
        })
    }

    //= rfc9110#15.4 test
    #[test]
    fn methods_and_bodies_survive_as_the_status_says() {
        for (status, method, after, body) in [
            (301, Method::POST, Method::GET, ""),
            (301, Method::PUT, Method::PUT, "payload"),
            (302, Method::POST, Method::GET, ""),
            (303, Method::DELETE, Method::GET, ""),
            (303, Method::HEAD, Method::HEAD, "payload"),
            (307, Method::POST, Method::POST, "payload"),
            (308, Method::PATCH, Method::PATCH, "payload"),
        ] {
            let first = request(method.clone(), "https://a.example/one?q#part");
            let mut follower = Follower::new(&Policy::default());
            let next = step(&mut follower, &first, status, "two").unwrap().unwrap();
            assert_eq!(
                next.url().as_str(),
                "https://a.example/two#part",
                "{status}"
            );
            assert_eq!(
                (next.method(), next.body().as_bytes().unwrap()),
                (&after, body.as_bytes())
            );
            assert!(next.headers().contains_key(AUTHORIZATION));
        }
    }

    #[test]
    fn credentials_stay_at_home() {
        for elsewhere in [
            "https://b.example/",
            "https://a.example:444/",
            "//c.example/",
        ] {
            let first = request(Method::GET, "https://a.example/");
            let mut follower = Follower::new(&Policy::default());
            let next = step(&mut follower, &first, 302, elsewhere)
                .unwrap()
                .unwrap();
            assert!(!next.headers().contains_key(AUTHORIZATION), "{elsewhere}");
            assert!(!next.headers().contains_key(COOKIE), "{elsewhere}");
            let back = step(&mut follower, &next, 302, "https://a.example/")
                .unwrap()
                .unwrap();
            assert!(
                !back.headers().contains_key(AUTHORIZATION),
                "what was stripped stays stripped"
            );
        }
    }

    #[test]
    fn the_limit_is_the_number_of_redirects_followed() {
        let first = request(Method::GET, "https://a.example/");
        let mut follower = Follower::new(&Policy::limited(2));
        assert!(step(&mut follower, &first, 302, "/1").unwrap().is_some());
        assert!(step(&mut follower, &first, 302, "/2").unwrap().is_some());
        assert!(
            step(&mut follower, &first, 302, "/3")
                .unwrap_err()
                .is_redirect()
        );
        assert!(
            step(&mut Follower::new(&Policy::none()), &first, 302, "/1")
                .unwrap()
                .is_none()
        );
    }

    #[test]
    fn what_cannot_be_followed_is_returned_or_refused() {
        let first = request(Method::GET, "https://a.example/");
        let mut follower = Follower::new(&Policy::default());
        assert!(step(&mut follower, &first, 200, "/x").unwrap().is_none());
        assert!(step(&mut follower, &first, 304, "/x").unwrap().is_none());
        let nowhere = Redirected {
            request: &first,
            replayable: true,
            status: StatusCode::FOUND,
            headers: &HeaderMap::new(),
        };
        assert!(follower.next(nowhere).unwrap().is_none());
        assert!(
            step(&mut follower, &first, 302, "http://a.example/")
                .unwrap_err()
                .is_redirect()
        );
        assert!(
            step(&mut follower, &first, 302, "https://")
                .unwrap_err()
                .is_redirect()
        );

        let mut streaming = request(Method::POST, "https://a.example/");
        *streaming.body_mut() = Body::new(std::io::empty());
        let mut follower = Follower::new(&Policy::default());
        assert!(
            step(&mut follower, &streaming, 307, "/x")
                .unwrap()
                .is_none()
        );
        assert_eq!(
            step(&mut follower, &streaming, 303, "/x")
                .unwrap()
                .unwrap()
                .method(),
            Method::GET
        );
    }

    #[test]
    fn a_custom_policy_sees_where_it_came_from() {
        let policy = Policy::custom(|attempt| {
            assert_eq!(attempt.previous().len(), 1);
            if attempt.url().path() == "/no" {
                attempt.stop()
            } else {
                attempt.follow()
            }
        });
        let first = request(Method::GET, "https://a.example/");
        assert!(
            step(&mut Follower::new(&policy), &first, 302, "/no")
                .unwrap()
                .is_none()
        );
        assert!(
            step(&mut Follower::new(&policy), &first, 302, "/yes")
                .unwrap()
                .is_some()
        );
    }
}
