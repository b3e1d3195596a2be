//! The images that are measured: which features each has, and how they are built.
//!
//! Invariant: all images of one run come from the same compiler with the same flags, the ones that the firmware's
//! own folder configures.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The instruction set of the measured board, an Arm Cortex-M4 with a unit for 32-bit floats.
pub const TARGET: &str = "thumbv7em-none-eabihf";
/// QEMU's name of that board, and the feature of the firmware for it.
pub const BOARD: &str = "mps2-an386";

/// What a client can do beside QUIC v1, TLS 1.3 with AES-128-GCM, QPACK and HTTP/3.
#[derive(Debug, PartialEq, Eq)]
pub struct Set {
    pub name: &'static str,
    pub features: &'static str,
    /// The server's options for a run that uses what this set adds; `None` for a set that is not run.
    pub server: Option<&'static [&'static str]>,
}

/// The set that the bars are for.
pub const DEFAULT: &str = "P-256";

pub const SETS: &[Set] = &[
    Set {
        name: "pinned key alone",
        features: "chacha20,x25519,p256",
        // The server makes a key for every run, and a pin stands in the image.
        server: None,
    },
    Set {
        name: "P-256, AES-128, nothing else",
        features: "webpki,p256",
        server: Some(&[]),
    },
    Set {
        name: DEFAULT,
        features: "webpki,chacha20,x25519,p256",
        server: Some(&[]),
    },
    Set {
        name: "P-256, Ed25519",
        features: "webpki,chacha20,x25519,p256,ed25519",
        server: Some(&["--algorithm", "ed25519"]),
    },
    Set {
        name: "P-256, RSA",
        features: "webpki,chacha20,x25519,p256,rsa",
        server: Some(&["--algorithm", "rsa2048"]),
    },
    Set {
        name: "P-256, P-384",
        features: "webpki,chacha20,x25519,p256,p384",
        server: Some(&["--algorithm", "p384"]),
    },
    Set {
        name: "P-256, AES-256",
        features: "webpki,chacha20,x25519,p256,aes256",
        server: Some(&["--suites", "aes256"]),
    },
    Set {
        name: "all of them",
        features: "webpki,chacha20,x25519,p256,ed25519,rsa,p384,aes256",
        server: Some(&[]),
    },
];

/// What the engine can do beyond [`DEFAULT`], each alone and then all of it.
pub const EXTENSIONS: &[Set] = &[
    extension("cubic", "webpki,chacha20,x25519,p256,cubic"),
    extension("bbr", "webpki,chacha20,x25519,p256,bbr"),
    extension("migration", "webpki,chacha20,x25519,p256,migration"),
    extension("pmtud", "webpki,chacha20,x25519,p256,pmtud"),
    extension("v2", "webpki,chacha20,x25519,p256,v2"),
    extension("grease", "webpki,chacha20,x25519,p256,grease"),
    extension("ack-frequency", "webpki,chacha20,x25519,p256,ack-frequency"),
    extension("datagrams", "webpki,chacha20,x25519,p256,datagrams"),
    extension(
        "skipped-numbers",
        "webpki,chacha20,x25519,p256,skipped-numbers",
    ),
    extension("records", "webpki,chacha20,x25519,p256,records"),
    extension(
        "all of these",
        "webpki,chacha20,x25519,p256,cubic,bbr,migration,pmtud,v2,grease,ack-frequency,datagrams,skipped-numbers,records",
    ),
];

const fn extension(name: &'static str, features: &'static str) -> Set {
    Set {
        name,
        features,
        server: Some(&[]),
    }
}

/// All sets: those of cryptography, then the extensions.
pub fn all_sets() -> impl Iterator<Item = &'static Set> {
    SETS.iter().chain(EXTENSIONS)
}

/// Which program of the firmware.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// The client.
    Request,
    /// The same without the client.
    Echo,
}

impl Program {
    fn name(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Echo => "echo",
        }
    }
}

/// Builds images.
#[derive(Debug)]
pub struct Builder {
    root: PathBuf,
    folder: PathBuf,
}

