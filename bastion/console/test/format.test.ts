import assert from "node:assert/strict";
import { test } from "node:test";
import { bytes, clock, duration, hidesSomething, localTime, until, visible } from "../src/format.ts";

test("a duration is told in the two units that matter", () => {
  const cases: [number, string][] = [
    [0, "0.0 s"], [0.44, "0.4 s"], [9.94, "9.9 s"], [9.96, "10 s"], [59.4, "59 s"], [59.6, "1 min 00 s"],
    [185, "3 min 05 s"], [3599.6, "1 h 00 min"], [7620, "2 h 07 min"], [86400, "1 d 00 h"], [-1, "–"], [NaN, "–"],
  ];
  for (const [seconds, words] of cases) assert.equal(duration(seconds), words);
});

test("the clock shows hours only when there are some", () => {
  assert.equal(clock(7.9), "00:07");
  assert.equal(clock(3723), "1:02:03");
  assert.equal(clock(-1), "00:00");
});

test("a size is told in binary units", () => {
  assert.equal(bytes(812), "812 B");
  assert.equal(bytes(1434), "1.4 KiB");
  assert.equal(bytes(20 * 1024 * 1024), "20 MiB");
});

test("control characters become visible", () => {
  assert.equal(visible("ls\u001b[2K\r\u0007\u007f"), "ls^[[2K^M^G^?");
  assert.equal(visible("a\nb\tc"), "a⏎b^Ic");
  assert.equal(visible("\u009b31m"), "⟨U+009B⟩31m");
});

test("characters that reorder or hide text become visible", () => {
  assert.equal(visible("rm \u202etxt.exe\u202c"), "rm ⟨U+202E⟩txt.exe⟨U+202C⟩");
  assert.equal(visible("a\u200bb\u2066c\ufeff\u00ad\u3164"), "a⟨U+200B⟩b⟨U+2066⟩c⟨U+FEFF⟩⟨U+00AD⟩⟨U+3164⟩");
  assert.equal(visible("\u{e0041}"), "⟨U+E0041⟩");
});

test("ordinary text of any language stays as it is", () => {
  for (const text of ["echo häßlich", "日本語 ファイル", "مرحبا", "echo 🎉", "a  b"]) {
    assert.equal(visible(text), text);
    assert.equal(hidesSomething(text), false);
  }
  assert.equal(hidesSomething("a\u200bb"), true);
  // The answer does not depend on what was asked before.
  assert.equal(hidesSomething("a\u200bb"), true);
});

test("a time that does not parse is shown as it came", () => {
  assert.equal(localTime("yesterday\u202e"), "yesterday⟨U+202E⟩");
  assert.match(localTime("2026-11-22T12:00:00Z"), /^2026-11-2[123] \d\d:\d\d:\d\d$/);
});

test("the end of a login is told from now", () => {
  const now = Date.parse("2026-11-22T12:00:00Z");
  assert.equal(until("2026-11-22T12:40:30Z", now), "in 40 min");
  assert.equal(until("2026-11-23T00:00:00Z", now), "in 12 h 00 min");
  assert.equal(until("2026-11-22T11:00:00Z", now), "now");
});
