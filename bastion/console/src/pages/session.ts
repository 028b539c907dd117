// One session: the facts, and its recording in the player.

import { Problem, recording, session, type Session } from "../api.ts";
import { readCast, UnreadableCast } from "../cast.ts";
import { button, h } from "../dom.ts";
import { bytes, duration, hidesSomething, localTime, visible } from "../format.ts";
import { lasted, ran, status } from "../status.ts";
import { runsWebAssembly } from "../wasm.ts";
import { kindBadge, problemNote, setTitle, statusBadge, type Context } from "./page.ts";

/** Above this a browser needs long to load the recording: it asks first. */
const LARGE_BYTES = 64 * 1024 * 1024;

export async function sessionPage(context: Context, id: string): Promise<void> {
  const shown = await session(id);
  if (context.signal.aborted) return;
  setTitle(context, `${shown.user} on ${shown.target}`);
  const stage = h("section", { class: "replay", "aria-label": "Replay" });
  context.main.replaceChildren(head(context, shown), facts(shown), stage);
  if (shown.output_bytes > LARGE_BYTES) {
    stage.append(largeNote(shown, () => void replay(context, shown, stage)));
  } else {
    await replay(context, shown, stage);
  }
}

/** Fetches the recording and shows it; what goes wrong is said in its place. */
async function replay(context: Context, shown: Session, stage: HTMLElement): Promise<void> {
  stage.dataset["state"] = "loading";
  stage.replaceChildren(h("p", { class: "faint", role: "status" }, "Loading the recording …"));
  try {
    if (!(await runsWebAssembly())) {
      stage.replaceChildren(noPlayerNote());
      stage.dataset["state"] = "failed";
      return;
    }
    // The player is fetched beside the recording, and only by this page.
    const [text, { mountReplay }] = await Promise.all([recording(shown), import("../replay.ts")]);
    const cast = readCast(text);
    if (context.signal.aborted) return;
    if (cast.events === 0) {
      stage.replaceChildren(nothingNote(shown));
      stage.dataset["state"] = "empty";
      return;
    }
    await mountReplay(stage, cast, context.signal);
  } catch (error) {
    if (context.signal.aborted) return;
    if (error instanceof Problem && error.loggedOut) throw error;
    stage.replaceChildren(error instanceof UnreadableCast ? unreadableNote(error) : problemNote(error));
    stage.dataset["state"] = "failed";
  }
}

function head(context: Context, shown: Session): HTMLElement {
  const reload = button("Reload", () => context.reload(), { title: "Fetch what has been recorded since" });
  return h(
    "div",
    { class: "page-head" },
    h("div", {},
      h("p", { class: "faint crumbs" }, h("a", { href: "/sessions" }, "Sessions"), " / ", visible(shown.id)),
      h("h1", {}, visible(shown.user), h("span", { class: "faint" }, " on "), `${visible(shown.login)}@${visible(shown.target)}`, " ", statusBadge(shown)),
    ),
    h("div", { class: "actions" },
      status(shown).tone === "running" ? reload : null,
      h("a", { class: "button", href: new URL(shown.recording.url, location.origin).pathname, download: `${shown.id}.cast` }, "Download .cast"),
    ),
  );
}

function facts(shown: Session): HTMLElement {
  const command = ran(shown);
  const entries: [name: string, content: Node | string | null][] = [
    ["Kind", kindBadge(shown)],
    ["Command", command === null ? null : h("code", { class: "whole" }, command)],
    ["Subject", shown.person === null ? "unknown: from before this was kept" : visible(`${shown.person.issuer}#${shown.person.subject}`)],
    ["From", visible(shown.source)],
    ["Started", localTime(shown.started_at)],
    ["Ended", shown.ended_at === null ? null : localTime(shown.ended_at)],
    ["Duration", duration(lasted(shown, new Date()))],
    ["Output", bytes(shown.output_bytes)],
  ];
  const list = h("dl", { class: "facts" });
  for (const [name, content] of entries) {
    if (content !== null) list.append(h("div", { class: `fact-${name.toLowerCase()}` }, h("dt", {}, name), h("dd", {}, content)));
  }
  const story = status(shown);
  return h(
    "section",
    { "aria-label": "Facts" },
    list,
    story.tone === "good" || story.tone === "running" ? null : h("p", { class: `story ${story.tone}` }, story.detail),
    shown.command !== null && hidesSomething(shown.command)
      ? h("p", { class: "story bad" }, "The command holds characters that would not be visible; they are written out.")
      : null,
  );
}

function largeNote(shown: Session, load: () => void): HTMLElement {
  return h(
    "div",
    { class: "note" },
    h("h2", {}, `This recording is large (${bytes(shown.output_bytes)} of output)`),
    h("p", {}, "Loading it takes a while and much memory. You can also download it and use: asciinema play FILE"),
    button("Load it here", load),
  );
}

function noPlayerNote(): HTMLElement {
  return h(
    "div",
    { class: "note problem", role: "alert" },
    h("h2", {}, "This browser cannot show recordings"),
    h("p", {}, "The player needs WebAssembly, which is switched off here (lockdown mode?). Allow it for this site, or download the recording and use: asciinema play FILE"),
  );
}

function nothingNote(shown: Session): HTMLElement {
  return h(
    "div",
    { class: "note" },
    h("h2", {}, "Nothing was shown"),
    h("p", {}, shown.ended_at === null ? "The session has no output so far. Reload to look again." : "The session ended without any output."),
  );
}

function unreadableNote(error: Error): HTMLElement {
  return h(
    "div",
    { class: "note problem", role: "alert" },
    h("h2", {}, "This recording cannot be shown"),
    h("p", {}, `As an asciicast it is not readable: ${error.message}. Download it to look into it.`),
  );
}

