// Canned approvals and a stand-in for the bastion's endpoints that list, show, decide and cancel them.

import { person } from "./fixtures.mjs";

const MINUTE = 60_000;
const at = (minutes) => new Date(Date.now() + minutes * MINUTE).toISOString();

const SCREEN = [
  "deploy@web1:~$ systemctl status app",
  "● app.service - The shop's application server",
  "     Loaded: loaded (/etc/systemd/system/app.service; enabled; preset: enabled)",
  "     Active: active (running) since Sat 2026-11-21 18:31:07 UTC; 17h ago",
  "   Main PID: 4117 (app)",
  "      Tasks: 23 (limit: 9423)",
  "     Memory: 3.1G (peak: 3.4G)",
  "        CPU: 2h 11min 40.193s",
  "     CGroup: /system.slice/app.service",
  "             └─4117 /srv/app/current/bin/app --listen 127.0.0.1:9000 --workers 8 --token ████████████████",
  "",
  "Nov 22 11:58:02 web1 app[4117]: WARN  pool: 512 of 512 connections in use, 87 waiting",
  "Nov 22 11:58:41 web1 app[4117]: ERROR checkout: timed out after 30s \u001b[31m(db1)\u001b[0m",
  "deploy@web1:~$ sudo systemctl restart app && tail -n5 /var/log/app.log",
].join("\n");

const ALICE = { person: person("alice"), name: "alice", email: "alice@example.com", groups: ["engineering"] };
const BOB = { person: person("bob"), name: "bob", email: "bob@example.com", groups: ["engineering", "sre"] };
const ROBOT = { person: person("robot"), name: "robot", email: null, groups: ["agents"] };
const SESSION = "019ab2c3-7d4e-7a31-9f02-003141592653";
const SRE = { groups: ["sre"], count: 1 };

const DEFAULTS = {
  kind: "command", state: "pending", requester: ALICE, target: "web1", login: "deploy", session: SESSION, rule: "restart-service",
  because: "systemctl restart needs an approval", commands: [], act: null, screen: null, reason: null, needed: SRE, votes: [], scope: null, decided_at: null,
};

/** The id of the nth approval; the first is the newest. */
const id = (n) => `019ab2f0-0000-7000-8000-${String(n).padStart(12, "0")}`;

/** A fresh set: what waits, of every kind, and what was decided, in every way. */
export function freshApprovals() {
  return [
    {
      id: id(1), command: "sudo systemctl restart app && tail -n5 /var/log/app.log", commands: ["sudo systemctl restart app", "tail -n5 /var/log/app.log"],
      act: { kind: "exec", protocol: "ssh", words: ["sudo systemctl restart app && tail -n5 /var/log/app.log"], stdin: { how: "given", text: "yes⟨LF⟩" }, terminal: null, container: null, env: [{ name: "LANG", value: "C.UTF-8" }] },
      reason: "The pool is exhausted, checkout fails (INC-4711)", screen: SCREEN, created_at: at(-2), expires_at: at(13),
    },
    {
      id: id(2), command: "cat /srv/⟨U+0430⟩pp/größe  ⟨U+202E⟩# fdp.troper⟨U+202C⟩⟨U+00A0⟩⟨LF⟩⟨ESC⟩[2Krm -rf /srv/app/releases ⟨TAB⟩", commands: ["cat /srv/⟨U+0430⟩pp/größe", "rm -rf /srv/app/releases"],
      rule: null, because: "the line holds characters that change how it looks", needed: { groups: ["sre", "security"], count: 2 },
      votes: [{ person: person("dave"), by: "dave", approve: true, comment: "Looked at it with alice.", at: at(-1) }], screen: SCREEN, created_at: at(-5), expires_at: at(0.9),
    },
    { id: id(3), requester: ROBOT, kind: "access", target: "db1", login: "postgres", session: null, rule: "ask-for-production", because: "the role agent may ask for access to db1 for a time", lasting_seconds: 7200, command: null, reason: "Nightly index rebuild", created_at: at(-7), expires_at: at(53) },
    { id: id(4), requester: ROBOT, kind: "session", target: "db1", login: "postgres", session: null, rule: "production", because: "sessions on production wait for an approval", command: null, created_at: at(-8), expires_at: at(7) },
    { id: id(5), requester: BOB, command: "systemctl restart nginx", commands: ["systemctl restart nginx"], created_at: at(-1), expires_at: at(14) },
    { id: id(6), state: "approved", command: "systemctl restart app", commands: ["systemctl restart app"], votes: [{ person: person("bob"), by: "bob", approve: true, comment: null, at: at(-40) }], scope: { scope: "session", until: null }, created_at: at(-42), expires_at: at(-27), decided_at: at(-40) },
    { id: id(7), state: "denied", requester: ROBOT, command: "systemctl restart postgresql", commands: ["systemctl restart postgresql"], votes: [{ person: person("bob"), by: "bob", approve: false, comment: "Not during the sale.", at: at(-190) }], created_at: at(-200), expires_at: at(-185), decided_at: at(-190) },
    { id: id(8), state: "expired", command: "systemctl restart app", commands: ["systemctl restart app"], created_at: at(-400), expires_at: at(-385), decided_at: at(-385) },
    { id: id(9), state: "cancelled", kind: "access", target: "db1", login: "postgres", session: null, command: null, because: "the role engineer may ask for access to db1 for a time", lasting_seconds: 7200, created_at: at(-600), expires_at: at(-540), decided_at: at(-595) },
  ].map((approval) => ({ ...DEFAULTS, ...approval }));
}

