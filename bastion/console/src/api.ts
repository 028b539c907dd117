// The bastion's HTTP API as the console uses it: the shapes of its answers, and one way to ask.

export interface Info {
  name: string;
  version: string;
  ssh: { host: string; port: number };
  names: string[];
  host_ca: string;
  issuer: string;
}

export interface WhoAmI {
  user: { name: string; email?: string | null; groups: string[] };
  expires_at: string;
  csrf?: string;
  console: { sessions: boolean; audit: boolean };
}

export type SessionEnd =
  | { how: "exited"; status: number }
  | { how: "signalled"; signal: string }
  | { how: "terminated"; reason: string }
  | { how: "disconnected"; reason: string }
  | { how: "cut_off" };

export interface Session {
  id: string;
  user: string;
  target: string;
  login: string;
  kind: "shell" | "exec" | "sftp";
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
  kind: string;
  [field: string]: unknown;
}

/** One page of a listing; `next` asks for the page after it. */
export interface Page<T> {
  items: T[];
  next: string | null;
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

async function json<T>(path: string): Promise<T> {
  return (await (await ask(path, { headers: { Accept: "application/json" } })).json()) as T;
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
