// A stand-in for the bastion, for work on the console: canned API answers, the built console, the
// bastion's content security policy, and a sign-in page like the demo issuer's.
//
//   npm run build && npm run dev [-- --port 8443] [--tls CERTIFICATE.pem KEY.pem] [--empty]
//
// It prints one line of JSON with its address. State is in memory; there is no security in it.

import { createReadStream, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import http from "node:http";
import https from "node:https";
import path from "node:path";
import { StandInApprovals } from "./approvals.mjs";
import { AUDIT, CASTS, INFO, SESSIONS, TARGETS, USERS } from "./fixtures.mjs";

const DIST = path.join(import.meta.dirname, "..", "dist");
const CSP =
  process.env.CONSOLE_CSP ??
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self'; " +
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";
const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".wasm": "application/wasm" };
const CSRF = "fixture-csrf";

const approvals = new StandInApprovals(process.argv.includes("--empty") ? [] : undefined);
const empty = process.argv.includes("--empty");
const tls = process.argv.indexOf("--tls");
const port = Number(process.argv[process.argv.indexOf("--port") + 1]) || 0;

const server =
  tls > 0
    ? https.createServer({ cert: readFileSync(process.argv[tls + 1]), key: readFileSync(process.argv[tls + 2]) }, handle)
    : http.createServer(handle);
server.listen(port, "127.0.0.1", () => {
  const url = `${tls > 0 ? "https" : "http"}://127.0.0.1:${server.address().port}`;
  console.log(JSON.stringify({ event: "ready", url }));
});

async function handle(request, response) {
  const url = new URL(request.url, "http://fixture");
  const user = USERS.find(({ name }) => name === /user=(\w+)/.exec(request.headers.cookie ?? "")?.[1]);
  response.setHeader("Content-Security-Policy", CSP);
  response.setHeader("X-Content-Type-Options", "nosniff");
  if (url.pathname === "/login") {
    response.setHeader("Set-Cookie", `return_to=${url.searchParams.get("return_to") ?? "/"}; HttpOnly; SameSite=Lax; Path=/login`);
    return void html(response, issuerPage());
  }
  if (url.pathname === "/login/callback") {
    const name = USERS.find(({ name }) => name === url.searchParams.get("demo_user"))?.name ?? "alice";
    const back = /return_to=([^;]*)/.exec(request.headers.cookie ?? "")?.[1] ?? "/";
    return void response.writeHead(303, { Location: back, "Set-Cookie": `user=${name}; HttpOnly; SameSite=Lax; Path=/` }).end();
  }
  if (url.pathname === "/logout" && request.method === "POST") {
    if (request.headers["x-bastion-csrf"] !== CSRF) return void problem(response, 403, "The request was not made by the console", "Reload the page.");
    return void response.writeHead(303, { Location: "/", "Set-Cookie": "user=; Max-Age=0; Path=/" }).end();
  }
  if (url.pathname === "/api/v1/info") return void json(response, INFO);
  if (/^\/api\/v1\/(approvals|access)(\/|$)/.test(url.pathname)) return void approvalsApi(request, url, user, response);
  if (url.pathname.startsWith("/api/")) return void api(url, user, response);
  return asset(url.pathname, response);
}

/** Hosts and a cluster for most, the cluster only for carol, nothing for the robot. */
function reachable(user) {
  if (user.name === "robot") return [];
  return user.name === "carol" ? TARGETS.filter(({ kind }) => kind === "cluster") : TARGETS;
}

function api(url, user, response) {
  if (user === undefined) return problem(response, 401, "You are not logged in", "Sign in and try again.");
  const sees = (session) => user.console.sessions || session.user === user.name;
  const id = url.pathname.split("/")[4];
  const session = SESSIONS.find((candidate) => candidate.id === id && sees(candidate));
  if (url.pathname === "/api/v1/whoami") {
    const { console: rights, ...rest } = user;
    return json(response, { user: rest, expires_at: new Date(Date.now() + 11.6 * 3_600_000).toISOString(), csrf: CSRF, console: rights });
  }
  if (url.pathname === "/api/v1/targets") return json(response, { items: reachable(user) });
  if (url.pathname === "/api/v1/sessions") {
    const wanted = (session) =>
      sees(session) &&
      ["user", "target"].every((key) => !url.searchParams.get(key) || session[key] === url.searchParams.get(key)) &&
      (url.searchParams.get("running") !== "true" || session.end === null);
    return json(response, page(empty ? [] : SESSIONS.filter(wanted), url));
  }
  if (url.pathname === "/api/v1/audit") {
    if (!user.console.audit) return problem(response, 403, "You may not read the audit log", "Ask for a role with console: [audit].");
    const wanted = (record) => ["user", "kind", "session"].every((key) => !url.searchParams.get(key) || record[key] === url.searchParams.get(key));
    return json(response, page(AUDIT.filter(wanted), url));
  }
  if (session === undefined) return problem(response, 404, "There is no such session", "It does not exist, or you may not see it.");
  if (url.pathname.endsWith("/recording.cast")) {
    return response.writeHead(200, { "Content-Type": "application/x-asciicast" }).end(CASTS[session.id] ?? CASTS.default);
  }
  return json(response, session);
}

async function approvalsApi(request, url, user, response) {
  if (user === undefined) return problem(response, 401, "You are not logged in", "Sign in and try again.");
  if (request.method !== "GET" && request.headers["x-bastion-csrf"] !== CSRF) {
    return problem(response, 403, "The request was not made by the console", "Reload the page.");
  }
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString();
  const answer = await approvals.answer(request.method, url, user, text === "" ? {} : JSON.parse(text));
  const type = answer.status < 300 ? "application/json" : "application/problem+json";
  response.writeHead(answer.status, { "Content-Type": type }).end(JSON.stringify(answer.body));
}

/** Pages of at most 20, so that a short fixture has more than one. */
function page(items, url) {
  const start = Number(url.searchParams.get("cursor") ?? 0);
  const end = start + Math.min(20, Number(url.searchParams.get("limit") ?? 20));
  return { items: items.slice(start, end), next: end < items.length ? String(end) : null };
}

async function asset(pathname, response) {
  const file = path.join(DIST, path.normalize(pathname));
  const type = TYPES[path.extname(file)];
  if (type === undefined) return html(response, await readFile(path.join(DIST, "index.html")));
  response.setHeader("Content-Type", type);
  createReadStream(file)
    .on("error", () => response.writeHead(404).end())
    .pipe(response);
}

function issuerPage() {
  // Links, as on the demo issuer's page: Chromium applies form-action to the redirects after a form, too.
  const links = USERS.map(({ name }) => `<a href="/login/callback?demo_user=${name}">${name}</a>`).join(" ");
  return `<!doctype html><title>Demo issuer</title><h1>Sign in as</h1>${links}`;
}

function html(response, body) {
  response.writeHead(200, { "Content-Type": TYPES[".html"] }).end(body);
}

function json(response, body) {
  response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(body));
}

function problem(response, status, title, detail) {
  response.writeHead(status, { "Content-Type": "application/problem+json" }).end(JSON.stringify({ type: "about:blank", title, status, detail }));
}
