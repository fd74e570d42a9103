import type { Config } from "../../config/config.ts";
import type { ResourceKey } from "../../model/resource.ts";
import { devicePointer, type Lifecycle, movedName, type TunnelMove } from "../../model/resources/lifecycle.ts";

/** The `lifecycle` of the config for the desired state; empty if there is none. Pure. */
export function lifecycleOf(config: Config): { readonly lifecycle?: Lifecycle } {
  const { protect = [], retain = [], ignore: left = [] } = config.lifecycle ?? {};
  const yielded = Object.entries(config.conflicts ?? {}).flatMap(([field, answer]) =>
    answer === "yield" ? field : [],
  );
  const ignore = [...left, ...yielded.filter((field) => !left.includes(field))];
  const moved = movesOf(config);
  if (protect.length + retain.length + ignore.length + moved.length === 0) return {};
  const keys = (texts: readonly string[]): ResourceKey[] => texts.map((text) => text as ResourceKey);
  return { lifecycle: { protect: keys(protect), retain: keys(retain), ignore, moved } };
}

/** Whether a tunnel's device may be taken over from another program. Pure. */
export function isAdopting({ conflicts }: Pick<Config, "conflicts">, tunnel: string): boolean {
  return conflicts[devicePointer(tunnel)] === "adopt";
}

/** Renamed tunnels by their names. */
function movesOf({ moved }: Config): readonly TunnelMove[] {
  return moved.map(({ from, to }) => ({ from: from.slice("tunnel/".length), to: to.slice("tunnel/".length) }));
}

/**
 * Values of the last state under the names of this one: a renamed tunnel keeps its path number and device. A name that
 * is still declared keeps its own. Pure.
 */
export function keptByName<T>(kept: Readonly<Record<string, T>>, config: Config): Readonly<Record<string, T>> {
  const moves = movesOf(config);
  const entries = Object.entries(kept).map(([name, value]): [string, T] => {
    const now = movedName(name, moves);
    const isFree =
      Object.hasOwn(config.tunnels, now) && !Object.hasOwn(config.tunnels, name) && !Object.hasOwn(kept, now);
    return [isFree ? now : name, value];
  });
  return Object.fromEntries(entries);
}
