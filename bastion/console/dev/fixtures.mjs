// Canned answers for the stand-in server: every kind of session and end, hostile text included.

/** Who somebody is to the issuer. */
export const person = (name) => ({ issuer: "https://id.example.com", subject: `sub of ${name}` });

export const USERS = [
  { person: person("alice"), name: "alice", email: "alice@example.com", groups: ["engineering"], console: { sessions: false, audit: false, names: false } },
  { person: person("bob"), name: "bob", email: "bob@example.com", groups: ["engineering", "sre"], console: { sessions: false, audit: false, names: false } },
  { person: person("carol"), name: "carol", email: "carol@example.com", groups: ["auditor"], console: { sessions: true, audit: true, names: false } },
  { person: person("robot"), name: "robot", email: null, groups: ["agents"], console: { sessions: false, audit: false, names: false } },
];

export const INFO = {
  name: "bastion",
  version: "0.1.0",
  ssh: { host: "127.0.0.1", port: 2222 },
  names: ["bastion.example.com"],
  host_ca: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExample",
  issuer: "http://127.0.0.1:45678",
  kube: { url: "https://kube.bastion.example.com:6443" },
};

export const TARGETS = [
  { name: "demo", kind: "host", labels: {}, logins: ["demo"], capabilities: ["shell", "exec", "pty", "sftp"] },
  { name: "web1", kind: "host", labels: { env: "prod", region: "eu" }, logins: ["deploy", "alice"], capabilities: ["shell", "exec", "pty"] },
  { name: "db1", kind: "host", labels: { env: "prod" }, logins: ["*"], capabilities: ["exec"] },
  { name: "prod", kind: "cluster", labels: { env: "prod", region: "eu" }, logins: [], capabilities: ["api", "attach", "exec"] },
];

const START = Date.parse("2026-11-22T12:00:00Z");
const COMMANDS = [
  null,
  "git pull --ff-only && systemctl status app",
  "tar -czf - /srv/www/releases/2026-11-21T18-30-00Z --exclude=node_modules --exclude='*.map' | sha256sum && echo done",
  "cat report\u202etxt.exe\u001b[2K",
  "ls -la /var/log",
];
const ENDS = [
  { how: "exited", status: 0 },
  { how: "exited", status: 0 },
  { how: "exited", status: 127 },
  { how: "signalled", signal: "KILL" },
  { how: "cut_off" },
  { how: "terminated", reason: "the recording could not go on: the storage refused the upload" },
  { how: "disconnected", reason: "the client went away" },
];

export const SESSIONS = Array.from({ length: 47 }, (_, index) => {
  const command = COMMANDS[index % COMMANDS.length];
  const running = index < 2;
  const started = START - index * 1_713_000;
  const kind = index === 6 ? "sftp" : command === null ? "shell" : "exec";
  return {
    id: `019a${(0xb2c3 - index).toString(16)}-7d4e-7a31-9f02-${String(3_141_592_653 + index * 7919).padStart(12, "0")}`,
    user: ["alice", "bob", "alice", "robot"][index % 4],
    target: ["demo", "web1", "demo", "db1"][index % 4],
    login: ["demo", "deploy", "demo", "postgres"][index % 4],
    kind,
    command: kind === "sftp" ? null : command,
    pty: kind === "shell",
    source: `10.1.${index}.7:51${String(index).padStart(3, "0")}`,
    started_at: new Date(started).toISOString(),
    ended_at: running ? null : new Date(started + (index * index * 1_370 + 420)).toISOString(),
    end: running ? null : ENDS[index % ENDS.length],
    output_bytes: index * index * 811,
    recording: { url: "" },
  };
}).map((session) => ({ ...session, person: person(session.user), recording: { url: `/api/v1/sessions/${session.id}/recording.cast` } }));

export const AUDIT = SESSIONS.flatMap((session, index) => [
  { seq: 300 - index * 3, at: session.started_at, v: 1, kind: "session_started", session: session.id, user: session.user, target: session.target, login: session.login, what: session.kind, command: session.command, source: session.source },
  { seq: 299 - index * 3, at: session.started_at, v: 1, kind: "connection_authenticated", user: session.user, serial: 4_611_686_018 + index, source: session.source },
  { seq: 298 - index * 3, at: session.started_at, v: 1, kind: "channel_refused", user: session.user, target: session.target, login: session.login, what: "local-forward", rule: "engineer", reason: "no role gives you local-forward on this target", source: session.source },
]);

const cast = (events, cols = 80, rows = 24) =>
  [JSON.stringify({ version: 3, term: { cols, rows, type: "xterm-256color" }, timestamp: START / 1000 }), ...events.map((event) => JSON.stringify(event)), ""].join("\n");

const PROMPT = "\u001b[1;32mdemo@web1\u001b[0m:\u001b[1;34m~\u001b[0m$ ";

/** Colours, a resize, wide characters, block and box characters, markers, an exit status. */
const COLOURFUL = cast([
  [0.2, "o", PROMPT],
  [0.9, "o", "ls"],
  [0.3, "m", "ls"],
  [0.05, "o", "\r\n\u001b[31mred\u001b[0m \u001b[38;5;208morange\u001b[0m \u001b[38;2;18;52;86mtruecolor\u001b[0m \u001b[44;97mon blue\u001b[0m\r\n"],
  [0.4, "o", "日本語テスト 漢字 \u001b[32m緑\u001b[0m|\r\n"],
  [0.3, "o", "emoji 🎉 ok 👍|\r\n"],
  [0.2, "r", "100x30"],
  [0.6, "o", "┌──────┐ ▀▄█░ \r\n│ box  │\r\n└──────┘\r\n"],
  [0.8, "m", "cat /etc/motd"],
  [0.2, "o", "\u001b[1mbold\u001b[0m \u001b[4munderlined\u001b[0m \u001b[3mitalic\u001b[0m \u001b[7minverse\u001b[0m\r\n"],
  [4.0, "m", "sudo systemctl restart app\u202e"],
  [0.2, "o", PROMPT + "exit\r\n"],
  [0.1, "x", "0"],
]);

const PLAIN = cast([[0.1, "o", "On branch main\r\nnothing to commit, working tree clean\r\n"], [0.2, "x", "0"]]);

export const CASTS = { default: COLOURFUL, [SESSIONS[1].id]: PLAIN.slice(0, -9), [SESSIONS[4].id]: cast([]), [SESSIONS[8].id]: "not a cast\n" };
