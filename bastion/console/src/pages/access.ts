// Asking for access to a target for a time: the form, what was asked for, and what is open.

import { access, approvals, askForAccess, type Access, type Approval, type Target } from "../api.ts";
import { ACCESS_TIMES, isSame, outcome, standing, stillNeeded } from "../approval.ts";
import { h } from "../dom.ts";
import { countdown, localTime, visible } from "../format.ts";
import { cancelButton } from "./approvals.ts";
import { problemNote, type Context } from "./page.ts";
import { ticking } from "./ticking.ts";

/** Requests that ended are shown as long as they are among the last ones. */
const RECENT = 5;

export function accessPart(context: Context, reachable: Target[]): HTMLElement {
  const mine = h("div", { class: "my-access" });
  async function show(): Promise<void> {
    const [open, asked] = await Promise.all([access(), ownRequests(context)]);
    if (context.signal.aborted) return;
    mine.replaceChildren(...list(context, open.filter(({ person }) => isSame(person, context.who.user.person)), asked));
  }
  const update = (): void =>
    void show().catch((error: unknown) => {
      if (!context.signal.aborted) mine.replaceChildren(problemNote(error));
    });
  let shown = "";
  context.pending.onChange(() => {
    const now = context.pending.items.filter(({ kind }) => kind === "access").map(({ id, votes }) => `${id} ${votes.length}`).join("\n");
    if (now !== shown) update();
    shown = now;
  }, context.signal);
  ticking(mine, context.signal);
  update();
  return h("section", { class: "access", "aria-label": "Access for a time" }, form(context, reachable, update), mine);
}

function form(context: Context, reachable: Target[], asked: () => void): HTMLElement {
  const names = reachable.map(({ name }) => h("option", { value: name }));
  const send = h("button", { type: "submit", class: "approve" }, "Ask for access");
  const said = h("div", { "aria-live": "polite" });
  const fields = h(
    "form",
    { class: "access-form" },
    field("Target", h("input", { name: "target", required: true, list: "targets", autocomplete: "off", spellcheck: "false", autocapitalize: "off" })),
    field("Login", h("input", { name: "login", placeholder: "none for a cluster", autocomplete: "off", spellcheck: "false", autocapitalize: "off" })),
    field("For", h("select", { name: "for" }, ...ACCESS_TIMES.map(({ value, label }) => h("option", { value, selected: value === "2h" }, label)))),
    field("Reason", h("input", { name: "reason", required: true, maxlength: "500", autocomplete: "off", placeholder: "What you need it for" }), "wide-field"),
    send,
    h("datalist", { id: "targets" }, ...names),
  );
  const value = (name: string): string => String(new FormData(fields).get(name) ?? "").trim();
  fields.addEventListener("submit", (event) => {
    event.preventDefault();
    void submit();
  });
  async function submit(): Promise<void> {
    send.disabled = true;
    said.replaceChildren();
    try {
      const wanted = { target: value("target"), for: value("for"), reason: value("reason") };
      const login = value("login");
      const request = await askForAccess(context.who, login === "" ? wanted : { ...wanted, login });
      fields.reset();
      said.replaceChildren(h("p", { class: "story good" }, `Asked. It needs ${stillNeeded(request)}.`));
      asked();
    } catch (error) {
      if (!context.signal.aborted) said.replaceChildren(problemNote(error));
    }
    send.disabled = false;
  }
  return h(
    "details",
    { class: "note ask" },
    h("summary", {}, "Ask for access to another target or login"),
    h("p", { class: "faint" }, "Somebody approves it, and it ends by itself."),
    fields,
    said,
  );
}

function field(label: string, control: HTMLElement, name = ""): HTMLElement {
  return h("label", { class: `field ${name}` }, h("span", {}, label), control);
}

async function ownRequests(context: Context): Promise<Approval[]> {
  const ask = async (state: string): Promise<Approval[]> =>
    (await approvals(new URLSearchParams({ state, mine: "true", limit: "50" }), context.signal)).items.filter(({ kind }) => kind === "access");
  const [pending, decided] = await Promise.all([ask("pending"), ask("decided")]);
  return [...pending, ...decided.slice(0, RECENT)];
}

function list(context: Context, open: Access[], asked: Approval[]): HTMLElement[] {
  const parts: HTMLElement[] = [];
  if (open.length > 0) parts.push(h("h2", {}, "Open to you for a time"), h("ul", { class: "requests" }, ...open.map(openRow)));
  if (asked.length > 0) parts.push(h("h2", {}, "Your requests"), h("ul", { class: "requests" }, ...asked.map((request) => askedRow(context, request))));
  return parts;
}

function openRow(given: Access): HTMLElement {
  return h(
    "li",
    { class: "request" },
    h("p", { class: "request-who" }, h("strong", {}, given.target_kind === "cluster" ? `${visible(given.target)} (cluster)` : `${visible(given.login)}@${visible(given.target)}`)),
    h("span", { class: "left", title: `Until ${localTime(given.until)}` }, h("time", { "data-until": given.until, datetime: given.until }, countdown(given.until, Date.now())), " left"),
  );
}

function askedRow(context: Context, request: Approval): HTMLElement {
  const { tone, label } = standing(request);
  return h(
    "li",
    { class: "request", "data-id": request.id },
    h("p", { class: "request-who" }, h("a", { href: `/approvals/${encodeURIComponent(request.id)}` }, `${visible(request.login)}@${visible(request.target)}`)),
    h("span", { class: `status ${tone}` }, label),
    h("p", { class: "request-note faint" }, outcome(request) ?? `Needs ${stillNeeded(request)}.`, request.reason === null ? "" : ` “${visible(request.reason)}”`),
    request.state === "pending" ? cancelButton(context, request) : null,
  );
}
