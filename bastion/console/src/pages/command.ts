// A command on a page, with marks on what could deceive.

import { h } from "../dom.ts";
import { pieces } from "../exact.ts";

/** The command with every character visible; never cut, never scrolled out of sight. */
export function exact(command: string): HTMLElement {
  return h("pre", { class: "exact" }, h("code", {}, ...marked(command)));
}

/** The pieces of a command, to stand in a line of code. */
export function marked(command: string): Node[] {
  return pieces(command).map(({ text, mark, title }) => (mark === null ? document.createTextNode(text) : h("mark", { class: mark, title }, text)));
}
