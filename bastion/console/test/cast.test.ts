import assert from "node:assert/strict";
import { test } from "node:test";
import { fullTime, momentOf, readCast, shortTime, UnreadableCast } from "../src/cast.ts";

const HEADER = '{"version":3,"term":{"cols":80,"rows":24}}\n';

test("markers stand at the sum of the intervals before them", () => {
  const cast = readCast(`${HEADER}[0.5,"o","a"]\n[1.25,"m","ls"]\n[0.25,"o","b"]\n`);
  assert.deepEqual(cast.markers, [{ time: 1.75, label: "ls" }]);
  assert.equal(cast.duration, 2);
  assert.equal(cast.events, 3);
});

test("a line that is still being written is left out", () => {
  const cast = readCast(`${HEADER}[0.5,"o","a"]\n[0.5,"o","b`);
  assert.equal(cast.events, 1);
  assert.ok(cast.text.endsWith('"a"]\n'));
});

test("a recording without events is readable", () => {
  assert.equal(readCast(HEADER).events, 0);
});

test("the largest size counts every resize", () => {
  const cast = readCast(`${HEADER}[0,"r","132x10"]\n[0,"r","20x40"]\n`);
  assert.deepEqual([cast.widest, cast.tallest], [132, 40]);
});

test("sizes that no player shows are bounded, for the player too", () => {
  const cast = readCast(`${HEADER}[0.5,"r","120x65535"]\n[0,"o","a"]\n[0,"r","80x24"]\n`);
  assert.deepEqual([cast.widest, cast.tallest], [120, 500]);
  assert.equal(cast.text, `${HEADER}[0.5,"r","120x500"]\n[0,"o","a"]\n[0,"r","80x24"]\n`);
  const huge = readCast('{"version":3,"term":{"cols":65535,"rows":3,"type":"xterm"},"title":"a"}\n[0,"o","a"]\n');
  assert.equal(huge.cols, 1000);
  assert.deepEqual(JSON.parse(huge.text.split("\n")[0] ?? ""), { version: 3, term: { cols: 1000, rows: 3, type: "xterm" }, title: "a" });
});

test("the first output is where the screen stops being empty", () => {
  assert.equal(readCast(`${HEADER}[0.5,"m","a"]\n[0.5,"o","b"]\n[1,"o","c"]\n`).firstOutput, 1);
  assert.equal(readCast(`${HEADER}[0.5,"x","0"]\n`).firstOutput, 0);
});

test("a header without a size gets the size that the player takes", () => {
  assert.equal(readCast('{"version":3,"term":{"cols":0,"rows":0}}\n').cols, 80);
});

test("what is not an asciicast v3 is refused with the place", () => {
  assert.throws(() => readCast(""), UnreadableCast);
  assert.throws(() => readCast("<html>\n"), UnreadableCast);
  assert.throws(() => readCast('{"version":2,"width":80,"height":24}\n'), /version 3/);
  assert.throws(() => readCast(`${HEADER}{}\n`), /line 2/);
  assert.throws(() => readCast(`${HEADER}[0,"o","a"]\n[0,\n`), /line 3/);
});

test("comments and empty lines are not events", () => {
  assert.equal(readCast(`${HEADER}# note\n\n[0.1,"o","x"]\n`).events, 1);
});

test("an address names a moment inside the recording or none", () => {
  assert.equal(momentOf("#t=12.5", 60), 12.5);
  assert.equal(momentOf("#t=end", 60), 60);
  assert.equal(momentOf("#t=99", 60), 60);
  for (const hash of ["", "#", "#t=", "#t=-1", "#t=abc", "#main"]) assert.equal(momentOf(hash, 60), null);
});

test("a moment is found again whether pauses are cut or not", () => {
  const { pauses, duration } = readCast(`${HEADER}[1,"o","a"]\n[10,"o","b"]\n[1,"o","c"]\n[3,"o","d"]\n`);
  assert.deepEqual(pauses, [{ start: 1, length: 10 }, { start: 12, length: 3 }]);
  assert.equal(duration, 15);
  const times: [full: number, short: number][] = [[0, 0], [1, 1], [2.5, 2.5], [11, 3], [11.5, 3.5], [12, 4], [13.9, 5.9], [15, 6]];
  for (const [full, short] of times) {
    assert.ok(Math.abs(shortTime(pauses, full) - short) < 1e-9, `${full} cut`);
    assert.ok(Math.abs(fullTime(pauses, short) - full) < 1e-9, `${short} in full`);
  }
  // Inside the part that is cut out every moment is the same one.
  assert.equal(shortTime(pauses, 7), 3);
});
