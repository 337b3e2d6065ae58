#!/bin/bash
# Installs the SBF toolchain into $SBF_HOME (default /opt/sbf) on Debian 12 or later: Debian's rustc and LLVM, std's
# source with Solana's target added, our lowering pass, runtime and linker.
#
# The path of SBF_HOME enters std's symbol hashes: programs are the same byte for byte only when it is the same.
# Needs root for apt when a package is missing.
set -euo pipefail

sources=$(cd "$(dirname "$0")/sbf" && pwd)
SBF_HOME=${SBF_HOME:-/opt/sbf}
packages=(rustc-web cargo-web libstd-rust-web-dev rust-web-src llvm-22 llvm-22-dev clang-22 g++ patch python3)

if ! dpkg -s "${packages[@]}" >/dev/null 2>&1; then
  apt-get -o DPkg::Lock::Timeout=600 update -q
  DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 install -y -q --no-install-recommends \
    "${packages[@]}"
fi

# Everything is made beside the old toolchain and takes its place at the end: no build sees half of it.
stage=$SBF_HOME.new
rm -rf "$stage"
mkdir -p "$stage"
trap 'rm -rf "$stage"' EXIT

cp -rL "$(dirname "$(readlink -f /usr/lib/rustlib/src/rust/library)")/library" "$stage/library"
patch -d "$stage" -p1 --no-backup-if-mismatch <"$sources/std-solana.patch"

read -ra llvm_flags <<<"$(llvm-config-22 --cppflags)"
g++ -std=c++17 -O1 -shared -fPIC -fno-rtti "${llvm_flags[@]}" "$sources/sbf_lower.cpp" -o "$stage/sbf_lower.so"
clang-22 --target=bpfel -mcpu=v2 -O2 -ffreestanding -fno-builtin -emit-llvm -c "$sources/sbf_rt.c" \
  -o "$stage/sbf_rt.bc"
install -m 755 "$sources/sbf-link" "$stage/sbf-link"
install -m 644 "$sources/sbf-solana.json" "$stage/sbf-solana.json"

# What build.py compares: the compilers that were used, and the sources this toolchain was made from.
{
  /usr/bin/rustc --version
  echo "llvm $(llvm-config-22 --version)"
  g++ --version | head -1 # compiles the lowering pass
} >"$stage/VERSIONS"
(cd "$sources" && sha256sum -- *) >"$stage/SOURCES"

rm -rf "$SBF_HOME"
mv "$stage" "$SBF_HOME"
trap - EXIT
cat "$SBF_HOME/VERSIONS"
