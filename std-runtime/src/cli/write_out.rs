//! `-w`: what a script wants to know after the transfer.
//!
//! Invariant: a variable that is not known here is named in the output of errors, and never left in the text.

use std::net::SocketAddr;
use std::time::Duration;

/// What is known after a transfer, also after one that failed.
#[derive(Clone, Debug, Default)]
pub(super) struct Report {
    pub url: String,
    pub method: String,
    pub status: u16,
    pub content_type: String,
    pub remote: Option<SocketAddr>,
    pub downloaded: u64,
    pub uploaded: u64,
    pub redirects: usize,
    pub file_name: String,
    /// From the start to the first byte of the response's head.
    pub start_transfer: Duration,
    pub total: Duration,
    pub exit: u8,
    pub error: String,
}

impl Report {
    /// `format` with its variables and escapes replaced, and the names that mean nothing.
    pub fn fill(&self, format: &str) -> (String, Vec<String>) {
        let (mut text, mut unknown) = (String::new(), Vec::new());
        let mut rest = format;
        while let Some(at) = rest.find(['%', '\\']) {
            text.push_str(&rest[..at]);
            rest = &rest[at..];
            if let Some((name, after)) = variable(rest) {
                match self.value(name) {
                    Some(value) => text.push_str(&value),
                    None => unknown.push(name.to_owned()),
                }
                rest = after;
            } else if let Some((plain, after)) = escape(rest) {
                text.push(plain);
                rest = after;
            } else {
                text.push_str(&rest[..1]);
                rest = &rest[1..];
            }
        }
        text.push_str(rest);
        (text, unknown)
    }

    fn value(&self, name: &str) -> Option<String> {
        let remote = |part: fn(SocketAddr) -> String| self.remote.map(part).unwrap_or_default();
        Some(match name {
            "content_type" => self.content_type.clone(),
            "errormsg" => self.error.clone(),
            "exitcode" => self.exit.to_string(),
            "filename_effective" => self.file_name.clone(),
            "http_code" | "response_code" => format!("{:03}", self.status),
            "http_version" if self.status == 0 => "0".to_owned(),
            "http_version" => "3".to_owned(),
            "method" => self.method.clone(),
            "num_redirects" => self.redirects.to_string(),
            "remote_ip" => remote(|address| address.ip().to_string()),
            "remote_port" => remote(|address| address.port().to_string()),
            "scheme" => "https".to_owned(),
            "size_download" => self.downloaded.to_string(),
            "size_upload" => self.uploaded.to_string(),
            "speed_download" => {
                let seconds = self.total.as_secs_f64().max(1e-6);
                format!("{:.0}", self.downloaded as f64 / seconds)
            }
            "time_starttransfer" => seconds(self.start_transfer),
            "time_total" => seconds(self.total),
            "url_effective" => self.url.clone(),
            _ => return None,
        })
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.6}", time.as_secs_f64())
}

/// `%{name}` at the start of `text`, and what follows.
fn variable(text: &str) -> Option<(&str, &str)> {
    text.strip_prefix("%{")?.split_once('}')
}

/// `%%`, `\n`, `\r` or `\t` at the start of `text`, and what follows.
fn escape(text: &str) -> Option<(char, &str)> {
    let plain = match text.get(..2)? {
        "%%" => '%',
        "\\n" => '\n',
        "\\r" => '\r',
        "\\t" => '\t',
        _ => return None,
    };
    Some((plain, &text[2..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_and_escapes_are_replaced() {
        let report = Report {
            status: 204,
            remote: Some("[::1]:443".parse().unwrap()),
            total: Duration::from_millis(1500),
            downloaded: 3000,
            ..Report::default()
        };
        let format = "%{http_code}\\t%{remote_ip} %{time_total}%% é %{speed_download}\\n";
        let (text, unknown) = report.fill(format);
        assert_eq!(text, "204\t::1 1.500000% é 2000\n");
        assert!(unknown.is_empty());
    }

    #[test]
    fn what_means_nothing_stays_or_is_named() {
        let (text, unknown) = Report::default().fill("a%é\\é%{nothing}%{open \\");
        assert_eq!(text, "a%é\\é%{open \\");
        assert_eq!(unknown, ["nothing"]);
        assert_eq!(Report::default().fill("%{http_code}").0, "000");
    }
}
