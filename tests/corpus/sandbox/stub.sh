#!/bin/sh
# Stands for a dangerous program: appends `WORDS\0NAME\0ARGUMENT\0…` to the log, and does nothing. The path of the log
# is fixed, because `env -i` must not hide a run.
name=${0##*/}
printf '%s\0' "$#" "$name" "$@" >>/tmp/case/log
# What a script from the network may be.
[ "$name" != curl ] || echo 'rm -rf /srv/data'
