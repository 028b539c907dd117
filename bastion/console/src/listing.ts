// A listing that is fetched page by page: what the filter asks for, and what has come so far.

import type { Page } from "./api.ts";

/** Rows asked for at a time: more than a screen, little enough to come at once. */
const PAGE_SIZE = 50;

/** A listing in the order in which the bastion gives it. */
export class Listing<T> {
  readonly items: T[] = [];
  /** Rows that the bastion could not read, by their ids. */
  readonly unreadable = new Set<string>();
  private cursor: string | null = null;
  private started = false;

  constructor(
    private readonly filter: URLSearchParams,
    private readonly fetchPage: (query: URLSearchParams) => Promise<Page<T>>,
  ) {}

  /** Whether there is more to fetch. */
  get more(): boolean {
    return !this.started || this.cursor !== null;
  }

  /** Fetches the next page, adds it to the items and returns it. */
  async next(): Promise<T[]> {
    if (!this.more) return [];
    const query = new URLSearchParams(this.filter);
    query.set("limit", String(PAGE_SIZE));
    if (this.cursor !== null) query.set("cursor", this.cursor);
    const page = await this.fetchPage(query);
    // The same cursor again would fetch the same page for ever.
    this.cursor = page.next === this.cursor ? null : page.next;
    this.started = true;
    this.items.push(...page.items);
    for (const row of page.unreadable ?? []) this.unreadable.add(`${row.table} ${row.id}`);
    return page.items;
  }
}

/** The filter in a page's address: only the keys that the listing knows, only those with a value. */
export function filterOf(search: string, keys: readonly string[]): URLSearchParams {
  const given = new URLSearchParams(search);
  const filter = new URLSearchParams();
  for (const key of keys) {
    const value = given.get(key)?.trim();
    if (value) filter.set(key, value);
  }
  return filter;
}
