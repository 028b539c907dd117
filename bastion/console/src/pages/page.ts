// What every page is given, and the pieces that pages share.

import { Problem, type Info, type Session, type WhoAmI } from "../api.ts";
import { h } from "../dom.ts";
import { visible } from "../format.ts";
import { status } from "../status.ts";
import type { Pending } from "../watch.ts";

export interface Context {
  about: Info;
  who: WhoAmI;
  /** The approvals that wait. */
  pending: Pending;
  /** Where the page puts itself. */
  main: HTMLElement;
  /** Aborted when the person leaves the page. */
  signal: AbortSignal;
  navigate(path: string): void;
  /** Shows the page anew, from what the bastion knows now. */
  reload(): void;
}

export function setTitle(context: Context, title: string): void {
  document.title = `${title} · ${context.about.name}`;
  countInTitle(context.pending.forMe().length);
}

/** How many approvals wait for the person, in front of the title: it shows in a tab at the back, too. */
export function countInTitle(waiting: number): void {
  const bare = document.title.replace(/^\(\d+\) /, "");
  document.title = waiting === 0 ? bare : `(${waiting}) ${bare}`;
}

/** What went wrong and what to do about it. */
export function problemNote(error: unknown): HTMLElement {
  const [title, detail] =
    error instanceof Problem
      ? [error.title, error.detail]
      : ["This page failed", error instanceof Error ? error.message : String(error)];
  return h("div", { class: "note problem", role: "alert" }, h("h2", {}, visible(title)), h("p", {}, visible(detail)));
}

export function statusBadge(session: Session): HTMLElement {
  const { tone, label, detail } = status(session);
  return h("span", { class: `status ${tone}`, title: detail }, label);
}

export function kindBadge(session: Session): HTMLElement {
  return h("span", { class: "tag", title: session.pty ? "with a terminal" : "without a terminal" }, visible(session.kind));
}
