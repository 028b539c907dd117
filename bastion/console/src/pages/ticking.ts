// Clocks that count down on a page.

import { countdown } from "../format.ts";

/** Below this the time left is shown as urgent. */
const URGENT_MS = 60_000;

/** Keeps every `data-until` below `root` up to date, each second, until the signal is aborted. */
export function ticking(root: HTMLElement, signal: AbortSignal): void {
  const tick = (): void => {
    const now = Date.now();
    for (const clock of root.querySelectorAll<HTMLElement>("[data-until]")) {
      const until = clock.dataset["until"] ?? "";
      clock.textContent = countdown(until, now);
      clock.classList.toggle("urgent", Date.parse(until) - now < URGENT_MS);
    }
  };
  const timer = setInterval(tick, 1_000);
  signal.addEventListener("abort", () => clearInterval(timer), { once: true });
  tick();
}
