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

import { main, Missing, step, withConsole } from "./console.mjs";

await main("replay", ["web_url", "user", "session"], replay);

function replay(wanted) {
  return withConsole(wanted, { viewport: { width: 1280, height: 900 } }, async (page, base) => {
    await openSession(page, base, wanted.session, wanted.at ?? "end");
    const screen = await page.evaluate(readScreen);
    if (screen === null) throw new Missing("the page shows no terminal");
    return screen;
  });
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
