import { childOf, type MapNode, type SourceNode } from "../source/source-node.ts";

/** Prefixes of all addresses of a family. */
const EVERYTHING: readonly unknown[] = ["0.0.0.0/0", "::/0"];

const SHOWN = 4;

/**
 * What to add for a missing `default`. A tunnel that carries all addresses is named alone: `direct`, pasted there, would
 * send everything outside.
 */
export function defaultRemedy(root: MapNode): string {
  const tunnels = childOf(root, "tunnels");
  const entries = tunnels?.kind === "map" ? [...tunnels.entries] : [];
  const full = entries.filter(([, { value }]) => carriesEverything(value)).map(([name]) => name);
  const offered = full.length > 0 ? full : ["direct", ...entries.map(([name]) => name)];
  const choices = offered.slice(0, SHOWN).map((via) => `{ via: ${via} }`);
  return `add default: ${choices.join(" or ")}`;
}

function carriesEverything(tunnel: SourceNode): boolean {
  const peers = childOf(tunnel, "peers");
  if (peers?.kind !== "list") return childOf(tunnel, "server") !== undefined;
  return peers.items.some((peer) => {
    const prefixes = childOf(peer, "allowedIPs");
    return (
      prefixes?.kind === "list" &&
      prefixes.items.some((item) => item.kind === "scalar" && EVERYTHING.includes(item.value))
    );
  });
}
