// One request: everything that an approver must see, and the decision.

import { approval, changedApproval, type Act, type Approval, type Vote } from "../api.ts";
import { approvedBy, circumstances, isOwn, outcome, standing, stillNeeded, wants } from "../approval.ts";
import { h } from "../dom.ts";
import { warnings } from "../exact.ts";
import { countdown, duration, localTime, visible } from "../format.ts";
import { keysLine } from "../keys.ts";
import { watch } from "../watch.ts";
import { exact, marked } from "./command.ts";
import { decision } from "./decision.ts";
import { problemNote, setTitle, type Context } from "./page.ts";
import { ticking } from "./ticking.ts";

export async function approvalPage(context: Context, id: string): Promise<void> {
  const first = await approval(id);
  if (context.signal.aborted) return;
  setTitle(context, `${first.requester.name} on ${first.target}`);
  const badge = h("span", { class: "approval-badge" });
  const progress = h("div", { class: "progress", "aria-live": "polite" });
  const offline = h("div", { "aria-live": "polite" });
  const panel = decision(context, first, show);
  const page = h(
    "div",
    { class: "approval", "data-id": first.id },
    h("div", { class: "evidence" }, ...evidence(context, first)),
    h("aside", { class: "side", "aria-label": "Decision" }, h("div", { class: "card" }, progress, panel.element, offline), keysLine(["a", "approve"], ["d", "deny"], ["Esc", "back"])),
  );

  let shown: Approval;
  /** What changes while the page is open; what was asked for never does. */
  function show(now: Approval): void {
    shown = now;
    const { tone, label } = standing(now);
    page.dataset["state"] = now.state;
    badge.replaceChildren(h("span", { class: `status ${tone}` }, label));
    progress.replaceChildren(...standingOf(now));
    panel.show(now);
  }

  show(first);
  context.main.replaceChildren(head(context, first, badge), page);
  // The end of the screen is where the person was typing.
  page.querySelector(".terminal")?.scrollTo(0, 1e6);
  // A decision that the inbox came with waits for its confirmation: Enter gives it.
  page.querySelector<HTMLElement>(".confirm button")?.focus({ preventScroll: true });
  ticking(page, context.signal);
  if (first.state !== "pending") return;
  const each = (now: Approval): boolean => {
    // An older answer does not undo what a decision made here has shown.
    if (shown.state === "pending" && fingerprint(now) !== fingerprint(shown)) show(now);
    return shown.state === "pending";
  };
  await watch(() => changedApproval(id, context.signal), each, context.signal, (problem) => {
    offline.replaceChildren(...(problem === null ? [] : [problemNote(problem)]));
  });
}

function fingerprint(approval: Approval): string {
  return JSON.stringify([approval.state, approval.votes, approval.may_decide, approval.scope]);
}

function head(context: Context, shown: Approval, badge: HTMLElement): HTMLElement {
  const own = isOwn(shown, context.who);
  const name = own ? "You" : visible(shown.requester.name);
  const does = own ? wants(shown).replace(/^wants/, "want").replace(/^asks/, "ask") : wants(shown);
  return h(
    "div",
    { class: "page-head" },
    h("div", {},
      h("p", { class: "faint crumbs" }, h("a", { href: "/approvals" }, "Approvals"), " / ", visible(shown.id)),
      h("h1", {}, name, h("span", { class: "faint" }, ` ${does} `), `${visible(shown.login)}@${visible(shown.target)}`, " ", badge),
    ),
  );
}

function evidence(context: Context, shown: Approval): HTMLElement[] {
  const parts: HTMLElement[] = [];
  if (shown.command !== null) parts.push(commandPart(shown.state === "pending" ? "Exactly this will run" : "The exact command", shown.command, shown.act, shown.commands));
  if (shown.act?.stdin.how === "given") parts.push(inputPart(shown.act.stdin.text));
  if (shown.reason !== null) parts.push(part("Reason", h("blockquote", { class: "reason" }, visible(shown.reason))));
  parts.push(part("Who and where", facts(context, shown)));
  parts.push(
    part(
      "Why it waits",
      h("p", {}, shown.rule === null ? null : h("span", { class: "tag rule" }, `rule ${visible(shown.rule)}`), " ", visible(shown.because)),
    ),
  );
  if (shown.screen !== null) parts.push(screenPart(shown.screen));
  return parts;
}

