//! One transfer: from the arguments to a client and a request, from the response to the output.
//!
//! Invariant: `-w` is written however the transfer ends.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use http::{HeaderValue, Method, StatusCode};
use url::Url;

use super::Console;
use super::arguments::Arguments;
use super::content::{Content, Kind};
use super::exit::Exit;
use super::header_line::{self, HeaderLine};
use super::output::{Sink, Target};
use super::problem::Problem;
use super::progress::Progress;
use super::verbose::{Verbose, head_text};
use super::write_out::Report;
use crate::client::Client;
use crate::client_builder::Family;
use crate::config;
use crate::driver::Detail;
use crate::redirect::Policy;
use crate::request::Request;
use crate::response::Response;
use crate::tls::{Certificate, Identity};

/// Redirects followed with `-L`: curl's number.
const REDIRECTS: usize = 50;

/// The redirects that were followed, as the policy saw them.
type Hops = Arc<Mutex<Vec<(StatusCode, Url)>>>;

/// Runs one transfer and tells how it went.
pub(super) fn run(arguments: &Arguments, console: &mut Console<'_>) -> Exit {
    let started = Instant::now();
    let mut report = Report::default();
    let outcome = transfer(arguments, console, &mut report, started);
    report.total = started.elapsed();
    let mut exit = Exit::Success;
    if let Err(problem) = outcome {
        exit = problem.exit;
        report.error = problem.to_string();
        if !arguments.silent || arguments.show_error {
            let _ = writeln!(console.errors, "{problem}");
        }
    }
    report.exit = exit.code();
    if let Some(format) = &arguments.write_out {
        let (text, unknown) = report.fill(format);
        for name in unknown {
            let _ = writeln!(
                console.errors,
                "quicpro: unknown --write-out variable: {name}"
            );
        }
        if write!(console.output, "{text}").is_err() && exit == Exit::Success {
            exit = Exit::Write;
        }
    }
    if console.output.flush().is_err() && exit == Exit::Success {
        exit = Exit::Write;
    }
    exit
}

fn transfer(
    arguments: &Arguments,
    console: &mut Console<'_>,
    report: &mut Report,
    started: Instant,
) -> Result<(), Problem> {
    let url = url(&arguments.url)?;
    report.url = url.to_string();
    let target = Target::of(arguments, &url)?;
    let content = Content::read(arguments, console.input)?;
    let hops = Hops::default();
    let (lines, told) = std::sync::mpsc::channel();
    let client = client(arguments, &url, &hops, lines)?;
    let request = request(arguments, url, content)?;
    report.method = request.method().to_string();
    report.uploaded = request.body().length().unwrap_or(0);

    let mut verbose = Verbose::new(console.errors, arguments.verbose > 0);
    verbose.request(&request);
    let sent = client.execute(request);
    for line in told.try_iter() {
        verbose.note(&line);
    }
    {
        let hops = hops.lock().unwrap_or_else(PoisonError::into_inner);
        verbose.redirects(&hops);
        report.redirects = hops.len();
    }
    let mut response = sent?;
    report.start_transfer = started.elapsed();
    note_head(&response, report);
    verbose.response(&response, !arguments.insecure);
    if arguments.fail && response.status().as_u16() >= 400 {
        let message = format!("the server answered {}", response.status());
        return Err(Problem::new(Exit::Http, message));
    }

    let is_watched = match target {
        Target::Console => !console.output_is_terminal,
        Target::File(_) => true,
    };
    let progress = (console.has_progress && is_watched && !arguments.silent)
        .then(|| Progress::new(response.content_length()));
    report.file_name = target.file_name();
    let mut writer = target.open(console.output)?;
    if arguments.include || arguments.head {
        let head = head_text(&response);
        writer.write_all(&head).map_err(Problem::output)?;
    }
    let mut sink = Sink::new(writer, progress);
    let copied = response.copy_to(&mut Telling {
        sink: &mut sink,
        told: &told,
        verbose: &mut verbose,
    });
    report.downloaded = sink.written;
    if let Some(error) = sink.failed.take() {
        return Err(Problem::output(error));
    }
    sink.flush().map_err(Problem::output)?;
    copied?;
    if let Some(trailers) = response.trailers() {
        verbose.trailers(trailers);
    }
    if arguments.stats {
        verbose.table(&response.connection_stats());
    }
    Ok(())
}

/// Tells what happens while a body is written, so that nothing piles up.
struct Telling<'a, 's, 'v> {
    sink: &'a mut Sink<'s>,
    told: &'a Receiver<String>,
    verbose: &'a mut Verbose<'v>,
}

impl Write for Telling<'_, '_, '_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.told
            .try_iter()
            .for_each(|line| self.verbose.note(&line));
        self.sink.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.sink.flush()
    }
}

