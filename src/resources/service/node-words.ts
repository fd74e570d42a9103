import type { ServiceManager } from "../../host/ports/services.ts";

/** Node's words for a process whose answers are garbage at once: without them it keeps 250 MB (bench/api.ts). */
export const SMALL_HEAP: readonly string[] = ["--max-old-space-size=96", "--max-semi-space-size=2"];

/** Node's words for the daemon: V8's young generation of 16 MB keeps 15 MB more, and grows under a flood (bench/idle.ts). */
export const SMALL_YOUNG_GENERATION: readonly string[] = ["--max-semi-space-size=1"];

/** The program with these words of Node, where it is run by its Node. Pure. */
export function withNodeWords([node = "", ...rest]: readonly string[], words: readonly string[]): readonly string[] {
  return node.endsWith("/node") ? [node, ...words, ...rest] : [node, ...rest];
}

/** The words that start the daemon of a service. Pure. */
export function daemonWords({ program, configFile }: ServiceManager, notify: boolean): readonly string[] {
  const asDaemon = ["daemon", "--foreground", ...(notify ? ["--notify"] : []), "-f", configFile];
  return [...withNodeWords(program, SMALL_YOUNG_GENERATION), ...asDaemon];
}
