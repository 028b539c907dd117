// The decision on one request: how far it reaches, a word on it, and a second look before it counts.

import { approval, approve, deny, Problem, type Approval, type Scope } from "../api.ts";
import { APPROVE_TIMES, isOwn, scopesOf, scopeWords, whyNot } from "../approval.ts";
import { button, h } from "../dom.ts";
import { visible } from "../format.ts";
import { onKeys } from "../keys.ts";
import { cancelButton } from "./approvals.ts";
import { exact } from "./command.ts";
import { problemNote, type Context } from "./page.ts";

type Choice = "approve" | "deny";

interface Decision {
  element: HTMLElement;
  /** Shows what is still to be done about the request. */
  show(now: Approval): void;
}

/** `decided` is told what the bastion answers to a decision. */
export function decision(context: Context, first: Approval, decided: (now: Approval) => void): Decision {
  const element = h("div", { class: "decision" });
  const scope = scopeField(first);
  const comment = h("textarea", { name: "comment", rows: "2", placeholder: "Comment, for the person and the log", "aria-label": "Comment", maxlength: "1000" });
  const problem = h("div", { role: "alert" });
  let now = first;
  let open = "";

  function show(current: Approval): void {
    now = current;
    // While it may still be decided nothing moves under the person's fingers.
    const stage = `${current.state} ${current.may_decide}`;
    if (stage === open) return;
    open = stage;
    if (current.state !== "pending") return afterwards();
    choose();
    // A link or a key in the inbox came with the decision to confirm.
    const wanted = location.hash.slice(1);
    if (current.may_decide && (wanted === "approve" || wanted === "deny")) confirm(wanted);
  }

  function choose(): void {
    const reason = whyNot(now, context.who);
    const disabled = reason !== null;
    element.replaceChildren(
      ...(disabled ? [h("p", { class: "why-not", id: "why-not" }, reason)] : [scope.element, comment]),
      h("div", { class: "choices" },
        button("Approve …", () => confirm("approve"), { class: "approve", disabled, "aria-describedby": disabled ? "why-not" : undefined }),
        button("Deny …", () => confirm("deny"), { class: "deny", disabled, "aria-describedby": disabled ? "why-not" : undefined }),
      ),
      ...(isOwn(now, context.who) ? [cancelButton(context, now, "Cancel this request")] : []),
      problem,
    );
  }

  /** The second look: what will run, and how far the decision reaches, in one place. */
  function confirm(choice: Choice): void {
    if (now.state !== "pending" || !now.may_decide || element.querySelector(".confirm") !== null) return;
    problem.replaceChildren();
    const yes = button(choice === "approve" ? "Yes, approve" : "Yes, deny", () => void send(choice, yes), { class: choice });
    const place = `${visible(now.login)}@${visible(now.target)}`;
    element.replaceChildren(
      h("div", { class: "confirm", role: "group", "aria-label": "Confirm" },
        h("p", {}, choice === "approve" ? h("strong", {}, "Approve") : h("strong", {}, "Deny"), ` for ${visible(now.requester.name)} on ${place}`, choice === "approve" ? `, ${scopeWords(now, scope.value())}:` : ":"),
        now.command === null ? null : exact(now.command),
        now.act?.stdin.how === "given" ? h("p", { class: "faint" }, "with this standard input:") : null,
        now.act?.stdin.how === "given" ? exact(now.act.stdin.text) : null,
        comment,
        h("div", { class: "choices" }, yes, button("Back", back)),
        problem,
      ),
    );
    yes.focus({ preventScroll: true });
    element.scrollIntoView({ block: "nearest" });
  }

  function back(): void {
    if (element.querySelector(".confirm") === null) return;
    problem.replaceChildren();
    choose();
    element.querySelector<HTMLElement>("button")?.focus({ preventScroll: true });
  }

  async function send(choice: Choice, yes: HTMLButtonElement): Promise<void> {
    yes.disabled = true;
    const words = comment.value.trim();
    try {
      decided(choice === "approve" ? await approve(context.who, now.id, scope.value(), words) : await deny(context.who, now.id, words));
      await context.pending.refresh(context.signal);
    } catch (error) {
      if (context.signal.aborted) return;
      yes.disabled = false;
      problem.replaceChildren(problemNote(error));
      // Somebody else was faster: what they decided is what counts.
      if (error instanceof Problem && error.status === 409) decided(await approval(now.id));
    }
  }

  /** It is decided: what is next? */
  function afterwards(): void {
    const next = h("p", { class: "next" });
    const showNext = (): void => {
      const other = context.pending.forMe().find(({ id }) => id !== now.id);
      next.replaceChildren(
        other === undefined
          ? h("a", { href: "/approvals" }, "All approvals")
          : h("a", { class: "button", href: `/approvals/${encodeURIComponent(other.id)}` }, `Next: ${visible(other.requester.name)} on ${visible(other.target)}`),
      );
    };
    showNext();
    context.pending.onChange(showNext, context.signal);
    element.replaceChildren(next, problem);
  }

  onKeys({ a: key("approve"), d: key("deny"), Escape: back }, context.signal);
  // Escape leaves the comment, too.
  comment.addEventListener("keydown", (event) => event.key === "Escape" && comment.blur());
  function key(choice: Choice): (event: KeyboardEvent) => void {
    return (event) => {
      event.preventDefault();
      confirm(choice);
    };
  }

  return { element, show };
}

/** How far an approval reaches, as a choice; nothing to choose where there is only one way. */
function scopeField(request: Approval): { element: HTMLElement; value(): Scope } {
  const scopes = scopesOf(request);
  const times = h("select", { "aria-label": "How long" }, ...APPROVE_TIMES.map(({ value, label }) => h("option", { value, selected: value === "1h" }, label)));
  const labels: Record<Scope["scope"], string> = { once: "Once", session: "This session", for: "For a time" };
  const choices = scopes.map((scope) => h("input", { type: "radio", name: "scope", value: scope, checked: scope === "once" }));
  const field = h("fieldset", { class: "scope" }, h("legend", {}, "How far it reaches"));
  choices.forEach((choice, index) => {
    const scope = scopes[index] ?? "once";
    field.append(h("label", { class: "check" }, choice, labels[scope]));
    if (scope === "for") field.append(times);
  });
  const follow = (): void => {
    times.hidden = value().scope !== "for";
  };
  function value(): Scope {
    const chosen = choices.find((choice) => choice.checked)?.value;
    if (chosen === "for") return { scope: "for", for: times.value };
    return { scope: chosen === "session" ? "session" : "once" };
  }
  field.addEventListener("change", follow);
  follow();
  return { element: scopes.length > 1 ? field : h("p", { class: "faint" }, `Approved ${scopeWords(request, { scope: "once" })}.`), value };
}