impl Builder {
    /// Builds what is in the project's folder `root`.
    pub fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            folder: root.join("target/footprint"),
        }
    }

    /// The client's image and the echo's, for their size.
    pub fn sized(&self, set: &Set) -> Result<[PathBuf; 2], Failure> {
        self.build(set.features, &[Program::Request, Program::Echo], None)?;
        let stem = set.features.replace(',', "-");
        let keep = |program| self.keep(program, &stem);
        Ok([keep(Program::Request)?, keep(Program::Echo)?])
    }

    /// A client that trusts the certificate in the file `root` and prints what it measures of itself.
    pub fn measuring(&self, set: &Set, root: &Path) -> Result<PathBuf, Failure> {
        let features = format!("{},measure", set.features);
        self.build(&features, &[Program::Request], Some(root))?;
        self.keep(Program::Request, &features.replace(',', "-"))
    }

    fn build(
        &self,
        features: &str,
        programs: &[Program],
        certificate: Option<&Path>,
    ) -> Result<(), Failure> {
        let mut cargo = Command::new(self.root.join("tests/tools/cargo-for"));
        cargo.args([TARGET, "build", "--quiet", "--locked", "--release"]);
        cargo.args(["--no-default-features", "--features"]);
        cargo.arg(format!("{BOARD},{features}"));
        cargo.arg("--target-dir").arg(&self.folder);
        for program in programs {
            cargo.args(["--bin", program.name()]);
        }
        // Its configuration is read from the folder where cargo runs.
        cargo.current_dir(self.root.join("examples/firmware-cortex-m"));
        for name in ["RUSTFLAGS", "LD_LIBRARY_PATH", "QUICPRO_ROOT"] {
            cargo.env_remove(name);
        }
        if let Some(file) = certificate {
            cargo.env("QUICPRO_ROOT", file);
        }
        output(&mut cargo).map(drop).map_err(Failure::of_build)
    }

    /// Copies an image to where the next build leaves it alone.
    fn keep(&self, program: Program, stem: &str) -> Result<PathBuf, Failure> {
        let built = self
            .folder
            .join(TARGET)
            .join("release")
            .join(program.name());
        let kept = self.folder.join(format!("{}-{stem}", program.name()));
        let problem = |error| Failure::Other(format!("{}: {error}", built.display()));
        fs::copy(&built, &kept).map_err(problem)?;
        Ok(kept)
    }
}

/// Why there is no image.
#[derive(Debug)]
pub enum Failure {
    /// It needs more flash or memory than the board has.
    TooLarge,
    Other(String),
}

impl Failure {
    fn of_build(message: String) -> Self {
        if message.contains("will not fit in region") {
            Self::TooLarge
        } else {
            Self::Other(message)
        }
    }
}

/// What a command prints, or why it failed.
pub fn output(command: &mut Command) -> Result<String, String> {
    let result = command
        .output()
        .map_err(|error| format!("{command:?}: {error}"))?;
    if result.status.success() {
        Ok(String::from_utf8_lossy(&result.stdout).into_owned())
    } else {
        let said = String::from_utf8_lossy(&result.stderr);
        Err(format!("{command:?}: {}\n{said}", result.status))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_that_is_too_large_is_told_from_one_that_does_not_compile() {
        let lld =
            "rust-lld: error: section '.text' will not fit in region 'FLASH': overflowed by 8";
        assert!(matches!(
            Failure::of_build(lld.to_owned()),
            Failure::TooLarge
        ));
        let other = Failure::of_build("error[E0425]".to_owned());
        assert!(matches!(other, Failure::Other(_)));
    }

    #[test]
    fn the_set_of_the_bars_is_measured_and_every_set_has_another_name() {
        assert!(SETS.iter().any(|set| set.name == DEFAULT));
        let names: std::collections::BTreeSet<_> = all_sets().map(|set| set.name).collect();
        assert_eq!(names.len(), all_sets().count());
    }

    #[test]
    fn an_extension_is_the_default_set_and_itself() {
        let default = SETS.iter().find(|set| set.name == DEFAULT);
        let features = default.expect("it is measured").features;
        let (all, alone) = EXTENSIONS.split_last().expect("the last has all");
        let mut together = features.to_owned();
        for set in alone {
            assert_eq!(set.features, format!("{features},{}", set.name));
            together = format!("{together},{}", set.name);
        }
        assert_eq!(all.features, together);
    }
}
