// The targets that the person may reach, with the lines to reach them.

import { targets, type Target } from "../api.ts";
import { setUpLines, sshLines } from "../connect.ts";
import { copyLine, h } from "../dom.ts";
import { visible } from "../format.ts";
import { accessPart } from "./access.ts";
import { setTitle, type Context } from "./page.ts";

export async function targetsPage(context: Context): Promise<void> {
  setTitle(context, "Targets");
  const reachable = await targets();
  if (context.signal.aborted) return;
  context.main.replaceChildren(
    h("div", { class: "page-head" }, h("h1", {}, "Targets")),
    reachable.length === 0 ? nothing() : h("div", {}, setUp(), h("ul", { class: "cards" }, ...reachable.map(card))),
    accessPart(context, reachable),
  );
}

function setUp(): HTMLElement {
  return h(
    "details",
    { class: "note set-up", open: true },
    h("summary", {}, "Once on each machine that you connect from"),
    ...setUpLines(location.origin).map(copyLine),
    h("p", { class: "faint" }, "After that plain ssh, scp, sftp, rsync and git reach every target below by its name."),
  );
}

function card(target: Target): HTMLElement {
  const labels = Object.entries(target.labels).map(([key, value]) => h("span", { class: "tag" }, `${visible(key)}=${visible(value)}`));
  return h(
    "li",
    { class: "card" },
    h("h2", {}, visible(target.name), ...labels),
    ...sshLines(target).map(copyLine),
    h("p", { class: "faint" }, `Allowed: ${target.capabilities.map(visible).join(", ") || "nothing"}`),
  );
}

function nothing(): HTMLElement {
  return h(
    "div",
    { class: "note" },
    h("h2", {}, "You may reach no target"),
    h("p", {}, "No role of this bastion's rules gives you one. Ask whoever writes the rules, and name your user and groups: they are in the menu at the top right. Where a role lets you ask for access, ask below."),
  );
}
