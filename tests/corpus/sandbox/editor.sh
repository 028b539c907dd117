#!/bin/sh
# Stands for $EDITOR: leaves a dangerous line in the file it is given.
for file; do :; done
echo 'rm -rf /srv/data' >"$file"
