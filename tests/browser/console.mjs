// Chromium before a bastion's console: started with trust in the bastion's own certificate only, signed in as a
// person does it, and listening for whatever the page must not do.

import { readFile } from "node:fs/promises";
import https from "node:https";
import { chromium } from "playwright-core";

const FLAGS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync",
];
/** How long any one step may take, in milliseconds: a busy test machine is slow, not broken. */
const STEP_TIMEOUT = 30_000;

/** Something that a person would have seen is not there. */
export class Missing extends Error {}

/** Reads the one argument, a JSON object, runs the script and prints its answer as one line of JSON. */
export async function main(script, needed, run) {
  const wanted = readArguments(script, needed, process.argv[2]);
  try {
    console.log(JSON.stringify(await run(wanted)));
  } catch (error) {
    console.error(`${script}: ${error instanceof Missing ? error.message : error.stack}`);
    process.exitCode = 1;
  }
}

/**
 * Signs in, does what `work` does with the page, and returns its answer with what the page complained about. Fails
 * when the page broke its content security policy or asked another host for something.
 */
export async function withConsole({ web_url, ca, user, screenshot, chromium: executablePath = "/usr/bin/chromium" }, view, work) {
  const base = new URL(web_url);
  // Chromium has no option for one more CA, and adding it to the machine's store would outlive the
  // test. So node checks the chain and the name against the CA first, and Chromium is told to accept
  // the very key that was checked; a server with any other key is still refused.
  const pin = base.protocol === "https:" ? await checkCertificate(base, ca) : null;
  const args = pin === null ? FLAGS : [...FLAGS, `--ignore-certificate-errors-spki-list=${pin}`];
  // Playwright makes a new profile folder for each start and removes it at the end.
  const browser = await chromium.launch({ executablePath, headless: true, args });
  try {
    const page = await browser.newPage(view);
    page.setDefaultTimeout(STEP_TIMEOUT);
    const heard = await listen(page, base);
    let answer;
    try {
      await signIn(page, base, user);
      answer = await work(page, base);
    } finally {
      // What went wrong is best seen, too.
      if (screenshot) await page.screenshot({ path: screenshot });
      // A broken policy explains whatever else is missing.
      if (heard.csp_violations.length > 0) throw new Missing(`the page broke its policy: ${heard.csp_violations.join("; ")}`);
    }
    if (heard.foreign.length > 0) throw new Missing(`the page asked other hosts: ${heard.foreign.join(", ")}`);
    const { foreign, ...reported } = heard;
    return { ...answer, title: await page.title(), ...reported };
  } finally {
    await browser.close();
  }
}

function readArguments(script, needed, text) {
  try {
    const given = JSON.parse(text ?? "");
    for (const name of needed) {
      if (typeof given[name] !== "string") throw new Missing(`"${name}" is missing`);
    }
    if (given.web_url.startsWith("https:") && typeof given.ca !== "string") throw new Missing('"ca" is missing');
    return given;
  } catch (error) {
    console.error(`${script}: the argument is one JSON object, see the head of this file: ${error.message}`);
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

/** Does one step; what it throws becomes what is missing. */
export async function step(failure, action) {
  try {
    await action();
  } catch (error) {
    throw new Missing(`${failure} (${String(error.message).split("\n")[0]})`);
  }
}

function escapePattern(text) {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}
