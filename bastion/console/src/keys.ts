// The keyboard: moving through rows, single keys for actions, and the line that tells of both.

import { h } from "./dom.ts";

/** Calls an action when its key is pressed outside of a field and without a modifier. */
export function onKeys(actions: Record<string, (event: KeyboardEvent) => void>, signal: AbortSignal): void {
  const listener = (event: KeyboardEvent): void => {
    const action = Object.hasOwn(actions, event.key) ? actions[event.key] : undefined;
    if (action === undefined || typing(event) || event.repeat) return;
    action(event);
  };
  document.addEventListener("keydown", listener, { signal });
}

/** j and k (or the arrows) move from row to row; Enter follows the row's link by itself. */
export function walkWithKeys(rows: HTMLElement, signal: AbortSignal): void {
  const listener = (event: KeyboardEvent): void => {
    const step = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }[event.key];
    const links = [...rows.querySelectorAll<HTMLAnchorElement>("a.row-link")];
    const current = links.findIndex((link) => link === document.activeElement);
    // Before a row is chosen the arrows scroll the page, as everywhere.
    if (step === undefined || typing(event) || (current < 0 && event.key.startsWith("Arrow"))) return;
    event.preventDefault();
    links[Math.min(Math.max(current + step, 0), links.length - 1)]?.focus();
  };
  document.addEventListener("keydown", listener, { signal });
}

/** What the keys of a page do: each entry is its keys, then the word for them. */
export function keysLine(...entries: string[][]): HTMLElement {
  const line = h("p", { class: "keys faint" });
  for (const entry of entries) {
    const keys = entry.slice(0, -1).flatMap((key) => [h("kbd", {}, key), " "]);
    line.append(h("span", {}, ...keys, entry.at(-1) ?? ""));
  }
  return line;
}

function typing(event: KeyboardEvent): boolean {
  const field = event.target instanceof HTMLInputElement && event.target.type !== "radio" && event.target.type !== "checkbox";
  const inField = field || event.target instanceof HTMLTextAreaElement || event.target instanceof HTMLSelectElement;
  return inField || event.ctrlKey || event.metaKey || event.altKey;
}
