// Opens a session's replay in Chromium as a person would, and prints what the screen shows.
//
//   node replay.mjs '{"web_url":"https://127.0.0.1:8443","ca":"tls-ca.pem","user":"alice","session":"ID",
//                     "at":"end"|SECONDS,"screenshot":"/path.png","chromium":"/usr/bin/chromium"}'
//
// It signs in through /login with the button (or link) of that user on the issuer's page, opens /sessions/ID at the
// moment asked for, and prints one line of JSON:
//   {"text":[one string per screen row],"cols","rows","colours":[{"row","col","text","fg"}],
//    "backgrounds":[{"row","col","width","bg"}],"markers":[…],"title","csp_violations":[],"console_errors":[]}
// It ends with status 1 and one line on stderr when anything is missing, or when the page broke its
// content security policy or asked another host for something.
//
// The text is read from the rows that the player draws, at the columns at which it draws them: it is
// what a person sees, not what the recording says. Block glyphs and backgrounds are on a canvas:
// backgrounds are sampled from its pixels, block glyphs appear in the screenshot only.

import { readFile } from "node:fs/promises";
import https from "node:https";
import { chromium } from "playwright-core";

const FLAGS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync",
];
/** How long any one step may take, in milliseconds: a busy test machine is slow, not broken. */
const STEP_TIMEOUT = 30_000;

class Missing extends Error {}

const wanted = readArguments(process.argv[2]);
try {
  console.log(JSON.stringify(await replay(wanted)));
} catch (error) {
  console.error(`replay: ${error instanceof Missing ? error.message : error.stack}`);
  process.exitCode = 1;
}

async function replay({ web_url, ca, user, session, at = "end", screenshot, chromium: executablePath = "/usr/bin/chromium" }) {
  const base = new URL(web_url);
  // Chromium has no option for one more CA, and adding it to the machine's store would outlive the
  // test. So node checks the chain and the name against the CA first, and Chromium is told to accept
  // the very key that was checked; a server with any other key is still refused.
  const pin = base.protocol === "https:" ? await checkCertificate(base, ca) : null;
  const args = pin === null ? FLAGS : [...FLAGS, `--ignore-certificate-errors-spki-list=${pin}`];
  // Playwright makes a new profile folder for each start and removes it at the end.
  const browser = await chromium.launch({ executablePath, headless: true, args });
  try {
    const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
    page.setDefaultTimeout(STEP_TIMEOUT);
    const heard = await listen(page, base);
    try {
      await signIn(page, base, user);
      await openSession(page, base, session, at);
    } finally {
      // What went wrong is best seen, too.
      if (screenshot) await page.screenshot({ path: screenshot });
      // A broken policy explains whatever else is missing.
      if (heard.csp_violations.length > 0) throw new Missing(`the page broke its policy: ${heard.csp_violations.join("; ")}`);
    }
    const screen = await page.evaluate(readScreen);
    if (screen === null) throw new Missing("the page shows no terminal");
    if (heard.foreign.length > 0) throw new Missing(`the page asked other hosts: ${heard.foreign.join(", ")}`);
    const { foreign, ...reported } = heard;
    return { ...screen, title: await page.title(), ...reported };
  } finally {
    await browser.close();
  }
}

function readArguments(text) {
  try {
    const given = JSON.parse(text ?? "");
    for (const name of ["web_url", "user", "session"]) {
      if (typeof given[name] !== "string") throw new Missing(`"${name}" is missing`);
    }
    if (given.web_url.startsWith("https:") && typeof given.ca !== "string") throw new Missing('"ca" is missing');
    return given;
  } catch (error) {
    console.error(`replay: the argument is one JSON object, see the head of this file: ${error.message}`);
    process.exit(2);
  }
}

/** The SHA-256 of the server's public key, once its certificate was checked against the CA. */
async function checkCertificate(base, caFile) {
  const ca = await readFile(caFile).catch((error) => {
    throw new Missing(`the CA cannot be read: ${error.message}`);
  });
  const certificate = await new Promise((resolve, reject) => {
    const request = https.get(new URL("/", base), { ca, agent: false }, (response) => {
      resolve(response.socket.getPeerX509Certificate());
      response.destroy();
    });
    request.setTimeout(STEP_TIMEOUT, () => request.destroy(new Error("no answer")));
    request.on("error", (error) => reject(new Missing(`${base.origin} does not answer under the CA ${caFile}: ${error.message}`)));
  });
  const key = certificate.publicKey.export({ type: "spki", format: "der" });
  const digest = await crypto.subtle.digest("SHA-256", key);
  return Buffer.from(digest).toString("base64");
}

