import { conflictPointers, ignorablePointers } from "../../model/resources/ignorable.ts";
import { isNoiseTunnel } from "../config.ts";
import { nearestWord } from "../field/edit-distance.ts";
import { quote } from "../field/leaf.ts";
import { TUNNEL_NAME } from "../section/path.ts";
import type { NodePath } from "../source/source-node.ts";
import type { CheckContext } from "./check-context.ts";

const TUNNEL_KINDS: readonly string[] = ["link", "tunnel", "routes"];
const MACHINE_KEYS: readonly string[] = ["firewall/machine", "routes/policy", "resolver/machine", "sysctl/machine"];
/** Services that the config asks for; which exist depends on the host. */
const SERVICE_KEYS: readonly string[] = [
  ...["daemon", "keeper", "boot", "gui"].map((name) => `service/${name}`),
  ...["daemon", "keeper", "boot"].map((name) => `autostart/${name}`),
];
const TUNNEL_KEY = new RegExp(`^(link|tunnel|routes)/${TUNNEL_NAME.slice(1)}`);
const SHOWN = 6;

/** Resources and fields named by lifecycle and moved exist. */
export function checkLifecycle(context: CheckContext): void {
  const { lifecycle, moved, service, systemExtension } = context.config;
  const declared = context.tunnelNames.flatMap((name) => TUNNEL_KINDS.map((kind) => `${kind}/${name}`));
  const extension = systemExtension === undefined ? [] : [`system-extension/${systemExtension.bundle}`];
  const known = [...declared, ...MACHINE_KEYS, ...(service === undefined ? [] : SERVICE_KEYS), ...extension];
  for (const [index, key] of (lifecycle?.protect ?? []).entries()) {
    if (!known.includes(key)) reportResource(context, ["lifecycle", "protect", index], key, known);
  }
  for (const [index, key] of (lifecycle?.retain ?? []).entries()) {
    if (!TUNNEL_KEY.test(key) && ![...MACHINE_KEYS, ...SERVICE_KEYS].includes(key))
      reportResource(context, ["lifecycle", "retain", index], key, known);
  }
  checkIgnored(context);
  checkConflicts(context);
  for (const [index, move] of moved.entries()) checkMove(context, ["moved", index], move);
}

function reportResource(context: CheckContext, path: NodePath, key: string, known: readonly string[]): void {
  context.report("unknown-resource", path, `unknown resource ${quote(key)}`, suggest(key, known));
}

/** The number of peers of each tunnel. */
function peersOf({ config }: CheckContext): Readonly<Record<string, number>> {
  return Object.fromEntries(
    Object.entries(config.tunnels).map(([name, tunnel]) => [name, isNoiseTunnel(tunnel) ? tunnel.peers.length : 0]),
  );
}

function checkConflicts(context: CheckContext): void {
  const { conflicts } = context.config;
  const known = conflictPointers(peersOf(context));
  for (const [pointer, answer] of Object.entries(conflicts)) {
    if (known[answer].includes(pointer)) continue;
    const isKnown = known.assert.includes(pointer);
    const message = isKnown ? `${quote(pointer)} cannot be set to ${answer}` : `unknown field ${quote(pointer)}`;
    const others = (["assert", "yield", "adopt"] as const).filter((one) => known[one].includes(pointer));
    const remedy = isKnown ? `use ${others.join(" or ")}` : suggest(pointer, known[answer]);
    context.reportKey("conflict-field", ["conflicts", pointer], message, remedy);
  }
}

function checkIgnored(context: CheckContext): void {
  const { lifecycle } = context.config;
  const known = ignorablePointers(peersOf(context));
  for (const [index, pointer] of (lifecycle?.ignore ?? []).entries()) {
    if (known.includes(pointer)) continue;
    const message = `${quote(pointer)} cannot be left to other programs`;
    context.report("ignore-pointer", ["lifecycle", "ignore", index], message, suggest(pointer, known));
  }
}

function checkMove(context: CheckContext, path: NodePath, { from, to }: { from: string; to: string }): void {
  const names = context.tunnelNames;
  const old = nameOf(from);
  const now = nameOf(to);
  const remedy = "for example { from: tunnel/office, to: tunnel/work }";
  if (old === undefined) {
    context.report("moved-tunnel", [...path, "from"], `${quote(from)} is not a tunnel`, remedy);
  } else if (names.includes(old)) {
    const message = `${quote(from)} is still declared, so it was not renamed`;
    context.report("moved-tunnel", [...path, "from"], message, "remove the tunnel or the move");
  }
  if (now === undefined) {
    context.report("moved-tunnel", [...path, "to"], `${quote(to)} is not a tunnel`, remedy);
  } else if (!names.includes(now)) {
    const known = names.map((name) => `tunnel/${name}`);
    context.report("unknown-resource", [...path, "to"], `unknown resource ${quote(to)}`, suggest(to, known));
  }
}

function nameOf(key: string): string | undefined {
  return TUNNEL_KEY.test(key) && key.startsWith("tunnel/") ? key.slice("tunnel/".length) : undefined;
}

function suggest(word: string, known: readonly string[]): string {
  const near = nearestWord(word, known);
  if (near !== undefined) return `did you mean ${near}?`;
  return `use one of ${known.slice(0, SHOWN).join(", ")}${known.length > SHOWN ? ", …" : ""}`;
}
