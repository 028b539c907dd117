// The lines that a person copies into a terminal to reach a target.

import type { Info, Target } from "./api.ts";

type Reached = Pick<Target, "kind" | "name" | "logins">;

/** Once per machine: log in and, unless there are only clusters, let `ssh` know the hosts. */
export function setUpLines(origin: string, reachable: Pick<Target, "kind">[]): string[] {
  const login = `bastion login ${word(origin)}`;
  const onlyClusters = reachable.length > 0 && reachable.every(isCluster);
  return onlyClusters ? [login] : [login, "bastion ssh-config --install"];
}

/** For a host one line for each account that the person may use there; for a cluster the one that sets kubectl up. */
export function connectLines(target: Reached): string[] {
  if (isCluster(target)) return [`bastion kubeconfig ${word(target.name)} --install`];
  return target.logins.map((login) =>
    // `*` stands for any account: the person fills it in.
    login === "*" ? `ssh LOGIN@${word(target.name)}` : `ssh ${word(`${login}@${target.name}`)}`,
  );
}

export function isCluster(target: Pick<Target, "kind">): boolean {
  return target.kind === "cluster";
}

/** Where kubectl reaches a cluster; null where this bastion says nothing of clusters. */
export function apiServer(about: Pick<Info, "kube">, cluster: Pick<Target, "name">): string | null {
  return about.kube ? `${about.kube.url.replace(/\/+$/, "")}/clusters/${encodeURIComponent(cluster.name)}` : null;
}

/** An argument that any shell takes as one word; what needs quoting gets it. */
export function word(argument: string): string {
  return /^[A-Za-z0-9@._+:/-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", "'\\''")}'`;
}
