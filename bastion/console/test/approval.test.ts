import assert from "node:assert/strict";
import { test } from "node:test";
import type { Act, Approval, Person, WhoAmI } from "../src/api.ts";
import { approvedBy, circumstances, isOwn, outcome, scopesOf, scopeWords, stillNeeded, whyNot } from "../src/approval.ts";
import { linkedPath, routeOf } from "../src/route.ts";

const WAITING: Approval = {
  id: "019ab2f0", kind: "command", state: "pending", requester: { person: { issuer: "https://id", subject: "sub of alice" }, name: "alice", email: null, groups: ["engineering"] }, target: "web1", login: "deploy",
  session: "019ab2c3", rule: null, because: "", command: "id", act: null, commands: ["id"], screen: null, reason: null, lasting_seconds: null, remark: null, url: "", needed: { groups: ["sre"], count: 2 },
  votes: [], scope: null, created_at: "2026-11-22T12:00:00Z", expires_at: "2026-11-22T12:15:00Z", decided_at: null, may_decide: false,
};
const AT = "2026-11-22T12:01:00Z";
const someone = (name: string): Person => ({ issuer: "https://id", subject: `sub of ${name}` });
const yes = (by: string): Approval["votes"][number] => ({ person: someone(by), by, approve: true, comment: null, at: AT });
const person = (name: string, ...groups: string[]): { user: WhoAmI["user"] } => ({ user: { person: someone(name), name, email: null, groups } });

test("who may not decide is told why", () => {
  assert.match(whyNot(WAITING, person("alice", "sre")) ?? "", /own request/);
  assert.match(whyNot(WAITING, person("erin", "engineering")) ?? "", /Only members of sre.*engineering/);
  assert.match(whyNot(WAITING, person("erin")) ?? "", /in no group/);
  assert.match(whyNot({ ...WAITING, votes: [yes("bob")] }, person("bob", "sre")) ?? "", /You have approved.*one more person of sre/);
  assert.notEqual(whyNot(WAITING, person("bob", "sre")), null, "the bastion's answer counts, whatever the groups");
  assert.equal(whyNot({ ...WAITING, may_decide: true }, person("bob", "sre")), null);
});

test("each person is counted once", () => {
  assert.equal(stillNeeded(WAITING), "2 different people of sre");
  assert.equal(stillNeeded({ ...WAITING, votes: [yes("bob"), yes("bob")] }), "one more person of sre");
  assert.equal(stillNeeded({ ...WAITING, votes: [yes("bob"), yes("dave")] }), "nobody");
});

test("every end is told in a sentence", () => {
  const denied = { person: someone("bob"), by: "bob", approve: false, comment: "no", at: AT };
  assert.equal(outcome(WAITING), null);
  assert.equal(outcome({ ...WAITING, state: "denied", votes: [denied] }), "Denied by bob.");
  assert.equal(outcome({ ...WAITING, state: "approved", votes: [yes("bob"), yes("dave")], scope: { scope: "session", until: null } }), "Approved by bob and dave, for this session.");
  assert.match(outcome({ ...WAITING, state: "expired" }) ?? "", /refused/);
  assert.match(outcome({ ...WAITING, state: "cancelled", remark: "the bastion restarted" }) ?? "", /restarted/);
});

test("a scope is offered only where it means something", () => {
  assert.deepEqual(scopesOf(WAITING), ["once", "session", "for"]);
  assert.deepEqual(scopesOf({ ...WAITING, session: null }), ["once", "for"]);
  assert.deepEqual(scopesOf({ ...WAITING, kind: "access" }), ["once"]);
  assert.match(scopeWords(WAITING, { scope: "for", for: "4h" }), /alice.*4 hours/);
  assert.equal(scopeWords({ ...WAITING, kind: "access", lasting_seconds: 7200 }, { scope: "once" }), "for 2 h 00 min");
});

test("people are told apart by who they are, not by their names", () => {
  assert.equal(isOwn(WAITING, person("alice")), true);
  assert.equal(isOwn(WAITING, person("bob")), false);
  const renamed = { user: { ...person("alice").user, name: "alice.smith" } };
  const impostor = { user: { ...person("mallory").user, name: "alice" } };
  assert.deepEqual([isOwn(WAITING, renamed), isOwn(WAITING, impostor)], [true, false]);
  const two = [yes("bob"), { ...yes("another bob"), by: "bob" }, yes("bob")];
  assert.deepEqual(approvedBy({ votes: two }), ["bob", "bob"]);
});

test("what is read and where it runs stands apart from the command", () => {
  const act: Act = { kind: "exec", protocol: "ssh", words: ["sh -s"], stdin: { how: "given", text: "id⟨LF⟩" }, terminal: null, container: null, env: [] };
  assert.deepEqual(circumstances(act), []);
  assert.match(circumstances({ ...act, stdin: { how: "live" }, terminal: "xterm" }).join(" "), /nobody has seen that.*terminal \(xterm\)/);
  assert.match(circumstances({ ...act, kind: "argv", words: ["sh", "-c", "a b"], container: "web" }).join(" "), /2 arguments.*container web/);
});

test("a link in a message leads to the page, and nowhere else", () => {
  assert.deepEqual(routeOf("/approvals/019ab2f0"), { page: "approval", id: "019ab2f0" });
  assert.equal(linkedPath("#/approvals/019ab2f0"), "/approvals/019ab2f0");
  assert.equal(linkedPath("#/approvals"), "/approvals");
  for (const fragment of ["", "#main", "#t=12", "#/elsewhere", "#//evil.example/approvals", "#//approvals"]) assert.equal(linkedPath(fragment), null);
});
