import assert from "node:assert/strict";
import { test } from "node:test";
import { ago, countdown } from "../src/format.ts";
import { pieces, warnings } from "../src/exact.ts";

const shown = (command: string): [string, string | null][] => pieces(command).map(({ text, mark }) => [text, mark]);

test("an ordinary command is shown as it is", () => {
  assert.deepEqual(shown("sudo systemctl restart 'a b'"), [["sudo systemctl restart 'a b'", null]]);
  assert.deepEqual(warnings("ls -l"), []);
  assert.deepEqual(pieces(""), []);
});

test("what the bastion named is marked as a whole", () => {
  assert.deepEqual(shown("a⟨U+202E⟩b⟨ESC⟩[2J⟨0xFF⟩"), [["a", null], ["⟨U+202E⟩", "hidden"], ["b", null], ["⟨ESC⟩", "hidden"], ["[2J", null], ["⟨0xFF⟩", "hidden"]]);
  assert.equal(warnings("a⟨U+202E⟩b").length, 1);
});

test("what the bastion should have named is written out all the same", () => {
  for (const [character, text] of [["\u001b", "^["], ["\t", "^I"], ["\u202e", "⟨U+202E⟩"], ["\u200b", "⟨U+200B⟩"], ["\ufe0f", "⟨U+FE0F⟩"], ["\u00a0", "⟨U+00A0⟩"], ["\u3000", "⟨U+3000⟩"], ["\u2028", "⟨U+2028⟩"], ["\u{e0041}", "⟨U+E0041⟩"]]) {
    assert.deepEqual(shown(`a${character}b`), [["a", null], [text, "hidden"], ["b", null]]);
  }
});

test("every line and every blank that is easily overlooked is seen", () => {
  assert.deepEqual(shown("a \nb"), [["a", null], ["·", "blank"], ["⏎\n", "break"], ["b", null]]);
  assert.deepEqual(shown("a⟨LF⟩ b"), [["a", null], ["⏎\n", "break"], ["·", "blank"], ["b", null]]);
  assert.deepEqual(shown(" a   b "), [["·", "blank"], ["a", null], ["···", "blank"], ["b", null], ["·", "blank"]]);
  assert.match(warnings("a⟨LF⟩b").join(), /more than one line/);
});

test("letters that may look like others are marked and still shown", () => {
  assert.deepEqual(shown("cat größe"), [["cat gr", null], ["öß", "foreign"], ["e", null]]);
  assert.deepEqual(shown("ü⟨ESC⟩"), [["ü", "foreign"], ["⟨ESC⟩", "hidden"]]);
});

test("no character of a command is lost", () => {
  const command = "  cat  ⟨NUL⟩ é\u0301 'x' ⟨ | sh ";
  const undone = pieces(command).map(({ text, mark }) => (mark === "blank" ? " ".repeat(text.length) : text)).join("");
  assert.equal(undone, command);
});

test("the time left counts down to nothing", () => {
  const now = Date.parse("2026-11-22T12:00:00Z");
  assert.equal(countdown("2026-11-22T12:04:59Z", now), "4:59");
  assert.equal(countdown("2026-11-22T13:04:05Z", now), "1:04:05");
  assert.equal(countdown("2026-11-22T12:00:00.200Z", now), "0:01");
  assert.equal(countdown("2026-11-22T11:00:00Z", now), "0:00");
  assert.equal(ago("2026-11-22T11:55:00Z", now), "5 min ago");
  assert.equal(ago("2026-11-22T12:00:00Z", now), "just now");
});
