#!/usr/bin/env bash
# Runs the named stages of `make test` one after the other, goes on after a failed one, and closes with a line that
# counts. BASTION_SKIP="NAME …" leaves stages out; the closing line names them.
set -uo pipefail
cd "$(dirname "$0")/.."

flags=(--workspace --release --locked)
peers=${BASTION_PEERS:-$HOME/.cache/bastion-peers}
log=$(mktemp)
trap 'rm -f "$log"' EXIT

fmt() { cargo fmt --check; }
clippy() { cargo clippy "${flags[@]}" --all-targets -- --deny warnings; }
doc() { RUSTDOCFLAGS="--deny warnings" cargo doc "${flags[@]}" --no-deps --document-private-items; }
unit() { cargo test "${flags[@]}" --exclude tests; }
# --workspace with a filter, not --package: the dependencies keep the features that they are built with already.
e2e() { cargo test "${flags[@]}" --test it --bin corpus; }
# Each bastion on a database of its own; left out is what damages or locks the file of SQLite.
postgres() {
    local bin folder status=0
    bin=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
    folder=$(mktemp -d /tmp/pgXXXXXX)
    chown postgres "$folder"
    as_postgres "$bin/initdb" -A trust -N -U postgres -D "$folder/data" >/dev/null
    as_postgres "$bin/pg_ctl" -D "$folder/data" -l "$folder/log" -o "-k $folder -h '' -F -c max_connections=400" -w start || return 1
    BASTION_TEST_POSTGRES=$folder cargo test "${flags[@]}" --test it -- --skip store_failure --skip storm --skip postgres_store || status=$?
    as_postgres "$bin/pg_ctl" -D "$folder/data" -m fast -w stop
    rm -rf "$folder"
    return "$status"
}
as_postgres() { setpriv --reuid postgres --regid postgres --clear-groups "$@"; }
console() { (cd bastion/console && npm test); }
deny() { "$peers/cargo-deny/bin/cargo-deny" --locked check licenses bans sources; }

failed=()
skipped=()
for stage in "$@"; do
    if [[ " ${BASTION_SKIP:-} " == *" $stage "* ]]; then
        skipped+=("$stage")
        continue
    fi
    echo "== $stage"
    began=$SECONDS
    if "$stage" </dev/null 2>&1 | tee -a "$log"; then
        echo "== $stage: passed in $((SECONDS - began)) s"
    else
        failed+=("$stage")
        echo "== $stage: FAILED after $((SECONDS - began)) s"
    fi
done

# Cargo writes "test result: ok. 12 passed; 0 failed; …", node's test runner "ℹ pass 12".
count() {
    awk -v word="$1" '
        /^test result:/ { for (i = 2; i <= NF; i++) if ($i ~ "^" word) sum += $(i - 1) }
        $0 ~ "^(# |ℹ )" substr(word, 1, 4) " " { sum += $3 }
        END { print sum + 0 }' "$log"
}
stages=$(($# - ${#skipped[@]}))
echo "bastion: $stages stages, $(count passed) tests passed, $(count failed) failed${failed[*]:+; FAILED: ${failed[*]}}${skipped[*]:+; left out: ${skipped[*]}}"
[ ${#failed[@]} -eq 0 ]
