#!/bin/sh
# Checks the series in a scratch folder, $1: that russh builds after each patch,
# and that its own tests and those of the patches pass after the last one.
# CARGO_TARGET_DIR is used if it is set. See README.md.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
scratch=${1:?a folder that does not exist yet}
mkdir -- "$scratch"
scratch=$(cd -- "$scratch" && pwd -P)
"$here/apply.sh" "$scratch/patched" >"$scratch/log"
version=$(sed -n 's/^version=//p' "$here/apply.sh")
tar -xzf "$(ls "${CARGO_HOME:-$HOME/.cargo}"/registry/cache/*/"russh-$version.crate" | head -n 1)" -C "$scratch"
cd -- "$scratch/russh-$version"
# The packaged manifest names the tests there were. A repository of its own
# keeps `git apply` from looking for one above.
sed -i.bak '/^autotests = false/d' Cargo.toml
git init -q

for patch in "$here"/russh/[0-9]*.patch; do
    echo "== $(basename -- "$patch")"
    git apply --whitespace=nowarn -- "$patch"
    cargo check --quiet --locked --lib
done
diff -r src "$scratch/patched/src"
echo "== tests"
cargo test --locked --no-fail-fast --lib --tests
