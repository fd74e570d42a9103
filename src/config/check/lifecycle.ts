import { conflictPointers, ignorablePointers } from "../../model/resources/ignorable.ts";
import { isNoiseTunnel } from "../config.ts";
import { nearestWord } from "../field/edit-distance.ts";
import { quote } from "../field/leaf.ts";
import type { NodePath } from "../source/source-node.ts";
import type { CheckContext } from "./check-context.ts";

const TUNNEL_KINDS: readonly string[] = ["link", "tunnel", "routes"];
const MACHINE_KEYS: readonly string[] = ["firewall/machine", "routes/policy", "resolver/machine", "sysctl/machine"];
/** Services, where the config asks for them; which of them there are depends on the machine. */
const SERVICE_KEYS: readonly string[] = [
  ...["daemon", "keeper", "boot", "gui"].map((name) => `service/${name}`),
  ...["daemon", "keeper", "boot"].map((name) => `autostart/${name}`),
];
const TUNNEL_KEY = /^(link|tunnel|routes)\/[a-z][a-z0-9-]{0,10}$/;
const SHOWN = 6;

/** Resources and fields that lifecycle and moved name are such as there are. */
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
  context.report("unknown-resource", path, `there is no resource ${quote(key)}`, suggest(key, known));
}

/** How many peers each tunnel has. */
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
    const message = isKnown
      ? `${quote(pointer)} cannot be answered with ${answer}`
      : `there is no field ${quote(pointer)}`;
    const others = (["assert", "yield", "adopt"] as const).filter((one) => known[one].includes(pointer));
    const remedy = isKnown ? `write ${others.join(" or ")}` : suggest(pointer, known[answer]);
    context.reportKey("conflict-field", ["conflicts", pointer], message, remedy);
  }
}

function checkIgnored(context: CheckContext): void {
  const { lifecycle } = context.config;
  const known = ignorablePointers(peersOf(context));
  for (const [index, pointer] of (lifecycle?.ignore ?? []).entries()) {
    if (known.includes(pointer)) continue;
    const message = `${quote(pointer)} is no field that may be left to others`;
    context.report("ignore-pointer", ["lifecycle", "ignore", index], message, suggest(pointer, known));
  }
}

function checkMove(context: CheckContext, path: NodePath, { from, to }: { from: string; to: string }): void {
  const names = context.tunnelNames;
  const old = nameOf(from);
  const now = nameOf(to);
  const remedy = "write it like { from: tunnel/office, to: tunnel/work }";
  if (old === undefined) {
    context.report("moved-tunnel", [...path, "from"], `${quote(from)} is no tunnel that could be moved`, remedy);
  } else if (names.includes(old)) {
    const message = `${quote(from)} is still declared, so it did not move`;
    context.report("moved-tunnel", [...path, "from"], message, "take the tunnel out, or take the move out");
  }
  if (now === undefined) {
    context.report("moved-tunnel", [...path, "to"], `${quote(to)} is no tunnel to move to`, remedy);
  } else if (!names.includes(now)) {
    const known = names.map((name) => `tunnel/${name}`);
    context.report("unknown-resource", [...path, "to"], `there is no resource ${quote(to)}`, suggest(to, known));
  }
}

function nameOf(key: string): string | undefined {
  return TUNNEL_KEY.test(key) && key.startsWith("tunnel/") ? key.slice("tunnel/".length) : undefined;
}

function suggest(word: string, known: readonly string[]): string {
  const near = nearestWord(word, known);
  if (near !== undefined) return `did you mean ${near}?`;
  return `write one of ${known.slice(0, SHOWN).join(", ")}${known.length > SHOWN ? ", …" : ""}`;
}
