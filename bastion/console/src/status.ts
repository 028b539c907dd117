// How a session stands, in words and in the colour that goes with them.

import type { Session } from "./api.ts";
import { secondsBetween, visible } from "./format.ts";

export interface Status {
  /** Chooses the colour of the badge. */
  tone: "running" | "good" | "bad" | "cut";
  label: string;
  /** The whole story, for the session's page and the tooltip. */
  detail: string;
}

export function status(session: Pick<Session, "end" | "ended_at">): Status {
  const end = session.end;
  if (end === null) {
    return session.ended_at === null
      ? { tone: "running", label: "running", detail: "The session is running." }
      : { tone: "cut", label: "ended", detail: "The session ended; how was not noted." };
  }
  switch (end.how) {
    case "exited":
      return end.status === 0
        ? { tone: "good", label: "exit 0", detail: "The program ended by itself and reported success." }
        : { tone: "bad", label: `exit ${end.status}`, detail: `The program ended by itself with status ${end.status}.` };
    case "signalled":
      return { tone: "bad", label: `SIG${visible(end.signal)}`, detail: `The program was ended by SIG${visible(end.signal)}.` };
    case "terminated":
      return { tone: "bad", label: "terminated", detail: `The bastion ended the session: ${visible(end.reason)}` };
    case "disconnected":
      return { tone: "cut", label: "disconnected", detail: `The connection went away: ${visible(end.reason)}` };
    case "cut_off":
      return {
        tone: "cut",
        label: "cut off",
        detail: "The bastion stopped before the session ended; the recording holds what had been written until then.",
      };
    default:
      // A newer bastion may know more ends than this page.
      return { tone: "cut", label: "ended", detail: "The session ended in a way that this page does not know." };
  }
}

/** How long the session took, or has been running for. */
export function lasted(session: Pick<Session, "started_at" | "ended_at">, now: Date): number {
  return Math.max(0, secondsBetween(session.started_at, session.ended_at ?? now.toISOString()));
}

/** What a session ran: its command, or what stands for it. */
export function ran(session: Pick<Session, "kind" | "command">): string | null {
  return session.command === null ? null : visible(session.command);
}
