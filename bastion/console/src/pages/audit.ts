// The audit log, newest first: every event with all of its fields.

import { audit, type AuditKind, type AuditRecord } from "../api.ts";
import { button, h } from "../dom.ts";
import { localTime, visible, words } from "../format.ts";
import { filterOf, Listing } from "../listing.ts";
import { problemNote, setTitle, type Context } from "./page.ts";

const FILTERS = ["user", "kind", "session"] as const;
/** What the filter offers: the compiler says when the bastion writes a kind of event that is not here. */
const KINDS: Record<AuditKind, true> = {
  access_ended: true, access_granted: true, access_refused: true, approval_decided: true, approval_requested: true,
  approval_voted: true, certificate_issued: true, channel_opened: true, channel_refused: true, command_blocked: true,
  command_held: true, command_observed: true, connection_authenticated: true, connection_refused: true,
  gate_tripped: true, kube_request: true, logged_in: true, logged_out: true, login_failed: true, name_bound: true,
  name_released: true, port_closed: true, port_opened: true, port_refused: true, recording_failed: true,
  recording_viewed: true, refusals_summed: true, revoked_keys_rejected: true, revoked_keys_reloaded: true,
  rules_rejected: true, rules_reloaded: true, session_ended: true, session_started: true, store_recovered: true,
  target_unavailable: true, unreadable_row: true,
};
/** Fields with a column of their own. */
const PLACED = new Set(["seq", "at", "v", "kind", "user", "person", "session"]);

export async function auditPage(context: Context): Promise<void> {
  setTitle(context, "Audit log");
  const filter = filterOf(location.search, FILTERS);
  const listing = new Listing<AuditRecord>(filter, audit);
  const rows = h("tbody");
  const table = h(
    "table",
    { class: "listing audit", "aria-label": "Audit events" },
    h("thead", {}, h("tr", {}, ...["Time", "Event", "User", "Session", "Details"].map((column) => h("th", { scope: "col" }, column)))),
    rows,
  );
  const below = h("div", { class: "below" });
  const body = h("div", {}, h("p", { class: "faint", role: "status" }, "Loading …"));
  context.main.replaceChildren(h("div", { class: "page-head" }, h("h1", {}, "Audit log"), filterForm(context, filter)), body);

  async function more(): Promise<void> {
    rows.append(...(await listing.next()).map(row));
    const next = button("Show more", () => void more().catch(failed));
    below.replaceChildren(listing.more ? next : h("p", { class: "faint" }, "These are all events."));
  }
  function failed(error: unknown): void {
    below.replaceChildren(problemNote(error), button("Try again", () => void more().catch(failed)));
  }

  await more();
  if (context.signal.aborted) return;
  if (listing.items.length > 0) body.replaceChildren(table, below);
  else body.replaceChildren(h("div", { class: "note" }, h("h2", {}, "No event matches"), h("p", {}, h("a", { href: "/audit" }, "Show all events"))));
}

function row(record: AuditRecord): HTMLTableRowElement {
  const session = typeof record["session"] === "string" ? record["session"] : null;
  const details = Object.entries(record)
    .filter(([name, value]) => !PLACED.has(name) && value !== null)
    .map(([name, value]) => h("span", { class: "detail" }, h("span", { class: "faint" }, `${words(name)} `), h("code", {}, shown(value))));
  return h(
    "tr",
    {},
    h("td", { class: "started" }, h("time", { datetime: record.at, title: record.at }, localTime(record.at))),
    h("td", { class: "event" }, words(record.kind)),
    h("td", { class: "user", title: record.person ? visible(`${record.person.issuer}#${record.person.subject}`) : undefined }, shown(record["user"] ?? "")),
    h("td", { class: "session" }, session === null ? "" : h("a", { href: `/sessions/${encodeURIComponent(session)}`, title: session }, visible(session.slice(-8)))),
    h("td", { class: "details" }, ...details),
  );
}

function shown(value: unknown): string {
  return visible(typeof value === "string" ? value : JSON.stringify(value));
}

function filterForm(context: Context, filter: URLSearchParams): HTMLFormElement {
  const kind = h(
    "select",
    { name: "kind", "aria-label": "Event" },
    h("option", { value: "" }, "All events"),
    ...Object.keys(KINDS).map((name) => h("option", { value: name, selected: filter.get("kind") === name }, words(name))),
  );
  const form = h(
    "form",
    { class: "filter", role: "search", "aria-label": "Filter events" },
    h("input", { name: "user", "aria-label": "User", placeholder: "User", value: filter.get("user") ?? "", autocomplete: "off", spellcheck: "false" }),
    h("input", { name: "session", "aria-label": "Session", placeholder: "Session", value: filter.get("session") ?? "", autocomplete: "off", spellcheck: "false" }),
    kind,
    h("button", { type: "submit" }, "Filter"),
  );
  function apply(): void {
    const query = filterOf(new URLSearchParams([...new FormData(form)].map(([key, value]) => [key, String(value)])).toString(), FILTERS);
    context.navigate(query.size > 0 ? `/audit?${query}` : "/audit");
  }
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    apply();
  });
  kind.addEventListener("change", apply);
  return form;
}
