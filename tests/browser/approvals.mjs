// Decides an approval in Chromium as a person would, from the inbox, and prints what the page showed.
//
//   node approvals.mjs '{"web_url":"https://127.0.0.1:8443","ca":"tls-ca.pem","user":"bob","approval":"ID",
//                        "action":"show"|"approve"|"deny"|"cancel","scope":"once"|"session"|"15m"|"1h"|"4h"|"8h",
//                        "comment":"…","screenshot":"/path.png","chromium":"/usr/bin/chromium",
//                        "width":1280,"height":900,"dark":true,"link":true,"confirm":false}'
//
// It signs in through /login as that user, waits until the request is in the inbox (or, with `link`, opens the link of a
// message, /#/approvals/ID), opens it, reads it, and takes the action: the button, then the confirmation; with
// `"confirm":false` it stops before that. It prints one line of JSON:
//   {"badge":number in the navigation,"command","parse":[…],"facts":{…},"because","reason","screen","needed",
//    "may_decide","why_not","state","outcome","votes":[…],"overflow":true if the page scrolls sideways,
//    "title","csp_violations":[],"console_errors":[]}
// `command` and all else is text as a person reads it: after the marks were put in. Everything but `badge` and
// `may_decide` stands as it is after the action. It ends with status 1 and one line on stderr when anything is missing,
// or when the page broke its content security policy or asked another host for something.

import { main, Missing, step, withConsole } from "./console.mjs";

const ENDS = { approve: "approved", deny: "denied", cancel: "cancelled" };

await main("approvals", ["web_url", "user", "approval"], approvals);

function approvals(wanted) {
  const { width = 1280, height = 900, dark = false, action = "show", confirm = true } = wanted;
  const view = { viewport: { width, height }, colorScheme: dark ? "dark" : "light", isMobile: width < 600, hasTouch: width < 600 };
  return withConsole(wanted, view, async (page, base) => {
    await openApproval(page, base, wanted);
    const badge = Number((await page.locator("header .count").textContent()) || "0");
    const may_decide = await page.locator(".decision button.approve").isEnabled({ timeout: 1_000 }).catch(() => false);
    if (action !== "show") await decide(page, action, wanted, confirm);
    return { badge, may_decide, ...(await page.evaluate(readApproval)) };
  });
}

async function openApproval(page, base, { approval, link = false }) {
  const shown = page.locator(`.approval[data-id="${approval}"]`);
  if (link) {
    await page.goto(`${base.origin}/#/approvals/${approval}`);
  } else {
    await step("the navigation has no approvals", () => page.getByRole("navigation").getByRole("link", { name: /^Approvals/ }).click());
    await step("the request is not in the inbox", () => page.locator(`.request[data-id="${approval}"] a.row-link`).click());
  }
  await step("the request's page does not open", () => shown.waitFor());
}

async function decide(page, action, { scope = "once", comment }, confirm) {
  if (action === "cancel") {
    await step("the request cannot be cancelled", () => page.locator(".decision .request-cancel").click());
  } else {
    if (action === "approve" && scope !== "once") await chooseScope(page, scope);
    await step(`the page does not offer to ${action}`, () => page.locator(`.decision button.${action}`).click());
    const dialog = page.locator(".decision .confirm");
    await step("the page does not ask to confirm", () => dialog.waitFor());
    if (comment) await step("there is no place for a comment", () => dialog.locator("textarea").fill(comment));
    if (!confirm) return;
    await step("the decision cannot be confirmed", () => dialog.locator(`button.${action}`).click());
  }
  // Where more people are needed the request goes on waiting, with one vote more.
  const settled = page.locator(`.approval[data-state="${ENDS[action]}"], .approval:has(.why-not), .decision .problem`).first();
  await step("the decision has no effect", () => settled.waitFor());
  const problem = page.locator(".decision .problem");
  if (await problem.count()) throw new Missing(`the decision was refused: ${(await problem.innerText()).replaceAll(/\s+/g, " ")}`);
}

async function chooseScope(page, scope) {
  const kind = scope === "session" ? "session" : "for";
  await step(`there is no scope ${kind}`, () => page.locator(`.scope input[value="${kind}"]`).check());
  if (kind === "for") await step(`there is no time ${scope}`, () => page.locator(".scope select").selectOption(scope));
}

/** Runs in the page: the request as it is shown. */
function readApproval() {
  const text = (selector) => document.querySelector(selector)?.innerText.trim() ?? null;
  const texts = (selector) => [...document.querySelectorAll(selector)].map((element) => element.innerText.trim());
  const facts = [...document.querySelectorAll(".evidence .facts > div")].map((fact) => [fact.querySelector("dt").innerText, fact.querySelector("dd").innerText]);
  return {
    command: document.querySelector(".evidence .exact")?.textContent ?? null,
    parse: texts(".parse li"),
    facts: Object.fromEntries(facts),
    because: text('[aria-label="Why it waits"] p'),
    reason: text(".evidence .reason"),
    screen: document.querySelector(".evidence .terminal")?.textContent ?? null,
    needed: text(".needed"),
    why_not: text(".why-not"),
    state: document.querySelector(".approval").dataset.state,
    outcome: text(".outcome"),
    votes: texts(".votes li"),
    overflow: document.documentElement.scrollWidth > document.documentElement.clientWidth,
  };
}
