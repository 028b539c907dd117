#!/bin/bash
# In the sandbox of a day, before its shell starts: the files that the lines of tests/corpus/day are about.
set -u
cd /home/me || exit
umask 022

# For a sysadmin and an SRE.
mkdir -p logs /srv/app/releases/1 backup incident
for n in {1..60}; do
    echo "10.0.0.$((n % 7)) - - [30/Nov/2026:12:00:$((n % 60)) +0000] \"GET /p$((n % 5)) HTTP/1.1\" $((n % 9 ? 200 : 500)) $((n * 37))"
done >logs/access.log
printf 'error one\nfine\nerror two\n' >logs/old.log
printf '2026-11-30T12:00:0%d level=%s msg="request done" dur=%d\n' 1 info 12 2 error 900 3 info 7 >logs/app.log
printf 'web1\nweb2\ndb1\n' >hosts.txt
printf 'worker_processes 2;\nserver { listen 80; }\n' >nginx.conf
printf 'worker_processes 1;\nserver { listen 80; }\n' >nginx.conf.bak
printf 'export APP=app\n' >env.sh
echo 99999 >nginx.pid
# A certificate of its own key, good for a hundred years.
cat >cert.pem <<'PEM'
-----BEGIN CERTIFICATE-----
MIIBhDCCASmgAwIBAgIUMpSGs8nL97EWTGQHYwI4WMe0OBcwCgYIKoZIzj0EAwIw
FjEUMBIGA1UEAwwLZXhhbXBsZS5jb20wIBcNMjYxMjAxMDA0NTA0WhgPMjEyNjEx
MDcwMDQ1MDRaMBYxFDASBgNVBAMMC2V4YW1wbGUuY29tMFkwEwYHKoZIzj0CAQYI
KoZIzj0DAQcDQgAER0stjjBEd5pazoWaK0939Jc5+7AnEsSUs/PMC75PVPtDti8m
F6dPvwJ5Xzdf8yJSmcntfGDdfRx2Is6b6T7jG6NTMFEwHQYDVR0OBBYEFEPlcAlX
0J4f0bjN65M5GpKocUjRMB8GA1UdIwQYMBaAFEPlcAlX0J4f0bjN65M5GpKocUjR
MA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSQAwRgIhALCNG4BGsvmRuhFt
p3RjV74NmVxehKwTftDctrj3acjrAiEA5fmu6lQK2x2qfXaSGOpUQBPItPqxhEXj
tMbNkDMk+UA=
-----END CERTIFICATE-----
PEM
printf 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: app\ndata:\n  level: info\n' >app.yaml
printf 'groups:\n- name: app\n  rules: []\n' >rules.yml
printf '[web]\nweb1\nweb2\n' >inventory.ini
printf -- '- hosts: web\n  tasks: []\n' >site.yml
printf '# Incident\n\n- 12:00 alert\n' >incident/notes.md
printf '{"alerts":[{"name":"HighLatency","state":"firing"},{"name":"DiskFull","state":"ok"}]}\n' >alerts.json

# For a developer.
mkdir -p src/app/src src/app/scripts src/app/tests
cd src/app || exit
git init -q -b main .
git config user.email me@example.com
git config user.name me
printf '{"name":"app","scripts":{"test":"true","build":"true"},"dependencies":{"left-pad":"1.0.0"}}\n' >package.json
printf 'console.log("app")\n' >app.js
printf 'console.log("seed")\n' >scripts/seed.js
printf 'def login(user):\n    # TODO: foo\n    return user\n' >app.py
printf 'def test_redirect():\n    assert True\n' >tests/test_login.py
printf 'export const x = foo;\n' >src/index.ts
printf 'var foo = 1;\n' >src/old.js
printf '# comment\n  key = foo\n' >config.ini
printf 'all:\n\t@echo built\ntest:\n\t@echo tested\n' >Makefile
printf '#include <stdio.h>\nint main(void) { puts("hello"); return 0; }\n' >hello.c
printf 'cmake_minimum_required(VERSION 3.0)\nproject(hello C)\nadd_executable(hello hello.c)\n' >CMakeLists.txt
printf 'Django==5.0\n' >requirements.txt
printf 'print("hello")\n' >script.py
printf 'import sys\nprint(sys.argv[1:])\n' >manage.py
install -m 755 /dev/null gradlew
printf '#!/bin/sh\necho run\n' >run.sh
{ echo '#!/usr/bin/env python3'; cat manage.py; } >manage.tmp
install -m 755 manage.tmp manage.py
unlink manage.tmp
git add -A
git commit -q -m "First"
printf '\ndef logout():\n    pass\n' >>app.py
git commit -q -am "Second"
mkdir -p node_modules/left-pad
cd /home/me || exit

# For a DBA and a data engineer.
printf "select count(*) from users;\n" >report.sql
printf '2026-11-30 LOG:  duration: 12.5 ms\n2026-11-30 LOG:  duration: 900 ms\n' >pg.log
printf '# comment\nlocal all all trust\n' >pg_hba.conf
mkdir -p data/raw data/out dags models
{
    echo id,name,amount,day
    for n in {1..40}; do echo "$n,u$n,$((n * 13 % 97)),2026-11-$((n % 28 + 1))"; done
} >data/raw/orders.csv
gzip -nk data/raw/orders.csv
for n in {1..20}; do echo "{\"id\":$n,\"user\":{\"name\":\"u$n\"},\"tags\":[\"a\",\"b\"]}"; done >data/raw/events.jsonl
printf 'import csv\n\n\ndef load(path):\n    return list(csv.DictReader(open(path)))\n' >dags/load.py
printf 'select id, amount from orders where amount > 10\n' >models/orders.sql
printf 'create table if not exists orders (id int, name text, amount int, day date);\n' >schema.sql
printf 'pandas==2.2.0\npyarrow>=15\n' >requirements.txt
