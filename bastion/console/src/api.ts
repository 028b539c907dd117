// The bastion's HTTP API as the console uses it: the shapes of its answers, and one way to ask.

export interface Info {
  name: string;
  version: string;
  ssh: { host: string; port: number };
  names: string[];
  host_ca: string;
  issuer: string;
}

/** Who somebody is to their issuer; a name may change, this does not. */
export interface Person {
  issuer: string;
  subject: string;
}

export interface WhoAmI {
  user: { person: Person; name: string; email?: string | null; groups: string[] };
  expires_at: string;
  csrf?: string;
  console: { sessions: boolean; audit: boolean; names: boolean };
}

export type SessionEnd =
  | { how: "exited"; status: number }
  | { how: "signalled"; signal: string }
  | { how: "terminated"; reason: string }
  | { how: "disconnected"; reason: string }
  | { how: "cut_off" };

export interface Session {
  id: string;
  /** Unknown of some sessions from before this was kept. */
  person: Person | null;
  user: string;
  target: string;
  login: string;
  kind: "attach" | "exec" | "sftp" | "shell";
  command: string | null;
  pty: boolean;
  source: string;
  started_at: string;
  ended_at: string | null;
  end: SessionEnd | null;
  output_bytes: number;
  recording: { url: string };
}

export interface Target {
  name: string;
  labels: Record<string, string>;
  logins: string[];
  capabilities: string[];
}

/** An audit event; the fields beside these four depend on its kind. */
export interface AuditRecord {
  seq: number;
  at: string;
  v: number;
  /** Who `user` is to their issuer; unknown of some events from before this was kept. */
  person?: Person;
  kind: string;
  [field: string]: unknown;
}

/** Something that waits, or waited, for other people to allow it. */
export interface Approval {
  id: string;
  kind: "command" | "session" | "access";
  state: "pending" | "approved" | "denied" | "expired" | "cancelled";
  requester: { person: Person; name: string; email?: string | null; groups: string[] };
  target: string;
  login: string;
  session: string | null;
  rule: string | null;
  because: string;
  command: string | null;
  /** The same, part by part; unknown of requests from before the parts were kept apart. */
  act: Act | null;
  commands: string[];
  screen: string | null;
  reason: string | null;
  /** For how long access is asked for. */
  lasting_seconds?: number | null;
  needed: { groups: string[]; count: number };
  votes: Vote[];
  scope: { scope: ScopeName; until: string | null } | null;
  created_at: string;
  expires_at: string;
  decided_at: string | null;
  /** Why it was cancelled, when nobody chose to. */
  remark?: string | null;
  may_decide: boolean;
}

/** What is asked for, part by part. */
export interface Act {
  kind: string;
  protocol: "ssh" | "kubernetes";
  words: string[];
  stdin: { how: "none" } | { how: "live" } | { how: "given"; text: string };
  /** What the terminal understands; null where there is no terminal. */
  terminal: string | null;
  container: string | null;
  env: { name: string; value: string }[];
}

export interface Vote {
  person: Person;
  by: string;
  approve: boolean;
  comment: string | null;
  at: string;
}

export type ScopeName = "once" | "session" | "for";

/** How far an approval reaches; `for` is a length of time such as `1h`. */
export type Scope = { scope: "once" | "session" } | { scope: "for"; for: string };

/** Access to a target that was asked for and given, for a time. */
export interface Access {
  id: string;
  person: Person;
  user: string;
  target: string;
  login: string;
  until: string;
}

/** One page of a listing; `next` asks for the page after it. */
export interface Page<T> {
  items: T[];
  next: string | null;
  /** Items that should stand here and cannot be read. */
  unreadable?: { table: string; id: string }[];
}

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
  return (await json<{ items: Target[] }>("/api/v1/targets")).items;
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
  return change(who, "POST", `${approvalPath(id)}/approve`, comment === "" ? scope : { ...scope, comment });
}

export function deny(who: WhoAmI, id: string, comment: string): Promise<Approval> {
  return change(who, "POST", `${approvalPath(id)}/deny`, comment === "" ? {} : { comment });
}

/** Takes a request of one's own back. */
export function cancel(who: WhoAmI, id: string): Promise<Approval> {
  return change(who, "DELETE", approvalPath(id));
}

export function askForAccess(who: WhoAmI, wanted: { target: string; login: string; for: string; reason: string }): Promise<Approval> {
  return change(who, "POST", "/api/v1/access", wanted);
}

export async function access(): Promise<Access[]> {
  return (await json<{ items: Access[] }>("/api/v1/access")).items;
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
    const body = (await response.json()) as { title?: unknown; detail?: unknown };
    return new Problem(response.status, text(body.title) || title, text(body.detail));
  } catch {
    return new Problem(response.status, title, "Reload this page; if it stays so, ask whoever runs this bastion.");
  }
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
