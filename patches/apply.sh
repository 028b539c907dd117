#!/bin/sh
# Writes the russh crate from crates.io, with our patches applied, to $1
# (default: <repository>/.patched/russh). Does nothing if it is there already.
# Needs cargo, git and tar. See README.md.
set -eu

version=0.65.1
# of russh-0.65.1.crate, as in the index of crates.io
sha256=94be3d86c71b9ed220a675c405e35c7a02565a009bf8da2e9cc13a700320a5c5

fail() {
    echo "patches/apply.sh: $*" >&2
    exit 1
}

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
# In this order: each is made against the result of those before.
window=$here/russh-$version-consumption-window.patch
offer=$here/russh-$version-certificate-offer.patch
channels=$here/russh-$version-application-channels.patch
names=$here/russh-$version-odd-names.patch
dest=${1:-$(dirname -- "$here")/.patched/russh}
case $dest in /*) ;; *) dest=$PWD/$dest ;; esac
for patch in "$window" "$offer" "$channels" "$names"; do
    [ -s "$patch" ] || fail "$patch is missing"
done

# What is written depends on the patches and on this script.
stamp=$version
for file in "$window" "$offer" "$channels" "$names" "$here/apply.sh"; do
    stamp="$stamp $(git hash-object --no-filters -- "$file")" || fail "git hash-object failed"
done
if [ -f "$dest/Cargo.toml" ] && [ "$(cat -- "$dest/.stamp" 2>/dev/null)" = "$stamp" ]; then
    exit 0
fi

parent=$(dirname -- "$dest")
mkdir -p -- "$parent"
new=$(mktemp -d "$parent/.new-XXXXXX")
trap 'rm -rf -- "$new"' EXIT
trap 'exit 1' HUP INT TERM

sha256_of() {
    if command -v sha256sum >/dev/null; then
        sha256sum <"$1"
    elif command -v shasum >/dev/null; then
        shasum -a 256 <"$1"
    else
        openssl dgst -sha256 -r <"$1"
    fi | cut -d ' ' -f 1
}

# The archive is taken from cargo's cache, where any build that has russh as a
# dependency, or else `cargo info`, has put it. Cargo is run outside of the
# workspace, whose [patch] cannot be resolved before we are done.
find_crate() {
    for crate in "${CARGO_HOME:-$HOME/.cargo}"/registry/cache/*/"russh-$version.crate"; do
        if [ -f "$crate" ] && [ "$(sha256_of "$crate")" = "$sha256" ]; then
            return 0
        fi
    done
    return 1
}
if ! find_crate; then
    # The cache may hold a damaged archive, or only the unpacked source.
    rm -rf -- "${CARGO_HOME:-$HOME/.cargo}"/registry/cache/*/"russh-$version.crate" \
        "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*/"russh-$version"
    mkdir "$new/fetch"
    (cd "${TMPDIR:-/tmp}" && cargo info --quiet --registry crates-io "russh@$version") \
        >"$new/fetch/log" 2>&1 || { cat -- "$new/fetch/log" >&2; fail "cargo could not fetch russh $version"; }
    find_crate || fail "russh-$version.crate with checksum $sha256 not found after cargo fetched it"
fi

tar -xzf "$crate" -C "$new" || fail "cannot unpack $crate"
src=$new/russh-$version
# Inside a work tree `git apply` silently skips what is outside of the index:
# the ceiling keeps git from finding any repository.
(
    unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE
    cd -- "$src"
    GIT_CEILING_DIRECTORIES=$(cd .. && pwd -P) git apply --whitespace=nowarn -p1 -- "$window" "$offer" "$channels" "$names"
) || fail "the patches do not apply"
grep -q consumption_window "$src/src/server/mod.rs" || fail "$window was not applied"
grep -q auth_certificate_offered "$src/src/server/mod.rs" || fail "$offer was not applied"
grep -q application_channels "$src/src/server/mod.rs" || fail "$channels was not applied"
grep -q 'fn text' "$src/src/parsing.rs" || fail "$names was not applied"

# These only matter to the crate's own repository.
rm -f -- "$src/Cargo.lock" "$src/Cargo.toml.orig" "$src/.cargo_vcs_info.json"
echo "$stamp" >"$src/.stamp"
rm -rf -- "$dest"
mv -- "$src" "$dest"
echo "russh $version, patched: $dest"
