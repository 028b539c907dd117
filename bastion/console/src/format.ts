// Values as words. Everything here is a pure function of its arguments.

/** A length of time in seconds, in the two units that matter: `0.4 s`, `12 s`, `3 min 05 s`, `2 h 07 min`. */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds) || seconds < 0) return "–";
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 24 * 60) return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`;
  const hours = Math.floor(minutes / 60);
  return `${Math.floor(hours / 24)} d ${two(hours % 24)} h`;
}

/** A place in a recording, as the player's clock shows it: `00:07`, `1:02:03`. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const minutes = Math.floor(whole / 60);
  const tail = `${two(minutes % 60)}:${two(whole % 60)}`;
  return minutes < 60 ? tail : `${Math.floor(minutes / 60)}:${tail}`;
}

/** The seconds between two RFC 3339 times; NaN if one does not parse. */
export function secondsBetween(start: string, end: string): number {
  return (Date.parse(end) - Date.parse(start)) / 1000;
}

/** A size in bytes: `812 B`, `1.4 KiB`, `20 MiB`. */
export function bytes(count: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = count;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || value >= 10 ? 0 : 1;
  return `${value.toFixed(digits)} ${units[unit]}`;
}

/** A local time that sorts and reads well: `2026-11-22 14:03:09`. */
export function localTime(time: string): string {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return visible(time);
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join("-");
  return `${day} ${[two(date.getHours()), two(date.getMinutes()), two(date.getSeconds())].join(":")}`;
}

/** What is left until a time, as a clock that counts down: `4:59`, `1:04:59`; `0:00` from then on. */
export function countdown(time: string, now: number): string {
  const left = Math.max(0, Math.ceil((Date.parse(time) - now) / 1000));
  if (!Number.isFinite(left)) return "–";
  const minutes = Math.floor(left / 60);
  const tail = two(left % 60);
  return minutes < 60 ? `${minutes}:${tail}` : `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${tail}`;
}

/** How long ago a time was: `just now`, `5 min ago`, `3 h ago`; the day itself when that is long ago. */
export function ago(time: string, now: number): string {
  const minutes = Math.floor((now - Date.parse(time)) / 60_000);
  if (!Number.isFinite(minutes)) return visible(time);
  if (minutes < 1) return "just now";
  if (minutes < 60) return `${minutes} min ago`;
  return minutes < 24 * 60 ? `${Math.floor(minutes / 60)} h ago` : localTime(time);
}

/** How long until a time: `in 40 min`; `now` when it has passed. */
export function until(time: string, now: number): string {
  const minutes = Math.floor((Date.parse(time) - now) / 60_000);
  if (!Number.isFinite(minutes)) return "at an unknown time";
  if (minutes < 1) return "now";
  return minutes < 60 ? `in ${minutes} min` : `in ${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`;
}

/**
 * Text from elsewhere with everything that a reader could not see made visible: control characters
 * as caret notation, and the characters that reorder, join or hide text (bidirectional marks,
 * zero-width and other format characters, line separators) as their code point.
 */
export function visible(text: string): string {
  return text.replace(HIDDEN, (character) => {
    const code = character.codePointAt(0) ?? 0;
    if (code === 0x0a) return "⏎";
    if (code < 0x20) return `^${String.fromCharCode(code + 0x40)}`;
    if (code === 0x7f) return "^?";
    return `⟨U+${code.toString(16).toUpperCase().padStart(4, "0")}⟩`;
  });
}

/** Whether `visible` changes the text. */
export function hidesSomething(text: string): boolean {
  return text.search(HIDDEN) >= 0;
}

/** The name of an event or a field in words: `session_started` is `session started`. */
export function words(name: string): string {
  return visible(name).replaceAll("_", " ");
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}

// Control and format characters, line and paragraph separators, lone surrogates, unassigned and
// private code points, what is drawn as nothing (variation selectors, Hangul fillers), and the Braille blank.
const HIDDEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}\p{Cn}\p{Default_Ignorable_Code_Point}\u2800]/gu;
