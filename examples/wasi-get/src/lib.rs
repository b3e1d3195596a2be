//! `wasi-get URL [OPTION...]`: fetches a URL over HTTP/3 from inside a WASI 0.2 component.
//!
//! Status and fields go to the error output, the body to the output, piece by piece. It exits with 0 if the response
//! came whole, with 1 if not. The host has to allow UDP, and name lookup for URLs with names.
#![no_std]

extern crate alloc;

mod arguments;
mod output;
mod runtime;

use alloc::vec;

use arguments::Arguments;
use output::{Output, print};
use quicpro_wasi::{Certificate, Client};
use wasip2::exports::cli::run::Guest;

/// Bytes of the body that are read and written at once; the host takes no more at a time.
const PIECE: usize = 4096;

struct Command;

wasip2::cli::command::export!(Command);

impl Guest for Command {
    fn run() -> Result<(), ()> {
        let arguments = match Arguments::read() {
            Ok(arguments) => arguments,
            Err(problem) => {
                print!(
                    Output::error(),
                    "wasi-get: {problem}\n{}\n",
                    arguments::USAGE
                );
                return Err(());
            }
        };
        fetch(&arguments).map_err(|error| print!(Output::error(), "wasi-get: {error}\n"))
    }
}

fn fetch(arguments: &Arguments) -> quicpro_wasi::Result<()> {
    let mut builder = Client::builder();
    if let Some(pem) = &arguments.authorities {
        builder = builder.tls_certs_only(Certificate::from_pem_bundle(pem.as_bytes())?);
    }
    for (host, address) in &arguments.resolve {
        builder = builder.resolve(host, *address);
    }
    let client = builder.timeout(arguments.timeout).build()?;
    let request = match &arguments.content {
        Some(content) => client.post(&arguments.url).body(content.as_str()),
        None => client.get(&arguments.url),
    };
    let mut response = request.send()?;

    let errors = Output::error();
    print!(errors, "status: {}\n", response.status());
    for (name, value) in response.headers().iter() {
        print!(errors, "{name}: {}\n", value.escape_ascii());
    }
    let output = Output::plain();
    let mut buffer = vec![0; PIECE];
    loop {
        match response.read(&mut buffer)? {
            0 => return Ok(()),
            length => output.write(&buffer[..length]),
        }
    }
}
