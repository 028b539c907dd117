#!/bin/bash
# Stands for sudo: runs the command, as nobody else.
while (($#)); do
    case $1 in
        --) shift; break ;;
        -[ughpCrtTUDR] | --user | --group | --host | --prompt | --chdir | --chroot) shift 2 ;;
        -s | --shell | -i | --login) shift; (($#)) || exec bash; exec bash -c "$*" ;;
        -*) shift ;;
        [A-Za-z_]*=*) export "$1"; shift ;;
        *) break ;;
    esac
done
(($#)) || exit 0
exec "$@"