function commandPart(title: string, command: string, act: Act | null, parsed: string[]): HTMLElement {
  const told = warnings(command).map((warning) => h("p", { class: "story bad" }, warning));
  const asRead = parsed.map((one) => h("li", {}, h("code", {}, ...marked(one))));
  return part(
    title,
    exact(command),
    ...told,
    ...(act === null ? [] : circumstances(act)).map((line) => h("p", { class: "faint" }, line)),
    ...(act?.env ?? []).map(({ name, value }) => h("p", { class: "faint" }, "With ", h("code", {}, ...marked(`${name}=${value}`)), " in its environment.")),
    asRead.length === 0
      ? h("p", { class: "faint" }, "The bastion could not tell which programs this starts.")
      : h("div", { class: "parse" }, h("p", { class: "faint" }, asRead.length === 1 ? "The bastion reads it as one command:" : `The bastion reads it as ${asRead.length} commands:`), h("ol", {}, ...asRead)),
  );
}

/** What it reads is not what it runs: the two stand apart. */
function inputPart(text: string): HTMLElement {
  const told = warnings(text).map((warning) => h("p", { class: "story bad" }, warning));
  return part("Its standard input, exactly", text === "" ? h("p", { class: "faint" }, "Empty.") : exact(text), ...told);
}

function facts(context: Context, shown: Approval): HTMLElement {
  const { person, name, email, groups } = shown.requester;
  const list = h("dl", { class: "facts" });
  const entries: [name: string, content: Node | string][] = [
    ["Person", h("span", {}, visible(name), email ? h("span", { class: "faint" }, ` ${visible(email)}`) : null)],
    ["Subject", h("span", { title: "Who they are to the issuer, whatever their name" }, visible(`${person.issuer}#${person.subject}`))],
    ["Groups", groups.length === 0 ? "none" : h("span", { class: "tags" }, ...groups.map((group) => h("span", { class: "tag" }, visible(group))))],
    ["Target", visible(shown.target)],
    ["Login", visible(shown.login)],
    ...(shown.lasting_seconds ? [["For", duration(shown.lasting_seconds)] satisfies [string, string]] : []),
    ["Asked", localTime(shown.created_at)],
  ];
  if (shown.session !== null) {
    const short = visible(shown.session.slice(-12));
    // Only who may open it gets a link.
    const opens = context.who.console.sessions || isOwn(shown, context.who);
    const link = { href: `/sessions/${encodeURIComponent(shown.session)}`, title: shown.session };
    entries.push(["Session", opens ? h("a", link, short) : h("span", { title: shown.session }, short)]);
  }
  for (const [label, content] of entries) list.append(h("div", {}, h("dt", {}, label), h("dd", {}, content)));
  return list;
}

function screenPart(screen: string): HTMLElement {
  // Line by line: a control character in the text can only ever be written out.
  const lines = screen.replace(/\n+$/, "").split("\n").map((line) => visible(line.replace(/\r$/, "")));
  const box = h("pre", { class: "terminal", tabindex: "0", role: "region", "aria-label": "Screen" }, lines.join("\n"));
  return part("The screen at that moment", box, h("p", { class: "faint" }, "Secrets are masked. The target wrote this text: it shows what was seen, and proves nothing."));
}

function part(title: string, ...content: (HTMLElement | null)[]): HTMLElement {
  return h("section", { class: "part", "aria-label": title }, h("h2", {}, title), ...content);
}

/** Time left, votes so far, and who is still needed. */
function standingOf(shown: Approval): HTMLElement[] {
  const parts: HTMLElement[] = [];
  const ended = outcome(shown);
  if (ended === null) {
    parts.push(
      h("div", { class: "time-left" }, h("time", { "data-until": shown.expires_at, datetime: shown.expires_at }, countdown(shown.expires_at, Date.now())), h("span", { class: "faint" }, " left, then it is refused")),
      h("p", { class: "needed" }, h("strong", {}, `${approvedBy(shown).length} of ${shown.needed.count}`), ` approved · needs ${stillNeeded(shown)}`),
    );
  } else {
    parts.push(h("p", { class: `outcome ${standing(shown).tone}`, role: "status" }, ended));
    if (shown.decided_at !== null) parts.push(h("p", { class: "faint" }, localTime(shown.decided_at)));
  }
  if (shown.votes.length > 0) parts.push(h("ul", { class: "votes" }, ...shown.votes.map(vote)));
  return parts;
}

function vote(cast: Vote): HTMLElement {
  return h(
    "li",
    { class: cast.approve ? "good" : "bad" },
    h("strong", { title: visible(`${cast.person.issuer}#${cast.person.subject}`) }, visible(cast.by)),
    cast.approve ? " approved" : " denied",
    h("time", { class: "faint", datetime: cast.at, title: cast.at }, ` ${localTime(cast.at).slice(11)}`),
    cast.comment ? h("p", { class: "comment" }, visible(cast.comment)) : null,
  );
}
