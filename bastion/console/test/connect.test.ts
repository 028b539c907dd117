import assert from "node:assert/strict";
import { test } from "node:test";
import type { Target } from "../src/api.ts";
import { apiServer, connectLines, isCluster, setUpLines, word } from "../src/connect.ts";

const HOST: Target = { name: "web1", kind: "host", labels: {}, logins: ["demo", "*"], capabilities: ["shell"] };
const CLUSTER: Target = { name: "prod", kind: "cluster", labels: {}, logins: [], capabilities: ["api"] };
const ORIGIN = "https://bastion.example.com";

test("a host is reached with ssh, by every account that may be used there", () => {
  assert.deepEqual(connectLines(HOST), ["ssh demo@web1", "ssh LOGIN@web1"]);
  assert.deepEqual(connectLines({ ...HOST, logins: [] }), []);
  assert.equal(isCluster(HOST), false);
});

test("a cluster is reached with kubectl, which one line sets up, and never with ssh", () => {
  assert.deepEqual(connectLines(CLUSTER), ["bastion kubeconfig prod --install"]);
  assert.deepEqual(connectLines({ ...CLUSTER, logins: ["root"] }), ["bastion kubeconfig prod --install"]);
  assert.equal(isCluster(CLUSTER), true);
});

test("the API server of a cluster is below the bastion's own address for clusters", () => {
  for (const url of ["https://kube.example.com:6443", "https://kube.example.com:6443/"]) {
    assert.equal(apiServer({ kube: { url } }, CLUSTER), "https://kube.example.com:6443/clusters/prod");
  }
  assert.equal(apiServer({}, CLUSTER), null);
});

test("ssh is set up unless there are only clusters", () => {
  const both = [`bastion login ${ORIGIN}`, "bastion ssh-config --install"];
  assert.deepEqual(setUpLines(ORIGIN, [HOST]), both);
  assert.deepEqual(setUpLines(ORIGIN, [CLUSTER, HOST]), both);
  assert.deepEqual(setUpLines(ORIGIN, []), both, "whoever may ask for access may ask for a host");
  assert.deepEqual(setUpLines(ORIGIN, [CLUSTER]), both.slice(0, 1));
});

test("a line is one that a shell takes as it stands", () => {
  assert.equal(word("a; rm -rf ~"), "'a; rm -rf ~'");
  assert.equal(word("it's"), "'it'\\''s'");
  assert.deepEqual(setUpLines("https://[::1]:8443", [CLUSTER]), ["bastion login 'https://[::1]:8443'"]);
  assert.deepEqual(connectLines({ ...CLUSTER, name: "a b" }), ["bastion kubeconfig 'a b' --install"]);
});
