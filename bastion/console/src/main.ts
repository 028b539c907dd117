// The console's start: who is there, which page is asked for, and moving between pages.

import "./style.css";
import "./approvals.css";
import { info, Problem, whoami, type Info, type WhoAmI } from "./api.ts";
import { h } from "./dom.ts";
import { approvalPage } from "./pages/approval.ts";
import { approvalsPage } from "./pages/approvals.ts";
import { auditPage } from "./pages/audit.ts";
import { landingPage } from "./pages/landing.ts";
import { countInTitle, problemNote, type Context } from "./pages/page.ts";
import { sessionPage } from "./pages/session.ts";
import { sessionsPage } from "./pages/sessions.ts";
import { targetsPage } from "./pages/targets.ts";
import { linkedPath, routeOf } from "./route.ts";
import { frame } from "./frame.ts";
import { Pending } from "./watch.ts";

const root = document.querySelector<HTMLElement>("#console") ?? document.body;

/** Ends what the page before has under way: listeners, timers, a player. */
let leaving = new AbortController();

void start();

async function start(): Promise<void> {
  try {
    followLink();
    const about = await info();
    const who = await whoami().catch((error: unknown) => {
      if (error instanceof Problem && error.loggedOut) return null;
      throw error;
    });
    if (who === null) {
      document.title = `Sign in · ${about.name}`;
      root.replaceChildren(landingPage(about, location.pathname + location.search));
      return;
    }
    run(about, who);
  } catch (error) {
    root.replaceChildren(h("main", { class: "landing" }, problemNote(error)));
  }
}

function run(about: Info, who: WhoAmI): void {
  const { element, main, mark, count } = frame(about, who);
  const login = new AbortController();
  const pending = new Pending();
  root.replaceChildren(element);

  pending.onChange(() => {
    count(pending.forMe().length);
    countInTitle(pending.forMe().length);
  }, login.signal);
  // Only the end of the login ends this; what fails otherwise is tried again.
  void pending.keepUp(login.signal).catch(loggedOut);

  function show(focus: boolean): void {
    leaving.abort();
    leaving = new AbortController();
    const context: Context = { about, who, main, pending, signal: leaving.signal, navigate, reload: () => show(false) };
    followLink();
    const route = routeOf(location.pathname);
    mark(route.page);
    document.title = about.name;
    void open(context, route).catch((error: unknown) => {
      if (context.signal.aborted) return;
      if (error instanceof Problem && error.loggedOut) return loggedOut();
      context.main.replaceChildren(problemNote(error));
    });
    // After a move inside the console the reader's place is the new page, as with a page load.
    if (focus) main.focus({ preventScroll: true });
  }

  /** The login ended while a page was open: start again from the landing page. */
  function loggedOut(): void {
    if (login.signal.aborted) return;
    login.abort();
    leaving.abort();
    void start();
  }

  function navigate(path: string): void {
    history.pushState(null, "", path);
    scrollTo(0, 0);
    show(true);
  }

  addEventListener("popstate", () => show(false), { signal: login.signal });
  document.addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    if (link === null || !staysInside(link, event)) return;
    event.preventDefault();
    navigate(link.pathname + link.search + link.hash);
  }, { signal: login.signal });
  show(false);
}

async function open(context: Context, route: ReturnType<typeof routeOf>): Promise<void> {
  switch (route.page) {
    case "sessions":
      return sessionsPage(context);
    case "session":
      return sessionPage(context, route.id);
    case "approvals":
      return approvalsPage(context);
    case "approval":
      return approvalPage(context, route.id);
    case "targets":
      return targetsPage(context);
    case "audit":
      return auditPage(context);
    case "unknown":
      context.main.replaceChildren(
        h("h1", {}, "There is no such page"),
        h("p", {}, h("a", { href: "/sessions" }, "Go to the sessions")),
      );
  }
}

/** The address of a link in a message, `/#/approvals/ID`, becomes the page's own, which survives a login. */
function followLink(): void {
  const path = linkedPath(location.hash);
  if (path !== null) history.replaceState(null, "", path);
}

function staysInside(link: HTMLAnchorElement, event: MouseEvent): boolean {
  const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
  const inside = link.origin === location.origin && routeOf(link.pathname).page !== "unknown" && link.pathname !== "/login";
  return plain && inside && !link.hasAttribute("download") && !event.defaultPrevented;
}
