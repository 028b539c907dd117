// The page of somebody who is not logged in.

import type { Info } from "../api.ts";
import { h } from "../dom.ts";
import { visible } from "../format.ts";

/** `wanted` is the address to come back to after the login. */
export function landingPage(about: Info, wanted: string): HTMLElement {
  const login = wanted === "/" ? "/login" : `/login?${new URLSearchParams({ return_to: wanted })}`;
  return h(
    "main",
    { class: "landing" },
    h("img", { src: "/icon.svg", alt: "", width: "56", height: "56" }),
    h("h1", {}, visible(about.name)),
    h("p", { class: "lead" }, "Sessions, their recordings, approvals, and the targets that you may reach."),
    h("a", { class: "primary", href: login }, "Sign in"),
    h("p", { class: "faint" }, `through ${host(about.issuer)}`),
  );
}

function host(issuer: string): string {
  try {
    return visible(new URL(issuer).host);
  } catch {
    return visible(issuer);
  }
}
