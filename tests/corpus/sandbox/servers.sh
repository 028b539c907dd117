#!/bin/bash
# In a sandbox of its own, whose case folder is `servers`: the databases that cases reach by /tmp/case/sockets. What a
# statement lets a server run meets the stubs, as everywhere here. Leaves `postgres` and `mariadb` in the case folder
# when they answer, and `settled` when nothing more comes.
set -u
sockets=/tmp/case/sockets
as_postgres=(setpriv --reuid postgres --regid postgres --clear-groups)

postgres_server() {
    local folder
    folder=$(printf '%s\n' /usr/lib/postgresql/*/bin | tail -n 1)
    [ -x "$folder/postgres" ] || return
    # chown is a stub.
    install -d -o postgres /tmp/pg
    install -d -m 777 "$sockets"
    "${as_postgres[@]}" "$folder/initdb" -A trust -N -U postgres -D /tmp/pg/data
    "${as_postgres[@]}" "$folder/postgres" -D /tmp/pg/data -k "$sockets" -h '' -F &
    local client=("$folder/psql" -qX -h "$sockets" -U postgres)
    for _ in {1..200}; do
        "${client[@]}" -c 'select 1' >/dev/null 2>&1 && break
        sleep .1
    done
    "${client[@]}" -c "create table users (id serial primary key, name text);
        insert into users (name) select 'u' || n from generate_series(1, 50) n;
        create role app login; create role root login superuser" \
        -c 'create database app owner app' -c 'create database root' && : >/tmp/case/postgres
}

mariadb_server() {
    local server
    server=$(command -v mariadbd || command -v mysqld) || return
    install -d -m 777 "$sockets"
    mariadb-install-db --no-defaults --user=root --auth-root-authentication-method=normal --datadir=/tmp/my \
        --skip-test-db
    "$server" --no-defaults --user=root --datadir=/tmp/my --socket="$sockets/my.sock" --skip-networking \
        --innodb-use-native-aio=0 &
    for _ in {1..200}; do
        /usr/bin/mariadb --no-defaults -u root -S "$sockets/my.sock" -e 'create database if not exists app' && break
        sleep .1
    done >/dev/null 2>&1
    [ -S "$sockets/my.sock" ] && : >/tmp/case/mariadb
}

{
    postgres_server &
    mariadb_server &
    wait
} >/tmp/case/servers.log 2>&1
: >/tmp/case/settled
