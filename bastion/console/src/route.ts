// Which page an address names.

export type Route =
  | { page: "sessions" }
  | { page: "session"; id: string }
  | { page: "approvals" }
  | { page: "approval"; id: string }
  | { page: "targets" }
  | { page: "audit" }
  | { page: "unknown" };

export function routeOf(path: string): Route {
  const parts = path.split("/").filter((part) => part !== "");
  const [first, second] = parts;
  if (parts.length === 0) return { page: "sessions" };
  if (parts.length === 1 && (first === "sessions" || first === "approvals" || first === "targets" || first === "audit")) return { page: first };
  if (parts.length === 2 && (first === "sessions" || first === "approvals") && second !== undefined) {
    try {
      return { page: first === "sessions" ? "session" : "approval", id: decodeURIComponent(second) };
    } catch {
      return { page: "unknown" };
    }
  }
  return { page: "unknown" };
}

/**
 * The path behind the address of a link in a message, `/#/approvals/ID`: such a link works wherever
 * the console is served from. Null for every other fragment.
 */
export function linkedPath(fragment: string): string | null {
  if (!fragment.startsWith("#/")) return null;
  const path = fragment.slice(1);
  return routeOf(path).page === "unknown" || path.startsWith("//") ? null : path;
}
