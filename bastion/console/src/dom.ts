// Elements without markup: text from elsewhere only ever becomes a text node.

type Child = Node | string | null | false;
type Attributes = Record<string, string | boolean | undefined>;

/** An element with attributes (false and undefined leave one out) and children. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(name, "");
    else if (typeof value === "string") element.setAttribute(name, value);
  }
  for (const child of children) {
    if (child !== null && child !== false) element.append(child);
  }
  return element;
}

export function button(label: string, onClick: () => void, attributes: Attributes = {}): HTMLButtonElement {
  const element = h("button", { type: "button", ...attributes }, label);
  element.addEventListener("click", onClick);
  return element;
}

/** A line to copy into a terminal, with the button that copies it. */
export function copyLine(line: string): HTMLElement {
  const copy = button("Copy", () => void copied(), { class: "quiet small", "aria-label": `Copy: ${line}` });
  async function copied(): Promise<void> {
    try {
      await navigator.clipboard.writeText(line);
      copy.textContent = "Copied";
    } catch {
      copy.textContent = "Select it by hand";
    }
    setTimeout(() => (copy.textContent = "Copy"), 2_000);
  }
  // Word by word: where the line is too long it breaks between words, not inside an option such as `--install`.
  const words = line.split(/(?<= )/).map((word) => h("span", {}, word));
  return h("div", { class: "copy-line" }, h("code", {}, ...words), copy);
}
