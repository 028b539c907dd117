// The inbox: what waits for this person, what they asked for themselves, and what was decided.

import { approvals, cancel, type Approval } from "../api.ts";
import { approvedBy, isOwn, outcome, standing, stillNeeded, wants } from "../approval.ts";
import { button, h } from "../dom.ts";
import { ago, countdown, localTime, visible } from "../format.ts";
import { keysLine, onKeys, walkWithKeys } from "../keys.ts";
import { Listing } from "../listing.ts";
import { marked } from "./command.ts";
import { problemNote, setTitle, type Context } from "./page.ts";
import { ticking } from "./ticking.ts";

export async function approvalsPage(context: Context): Promise<void> {
  setTitle(context, "Approvals");
  const waiting = h("div", { class: "waiting" }, h("p", { class: "faint", role: "status" }, "Loading …"));
  const decided = h("div");
  const inbox = h("div", { class: "inbox" }, waiting, decided);
  context.main.replaceChildren(h("div", { class: "page-head" }, h("h1", {}, "Approvals")), inbox);
  ticking(inbox, context.signal);

  let shown = "";
  function showWaiting(): void {
    // The rows are made anew only when they differ: the keyboard's place in them stays.
    const now = fingerprint(context.pending.items);
    if (now === shown) return;
    const before = new Set(shown.split("\n"));
    shown = now;
    keepingFocus(waiting, () => waiting.replaceChildren(...groups(context)));
    // Whatever no longer waits was decided.
    if ([...before].some((line) => line !== "" && !now.includes(idOf(line)))) void showDecided().catch(failed);
  }
  async function showDecided(): Promise<void> {
    const section = await decidedSection(context);
    if (!context.signal.aborted) keepingFocus(decided, () => decided.replaceChildren(section));
  }
  function failed(error: unknown): void {
    if (!context.signal.aborted) decided.replaceChildren(problemNote(error));
  }

  await Promise.all([context.pending.refresh(context.signal), showDecided()]);
  if (context.signal.aborted) return;
  showWaiting();
  context.pending.onChange(showWaiting, context.signal);
  context.main.append(keysLine(["j", "k", "move"], ["Enter", "open"], ["a", "approve"], ["d", "deny"]));
  walkWithKeys(inbox, context.signal);
  onKeys({ a: () => decide("approve"), d: () => decide("deny") }, context.signal);

  /** Opens the chosen request with that decision to confirm: nothing is decided from a list. */
  function decide(decision: "approve" | "deny"): void {
    const link = document.activeElement instanceof HTMLAnchorElement ? document.activeElement : null;
    if (link?.matches(".waiting a.row-link")) context.navigate(`${link.pathname}#${decision}`);
  }
}

function groups(context: Context): HTMLElement[] {
  const { items, more } = context.pending;
  const own = items.filter((approval) => isOwn(approval, context.who));
  const mine = context.pending.forMe();
  const others = items.filter((approval) => !approval.may_decide && !isOwn(approval, context.who));
  const parts = [mine.length > 0 ? section("Waiting for you", mine.map((approval) => row(context, approval))) : nothingWaits()];
  if (own.length > 0) parts.push(section("Your requests", own.map((approval) => row(context, approval))));
  if (others.length > 0) parts.push(section("Waiting for others", others.map((approval) => row(context, approval))));
  if (more) parts.push(h("p", { class: "faint" }, "There are more; they appear as these are decided."));
  return parts;
}

async function decidedSection(context: Context): Promise<HTMLElement> {
  const listing = new Listing<Approval>(new URLSearchParams({ state: "decided" }), (query) => approvals(query, context.signal));
  const list = h("ul", { class: "requests" });
  const below = h("div", { class: "below" });
  async function more(): Promise<void> {
    list.append(...(await listing.next()).map((approval) => row(context, approval)));
    below.replaceChildren(...(listing.more ? [button("Show more", () => void more().catch(failed))] : []));
  }
  function failed(error: unknown): void {
    below.replaceChildren(problemNote(error), button("Try again", () => void more().catch(failed)));
  }
  await more();
  if (listing.items.length === 0) return h("div");
  return h("section", { "aria-label": "Decided", class: "decided" }, h("h2", {}, "Decided"), list, below);
}