fn note_head(response: &Response, report: &mut Report) {
    report.status = response.status().as_u16();
    report.url = response.url().to_string();
    report.remote = Some(response.remote_addr());
    if let Some(kind) = response.headers().get(CONTENT_TYPE) {
        report.content_type = String::from_utf8_lossy(kind.as_bytes()).into_owned();
    }
}

/// The URL that was meant.
fn url(text: &str) -> Result<Url, Problem> {
    let whole = if text.contains("://") {
        text.to_owned()
    } else {
        format!("https://{text}")
    };
    let url = Url::parse(&whole)
        .map_err(|error| Problem::new(Exit::Url, format!("{text:?} is no URL: {error}")))?;
    if url.scheme() != "https" {
        let message = format!("no {:?} here: HTTP/3 is https only", url.scheme());
        return Err(Problem::new(Exit::Protocol, message));
    }
    if !url.username().is_empty() || url.password().is_some() {
        let problem = Problem::new(
            Exit::NotBuiltIn,
            "a name in the URL is not sent as credentials",
        );
        return Err(problem.hint("-H \"Authorization: Basic ...\" sends them"));
    }
    Ok(url)
}

/// Where qlog files are to go, by the option or by the environment.
fn qlog_directory(arguments: &Arguments) -> Result<Option<PathBuf>, Problem> {
    let named = arguments.qlog.clone();
    let by_variable = || std::env::var_os("QLOGDIR").filter(|path| !path.is_empty());
    let Some(directory) = named.or_else(|| by_variable().map(Into::into)) else {
        return Ok(None);
    };
    // What was asked for and cannot be is a mistake here, while a disk that fails later is none.
    std::fs::create_dir_all(&directory)
        .map_err(|error| Problem::file(Exit::Write, &directory, error))?;
    Ok(Some(directory))
}

fn client(
    arguments: &Arguments,
    url: &Url,
    hops: &Hops,
    lines: Sender<String>,
) -> Result<Client, Problem> {
    let redirect = if arguments.location {
        follow(hops.clone())
    } else {
        Policy::none()
    };
    let family = match (arguments.ipv4, arguments.ipv6) {
        (true, _) => Family::Ipv4,
        (_, true) => Family::Ipv6,
        _ => Family::Any,
    };
    let mut builder = Client::builder()
        .redirect(redirect)
        .family(family)
        .timeout(arguments.max_time)
        .tls_danger_accept_invalid_certs(arguments.insecure)
        .tls_sslkeylogfile(true);
    if let Some(directory) = qlog_directory(arguments)? {
        builder = builder.qlog_dir(directory);
    }
    if arguments.verbose > 0 {
        let detail = match arguments.verbose {
            1 => Detail::Phases,
            _ => Detail::Everything,
        };
        // Nobody may listen any more when the connection is closed.
        builder = builder.watch(detail, Arc::new(move |line| drop(lines.send(line))));
    }
    if let Some(timeout) = arguments.connect_timeout {
        builder = builder.connect_timeout(timeout);
    }
    if let Some(congestion) = &arguments.cc {
        builder = builder.congestion(congestion.clone());
    }
    for entry in &arguments.resolve {
        // The client keeps addresses by name; an entry for another port of this name says nothing about this URL.
        let is_this_host = url.host_str() == Some(&entry.host.to_ascii_lowercase());
        if !is_this_host || url.port_or_known_default() == Some(entry.port) {
            builder = builder.resolve_to_addrs(&entry.host, &entry.addresses());
        }
    }
    if let Some(path) = &arguments.cacert {
        builder = builder.tls_certs_only(authorities(path)?);
    }
    if let Some(path) = &arguments.cert {
        builder = builder.identity(identity(path, arguments.key.as_deref())?);
    }
    Ok(builder.build()?)
}

/// Follows, and remembers what was followed.
fn follow(hops: Hops) -> Policy {
    Policy::custom(move |attempt| {
        let mut hops = hops.lock().unwrap_or_else(PoisonError::into_inner);
        if hops.len() >= REDIRECTS {
            return attempt.error(format!("more than {REDIRECTS} redirects"));
        }
        hops.push((attempt.status(), attempt.url().clone()));
        attempt.follow()
    })
}

fn authorities(path: &Path) -> Result<Vec<Certificate>, Problem> {
    let pem = std::fs::read(path).map_err(|error| Problem::file(Exit::CaFile, path, error))?;
    Certificate::from_pem_bundle(&pem).map_err(|error| Problem::file(Exit::CaFile, path, error))
}

fn identity(cert: &Path, key: Option<&Path>) -> Result<Identity, Problem> {
    let problem = |path: &Path| {
        let path = path.to_owned();
        move |error: &dyn std::fmt::Display| Problem::file(Exit::LocalCertificate, &path, error)
    };
    let read = |path: &Path| std::fs::read(path).map_err(|error| problem(path)(&error));
    let (certificate, key) = (read(cert)?, read(key.unwrap_or(cert))?);
    Identity::from_pkcs8_pem(&certificate, &key).map_err(|error| problem(cert)(&error))
}

