//! Gives the linker the board's memory, and the image what it knows its server by: an authority's certificate, or the
//! digest of the server's key.

use std::env;
use std::path::PathBuf;

/// Both boards have at least this. The linker refuses an image that needs more.
const MEMORY: &str = "MEMORY {
  FLASH : ORIGIN = 0x00000000, LENGTH = 256K
  RAM : ORIGIN = 0x20000000, LENGTH = 64K
}
";

/// The environment variable that names a file: the authority's certificate, as DER.
const ROOT: &str = "QUICPRO_ROOT";

/// The environment variable with the SHA-256 digest of the server's public key, in hexadecimal digits.
const PIN: &str = "QUICPRO_PIN";

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed={ROOT}");
    println!("cargo:rerun-if-env-changed={PIN}");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    std::fs::write(out.join("memory.x"), MEMORY).expect("OUT_DIR can be written");
    if env::var_os("CARGO_FEATURE_WEBPKI").is_some() {
        std::fs::write(out.join("root.der"), root()).expect("OUT_DIR can be written");
    } else {
        std::fs::write(out.join("pin"), pin()).expect("OUT_DIR can be written");
    }
    println!("cargo:rustc-link-search={}", out.display());
    println!("cargo:rustc-link-arg-bins=-Tlink.x");
    println!("cargo:rustc-link-arg-bins=-Tdefmt.x");
}

fn root() -> Vec<u8> {
    let Some(file) = env::var_os(ROOT).map(PathBuf::from) else {
        println!("cargo:warning={ROOT} names no certificate: this image trusts nobody");
        return Vec::new();
    };
    println!("cargo:rerun-if-changed={}", file.display());
    std::fs::read(&file).unwrap_or_else(|error| panic!("{ROOT}={}: {error}", file.display()))
}

fn pin() -> [u8; 32] {
    let Ok(digits) = env::var(PIN) else {
        println!("cargo:warning={PIN} names no key: this image trusts nobody");
        return [0; 32];
    };
    assert!(
        digits.len() == 64 && digits.is_ascii(),
        "{PIN} is no SHA-256 digest"
    );
    std::array::from_fn(|place| {
        u8::from_str_radix(&digits[2 * place..2 * place + 2], 16).expect("hexadecimal digits")
    })
}
