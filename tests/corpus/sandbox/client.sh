#!/bin/bash
# Stands for psql and mysql, and is logged as they are. Where the case has a server, the real client goes on.
name=${0##*/}
[ "$name" = mysqlreal ] || printf '%s\0' "$#" "$name" "$@" >>/tmp/case/log
case $name in
    psql)
        [ -S /pg/.s.PGSQL.5432 ] || exit 0
        clients=(/usr/lib/postgresql/*/bin/psql)
        exec "${clients[-1]}" "$@"
        ;;
    mysqlreal) exec /usr/bin/mariadb "$@" ;;
    mysql)
        [ -S /pg/my.sock ] || exit 0
        exec /usr/bin/mariadb --socket=/pg/my.sock "$@"
        ;;
esac
