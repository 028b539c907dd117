// The recording on the page: asciinema-player, its markers as a list, speed, and links to moments.

import { create, type Player } from "asciinema-player";
import "asciinema-player/dist/bundle/asciinema-player.css";
import { fullTime, LONGEST_PAUSE, momentOf, shortTime, type Cast, type Marker } from "./cast.ts";
import { button, h } from "./dom.ts";
import { clock, visible } from "./format.ts";

/** The largest font of the terminal, in CSS pixels: a small terminal is not blown up. */
const FONT_SIZE = 15;
/** The smallest: below it a wide terminal scrolls instead. */
const SMALLEST_FONT_SIZE = 4;
/** A cell's width and height for one pixel of font size; the width with some room to spare. */
const CELL = { width: 0.613, height: 4 / 3 };
/** The terminal's border in font sizes, both sides together; and the player's control bar in pixels. */
const BORDER = 1.5;
const CONTROLS = 32;
/** The part of the window's height that the player may take, so that its controls are in sight. */
const HEIGHT_SHARE = 0.62;
const SPEEDS = ["0.5", "1", "2", "4", "8"];

/**
 * Shows the recording in `stage`. Its `data-state` becomes `ready` once the screen stands at the
 * moment that the address names (`#t=12.5`, `#t=end`), or at the start.
 */
export async function mountReplay(stage: HTMLElement, cast: Cast, signal: AbortSignal): Promise<void> {
  const screen = h("div", { class: "screen" });
  const speed = h("select", { "aria-label": "Speed" }, ...SPEEDS.map((value) => h("option", { value, selected: value === "1" }, `${value}×`)));
  const skip = h("input", { type: "checkbox" });
  const dead = h("p", { class: "note problem", role: "alert", hidden: true });
  let player: Player | null = null;
  /** Whether the player that is shown cuts pauses: its times are then not those of the recording. */
  let shortened = false;

  function mount(startAt: number): Player {
    player?.dispose();
    shortened = skip.checked;
    player = create({ data: cast.text }, screen, {
      controls: true,
      fit: false,
      terminalFontSize: `${fontSize(cast, screen.clientWidth, innerHeight)}px`,
      preload: true,
      speed: Number(speed.value),
      startAt,
      ...(shortened ? { idleTimeLimit: LONGEST_PAUSE } : {}),
      // No poster: in player 3.17.0 a seek forward from a poster loses what the poster showed.
    });
    return player;
  }
  /** From here on the player shows nothing new, and does not say so. */
  function died(reason: string): void {
    dead.hidden = false;
    dead.textContent = `The player stopped working at ${clock(player?.getCurrentTime() ?? 0)} (${visible(reason)}): what it shows from there on is not what was recorded. Reload the page to see what came before; "Download .cast" gives all of it.`;
    stage.dataset["player"] = "dead";
  }
  async function seek(location: number | { marker: number } | "100%"): Promise<void> {
    screen.dataset["moved"] = "";
    await (player ?? mount(0)).seek(location);
  }
  /** Speed and pauses are fixed when a player is made: a change makes a new one at the same place. */
  function remake(): void {
    const shown = player?.getCurrentTime() ?? 0;
    mount(shortened ? fullTime(cast.pauses, shown) : shown);
    void player?.play();
  }
  async function seekToAddress(): Promise<void> {
    const moment = momentOf(location.hash, cast.duration);
    if (moment !== null) return seek(moment >= cast.duration ? "100%" : shortened ? shortTime(cast.pauses, moment) : moment);
    // The first output rather than an empty screen; nothing before it can be missed.
    await player?.seek(cast.firstOutput);
  }

  const toEnd = button("To the end", () => void seek("100%"), { title: "Show the last screen" });
  const bar = h(
    "div",
    { class: "replay-bar" },
    h("label", {}, "Speed ", speed),
    h("label", { class: "check" }, skip, `Skip pauses over ${LONGEST_PAUSE} s`),
    toEnd,
  );
  stage.replaceChildren(
    h("div", { class: "replay-main" }, dead, screen, bar),
    markerList(cast.markers, (index) => void seek({ marker: index })),
  );
  // What fails inside the player's own handlers (its terminal is WebAssembly and may trap) it reports to the window only.
  addEventListener("error", (event) => died(event.message), { signal });
  mount(0);
  speed.addEventListener("change", remake);
  skip.addEventListener("change", remake);
  addEventListener("hashchange", () => void seekToAddress(), { signal });
  signal.addEventListener("abort", () => player?.dispose());
  await seekToAddress();
  stage.dataset["state"] = "ready";
}

/** The font with which the largest size of the terminal fits the page and the window. */
function fontSize(cast: Cast, width: number, windowHeight: number): number {
  const byWidth = width / (cast.widest * CELL.width + BORDER);
  const byHeight = (windowHeight * HEIGHT_SHARE - CONTROLS) / (cast.tallest * CELL.height + BORDER);
  return Math.max(SMALLEST_FONT_SIZE, Math.min(FONT_SIZE, byWidth, byHeight));
}

function markerList(markers: Marker[], seek: (index: number) => void): HTMLElement | string {
  if (markers.length === 0) return "";
  const items = markers.map((marker, index) =>
    h("li", {}, markerButton(marker, () => seek(index))),
  );
  return h("aside", { class: "markers" }, h("h2", {}, "Markers"), h("ol", {}, ...items));
}

function markerButton(marker: Marker, onClick: () => void): HTMLButtonElement {
  const label = visible(marker.label) || "marker";
  const element = h("button", { type: "button", class: "marker", title: label }, h("span", { class: "faint" }, clock(marker.time)), h("code", {}, label));
  element.addEventListener("click", onClick);
  return element;
}
