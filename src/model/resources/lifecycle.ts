import type { ResourceKey, ResourceKind } from "../resource.ts";

/** The config's `lifecycle` for single resources; stored with the generation, so it applies without the config. */
export interface Lifecycle {
  /** No plan may destroy or replace these. */
  readonly protect: readonly ResourceKey[];
  /** When these are no longer wanted they stay on the host as they are, and awg stops managing them. */
  readonly retain: readonly ResourceKey[];
  /** Fields that other programs may change: neither drift nor repaired. `/kind/name/field`, as in drift and plan. */
  readonly ignore: readonly string[];
  /** Tunnels with a new name, in the order written. */
  readonly moved: readonly TunnelMove[];
}

export interface TunnelMove {
  readonly from: string;
  readonly to: string;
}

/** Kinds with one resource for each tunnel, named after it. */
export const TUNNEL_KINDS: readonly ResourceKind[] = ["link", "tunnel", "routes"];

/** Pointers below a resource's key that are ignored: "/mtuBytes" of "/link/office/mtuBytes". Pure. */
export function ignoredFieldsOf(lifecycle: Lifecycle | undefined, key: ResourceKey): readonly string[] {
  const start = `/${key}/`;
  return (lifecycle?.ignore ?? []).flatMap((pointer) =>
    pointer.startsWith(start) ? [pointer.slice(start.length - 1)] : [],
  );
}

/** The key a resource has after the moves: `link/office` moved to `work` is `link/work`. Pure. */
export function movedKey(key: ResourceKey, moves: readonly TunnelMove[]): ResourceKey {
  const at = key.indexOf("/");
  const kind = key.slice(0, at) as ResourceKind;
  if (!TUNNEL_KINDS.includes(kind)) return key;
  return `${kind}/${movedName(key.slice(at + 1), moves)}`;
}

/** The name a tunnel has after the moves, one after the other. Pure. */
export function movedName(name: string, moves: readonly TunnelMove[]): string {
  return moves.reduce((now, { from, to }) => (now === from ? to : now), name);
}

/** What still applies when nothing is wanted: retained keys stay retained. Pure. */
export function lifecycleOfNothing(lifecycle: Lifecycle | undefined): { readonly lifecycle?: Lifecycle } {
  const retain = lifecycle?.retain ?? [];
  return retain.length === 0 ? {} : { lifecycle: { protect: [], retain, ignore: [], moved: [] } };
}

/** The pointer that names a tunnel's device in `conflicts`. Pure. */
export function devicePointer(tunnel: string): string {
  return `/link/${tunnel}/device`;
}
