import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { approve, askForAccess, cancel, deny, Problem, type WhoAmI } from "../src/api.ts";
import { Pending, watch } from "../src/watch.ts";

interface Asked {
  method: string;
  path: string;
  csrf: string | null;
  body: unknown;
}

const WHO: WhoAmI = { user: { person: { issuer: "https://id", subject: "sub of bob" }, name: "bob", email: null, groups: ["sre"] }, expires_at: "", csrf: "token", console: { sessions: false, audit: false, names: false } };
const asked: Asked[] = [];
let answer: { status: number; body: unknown } = { status: 200, body: {} };
const realFetch = globalThis.fetch;

before(() => {
  globalThis.fetch = async (path, init = {}) => {
    const body = typeof init.body === "string" ? JSON.parse(init.body) : null;
    asked.push({ method: init.method ?? "GET", path: String(path), csrf: new Headers(init.headers).get("X-Bastion-CSRF"), body });
    return new Response(JSON.stringify(answer.body), { status: answer.status });
  };
});
after(() => {
  globalThis.fetch = realFetch;
});

test("a decision carries what was chosen and shows that the console made it", async () => {
  asked.length = 0;
  await approve(WHO, "a/b", { scope: "for", for: "1h" }, "ok");
  await approve(WHO, "1", { scope: "once" }, "");
  await deny(WHO, "1", "no");
  await cancel(WHO, "1");
  await askForAccess(WHO, { target: "db1", login: "postgres", for: "2h", reason: "x" });
  await askForAccess(WHO, { target: "prod", for: "2h", reason: "x" });
  assert.deepEqual(asked, [
    { method: "POST", path: "/api/v1/approvals/a%2Fb/approve", csrf: "token", body: { scope: "for", for: "1h", comment: "ok" } },
    { method: "POST", path: "/api/v1/approvals/1/approve", csrf: "token", body: { scope: "once" } },
    { method: "POST", path: "/api/v1/approvals/1/deny", csrf: "token", body: { comment: "no" } },
    { method: "DELETE", path: "/api/v1/approvals/1", csrf: "token", body: null },
    { method: "POST", path: "/api/v1/access", csrf: "token", body: { target: "db1", login: "postgres", for: "2h", reason: "x" } },
    { method: "POST", path: "/api/v1/access", csrf: "token", body: { target: "prod", for: "2h", reason: "x" } },
  ]);
});

test("watching ends when it has seen enough", async () => {
  let calls = 0;
  await watch(async () => (calls += 1), () => false, new AbortController().signal);
  assert.equal(calls, 1);
});

test("watching ends at once when the page is left", async () => {
  const leaving = new AbortController();
  await watch(async () => leaving.abort(), () => assert.fail("nobody looks any more"), leaving.signal);
});

test("the end of the login ends the watching; other failures are told and tried again", async () => {
  await assert.rejects(watch(() => Promise.reject(new Problem(401, "", "")), () => true, new AbortController().signal), Problem);
  const leaving = new AbortController();
  const told: (number | undefined)[] = [];
  await watch(() => Promise.reject(new Problem(503, "", "")), () => true, leaving.signal, (problem) => {
    told.push(problem?.status);
    leaving.abort();
  });
  assert.deepEqual(told, [503]);
});

test("the badge counts what this person may decide, not what they asked for", async () => {
  answer = { status: 200, body: { items: [{ id: "1", may_decide: true }, { id: "2", may_decide: false }], next: null } };
  const pending = new Pending();
  const left = new AbortController();
  let changes = 0;
  pending.onChange(() => (changes += 1), left.signal);
  await pending.refresh(left.signal);
  assert.deepEqual(pending.forMe().map(({ id }) => id), ["1"]);
  left.abort();
  await pending.refresh(new AbortController().signal);
  assert.equal(changes, 1, "a page that was left is told nothing");
});
