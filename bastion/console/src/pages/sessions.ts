// The sessions that the person may see, newest first.

import { sessions, targets, type Session } from "../api.ts";
import { connectLines, setUpLines } from "../connect.ts";
import { button, copyLine, h } from "../dom.ts";
import { duration, hidesSomething, localTime, visible } from "../format.ts";
import { keysLine, walkWithKeys } from "../keys.ts";
import { filterOf, Listing } from "../listing.ts";
import { lasted, ran } from "../status.ts";
import { kindBadge, problemNote, setTitle, statusBadge, type Context } from "./page.ts";

const FILTERS = ["user", "target", "running"] as const;
const COLUMNS = ["Started", "User", "Target", "Kind", "Command", "Duration", "Status"] as const;

export async function sessionsPage(context: Context): Promise<void> {
  setTitle(context, "Sessions");
  const filter = filterOf(location.search, FILTERS);
  const listing = new Listing<Session>(filter, sessions);
  const rows = h("tbody");
  const table = h(
    "table",
    { class: "listing sessions", "aria-label": "Sessions" },
    h("thead", {}, h("tr", {}, ...COLUMNS.map((column) => h("th", { scope: "col" }, column)))),
    rows,
  );
  const below = h("div", { class: "below" });
  const body = h("div", {}, h("p", { class: "faint", role: "status" }, "Loading …"));
  context.main.replaceChildren(
    h("div", { class: "page-head" }, h("h1", {}, "Sessions"), filterForm(context, filter)),
    body,
  );

  async function more(): Promise<void> {
    const page = await listing.next();
    rows.append(...page.map(row));
    const next = button("Show more", () => void more().catch(failed));
    const missing = listing.unreadable.size;
    const bad = missing > 0 ? [h("p", { role: "alert" }, `${missing} sessions cannot be read: ${[...listing.unreadable].join(", ")}. Tell the operator.`)] : [];
    below.replaceChildren(...bad, listing.more ? next : h("p", { class: "faint" }, total(listing.items.length)));
  }
  function failed(error: unknown): void {
    below.replaceChildren(problemNote(error), button("Try again", () => void more().catch(failed)));
  }

  await more();
  if (context.signal.aborted) return;
  if (listing.items.length === 0 && listing.unreadable.size === 0) body.replaceChildren(filter.size > 0 ? noMatch() : await firstSteps());
  else body.replaceChildren(table, below, keysLine(["j", "k", "move"], ["Enter", "open"]));
  walkWithKeys(rows, context.signal);
}

function row(session: Session): HTMLTableRowElement {
  const command = ran(session);
  const started = h("time", { datetime: session.started_at, title: session.started_at }, localTime(session.started_at));
  const label = `Session of ${session.user} on ${session.target}, ${localTime(session.started_at)}`;
  const cells: [name: string, content: Node | string][] = [
    ["started", h("a", { class: "row-link", href: `/sessions/${session.id}`, "aria-label": label }, started)],
    ["user", visible(session.user)],
    ["target", h("span", {}, h("span", { class: "faint" }, `${visible(session.login)}@`), visible(session.target))],
    ["kind", kindBadge(session)],
    ["command", command === null ? "" : h("code", commandAttributes(session.command ?? "", command), command)],
    ["duration", duration(lasted(session, new Date()))],
    ["state", statusBadge(session)],
  ];
  return h("tr", {}, ...cells.map(([name, content]) => h("td", { class: name }, content)));
}

function commandAttributes(command: string, shown: string): Record<string, string> {
  return hidesSomething(command)
    ? { class: "marked", title: `${shown}\n\nHolds characters that would not be visible; they are written out.` }
    : { title: shown };
}

function filterForm(context: Context, filter: URLSearchParams): HTMLFormElement {
  const field = (name: string, label: string): HTMLElement =>
    h("input", { name, "aria-label": label, placeholder: label, value: filter.get(name) ?? "", autocomplete: "off", spellcheck: "false" });
  const running = h("input", { type: "checkbox", name: "running", value: "true", checked: filter.get("running") === "true" });
  const form = h(
    "form",
    { class: "filter", role: "search", "aria-label": "Filter sessions" },
    // Without the right to see everybody's sessions there is only one user to filter by.
    context.who.console.sessions ? field("user", "User") : null,
    field("target", "Target"),
    h("label", { class: "check" }, running, "Running"),
    h("button", { type: "submit" }, "Filter"),
  );
  function apply(): void {
    const entries = new FormData(form);
    const query = filterOf(new URLSearchParams([...entries].map(([key, value]) => [key, String(value)])).toString(), FILTERS);
    context.navigate(query.size > 0 ? `/sessions?${query}` : "/sessions");
  }
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    apply();
  });
  running.addEventListener("change", apply);
  return form;
}

function noMatch(): HTMLElement {
  return h(
    "div",
    { class: "note" },
    h("h2", {}, "No session matches this filter"),
    h("p", {}, h("a", { href: "/sessions" }, "Show all sessions")),
  );
}

/** Nobody has connected yet: what to type to change that. */
async function firstSteps(): Promise<HTMLElement> {
  const reachable = await targets().catch(() => []);
  const lines = [...setUpLines(location.origin, reachable.slice(0, 1)), ...reachable.slice(0, 1).flatMap(connectLines).slice(0, 1)];
  return h(
    "div",
    { class: "note" },
    h("h2", {}, "No sessions yet"),
    h("p", {}, "A session appears here as soon as you connect to a target. In a terminal:"),
    ...lines.map(copyLine),
    reachable.length === 0
      ? h("p", {}, "You may reach no target so far: ask whoever writes this bastion's rules.")
      : h("p", {}, h("a", { href: "/targets" }, "All targets that you may reach")),
  );
}

function total(count: number): string {
  return count === 1 ? "1 session" : `${count} sessions`;
}
