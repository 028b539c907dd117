"""What scripts do with the Python client, by the kubeconfig of `bastion kubeconfig`; it ends at the first surprise."""

import hashlib
import json
import sys

from kubernetes import client, config, watch
from kubernetes.stream import portforward, stream
from kubernetes.stream.ws_client import create_websocket

pod, settings = sys.argv[1:]
config.load_kube_config()
core = client.CoreV1Api()


def names(items):
    return [item.metadata.name for item in items]


assert pod in names(core.list_namespaced_pod("default").items)
assert any(condition.type == "Ready" for condition in core.read_namespaced_pod(pod, "default").status.conditions)


def execute(command, **options):
    wanted = {"stderr": True, "stdin": False, "stdout": True, "tty": False, "_preload_content": False, **options}
    return stream(core.connect_get_namespaced_pod_exec, pod, "default", command=command, **wanted)


def ended(session):
    """Standard output, standard error and the exit code."""
    session.run_forever(timeout=30)
    return session.read_stdout(timeout=1), session.read_stderr(timeout=1), session.returncode


told = ended(execute(["sh", "-c", "echo out; echo err >&2; exit 7"]))
assert told == ("out\n", "err\n", 7), told
assert ended(execute(["true"])) == ("", "", 0)
# The plain form, which waits for the end and gives the output.
assert execute(["echo", "whole"], _preload_content=True) == "whole\n"

# A terminal that never says how large it is.
session = execute(["sh", "-c", "echo begun; read line; echo got $line; exit 3"], stdin=True, tty=True)
assert session.readline_stdout(timeout=30).strip() == "begun"
session.write_stdin("typed\n")
lines = [session.readline_stdout(timeout=30).strip() for _ in range(2)]
assert lines == ["typed", "got typed"], lines
session.run_forever(timeout=30)
assert session.returncode == 3, session.returncode

# Version 4 of the protocol has no end of standard input: the program is told how much to read.
session = execute(["sh", "-c", "head -c 1000000 | sha256sum"], stdin=True)
for _ in range(100):
    session.write_stdin("x" * 10_000)
stdout, _, code = ended(session)
assert code == 0 and stdout.split()[0] == hashlib.sha256(b"x" * 1_000_000).hexdigest(), stdout

try:
    execute(["rm", "-rf", "/tmp"])
    raise SystemExit("rm -rf was not refused")
except client.exceptions.ApiException as error:
    assert "bastion: blocked by rule rm-rf" in f"{error.reason} {error.body}", error

body = client.V1ConfigMap(metadata=client.V1ObjectMeta(name=settings), data={"a": "0"})
core.create_namespaced_config_map("default", body)
changes = watch.Watch()
seen = []
for event in changes.stream(
    core.list_namespaced_config_map, "default", field_selector=f"metadata.name={settings}", timeout_seconds=30
):
    seen.append((event["type"], (event["object"].data or {}).get("a")))
    if len(seen) == 1:
        core.patch_namespaced_config_map(settings, "default", {"data": {"a": "1"}})
    elif len(seen) == 2:
        core.delete_namespaced_config_map(settings, "default")
    else:
        changes.stop()
assert seen == [("ADDED", "0"), ("MODIFIED", "1"), ("DELETED", "1")], seen

log = core.read_namespaced_pod_log(pod, "default")
assert log == "hello\n", log
follow = watch.Watch()
for line in follow.stream(core.read_namespaced_pod_log, pod, "default"):
    assert line == "hello", line
    follow.stop()

# Forwarded ports, which this library speaks over WebSocket and not over SPDY.
serve = "mkdir -p /tmp/www && echo a page of the pod > /tmp/www/index.html && httpd -h /tmp/www -p 8080"
assert ended(execute(["sh", "-c", serve])) == ("", "", 0)


def page(port):
    """What is at the port, and what the cluster says of it."""
    forwarded = portforward(core.connect_get_namespaced_pod_portforward, pod, "default", ports=str(port))
    there = forwarded.socket(port)
    there.settimeout(30)
    got = b""
    try:
        there.sendall(b"GET / HTTP/1.0\r\n\r\n")
        while chunk := there.recv(4096):
            got += chunk
    except OSError:
        pass
    return got, forwarded.error(port)


for _ in range(3):
    got, error = page(8080)
    assert b"a page of the pod" in got and error is None, (got, error)
got, error = page(9)
assert got == b"" and "bastion: blocked by rule no-nine" in error, (got, error)
got, error = page(8081)
assert got == b"" and error, (got, error)

# Watches and logs over WebSocket, as web consoles and clients in Java ask for them.
settings_of_client = client.Configuration.get_default_copy()


def messages(path, protocol):
    url = settings_of_client.host.replace("https://", "wss://") + path
    return create_websocket(settings_of_client, url, {"sec-websocket-protocol": protocol})


seen = messages(f"/api/v1/namespaces/default/pods?watch=true&fieldSelector=metadata.name%3D{pod}", "base64.binary.k8s.io")
event = json.loads(seen.recv())
assert (event["type"], event["object"]["metadata"]["name"]) == ("ADDED", pod), event
seen.close()
seen = messages(f"/api/v1/namespaces/default/pods/{pod}/log?follow=true", "binary.k8s.io")
said = [seen.recv(), seen.recv()]
assert said == [b"", b"hello\n"], said
seen.close()
