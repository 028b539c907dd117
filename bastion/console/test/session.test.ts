import assert from "node:assert/strict";
import { test } from "node:test";
import { routeOf } from "../src/route.ts";
import { lasted, status } from "../src/status.ts";

const ENDED = "2026-11-22T12:00:10Z";

test("every way to end has a label and a tone", () => {
  assert.equal(status({ end: null, ended_at: null }).label, "running");
  assert.deepEqual(pick({ how: "exited", status: 0 }), ["good", "exit 0"]);
  assert.deepEqual(pick({ how: "exited", status: 130 }), ["bad", "exit 130"]);
  assert.deepEqual(pick({ how: "signalled", signal: "KILL" }), ["bad", "SIGKILL"]);
  assert.deepEqual(pick({ how: "cut_off" }), ["cut", "cut off"]);
  assert.deepEqual(pick({ how: "disconnected", reason: "client went away" }), ["cut", "disconnected"]);
  assert.match(status({ end: { how: "terminated", reason: "no \u202espace" }, ended_at: ENDED }).detail, /U\+202E/);
});

test("a running session has lasted until now", () => {
  const started_at = "2026-11-22T12:00:00Z";
  assert.equal(lasted({ started_at, ended_at: null }, new Date("2026-11-22T12:01:00Z")), 60);
  assert.equal(lasted({ started_at, ended_at: ENDED }, new Date("2026-11-22T12:01:00Z")), 10);
});

test("an address names a page, or is unknown", () => {
  assert.deepEqual(routeOf("/"), { page: "sessions" });
  assert.deepEqual(routeOf("/sessions/0190-ab"), { page: "session", id: "0190-ab" });
  assert.deepEqual(routeOf("/audit/"), { page: "audit" });
  for (const path of ["/login", "/sessions/a/b", "/sessions/%ff", "/targets/x"]) assert.deepEqual(routeOf(path), { page: "unknown" });
});

function pick(end: NonNullable<Parameters<typeof status>[0]["end"]>): string[] {
  const { tone, label } = status({ end, ended_at: ENDED });
  return [tone, label];
}