function section(title: string, rows: HTMLElement[]): HTMLElement {
  return h("section", { "aria-label": title }, h("h2", {}, title, h("span", { class: "count quiet" }, String(rows.length))), h("ul", { class: "requests" }, ...rows));
}

function row(context: Context, approval: Approval): HTMLElement {
  const pending = approval.state === "pending";
  const own = isOwn(approval, context.who);
  const { tone, label } = standing(approval);
  const name = visible(approval.requester.name);
  const place = `${visible(approval.login)}@${visible(approval.target)}`;
  const when = approval.decided_at ?? approval.expires_at;
  return h(
    "li",
    { class: "request", "data-id": approval.id, "data-state": approval.state },
    h(
      "p",
      { class: "request-who" },
      h("a", { class: "row-link", href: `/approvals/${encodeURIComponent(approval.id)}` }, h("strong", {}, own ? "You" : name), ` ${own ? wants(approval).replace(/^wants/, "want").replace(/^asks/, "ask") : wants(approval)} `, h("strong", {}, place)),
    ),
    pending
      ? h("span", { class: "left", title: `Until ${localTime(approval.expires_at)}` }, h("time", { "data-until": approval.expires_at, datetime: approval.expires_at }, countdown(approval.expires_at, Date.now())), " left")
      : h("span", { class: `status ${tone}`, title: outcome(approval) ?? "" }, label),
    approval.command === null ? null : h("code", { class: "request-command" }, ...marked(approval.command)),
    h("p", { class: "request-note faint" }, pending ? note(approval, own) : `${outcome(approval) ?? ""} ${ago(when, Date.now())}`),
    pending && own ? cancelButton(context, approval) : null,
  );
}

function note(approval: Approval, own: boolean): string {
  const got = approvedBy(approval).map(visible);
  const votes = got.length > 0 ? `Approved by ${got.join(" and ")}; needs ${stillNeeded(approval)}. ` : "";
  const needs = own && got.length === 0 ? `Needs ${stillNeeded(approval)}. ` : "";
  const reason = approval.reason === null ? "" : `“${visible(approval.reason)}” `;
  return `${votes}${needs}${reason}${needs || votes || reason ? "· " : ""}${ago(approval.created_at, Date.now())}`;
}

export function cancelButton(context: Context, approval: Pick<Approval, "id">, label = "Cancel"): HTMLElement {
  const stop = button(label, () => void take(), { class: "small request-cancel" });
  async function take(): Promise<void> {
    stop.disabled = true;
    try {
      await cancel(context.who, approval.id);
      await context.pending.refresh(context.signal);
    } catch (error) {
      if (context.signal.aborted) return;
      stop.replaceWith(problemNote(error));
    }
  }
  return stop;
}

function nothingWaits(): HTMLElement {
  return h(
    "div",
    { class: "note quiet-note" },
    h("h2", {}, "Nothing waits for you"),
    h("p", { class: "faint" }, "A request that you may decide appears here by itself, with a number beside “Approvals” above."),
  );
}

/** What a list shows of its items, one line for each. */
function fingerprint(items: Approval[]): string {
  return items.map((approval) => `${approval.id} ${approval.state} ${approval.may_decide} ${approval.votes.length}`).join("\n");
}

function idOf(line: string): string {
  return line.slice(0, line.indexOf(" "));
}

/** Replaces rows without taking the reader's place from them. */
function keepingFocus(list: HTMLElement, replace: () => void): void {
  const focused = document.activeElement;
  const href = focused instanceof HTMLAnchorElement && list.contains(focused) ? focused.getAttribute("href") : null;
  replace();
  const links = [...list.querySelectorAll<HTMLAnchorElement>("a.row-link")];
  if (href !== null) (links.find((link) => link.getAttribute("href") === href) ?? links[0])?.focus();
}
