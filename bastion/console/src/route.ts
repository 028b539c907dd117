// Which page an address names.

export type Route =
  | { page: "sessions" }
  | { page: "session"; id: string }
  | { page: "targets" }
  | { page: "audit" }
  | { page: "unknown" };

export function routeOf(path: string): Route {
  const parts = path.split("/").filter((part) => part !== "");
  const [first, second] = parts;
  if (parts.length === 0) return { page: "sessions" };
  if (parts.length === 1 && (first === "sessions" || first === "targets" || first === "audit")) return { page: first };
  if (parts.length === 2 && first === "sessions" && second !== undefined) {
    try {
      return { page: "session", id: decodeURIComponent(second) };
    } catch {
      return { page: "unknown" };
    }
  }
  return { page: "unknown" };
}
