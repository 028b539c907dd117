"""What scripts do with the Python client, by the kubeconfig of `bastion kubeconfig`; it ends at the first surprise."""

import hashlib
import sys

from kubernetes import client, config, watch
from kubernetes.stream import stream

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
