import type { ServiceManager } from "../../host/ports/services.ts";

/** Options of Node for a process whose answers are garbage at once: without them it keeps 250 MB (bench/api.ts). */
export const SMALL_HEAP: readonly string[] = ["--max-old-space-size=96", "--max-semi-space-size=2"];

/** Options of Node for the daemon: V8's young generation of 16 MB keeps 15 MB more, and grows under a flood (bench/idle.ts). */
export const SMALL_YOUNG_GENERATION: readonly string[] = ["--max-semi-space-size=1"];

/** The command with these options of Node, if its program is Node. Pure. */
export function withNodeOptions(
  [node = "", ...rest]: readonly string[],
  options: readonly string[],
): readonly string[] {
  return node.endsWith("/node") ? [node, ...options, ...rest] : [node, ...rest];
}

/** The command that starts the daemon of a service. Pure. */
export function daemonCommand({ program, configFile }: ServiceManager, notify: boolean): readonly string[] {
  const asDaemon = ["daemon", "--foreground", ...(notify ? ["--notify"] : []), "-f", configFile];
  return [...withNodeOptions(program, SMALL_YOUNG_GENERATION), ...asDaemon];
}
