#!/bin/sh
# Writes the russh crate from crates.io, with the series of patches in russh/
# applied, to $1 (default: <repository>/.patched/russh). Does nothing if it is
# there already. cargo calls this by itself (russh/build.rs).
#
# `--manifest` prints what russh/Cargo.toml has to be instead.
#
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
cargo=${CARGO:-cargo}
print_manifest=
case ${1:-} in --manifest)
    print_manifest=yes
    shift
    ;;
esac
dest=${1:-$(dirname -- "$here")/.patched/russh}
case $dest in /*) ;; *) dest=$PWD/$dest ;; esac
# In the order of their numbers: each is made against the result of those before.
set -- "$here"/russh/[0-9]*.patch
[ -s "$1" ] || fail "$here/russh holds no patches"

# What is written depends on the patches and on this script.
stamp=$version
for file in "$@" "$here/apply.sh"; do
    stamp="$stamp $(git hash-object --no-filters -- "$file")" || fail "git hash-object failed"
done
is_there() {
    [ -f "$dest/Cargo.toml" ] && [ "$(cat -- "$dest/.stamp" 2>/dev/null)" = "$stamp" ]
}
if [ -z "$print_manifest" ] && is_there; then
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
# workspace, whose [patch] is not what is wanted here.
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
    (cd "${TMPDIR:-/tmp}" && "$cargo" info --quiet --registry crates-io "russh@$version") \
        >"$new/fetch/log" 2>&1 || { cat -- "$new/fetch/log" >&2; fail "cargo could not fetch russh $version"; }
    find_crate || fail "russh-$version.crate with checksum $sha256 not found after cargo fetched it"
fi

tar -xzf "$crate" -C "$new" || fail "cannot unpack $crate"
src=$new/russh-$version

# The crate's manifest, for a library whose source stands elsewhere.
manifest() {
    echo "# Made from the manifest of russh $version: sh patches/apply.sh --manifest >patches/russh/Cargo.toml"
    echo "# Its library is the patched source, which build.rs writes first."
    echo
    awk '
        /^\[/ { dropped = /^\[\[(example|test|bench)\]\]/ || /dev-dependencies/ }
        /^#/ || /^readme = / || dropped { next }
        $0 == "build = false" { $0 = "build = \"build.rs\"" }
        $0 == "path = \"src/lib.rs\"" { $0 = "path = \"../../.patched/russh/src/lib.rs\"" }
        NF || last { print }
        { last = NF }
    ' "$src/Cargo.toml" | sed '/./,$!d'
}
if [ -n "$print_manifest" ]; then
    manifest
    exit 0
fi
manifest | cmp -s - "$here/russh/Cargo.toml" ||
    fail "patches/russh/Cargo.toml is not of russh $version; write it anew with: sh patches/apply.sh --manifest"

# Inside a work tree `git apply` silently skips what is outside of the index:
# the ceiling keeps git from finding any repository.
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE
GIT_CEILING_DIRECTORIES=$(cd -- "$new" && pwd -P)
export GIT_CEILING_DIRECTORIES
for patch in "$@"; do
    (cd -- "$src" && git apply --whitespace=nowarn -p1 -- "$patch") ||
        fail "patches/russh/$(basename -- "$patch") does not apply to russh $version (README.md, A new release)"
done

# These only matter to the crate's own repository.
rm -f -- "$src/Cargo.lock" "$src/Cargo.toml.orig" "$src/.cargo_vcs_info.json"
echo "$stamp" >"$src/.stamp"
# Another cargo may have been quicker.
if ! is_there; then
    rm -rf -- "$dest"
    mv -- "$src" "$dest"
    echo "russh $version, patched: $dest"
fi
