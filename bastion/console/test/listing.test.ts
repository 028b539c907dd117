import assert from "node:assert/strict";
import { test } from "node:test";
import { filterOf, Listing } from "../src/listing.ts";

test("a listing follows the cursor to the end and keeps the filter", async () => {
  const asked: string[] = [];
  const pages = [{ items: [1, 2], next: "c1" }, { items: [3], next: null }];
  const listing = new Listing<number>(new URLSearchParams("user=alice"), async (query) => {
    asked.push(query.toString());
    return pages[asked.length - 1] ?? { items: [], next: null };
  });
  assert.equal(listing.more, true);
  assert.deepEqual(await listing.next(), [1, 2]);
  assert.equal(listing.more, true);
  assert.deepEqual(await listing.next(), [3]);
  assert.equal(listing.more, false);
  assert.deepEqual(await listing.next(), []);
  assert.deepEqual(listing.items, [1, 2, 3]);
  assert.deepEqual(asked, ["user=alice&limit=50", "user=alice&limit=50&cursor=c1"]);
});

test("a cursor that comes back unchanged ends the listing", async () => {
  const listing = new Listing<number>(new URLSearchParams(), async () => ({ items: [1], next: "same" }));
  await listing.next();
  await listing.next();
  assert.equal(listing.more, false);
});

test("a page that failed can be asked for again", async () => {
  let calls = 0;
  const listing = new Listing<number>(new URLSearchParams(), async () => {
    calls += 1;
    if (calls === 1) throw new Error("no answer");
    return { items: [1], next: null };
  });
  await assert.rejects(listing.next());
  assert.equal(listing.more, true);
  assert.deepEqual(await listing.next(), [1]);
});

test("a filter takes only known keys with a value", () => {
  const keys = ["user", "target"] as const;
  assert.equal(filterOf("?user=%20alice%20&target=&limit=1", keys).toString(), "user=alice");
});
