// What stands around every page: the name, the pages, and who is logged in.

import { logout, type Info, type WhoAmI } from "./api.ts";
import { button, h } from "./dom.ts";
import { until, visible } from "./format.ts";

interface Frame {
  element: HTMLElement;
  /** Where the page goes. */
  main: HTMLElement;
  /** Marks the entry of the page that is shown. */
  mark(page: string): void;
  /** Says how many approvals wait for this person. */
  count(waiting: number): void;
}

export function frame(about: Info, who: WhoAmI): Frame {
  const entries: [page: string, label: string][] = [["sessions", "Sessions"], ["approvals", "Approvals"], ["targets", "Targets"]];
  if (who.console.audit) entries.push(["audit", "Audit log"]);
  const links = entries.map(([page, label]) => h("a", { href: `/${page}`, "data-page": page }, label));
  const badge = h("span", { class: "count", hidden: true });
  links.find((link) => link.dataset["page"] === "approvals")?.append(badge);
  const main = h("main", { id: "main", tabindex: "-1" });
  const header = h(
    "header",
    { class: "top" },
    h("a", { class: "skip", href: "#main" }, "Skip to the page"),
    h("a", { class: "brand", href: "/sessions", title: `${visible(about.name)} ${visible(about.version)}` }, visible(about.name)),
    h("nav", { "aria-label": "Pages" }, ...links),
    account(who),
  );
  return {
    element: h("div", { class: "frame" }, header, main),
    main,
    mark(page) {
      for (const link of links) {
        const here = link.dataset["page"] === page || link.dataset["page"] === `${page}s`;
        if (here) link.setAttribute("aria-current", "page");
        else link.removeAttribute("aria-current");
      }
    },
    count(waiting) {
      badge.hidden = waiting === 0;
      badge.textContent = waiting > 99 ? "99+" : String(waiting);
      badge.setAttribute("aria-label", `${waiting} waiting for you`);
    },
  };
}

/** The menu of the person who is logged in. */
function account(who: WhoAmI): HTMLElement {
  const groups = who.user.groups.map((group) => h("span", { class: "tag" }, visible(group)));
  const signOut = button("Sign out", () => void leave(), { class: "wide" });
  const problem = h("p", { class: "menu-problem", role: "alert" });
  async function leave(): Promise<void> {
    signOut.disabled = true;
    try {
      await logout(who);
      location.assign("/");
    } catch (error) {
      signOut.disabled = false;
      problem.textContent = error instanceof Error ? error.message : "Signing out failed.";
    }
  }
  const menu = h(
    "details",
    { class: "account" },
    h("summary", { "aria-label": `Account of ${who.user.name}` }, visible(who.user.name)),
    h(
      "div",
      { class: "menu" },
      h("p", { class: "menu-name" }, visible(who.user.name)),
      who.user.email ? h("p", { class: "faint" }, visible(who.user.email)) : null,
      groups.length > 0 ? h("p", { class: "tags" }, ...groups) : h("p", { class: "faint" }, "in no group"),
      h("p", { class: "faint" }, `Login ends ${until(who.expires_at, Date.now())}`),
      signOut,
      problem,
    ),
  );
  document.addEventListener("click", (event) => {
    if (event.target instanceof Node && !menu.contains(event.target)) menu.open = false;
  });
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    menu.open = false;
    menu.querySelector("summary")?.focus();
  });
  return menu;
}
