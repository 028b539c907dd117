// The lines that a person copies into a terminal to reach a target.

import type { Target } from "./api.ts";

/** Once per machine: log in, and let `ssh` know the targets. */
export function setUpLines(origin: string): string[] {
  return [`bastion login ${origin}`, "bastion ssh-config --install"];
}

/** One line for each account that the person may use on the target. */
export function sshLines(target: Pick<Target, "name" | "logins">): string[] {
  return target.logins.map((login) =>
    // `*` stands for any account: the person fills it in.
    login === "*" ? `ssh LOGIN@${word(target.name)}` : `ssh ${word(`${login}@${target.name}`)}`,
  );
}

/** An argument that any shell takes as one word; what needs quoting gets it. */
export function word(argument: string): string {
  return /^[A-Za-z0-9@._+:/-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", "'\\''")}'`;
}
