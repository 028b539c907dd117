// The bastion's HTTP API as the console uses it: the shapes of its answers, and one way to ask.
//
// The shapes are those of the API's description (`openapi.ts`); where one is narrowed here, a comment says why.

import type { components } from "./openapi.ts";

type Schemas = components["schemas"];

export type Info = Schemas["BastionInfo"];
export type WhoAmI = Schemas["WhoAmI"];
/** Who somebody is to their issuer; a name may change, this does not. */
export type Person = Schemas["SubjectId"];
export type Session = Schemas["SessionItem"];
export type Target = Schemas["TargetItem"];
/** Access to a target that was asked for and given, for a time. */
export type Access = Schemas["AccessItem"];
/** Something that waits, or waited, for other people to allow it. */
export type Approval = Schemas["ApprovalView"] & {
  // Missing only in the webhook's deliveries, which have the same shape.
  may_decide: boolean;
};
/** What is asked for, part by part. */
export type Act = Schemas["ActView"];
export type Vote = Schemas["VoteView"];

/** How far an approval reaches; the description cannot say that a time belongs to `for` and to nothing else. */
export type Scope = Pick<Schemas["ApproveRequest"], "scope" | "for"> & ({ scope: "once" | "session"; for?: never } | { scope: "for"; for: string });

/** The log is shown as it is, field by field: every kind has others, and a page that lists them all needs no list of them. */
export type AuditRecord = Schemas["AuditRecord"] & { [field: string]: unknown };
export type AuditKind = Schemas["AuditRecord"]["kind"];

/** One page of a listing; the description has one such shape for each kind of item. */
export type Page<T> = Omit<Schemas["Page_SessionItem"], "items"> & { items: T[] };

/** An answer that is not a success, in the words of its problem document (RFC 9457). */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
  ) {
    super(detail || title);
  }

  /** The login ended, or there never was one. */
  get loggedOut(): boolean {
    return this.status === 401;
  }
}

export function info(): Promise<Info> {
  return json("/api/v1/info");
}

export function whoami(): Promise<WhoAmI> {
  return json("/api/v1/whoami");
}

export function sessions(query: URLSearchParams): Promise<Page<Session>> {
  return json(`/api/v1/sessions?${query}`);
}

export function session(id: string): Promise<Session> {
  return json(`/api/v1/sessions/${encodeURIComponent(id)}`);
}

export async function targets(): Promise<Target[]> {
  return (await json<Schemas["Targets"]>("/api/v1/targets")).items;
}

export function audit(query: URLSearchParams): Promise<Page<AuditRecord>> {
  return json(`/api/v1/audit?${query}`);
}

export function approvals(query: URLSearchParams, signal?: AbortSignal): Promise<Page<Approval>> {
  return json(`/api/v1/approvals?${query}`, signal ? { signal } : {});
}

export function approval(id: string): Promise<Approval> {
  return json(approvalPath(id));
}

/** Answers as soon as the approval changes, at the latest after half a minute. */
export function changedApproval(id: string, signal: AbortSignal): Promise<Approval> {
  return json(`${approvalPath(id)}?wait=30`, { signal });
}

export function approve(who: WhoAmI, id: string, scope: Scope, comment: string): Promise<Approval> {
  const vote: Schemas["ApproveRequest"] = comment === "" ? scope : { ...scope, comment };
  return change(who, "POST", `${approvalPath(id)}/approve`, vote);
}

export function deny(who: WhoAmI, id: string, comment: string): Promise<Approval> {
  const vote: Schemas["DenyRequest"] = comment === "" ? {} : { comment };
  return change(who, "POST", `${approvalPath(id)}/deny`, vote);
}

/** Takes a request of one's own back. */
export function cancel(who: WhoAmI, id: string): Promise<Approval> {
  return change(who, "DELETE", approvalPath(id));
}

export function askForAccess(who: WhoAmI, wanted: Schemas["AccessRequest"]): Promise<Approval> {
  return change(who, "POST", "/api/v1/access", wanted);
}

export async function access(): Promise<Access[]> {
  return (await json<Schemas["AccessList"]>("/api/v1/access")).items;
}

/** The recording of a session as asciicast text. The bastion logs that it was viewed. */
export async function recording(session: Session): Promise<string> {
  // Only a path is followed: a recording is never fetched from another place than the bastion.
  const url = new URL(session.recording.url, location.origin);
  return (await ask(url.pathname)).text();
}

/** Ends the login of this browser. */
export async function logout(who: WhoAmI): Promise<void> {
  await ask("/logout", {
    method: "POST",
    headers: { "X-Bastion-CSRF": who.csrf ?? "" },
    redirect: "manual",
  });
}

function approvalPath(id: string): string {
  return `/api/v1/approvals/${encodeURIComponent(id)}`;
}

async function json<T>(path: string, init: RequestInit = {}): Promise<T> {
  return (await (await ask(path, { headers: { Accept: "application/json" }, ...init })).json()) as T;
}

/** A request that changes something: it shows that the console made it. */
function change<T>(who: WhoAmI, method: "POST" | "DELETE", path: string, body?: object): Promise<T> {
  const headers = { Accept: "application/json", "X-Bastion-CSRF": who.csrf ?? "" };
  if (body === undefined) return json(path, { method, headers });
  return json(path, { method, headers: { ...headers, "Content-Type": "application/json" }, body: JSON.stringify(body) });
}

async function ask(path: string, init: RequestInit = {}): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, { credentials: "same-origin", cache: "no-store", ...init });
  } catch {
    throw new Problem(0, "The bastion did not answer", "Check your network connection, then reload this page.");
  }
  // A redirect that is not followed has status 0; here it means that the request was accepted.
  if (response.ok || response.type === "opaqueredirect") return response;
  throw await problem(response);
}

async function problem(response: Response): Promise<Problem> {
  const title = `The bastion answered ${response.status}`;
  try {
    const body = (await response.json()) as Partial<Record<keyof Schemas["Problem"], unknown>>;
    return new Problem(response.status, text(body.title) || title, text(body.detail));
  } catch {
    return new Problem(response.status, title, "Reload this page; if it stays so, ask whoever runs this bastion.");
  }
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
