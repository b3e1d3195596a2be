//! What may stand on the command line.
//!
//! Invariant: arguments that contradict each other never get past the parser.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Parser};
use quicpro_core::congestion::Congestion;

use super::header_line::HeaderLine;
use super::resolve::Resolve;

/// Fetches a URL over HTTP/3, and over nothing else.
///
/// Options and exit codes are curl's. "quicpro qlog" works on the files that --qlog writes.
#[derive(Debug, Parser)]
#[command(name = "quicpro", bin_name = "quicpro", version, max_term_width = 100)]
pub(super) struct Arguments {
    /// What to fetch; without a scheme, https:// is put before it
    pub url: String,

    /// Use this method instead of GET, or POST where there is a body
    #[arg(short = 'X', long = "request", value_name = "METHOD")]
    pub method: Option<String>,

    /// Add a header field, or replace one of the command's own; "Name;" sends it empty, "Content-Type:" leaves that out
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    pub headers: Vec<HeaderLine>,

    /// Send this as a form; "@FILE" sends a file without its line ends, "@-" what comes in; several are joined by "&"
    #[arg(short, long, value_name = "DATA", allow_hyphen_values = true)]
    pub data: Vec<String>,

    /// Send this as JSON and ask for JSON; "@FILE" and "@-" as for --data, unchanged; several are joined
    #[arg(
        long,
        value_name = "DATA",
        allow_hyphen_values = true,
        conflicts_with = "data"
    )]
    pub json: Vec<String>,

    /// Write the body to this file; "-" is the output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Write the body to a file named as the last part of the URL's path
    #[arg(short = 'O', long, conflicts_with = "output")]
    pub remote_name: bool,

    /// Write the response's head before the body
    #[arg(short, long)]
    pub include: bool,

    /// Ask for the head alone (HEAD) and write it
    #[arg(short = 'I', long, conflicts_with_all = ["data", "json"])]
    pub head: bool,

    /// Follow redirects, at most 50
    #[arg(short = 'L', long)]
    pub location: bool,

    /// No progress bar and no error messages
    #[arg(short, long)]
    pub silent: bool,

    /// Error messages even with --silent
    #[arg(short = 'S', long)]
    pub show_error: bool,

    /// Tell what is sent (>), what is received (<) and what happens (*); twice, tell of every packet
    #[arg(short, long, action = ArgAction::Count)]
    pub verbose: u8,

    /// Show what the connection did: round-trip times, losses, bytes
    #[arg(long)]
    pub stats: bool,

    /// Write what each connection does to a qlog file in this directory; the variable QLOGDIR does the same
    #[arg(long, value_name = "DIR")]
    pub qlog: Option<PathBuf>,

    /// DANGER: accept any server, so that anyone on the way can read and change everything
    #[arg(short = 'k', long)]
    pub insecure: bool,

    /// Write this after the transfer; "%{http_code}" and other variables are replaced
    #[arg(short, long, value_name = "FORMAT", allow_hyphen_values = true)]
    pub write_out: Option<String>,

    /// Trust the authorities in this PEM file and no others
    #[arg(long, value_name = "FILE")]
    pub cacert: Option<PathBuf>,

    /// Show the certificate in this PEM file to a server that asks for one
    #[arg(long, value_name = "FILE")]
    pub cert: Option<PathBuf>,

    /// The private key of --cert, PEM, if it is not in the same file
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub key: Option<PathBuf>,

    /// Use these addresses for this host and port
    #[arg(long, value_name = "HOST:PORT:ADDRESS[,ADDRESS]")]
    pub resolve: Vec<Resolve>,

    /// Give up on connecting after this many seconds; 10 if not given
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub connect_timeout: Option<Duration>,

    /// Give up on everything after this many seconds
    #[arg(short, long, value_name = "SECONDS", value_parser = seconds)]
    pub max_time: Option<Duration>,

    /// Control congestion of what is sent by this algorithm: cubic, bbr or reno; cubic if not given
    #[arg(long, value_name = "NAME", value_parser = congestion)]
    pub cc: Option<Congestion>,

    /// Write nothing and exit with 22 if the status is 400 or more
    #[arg(short, long)]
    pub fail: bool,

    /// Use IPv4 addresses only
    #[arg(short = '4', long, conflicts_with = "ipv6")]
    pub ipv4: bool,

    /// Use IPv6 addresses only
    #[arg(short = '6', long)]
    pub ipv6: bool,
}

fn congestion(text: &str) -> Result<Congestion, String> {
    match text {
        "cubic" => Ok(Congestion::Cubic),
        "bbr" => Ok(Congestion::Bbr),
        "reno" => Ok(Congestion::NewReno),
        _ => Err("cubic, bbr or reno".to_owned()),
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let number: f64 = text
        .parse()
        .map_err(|_| "not a number of seconds".to_owned())?;
    match Duration::try_from_secs_f64(number) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => Err("more than 0 seconds are needed".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;
    use clap::error::ErrorKind;

    fn parse(args: &[&str]) -> Result<Arguments, ErrorKind> {
        let program = std::iter::once(&"quicpro");
        Arguments::try_parse_from(program.chain(args)).map_err(|error| error.kind())
    }

    #[test]
    fn the_parser_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn letters_are_curls_and_may_be_joined() {
        let arguments = parse(&["-sSfLvk4", "-XPUT", "-d", "-5", "-m1.5", "u", "-oout"]).unwrap();
        assert!(arguments.silent && arguments.show_error && arguments.fail && arguments.location);
        assert!(arguments.verbose == 1 && arguments.insecure && arguments.ipv4 && !arguments.ipv6);
        assert_eq!(arguments.method.as_deref(), Some("PUT"));
        assert_eq!(arguments.data, ["-5"]);
        assert_eq!(arguments.max_time, Some(Duration::from_millis(1500)));
        assert_eq!(arguments.output, Some("out".into()));
    }

    #[test]
    fn contradictions_are_refused() {
        for both in [
            &["-4", "-6", "u"][..],
            &["-d", "a", "--json", "b", "u"],
            &["-I", "-d", "a", "u"],
            &["-O", "-o", "f", "u"],
        ] {
            assert_eq!(parse(both).unwrap_err(), ErrorKind::ArgumentConflict);
        }
        assert_eq!(parse(&[]).unwrap_err(), ErrorKind::MissingRequiredArgument);
        let key_alone = parse(&["--key", "k", "u"]).unwrap_err();
        assert_eq!(key_alone, ErrorKind::MissingRequiredArgument);
        assert!(matches!(
            parse(&["--cc", "bbr", "u"]).unwrap().cc,
            Some(Congestion::Bbr)
        ));
        let unknown = parse(&["--cc", "vegas", "u"]).unwrap_err();
        assert_eq!(unknown, ErrorKind::ValueValidation);
        for time in ["0", "-1", "x", "nan", "inf"] {
            let error = parse(&[&format!("--max-time={time}"), "u"]).unwrap_err();
            assert_eq!(error, ErrorKind::ValueValidation, "{time}");
        }
    }
}
