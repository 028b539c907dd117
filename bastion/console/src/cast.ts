// Reads what the page needs from an asciicast v3 recording: whole lines, markers, length.
// Showing it is the player's work.

export interface Marker {
  /** Seconds from the start of the recording. */
  time: number;
  label: string;
}

/** A stretch without any event, longer than `LONGEST_PAUSE`. Both in seconds. */
export interface Pause {
  start: number;
  length: number;
}

/** Larger terminals are shown as this size, as the bastion records them now: the player's terminal dies of some. */
const LARGEST = { cols: 1000, rows: 500 };

/** Pauses are cut to this many seconds when the person asks to skip them. */
export const LONGEST_PAUSE = 2;

export interface Cast {
  /** The recording up to its last whole line (a running session's may end in the middle of one), sizes bounded. */
  text: string;
  cols: number;
  rows: number;
  /** The most columns and rows that the terminal has at any time. */
  widest: number;
  tallest: number;
  events: number;
  /** Seconds from the start to the last event. */
  duration: number;
  /** Seconds from the start to the first output. */
  firstOutput: number;
  markers: Marker[];
  pauses: Pause[];
}

/** The recording is not one that can be shown; the message says why. */
export class UnreadableCast extends Error {}

export function readCast(recording: string): Cast {
  const text = recording.slice(0, recording.lastIndexOf("\n") + 1);
  const lines = text.split("\n");
  const { header, ...size } = readHeader(lines[0] ?? "");
  lines[0] = header;
  const cast: Cast = { text, ...size, widest: size.cols, tallest: size.rows, events: 0, duration: 0, firstOutput: -1, markers: [], pauses: [] };
  for (const [index, line] of lines.entries()) {
    if (index === 0 || line === "" || line.startsWith("#")) continue;
    const [interval, code, data] = readEvent(line, index + 1);
    cast.events += 1;
    if (interval > LONGEST_PAUSE) cast.pauses.push({ start: cast.duration, length: interval });
    // Version 3 writes the time since the event before, not since the start.
    cast.duration += interval;
    if (code === "m") cast.markers.push({ time: cast.duration, label: data });
    if (code === "o" && cast.firstOutput < 0) cast.firstOutput = cast.duration;
    if (code === "r") {
      const [cols = 0, rows = 0] = data.split("x").map((value) => Number.parseInt(value, 10) || 0);
      const bounded = bound({ cols, rows });
      cast.widest = Math.max(cast.widest, bounded.cols);
      cast.tallest = Math.max(cast.tallest, bounded.rows);
      if (bounded.cols !== cols || bounded.rows !== rows) {
        lines[index] = JSON.stringify([interval, code, `${bounded.cols}x${bounded.rows}`]);
      }
    }
  }
  cast.firstOutput = Math.max(0, cast.firstOutput);
  cast.text = lines.join("\n");
  return cast;
}

/** The time at which a player that cuts pauses shows what the recording has at `time`. */
export function shortTime(pauses: Pause[], time: number): number {
  let cut = 0;
  for (const { start, length } of pauses) cut += Math.min(Math.max(time - start - LONGEST_PAUSE, 0), length - LONGEST_PAUSE);
  return time - cut;
}

/** The time in the recording of what a player that cuts pauses shows at `time`. */
export function fullTime(pauses: Pause[], time: number): number {
  let full = time;
  for (const { start, length } of pauses) if (full >= start + LONGEST_PAUSE) full += length - LONGEST_PAUSE;
  return full;
}

/** The header with a size that can be shown, and that size. */
function readHeader(line: string): { header: string; cols: number; rows: number } {
  let header: { version?: unknown; term?: { cols?: unknown; rows?: unknown } };
  try {
    header = JSON.parse(line) as typeof header;
  } catch {
    throw new UnreadableCast(line === "" ? "it is empty" : "its first line is not an asciicast header");
  }
  if (header.version !== 3) throw new UnreadableCast("it is not asciicast version 3");
  const term = { cols: size(header.term?.cols) || 80, rows: size(header.term?.rows) || 24 };
  const bounded = bound(term);
  const fits = bounded.cols === term.cols && bounded.rows === term.rows;
  return { header: fits ? line : JSON.stringify({ ...header, term: { ...header.term, ...bounded } }), ...bounded };
}

function readEvent(line: string, number: number): [interval: number, code: string, data: string] {
  let event: unknown;
  try {
    event = JSON.parse(line);
  } catch {
    throw new UnreadableCast(`line ${number} is not JSON`);
  }
  if (!Array.isArray(event) || typeof event[0] !== "number" || typeof event[1] !== "string") {
    throw new UnreadableCast(`line ${number} is not an event`);
  }
  return [event[0], event[1], typeof event[2] === "string" ? event[2] : ""];
}

function bound(size: { cols: number; rows: number }): { cols: number; rows: number } {
  const within = (cells: number, most: number): number => Math.min(Math.max(cells, 1), most);
  return { cols: within(size.cols, LARGEST.cols), rows: within(size.rows, LARGEST.rows) };
}

function size(value: unknown): number {
  return typeof value === "number" && Number.isInteger(value) && value > 0 ? value : 0;
}

/** The moment that a link names: `#t=12.5`, `#t=end`; null if it names none. */
export function momentOf(hash: string, duration: number): number | null {
  const value = new URLSearchParams(hash.replace(/^#/, "")).get("t");
  if (value === null) return null;
  if (value === "end") return duration;
  const seconds = Number(value);
  return value !== "" && Number.isFinite(seconds) && seconds >= 0 ? Math.min(seconds, duration) : null;
}