/** Answers a request to `/api/v1/approvals…` or `/api/v1/access`; null when it is another. */
export class StandInApprovals {
  #approvals;
  #waiting = new Set();

  constructor(approvals = freshApprovals()) {
    this.#approvals = approvals;
  }

  async answer(method, url, user, body) {
    const [, , , resource, wantedId, verb] = url.pathname.split("/");
    if (resource === "access") return method === "POST" ? this.#ask(user, body) : { status: 200, body: { items: this.#open(user) } };
    if (resource !== "approvals") return null;
    if (wantedId === undefined) return { status: 200, body: this.#list(url, user) };
    const found = this.#approvals.find((approval) => approval.id === wantedId && sees(approval, user));
    if (found === undefined) return problem(404, "There is no such approval", "It does not exist, or you may not see it.");
    if (method === "GET") {
      if (url.searchParams.has("wait")) await this.#change(Number(url.searchParams.get("wait")) * 1000);
      return { status: 200, body: asSeen(found, user) };
    }
    if (found.state !== "pending") return problem(409, "It is already decided", `This request is ${found.state}.`);
    if (method === "DELETE") {
      if (found.requester.name !== user.name) return problem(403, "It is not your request", "Only who asked may cancel.");
      this.#end(found, "cancelled");
    } else if (!asSeen(found, user).may_decide) {
      return problem(403, "You may not decide this", "It is your own, or you are in none of its groups.");
    } else {
      found.votes = [...found.votes, { person: person(user.name), by: user.name, approve: verb === "approve", comment: body.comment ?? null, at: at(0) }];
      if (verb === "deny") this.#end(found, "denied");
      else if (found.votes.length >= found.needed.count) {
        found.scope = { scope: body.scope, until: body.scope === "for" ? at(60) : null };
        this.#end(found, "approved");
      }
    }
    this.#changed();
    return { status: 200, body: asSeen(found, user) };
  }

  #end(approval, state) {
    Object.assign(approval, { state, decided_at: at(0) });
  }

  #ask(user, { target, login = "api", reason, for: time }) {
    // A cluster has no accounts: `api` stands where the account of a host does.
    const request = {
      ...DEFAULTS, id: id(this.#approvals.length + 1), kind: "access", requester: user, target, login, reason, session: null, rule: "ask-for-production",
      because: `the role engineer may ask for access to ${target} for a time`, lasting_seconds: parseInt(time) * (time.endsWith("h") ? 3600 : 60), command: null, created_at: at(0), expires_at: at(60),
    };
    this.#approvals.unshift(request);
    this.#changed();
    return { status: 201, body: asSeen(request, user) };
  }

  #open(user) {
    return user.name === "alice" ? [{ id: id(90), person: person("alice"), user: "alice", target: "db1", login: "readonly", until: at(97) }] : [];
  }

  #list(url, user) {
    const pending = url.searchParams.get("state") === "pending";
    const mine = url.searchParams.get("mine") === "true";
    const items = this.#approvals.filter(
      (approval) => sees(approval, user) && (approval.state === "pending") === pending && (!mine || approval.requester.name === user.name),
    );
    return { items: items.map((approval) => asSeen(approval, user)), next: null };
  }

  #changed() {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  #change(milliseconds) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      timer.unref();
      this.#waiting.add(() => (clearTimeout(timer), resolve()));
    });
  }
}

function asSeen(approval, user) {
  const own = approval.requester.name === user.name;
  const voted = approval.votes.some((vote) => vote.by === user.name);
  const may_decide = approval.state === "pending" && !own && !voted && approval.needed.groups.some((group) => user.groups.includes(group));
  return { ...approval, may_decide, url: `https://bastion.example.com/#/approvals/${approval.id}` };
}

function sees(approval, user) {
  return user.console.sessions || approval.requester.name === user.name || approval.needed.groups.some((group) => user.groups.includes(group));
}

function problem(status, title, detail) {
  return { status, body: { type: "about:blank", title, status, detail } };
}
