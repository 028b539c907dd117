// Keeping up with what others do: asking again and again, gently, while somebody looks.

import { approvals, Problem, type Approval, type Page } from "./api.ts";

/** The least time between two requests, so that a server that answers at once is not flooded. */
const PACE_MS = 3_000;
/** The time between two tries while the bastion does not answer. */
const RETRY_MS = 5_000;
/** The time between two requests of a tab that nobody looks at. */
const BACKGROUND_MS = 20_000;
/** More than anybody decides in one go; the inbox says when there are more. */
const MOST_PENDING = "100";

/**
 * Asks until `each` has had enough (answers false) or the signal is aborted. `ask` may take long: it
 * answers when something changes. A login that ended is told to `ended`; other failures are told
 * to `failing`, with null once it works again.
 */
export async function watch<T>(
  ask: () => Promise<T>,
  each: (answer: T) => boolean,
  signal: AbortSignal,
  failing: (error: Problem | null) => void = () => {},
): Promise<void> {
  let failed = false;
  while (!signal.aborted) {
    const started = performance.now();
    try {
      const answer = await ask();
      if (signal.aborted) return;
      if (failed) failing(null);
      failed = false;
      if (!each(answer)) return;
      await pause(PACE_MS - (performance.now() - started), signal);
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof Problem) || error.loggedOut) throw error;
      failed = true;
      failing(error);
      await pause(RETRY_MS, signal);
    }
    await seen(signal);
  }
}

/** The approvals that wait, kept up to date for the whole console. */
export class Pending {
  items: Approval[] = [];
  /** Whether there are more than were fetched. */
  more = false;
  private readonly listeners = new Set<() => void>();

  /** Keeps up until the signal is aborted; throws when the login has ended. */
  keepUp(signal: AbortSignal): Promise<void> {
    return watch(() => this.fetch(signal), (page) => (this.take(page), true), signal);
  }

  /** Fetches at once, after something was decided here. */
  async refresh(signal: AbortSignal): Promise<void> {
    this.take(await this.fetch(signal));
  }

  /** Calls the listener at every answer until the signal is aborted. */
  onChange(listener: () => void, signal: AbortSignal): void {
    this.listeners.add(listener);
    signal.addEventListener("abort", () => this.listeners.delete(listener));
  }

  /** Those that wait for this very person. */
  forMe(): Approval[] {
    return this.items.filter((approval) => approval.may_decide);
  }

  private fetch(signal: AbortSignal): Promise<Page<Approval>> {
    return approvals(new URLSearchParams({ state: "pending", limit: MOST_PENDING }), signal);
  }

  private take(page: Page<Approval>): void {
    this.items = page.items;
    this.more = page.next !== null;
    for (const listener of [...this.listeners]) listener();
  }
}

/** Waits for a time, less when the signal is aborted. */
function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return until(signal, (done) => {
    const timer = setTimeout(done, Math.max(0, milliseconds));
    return () => clearTimeout(timer);
  });
}

/** Waits until the page is in front: a tab in the background asks rarely. */
function seen(signal: AbortSignal): Promise<void> {
  if (typeof document === "undefined" || !document.hidden) return Promise.resolve();
  return until(signal, (done) => {
    const timer = setTimeout(done, BACKGROUND_MS);
    document.addEventListener("visibilitychange", done);
    return () => {
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", done);
    };
  });
}

/** Resolves when what `begin` starts is done or the signal is aborted; then clears it away. */
function until(signal: AbortSignal, begin: (done: () => void) => () => void): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const finish = (): void => {
      end();
      signal.removeEventListener("abort", finish);
      resolve();
    };
    const end = begin(finish);
    signal.addEventListener("abort", finish);
  });
}
