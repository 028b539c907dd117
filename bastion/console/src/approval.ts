// How an approval stands, in words: who is needed, who may decide, what was decided.

import type { Act, Approval, Person, Scope, WhoAmI } from "./api.ts";
import { duration, localTime, visible } from "./format.ts";

/** A choice of time, in the form that the bastion reads and in words. */
export interface Time {
  value: string;
  label: string;
}

export const APPROVE_TIMES: readonly Time[] = [
  { value: "15m", label: "15 minutes" },
  { value: "1h", label: "1 hour" },
  { value: "4h", label: "4 hours" },
  { value: "8h", label: "8 hours" },
];

export const ACCESS_TIMES: readonly Time[] = [
  { value: "30m", label: "30 minutes" },
  { value: "1h", label: "1 hour" },
  { value: "2h", label: "2 hours" },
  { value: "4h", label: "4 hours" },
  { value: "8h", label: "8 hours" },
];

const TONES = { pending: "running", approved: "good", denied: "bad", expired: "cut", cancelled: "cut" } as const;

/** The badge of a state. */
export function standing(approval: Pick<Approval, "state">): { tone: string; label: string } {
  // A newer bastion may know more states than this page.
  const tone = Object.hasOwn(TONES, approval.state) ? TONES[approval.state] : "cut";
  return { tone, label: approval.state === "pending" ? "waiting" : visible(approval.state) };
}

/** What the request is for: `wants to run a command on`, to stand between the person and the target. */
export function wants(approval: Pick<Approval, "kind">): string {
  switch (approval.kind) {
    case "command":
      return "wants to run a command on";
    case "session":
      return "wants to open a session on";
    case "access":
      return "asks for access to";
    default:
      return "waits for an approval on";
  }
}

/** The approvals so far, each person counted once. */
export function approvedBy(approval: Pick<Approval, "votes">): string[] {
  const votes = approval.votes.filter((vote) => vote.approve);
  return votes.filter((vote, place) => votes.findIndex((other) => isSame(other.person, vote.person)) === place).map((vote) => vote.by);
}

/** Who is still needed: `one more person of sre`. */
export function stillNeeded(approval: Pick<Approval, "votes" | "needed">): string {
  const got = approvedBy(approval).length;
  const left = Math.max(0, approval.needed.count - got);
  if (left === 0) return "nobody";
  const people = left === 1 ? (got > 0 ? "one more person" : "one person") : got > 0 ? `${left} more people` : `${left} different people`;
  return `${people} of ${groups(approval)}`;
}

/** Whether the person who is logged in made the request. */
export function isOwn(approval: Pick<Approval, "requester">, who: Pick<WhoAmI, "user">): boolean {
  return isSame(approval.requester.person, who.user.person);
}

/** Whether two are the same person, whatever their names. */
export function isSame(one: Person, other: Person): boolean {
  return one.issuer === other.issuer && one.subject === other.subject;
}

/** What an act reads and where it runs, in words: what is not part of its command. */
export function circumstances(act: Act): string[] {
  const told: string[] = [];
  if (act.stdin.how === "live") {
    told.push(act.kind === "request" ? "Its body is whatever is sent with it: nobody has seen that." : "It reads whatever is sent to it while it runs: nobody has seen that.");
  }
  if (act.kind === "argv") told.push(`A program with ${act.words.length - 1} arguments, without a shell in between.`);
  if (act.terminal !== null) told.push(`It has a terminal (${visible(act.terminal)}).`);
  if (act.container !== null) told.push(`In the container ${visible(act.container)}.`);
  return told;
}

/** Why the person may not decide; null when they may. The bastion says whether, this says why. */
export function whyNot(approval: Approval, who: Pick<WhoAmI, "user">): string | null {
  if (approval.state !== "pending" || approval.may_decide) return null;
  if (isOwn(approval, who)) return "This is your own request: nobody decides their own, whatever their rights.";
  if (approval.votes.some((vote) => isSame(vote.person, who.user.person))) return `You have approved it. It still needs ${stillNeeded(approval)}.`;
  if (!approval.needed.groups.some((group) => who.user.groups.includes(group))) {
    const yours = who.user.groups.length > 0 ? `your groups are ${who.user.groups.map(visible).join(", ")}` : "you are in no group";
    return `Only members of ${groups(approval)} decide this one; ${yours}.`;
  }
  return "You may not decide this one.";
}

/** The scopes that make sense for a request. */
export function scopesOf(approval: Pick<Approval, "kind" | "session">): Scope["scope"][] {
  // Access is given for the time that was asked for.
  if (approval.kind === "access") return ["once"];
  return approval.kind === "command" && approval.session !== null ? ["once", "session", "for"] : ["once", "for"];
}

/** What a person agrees to with a scope. */
export function scopeWords(approval: Pick<Approval, "kind" | "requester" | "lasting_seconds">, scope: Scope): string {
  const name = visible(approval.requester.name);
  if (approval.kind === "access") return approval.lasting_seconds ? `for ${duration(approval.lasting_seconds)}` : "for the time that was asked for";
  if (scope.scope === "for") {
    const time = APPROVE_TIMES.find(({ value }) => value === scope.for)?.label ?? scope.for;
    return approval.kind === "command" ? `as often as ${name} repeats it there in the next ${time}` : `every session there in the next ${time}`;
  }
  if (scope.scope === "session") return `as often as ${name} repeats it in this session`;
  return approval.kind === "command" ? "once, now" : "this one session";
}

/** How it ended, in one sentence; null while it waits. */
export function outcome(approval: Approval): string | null {
  const denied = approval.votes.find((vote) => !vote.approve);
  switch (approval.state) {
    case "pending":
      return null;
    case "approved":
      return `Approved by ${approvedBy(approval).map(visible).join(" and ") || "the bastion"}${reach(approval)}.`;
    case "denied":
      return denied === undefined ? "Denied." : `Denied by ${visible(denied.by)}.`;
    case "expired":
      return "Nobody decided in time, so it was refused.";
    case "cancelled":
      return approval.remark ? `Cancelled: ${visible(approval.remark)}.` : "Taken back before it was decided.";
    default:
      return visible(approval.state);
  }
}

function reach(approval: Approval): string {
  const scope = approval.scope;
  if (scope === null) return "";
  if (scope.until !== null) return `, until ${localTime(scope.until)}`;
  if (approval.kind === "access") return "";
  return scope.scope === "session" ? ", for this session" : ", once";
}

function groups(approval: Pick<Approval, "needed">): string {
  return approval.needed.groups.map(visible).join(" or ") || "nobody";
}
