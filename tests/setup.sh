#!/usr/bin/env bash
# Looks for what a build ("build"), the tests ("peers") or the cluster ("cluster") need and installs it, or says exactly what is missing.
# As root with apt-get it installs Debian packages; the other peers are built once into $BASTION_PEERS.
set -euo pipefail

peers=${BASTION_PEERS:-$HOME/.cache/bastion-peers}
versitygw=v1.8.0
helm=v3.22.0
kubernetes_python=34.1.0
asciinema=3.2.0
cargo_deny=0.20.2
missing=()

main() {
    case ${1:-} in
        build) build_tools ;;
        peers) test_peers && cluster ;;
        cluster) cluster ;;
        *) echo "usage: $0 build|peers|cluster" >&2; exit 2 ;;
    esac
    if ((${#missing[@]})); then
        echo "bastion: this machine lacks:" >&2
        printf '  %s\n' "${missing[@]}" >&2
        exit 1
    fi
}

# All that `make demo` needs.
build_tools() {
    need git "git" git
    need cc "a C compiler" gcc libc6-dev
    need cargo "Rust $(rust_version) or later: https://rustup.rs"
    need node "Node.js 20 or later: https://nodejs.org" nodejs
    need npm "npm, which comes with Node.js" npm
    if command -v cargo >/dev/null; then
        local have
        have=$(rustc --version | cut -d' ' -f2)
        older "$have" "$(rust_version)" && missing+=("Rust $(rust_version) or later (found $have): rustup update stable")
    fi
    return 0
}

# What `make test` needs on top.
test_peers() {
    need sshd "OpenSSH's server" openssh-server
    need ssh "OpenSSH's client" openssh-client
    need rsync "rsync" rsync
    need curl "curl" curl
    need tmux "tmux" tmux
    # Shells that commands are judged for, and what is used in them (`make corpus`, tests/it/everyday.rs).
    need zsh "zsh" zsh
    need dash "dash" dash
    need_static_busybox
    need fish "fish" fish
    need vim "vim" vim
    need less "less" less
    need man "man" man-db
    need git "git" git
    need sqlite3 "sqlite3" sqlite3
    need python3 "Python 3" python3
    need top "procps" procps
    need psql "PostgreSQL's server and client" postgresql
    # Further programs that cases of the corpus type into; `make corpus` names the cases that it leaves out without them.
    may_need nano nano
    may_need htop htop
    may_need mc mc
    may_need fzf fzf
    may_need bc bc
    may_need gdb gdb
    may_need irb irb
    may_need ipython3 ipython3
    may_need emacs emacs-nox
    may_need lftp lftp
    may_need mariadbd mariadb-server mariadb-client
    may_need zsh-autosuggestions zsh-autosuggestions zsh-syntax-highlighting
    need setpriv "util-linux" util-linux
    need chromium "Chromium" chromium
    need_go helm "helm.sh/helm/v3/cmd/helm@$helm"
    need_python_kubernetes
    need_go versitygw "github.com/versity/versitygw/cmd/versitygw@$versitygw"
    need_crate asciinema "$asciinema"
    need_crate cargo-deny "$cargo_deny"
}

# What the Kubernetes cluster of the tests runs on; its own programs are built from Go modules.
cluster() {
    need containerd "containerd" containerd
    need runc "runc" runc
    need_static_busybox
    need iptables "iptables" iptables
    need ip "ip" iproute2
    need openssl "openssl" openssl
    [ -x /usr/lib/cni/bridge ] || need cni-plugins "the network plugins of CNI" containernetworking-plugins || true
    if [ ! -x "$(tests/cluster/cluster program)" ]; then
        if ! command -v go >/dev/null; then
            missing+=("go: Go 1.26 or later, which builds the cluster: https://go.dev/dl")
            return
        fi
        echo "bastion: building Kubernetes (some minutes)"
        tests/cluster/cluster build
    fi
}

# need PROGRAM DESCRIPTION [DEBIAN-PACKAGE…]
need() {
    local program=$1 description=$2
    shift 2
    PATH=$PATH:/usr/sbin command -v "$program" >/dev/null && return
    if (($#)) && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "bastion: installing $*"
        apt_get install --no-install-recommends "$@" && return
    fi
    missing+=("$program: $description${*:+ (Debian package $*)}")
}

# may_need PROGRAM DEBIAN-PACKAGE…: installed where that is possible, and nothing is wrong otherwise.
may_need() {
    local program=$1
    shift
    PATH=$PATH:/usr/sbin command -v "$program" >/dev/null && return
    [ -e "/usr/share/$program" ] && return
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "bastion: installing $*"
        apt_get install --no-install-recommends "$@" && return
    fi
    echo "bastion: without $program some cases of the corpus are left out (Debian packages: $*)"
}

# One that runs without libraries: it is all that the image of the tests' pods holds. Debian's other package is not.
need_static_busybox() {
    local program
    program=$(command -v busybox) && ! ldd "$program" >/dev/null 2>&1 && return
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "bastion: installing busybox-static"
        apt_get install --no-install-recommends busybox-static && return
    fi
    missing+=("busybox: a statically linked busybox (Debian package busybox-static)")
}

apt_get() {
    # A package list may be absent (containers) or old.
    [ -n "${apt_updated:-}" ] || DEBIAN_FRONTEND=noninteractive apt-get -qq update
    apt_updated=yes
    DEBIAN_FRONTEND=noninteractive apt-get -qq -y "$@" </dev/null
}

# need_go PROGRAM MODULE@VERSION
need_go() {
    [ -x "$peers/$1" ] && return
    if ! command -v go >/dev/null; then
        missing+=("go: Go 1.24 or later, which builds $1: https://go.dev/dl")
        return
    fi
    echo "bastion: building $1 (about a minute)"
    GOBIN=$peers CGO_ENABLED=0 go install "$2"
}

# The client library for Python, in an environment of its own.
need_python_kubernetes() {
    local environment=$peers/python-kubernetes-$kubernetes_python
    [ -e "$environment/installed" ] && return
    local venv="import ensurepip"
    # Debian has it in a package apart from Python.
    python3 -c "$venv" 2>/dev/null || need ensurepip "Python's venv" python3-venv
    python3 -c "$venv" 2>/dev/null || return 0
    echo "bastion: installing the Python package kubernetes $kubernetes_python"
    python3 -m venv "$environment"
    "$environment/bin/pip" --quiet install "kubernetes==$kubernetes_python"
    touch "$environment/installed"
}

# need_crate PROGRAM VERSION: built without optimization, because that is quick and they do little.
need_crate() {
    "$peers/$1/bin/$1" --version 2>/dev/null | grep -qF "$2" && return
    echo "bastion: building $1 $2 (some minutes)"
    CARGO_TARGET_DIR=$peers/build CARGO_PROFILE_DEV_DEBUG=0 \
        cargo install "$1" --version "$2" --locked --debug --force --root "$peers/$1"
    rm -rf "$peers/build"
}

rust_version() {
    sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml
}

# older A B: is version A older than B?
older() {
    [ "$1" != "$2" ] && [ "$(printf '%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]
}

cd "$(dirname "$0")/.."
main "$@"
