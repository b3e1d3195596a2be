//! The command line.

use alloc::string::String;
use alloc::vec::Vec;
use core::net::SocketAddr;
use core::time::Duration;

use wasip2::cli::environment::{get_arguments, get_environment};

pub const USAGE: &str = "usage: wasi-get URL [OPTION...]
  --post DATA                 sends DATA
  --timeout SECONDS           gives up after so long
  --resolve HOST ADDRESS:PORT connects there for HOST; several are tried in turn
The variable CA_PEM holds the authorities to trust. Without it they are those of feature webpki-roots.";

/// The variable that holds certificates: a component without files gets them there.
const AUTHORITIES: &str = "CA_PEM";

pub struct Arguments {
    pub url: String,
    pub content: Option<String>,
    pub timeout: Option<Duration>,
    pub resolve: Vec<(String, SocketAddr)>,
    pub authorities: Option<String>,
}

impl Arguments {
    pub fn read() -> Result<Self, &'static str> {
        let mut url = None;
        let (mut content, mut timeout, mut resolve) = (None, None, Vec::new());
        let mut arguments = get_arguments().into_iter().skip(1);
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or("an option without its value");
            match argument.as_str() {
                "--post" => content = Some(value()?),
                "--timeout" => {
                    let seconds = value()?.parse().map_err(|_| "no number of seconds")?;
                    timeout = Some(Duration::from_secs(seconds));
                }
                "--resolve" => {
                    let host = value()?;
                    let address = value()?.parse().map_err(|_| "no address with a port")?;
                    resolve.push((host, address));
                }
                option if option.starts_with('-') => return Err("unknown option"),
                _ if url.is_none() => url = Some(argument),
                _ => return Err("more than one URL"),
            }
        }
        let mut environment = get_environment().into_iter();
        let authorities = environment.find(|(name, _)| name == AUTHORITIES);
        Ok(Self {
            url: url.ok_or("no URL")?,
            content,
            timeout,
            resolve,
            authorities: authorities.map(|(_, value)| value),
        })
    }
}
