// A command as an approver must see it: every character, and marks on those that could deceive.
//
// The bastion names what would not be shown as what it is: `⟨ESC⟩`, `⟨U+202E⟩`, `⟨0xFF⟩`. It names the brackets, too, so
// no command can pretend to hold such a name. What it should have left as it is, is written out here in the same way.

import { hidesSomething, visible } from "./format.ts";

/** Why a piece of a command is marked. */
export type Mark =
  /** It would not be visible, or would change how the rest looks; it is written out. */
  | "hidden"
  /** It is not ASCII: it may look like a letter that it is not. */
  | "foreign"
  /** Blanks that are easily overlooked: at an end of a line, or several together. */
  | "blank"
  /** A line ends here: what follows is another line of the same text. */
  | "break";

export interface Piece {
  text: string;
  mark: Mark | null;
  /** What the mark says when it is pointed at. */
  title: string;
}

/** The command in pieces: joined, their texts show every character of it. */
export function pieces(command: string): Piece[] {
  const found: Piece[] = [];
  let rest = 0;
  for (const match of command.matchAll(NOTABLE)) {
    if (match.index > rest) found.push(plain(command.slice(rest, match.index)));
    found.push(marked(match[0]));
    rest = match.index + match[0].length;
  }
  if (rest < command.length) found.push(plain(command.slice(rest)));
  return found;
}

/** What an approver should be told about the whole command, worst first. */
export function warnings(command: string): string[] {
  const marks = new Set(pieces(command).map(({ mark }) => mark));
  const told: string[] = [];
  if (marks.has("hidden")) told.push("It holds characters that would not be visible, or that would change how the rest looks. They are written out in red.");
  if (marks.has("foreign")) told.push("It holds characters beyond ASCII, which may look like others. They are underlined.");
  if (marks.has("break")) told.push("It has more than one line; every line is part of what runs.");
  return told;
}

function plain(text: string): Piece {
  return { text, mark: null, title: "" };
}

function marked(text: string): Piece {
  if (text === "\n" || text === "⟨LF⟩") return { text: "⏎\n", mark: "break", title: "Line break" };
  if (text.startsWith("⟨")) return { text, mark: "hidden", title: "A character that would not be visible, or would deceive" };
  if (text.startsWith(" ")) return { text: "·".repeat(text.length), mark: "blank", title: text.length === 1 ? "A blank" : `${text.length} blanks` };
  const codes = [...text].map(codePoint).join(" ");
  // A blank that is not the usual one: it looks like an argument's end, but is part of the argument.
  if (/^\p{Zs}$/u.test(text)) return { text: `⟨${codePoint(text)}⟩`, mark: "hidden", title: `Blank ${codes}` };
  if (hidesSomething(text)) return { text: visible(text), mark: "hidden", title: `Not visible: ${codes}` };
  return { text, mark: "foreign", title: codes };
}

function codePoint(character: string): string {
  return `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`;
}

// In this order: a line break; a name that the bastion wrote; blanks at an end of a line or several together; one
// character that is a control character, invisible, or a blank of another kind; a run of what else is not ASCII.
const NAME = String.raw`⟨(?:[A-Z][A-Z0-9]{1,2}|U\+[0-9A-F]{4,6}|0x[0-9A-F]{2})⟩`;
const BLANKS = String.raw`(?:^|(?<=⟨LF⟩)) +| +(?=⟨LF⟩|$)| {2,}`;
const INVISIBLE = String.raw`(?! )[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}\u2800]`;
const FOREIGN = String.raw`(?:(?!${INVISIBLE}|${NAME})[^\x00-\x7f])+`;
const NOTABLE = new RegExp(String.raw`\n|${NAME}|${BLANKS}|${INVISIBLE}|${FOREIGN}`, "gmu");
