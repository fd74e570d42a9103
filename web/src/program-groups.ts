import type { ProgramLine, ProgramRule } from "./documents.ts";

/** Processes of one program and user that go the same path. */
export interface ProgramGroup {
  readonly name: string;
  readonly path: string | null;
  readonly user: string | null;
  readonly pids: readonly number[];
  readonly sockets: number;
  readonly rule: ProgramRule | null;
  /** Paths that some of the traffic may take, each once. */
  readonly perhaps: readonly string[];
}

/** Programs with their processes put together; those with the most sockets first. Pure. */
export function programGroups(programs: readonly ProgramLine[]): readonly ProgramGroup[] {
  const groups = new Map<string, ProgramGroup>();
  for (const { pid, name, path, user, kernelThread, sockets, rule, perhaps } of programs) {
    if (kernelThread) continue;
    const id = JSON.stringify([path ?? name, user, rule?.origin, rule?.via]);
    const known = groups.get(id);
    groups.set(id, {
      name: path === null ? name : (path.split("/").at(-1) ?? name),
      path,
      user,
      rule,
      pids: [...(known?.pids ?? []), pid],
      sockets: (known?.sockets ?? 0) + (sockets ?? 0),
      perhaps: [...new Set([...(known?.perhaps ?? []), ...perhaps.map(({ via }) => via)])],
    });
  }
  return [...groups.values()].toSorted((a, b) => b.sockets - a.sockets || a.name.localeCompare(b.name));
}