/// The request that the arguments describe.
fn request(arguments: &Arguments, url: Url, content: Option<Content>) -> Result<Request, Problem> {
    let method = match &arguments.method {
        Some(name) => Method::from_bytes(name.as_bytes())
            .map_err(|_| Problem::new(Exit::Usage, format!("{name:?} is no method")))?,
        None if arguments.head => Method::HEAD,
        None if content.is_some() => Method::POST,
        None => Method::GET,
    };
    let mut request = Request::new(method, url);
    let fields = request.headers_mut();
    fields.insert(USER_AGENT, HeaderValue::from_static(config::USER_AGENT));
    fields.insert(ACCEPT, HeaderValue::from_static("*/*"));
    if let Some(content) = content {
        let content_type = content.kind.content_type();
        fields.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        if content.kind == Kind::Json {
            fields.insert(ACCEPT, HeaderValue::from_static(content_type));
        }
        *request.body_mut() = content.bytes.into();
    }
    let fields = request.headers_mut();
    for line in &arguments.headers {
        if let HeaderLine::Remove(name @ (USER_AGENT | ACCEPT)) = line {
            let problem = Problem::new(Exit::Usage, format!("{name} is always sent"));
            return Err(problem.hint("\"Name;\" sends it empty"));
        }
    }
    header_line::apply(&arguments.headers, fields);
    for name in [AUTHORIZATION, http::header::COOKIE] {
        if let Some(value) = fields.get_mut(&name) {
            value.set_sensitive(true);
        }
    }
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;

    fn built(args: &[&str]) -> Result<Request, Exit> {
        let program = std::iter::once(&"quicpro");
        let arguments = Arguments::try_parse_from(program.chain(args)).unwrap();
        let make = || {
            let content = Content::read(&arguments, &mut std::io::empty())?;
            request(&arguments, url(&arguments.url)?, content)
        };
        make().map_err(|problem: Problem| problem.exit)
    }

    #[test]
    fn the_method_follows_from_what_is_asked() {
        let method = |args: &[&str]| built(args).unwrap().method().clone();
        assert_eq!(method(&["a.example"]), Method::GET);
        assert_eq!(method(&["-I", "a.example"]), Method::HEAD);
        assert_eq!(method(&["-d", "", "a.example"]), Method::POST);
        assert_eq!(method(&["--json", "1", "-XPUT", "a.example"]), Method::PUT);
        assert_eq!(built(&["-X", "a b", "a.example"]).unwrap_err(), Exit::Usage);
    }

    #[test]
    fn bodies_bring_their_fields_and_header_lines_win() {
        let form = built(&["-d", "a=b c", "a.example"]).unwrap();
        assert_eq!(
            form.headers()[CONTENT_TYPE],
            "application/x-www-form-urlencoded"
        );
        assert_eq!(form.body().as_bytes(), Some(&b"a=b c"[..]));
        let json = built(&["--json", "[1]", "-H", "content-type: text/x", "a.example"]).unwrap();
        assert_eq!(json.headers()[CONTENT_TYPE], "text/x");
        assert_eq!(json.headers()[ACCEPT], "application/json");
        let refused = built(&["-H", "accept:", "a.example"]).unwrap_err();
        assert_eq!(refused, Exit::Usage);
    }

    #[test]
    fn a_url_needs_no_scheme_and_has_no_other() {
        let url_of = |text: &str| url(text).map(String::from).map_err(|problem| problem.exit);
        assert_eq!(
            url_of("localhost:8443/x").unwrap(),
            "https://localhost:8443/x"
        );
        assert_eq!(url_of("https://a.example").unwrap(), "https://a.example/");
        assert_eq!(url_of("http://a.example").unwrap_err(), Exit::Protocol);
        assert_eq!(url_of("https://").unwrap_err(), Exit::Url);
        assert_eq!(url_of("me:secret@a.example").unwrap_err(), Exit::NotBuiltIn);
        assert_eq!(url_of("a b").unwrap_err(), Exit::Url);
    }

    #[test]
    fn credentials_are_not_shown() {
        let request = built(&["-H", "Authorization: Bearer secret", "a.example"]).unwrap();
        let mut shown = Vec::new();
        Verbose::new(&mut shown, true).request(&request);
        let shown = String::from_utf8(shown).unwrap();
        assert!(
            shown.starts_with("> GET / HTTP/3\n> host: a.example\n"),
            "{shown}"
        );
        assert!(shown.contains("authorization: (not shown)") && !shown.contains("secret"));
    }
}
