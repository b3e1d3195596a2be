#!/bin/sh
# install-bare.sh [TARGET...]: a rustup toolchain named "bare" with core and alloc for bare-metal targets,
# for machines that reach Debian's packages but not rustup's. Where `rustup target add TARGET` works, use that.
#
# rustc and the library's sources are Debian's (unpacked into a folder of their own, nothing is installed); cargo and
# the linker are those of the stable toolchain. Afterwards `cargo +bare build --target TARGET` works as usual.
set -eu

NAME=bare
DEST=${XDG_CACHE_HOME:-$HOME/.cache}/bare-toolchain
HOST=x86_64-unknown-linux-gnu
LIBRARIES=usr/lib/x86_64-linux-gnu
[ $# -gt 0 ] || set -- thumbv7em-none-eabihf

SCRATCH=$(mktemp -d)
trap 'rm -rf "$SCRATCH"' EXIT

# The dependency of package $1 whose name matches $2: version numbers are part of these names.
dependency() {
  apt-cache depends "$1" | sed -n "s/.*Depends: \($2\)\$/\1/p" | head -1
}

# Debian's lists may be as old as the machine's image, and its rustc with them.
download() (
  cd "$SCRATCH"
  [ "$(id -u)" != 0 ] || apt-get -q -o DPkg::Lock::Timeout=300 update
  std=$(dependency libstd-rust-web-dev 'libstd-rust-web-[0-9.]*')
  llvm=$(dependency "$std" 'libllvm[0-9]*')
  apt-get -q download rustc-web rust-web-src libstd-rust-web-dev rust-web-clippy "$std" "$llvm"
  for package in rustc-web_* libstd-rust-web-* rust-web-clippy_* "$llvm"_*; do
    dpkg -x "$package" unpacked
  done
  dpkg --fsys-tarfile rust-web-src_*.deb |
    tar -x -C unpacked --wildcards './usr/src/rustc-*/library/*'
)

assemble() {
  stable=$(rustc +stable --print sysroot)
  rm -rf "$DEST"
  mkdir -p "$DEST/bin" "$DEST/lib/rustlib/src" "$DEST/lib/rustlib/$HOST/bin"
  mv "$SCRATCH"/unpacked/usr/bin/* "$DEST/bin/"
  mv "$SCRATCH/unpacked/$LIBRARIES"/librustc_driver-*.so "$SCRATCH/unpacked/$LIBRARIES"/libLLVM.so.* "$DEST/lib/"
  mv "$SCRATCH/unpacked/usr/lib/rustlib/$HOST/lib" "$DEST/lib/rustlib/$HOST/"
  mv "$SCRATCH"/unpacked/usr/src/rustc-* "$DEST/lib/rustlib/src/rust"
  ln -s "$stable/bin/cargo" "$DEST/bin/cargo"
  for file in "$stable/lib/rustlib/$HOST/bin"/*; do
    ln -s "$file" "$DEST/lib/rustlib/$HOST/bin/"
  done
  rustup toolchain link "$NAME" "$DEST"
}

# What rustup's rust-std component holds for a target without an operating system: core, alloc, compiler-builtins.
build_library() {
  target=$1
  mkdir -p "$SCRATCH/stub/src"
  echo '#![no_std]' >"$SCRATCH/stub/src/lib.rs"
  cat >"$SCRATCH/stub/Cargo.toml" <<'TOML'
[package]
name = "stub"
version = "0.0.0"
edition = "2024"
[workspace]
[profile.release]
codegen-units = 1
panic = "abort"
TOML
  RUSTC_BOOTSTRAP=1 RUSTFLAGS="-Cembed-bitcode=yes -Zforce-unstable-if-unmarked" CARGO_TARGET_DIR="$SCRATCH/target" \
    cargo "+$NAME" build -q --manifest-path "$SCRATCH/stub/Cargo.toml" --release --target "$target" \
    -Zbuild-std=core,alloc -Zbuild-std-features=compiler-builtins-mem
  library=$DEST/lib/rustlib/$target/lib
  mkdir -p "$library.new"
  for file in "$SCRATCH/target/$target/release/deps/"*.rlib; do
    case $file in
      */libstub-*) ;;
      *) cp "$file" "$library.new/" ;;
    esac
  done
  # With rustup's own target the compiler finds a C library there; what core needs of it is in compiler-builtins here.
  case $target in
    wasm32-wasip*)
      mkdir "$library.new/self-contained"
      printf '!<arch>\n' >"$library.new/self-contained/libc.a"
      ;;
  esac
  mv "$library.new" "$library"
  echo "$target: core and alloc in $library"
}

# Whether the toolchain is there and not older than the workspace's rust-version.
is_usable() {
  wanted=$(sed -n 's/^rust-version = "1\.\([0-9]*\).*/\1/p' "$(dirname "$0")/../../Cargo.toml")
  found=$(rustc "+$NAME" -V 2>/dev/null | sed -n 's/^rustc 1\.\([0-9]*\)\..*/\1/p')
  [ "${found:-0}" -ge "$wanted" ]
}

if ! is_usable; then
  download
  assemble
fi
rustc "+$NAME" -V
for target in "$@"; do
  [ -d "$DEST/lib/rustlib/$target/lib" ] || build_library "$target"
done