/** Collects what the console's pages complain about; the issuer's page is not ours to judge. */
async function listen(page, base) {
  const heard = { csp_violations: [], console_errors: [], foreign: [] };
  const ours = (url) => url !== undefined && url.startsWith(base.origin);
  await page.exposeFunction("reportViolation", (text) => heard.csp_violations.push(text));
  await page.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) =>
      globalThis.reportViolation(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile ?? ""}:${event.lineNumber}`),
    );
  });
  page.on("console", (message) => {
    // The console asks who is there before the login: that answer is a 401 by intent.
    const expected = message.text().includes("401") && message.location().url.endsWith("/api/v1/whoami");
    if (message.type() === "error" && ours(page.url()) && !expected) heard.console_errors.push(message.text());
  });
  page.on("pageerror", (error) => heard.console_errors.push(String(error)));
  page.on("request", (request) => {
    const url = request.url();
    if (!request.isNavigationRequest() && ours(page.url()) && !ours(url) && !/^(data|blob):/.test(url)) heard.foreign.push(url);
  });
  return heard;
}

/** From the console's front page through the issuer and back, as a person does it. */
async function signIn(page, base, user) {
  await page.goto(base.origin);
  await step("the console offers no sign-in", () => page.getByRole("link", { name: "Sign in" }).click());
  const name = new RegExp(`\\b${escapePattern(user)}\\b`);
  const choice = page.getByRole("button", { name }).or(page.getByRole("link", { name }));
  await step(`the issuer's page has no button for ${user}`, () => choice.first().click());
  await step("the console does not show the person after the login", () =>
    page.getByLabel(`Account of ${user}`, { exact: true }).waitFor(),
  );
  if (new URL(page.url()).origin !== base.origin) throw new Missing(`the login ended at ${page.url()}`);
}

async function openSession(page, base, session, at) {
  await page.goto(`${base.origin}/sessions/${encodeURIComponent(session)}#t=${at}`);
  const stage = page.locator(".replay");
  const settled = page.locator('.replay:is([data-state="ready"], [data-state="failed"], [data-state="empty"]), .problem').first();
  await step("the session's page shows no replay", () => settled.waitFor());
  const state = await stage.getAttribute("data-state", { timeout: 1_000 }).catch(() => null);
  if (state !== "ready") {
    const note = await page.locator("main .note").first().innerText();
    throw new Missing(`the recording is not shown: ${note.replaceAll(/\s+/g, " ")}`);
  }
  // The player draws on the next animation frame; the screen stands when two frames draw the same.
  await page.evaluate(async () => {
    const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
    const rows = () => document.querySelector(".ap-term-text")?.innerHTML;
    let before;
    do {
      before = rows();
      await frame();
      await frame();
    } while (before !== rows());
  });
}

async function step(failure, action) {
  try {
    await action();
  } catch (error) {
    throw new Missing(`${failure} (${String(error.message).split("\n")[0]})`);
  }
}

function escapePattern(text) {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}

/** Runs in the page: the terminal as it is drawn. */
function readScreen() {
  const term = document.querySelector(".ap-term");
  if (term === null) return null;
  const cols = Number(term.style.getPropertyValue("--term-cols"));
  const lines = [...term.querySelectorAll(".ap-term-text .ap-line")];
  const symbols = [...term.querySelectorAll(".ap-term-symbols .ap-symbol-line")];
  const colours = [];
  const text = lines.map((line, row) => {
    // The player draws every cell, blanks too: what stays empty is the second half of a wide character.
    const cells = new Array(cols).fill("");
    const place = (column, characters, element) => {
      const seen = characters.trimEnd();
      if (seen !== "") colours.push({ row, col: column, text: seen, fg: getComputedStyle(element).color });
      [...characters].forEach((character, index) => (cells[column + index] = character));
    };
    for (const span of line.children) place(Number(span.style.getPropertyValue("--offset")), span.textContent, span);
    // Lines and arrows are drawn as vector symbols, named by their code point.
    for (const use of symbols[row]?.children ?? []) {
      const character = String.fromCodePoint(Number(use.getAttribute("href").replace("#sym-", "")));
      place(Math.round(Number(use.getAttribute("x"))), character, use);
    }
    return cells;
  });
  const canvas = term.querySelector("canvas");
  const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const width = canvas.width / cols;
  const height = canvas.height / lines.length;
  const backgrounds = [];
  for (let row = 0; row < lines.length; row += 1) {
    for (let col = 0; col < cols; col += 1) {
      const at = (Math.floor((row + 0.5) * height) * canvas.width + Math.floor((col + 0.5) * width)) * 4;
      const [r, g, b, a] = pixels.data.subarray(at, at + 4);
      if (a === 0) continue;
      const bg = `rgb(${r}, ${g}, ${b})`;
      const last = backgrounds.at(-1);
      if (last?.row === row && last.col + last.width === col && last.bg === bg) last.width += 1;
      else backgrounds.push({ row, col, width: 1, bg });
    }
  }
  const markers = [...document.querySelectorAll(".marker code")].map((marker) => marker.textContent);
  return { text: text.map((cells) => cells.join("").trimEnd()), cols, rows: lines.length, colours, backgrounds, markers };
}
