// The targets that the person may reach, hosts and clusters apart, with the lines to reach them.

import { targets, type Target } from "../api.ts";
import { apiServer, connectLines, isCluster, setUpLines } from "../connect.ts";
import { copyLine, h } from "../dom.ts";
import { visible } from "../format.ts";
import { accessPart } from "./access.ts";
import { setTitle, type Context } from "./page.ts";

export async function targetsPage(context: Context): Promise<void> {
  setTitle(context, "Targets");
  const reachable = await targets();
  if (context.signal.aborted) return;
  const hosts = reachable.filter((target) => !isCluster(target));
  const clusters = reachable.filter(isCluster);
  context.main.replaceChildren(
    h("div", { class: "page-head" }, h("h1", {}, "Targets")),
    reachable.length === 0 ? nothing() : setUp(reachable),
    ...group("Hosts", "Plain ssh, scp, sftp, rsync and git reach them by their names.", hosts.map((host) => card(host))),
    ...group(
      "Kubernetes clusters",
      "The line adds a context to your kubeconfig and makes it the current one: plain kubectl, Helm and client libraries then go through the bastion.",
      clusters.map((cluster) => card(cluster, apiServer(context.about, cluster))),
    ),
    accessPart(context, reachable),
  );
}

function setUp(reachable: Target[]): HTMLElement {
  return h(
    "details",
    { class: "note set-up", open: true },
    h("summary", {}, "Once on each machine that you connect from"),
    ...setUpLines(location.origin, reachable).map(copyLine),
  );
}

/** One kind of target; nothing at all where the person reaches none of it. */
function group(title: string, how: string, cards: HTMLElement[]): HTMLElement[] {
  if (cards.length === 0) return [];
  return [h("section", { class: "group", "aria-label": title }, h("h2", {}, title), h("p", { class: "faint" }, how), h("ul", { class: "cards" }, ...cards))];
}

function card(target: Target, server: string | null = null): HTMLElement {
  const labels = Object.entries(target.labels).map(([key, value]) => h("span", { class: "tag" }, `${visible(key)}=${visible(value)}`));
  return h(
    "li",
    { class: "card" },
    h("h3", {}, visible(target.name), ...labels),
    ...connectLines(target).map(copyLine),
    server === null ? null : h("p", { class: "faint" }, "API server: ", h("code", { class: "whole" }, ...breakable(visible(server)))),
    h("p", { class: "faint" }, `Allowed: ${target.capabilities.map(visible).join(", ") || "nothing"}`),
  );
}

/** An address that breaks before its slashes where the line is too short. */
function breakable(address: string): (Node | string)[] {
  return address.split(/(?<=[^:/])(?=\/)/).flatMap((part) => [h("wbr"), part]);
}

function nothing(): HTMLElement {
  return h(
    "div",
    { class: "note" },
    h("h2", {}, "You may reach no target"),
    h("p", {}, "No role of this bastion's rules gives you one. Ask whoever writes the rules, and name your user and groups: they are in the menu at the top right. Where a role lets you ask for access, ask below."),
  );
}
