import { nearestWord } from "../field/edit-distance.ts";
import { quote } from "../field/leaf.ts";
import type { Fallback, Via } from "../section/path.ts";
import type { NodePath } from "../source/source-node.ts";
import type { CheckContext } from "./check-context.ts";

/** Every path names an existing tunnel. */
export function checkReferences(context: CheckContext): void {
  const { config } = context;
  checkVia(context, ["default", "via"], config.default.via);
  checkFallback(context, ["default", "fallback"], config.default);
  for (const [index, rule] of config.rules.entries()) {
    checkVia(context, ["rules", index, "via"], rule.via);
    checkFallback(context, ["rules", index, "fallback"], rule);
  }
  for (const [index, { never, always }] of config.invariants.entries()) {
    if (never !== undefined) checkVia(context, ["invariants", index, "never", "via"], never.via);
    if (always !== undefined) checkVia(context, ["invariants", index, "always", "via"], always.via);
  }
  for (const [index, probe] of config.probes.entries()) {
    if (probe.via !== undefined) checkVia(context, ["probes", index, "via"], probe.via);
  }
  if (config.dns !== undefined) checkVia(context, ["dns", "via"], config.dns.via);
  for (const [name, tunnel] of Object.entries(config.tunnels)) {
    checkFailover(context, ["tunnels", name, "failover", "tunnels"], name, tunnel.failover?.tunnels ?? []);
  }
}

function checkVia(context: CheckContext, path: NodePath, via: Via): void {
  if (via.kind === "tunnel") checkTunnel(context, path, via.tunnel);
}

function checkFallback(
  context: CheckContext,
  path: NodePath,
  { via, fallback }: { via: Via; fallback: Fallback },
): void {
  const tunnel = via.kind === "tunnel" ? via.tunnel : undefined;
  if (fallback.kind === "failover") checkFailover(context, [...path, "failover"], tunnel, fallback.tunnels);
  if (via.kind !== "tunnel" && fallback.kind !== "block" && context.isUntouched([...path.slice(0, -1), "via"])) {
    const message = `${via.kind} never goes down, so this fallback has no effect`;
    context.report("fallback-without-tunnel", path, message, "remove the fallback");
  }
}

function checkFailover(
  context: CheckContext,
  path: NodePath,
  own: string | undefined,
  tunnels: readonly string[],
): void {
  for (const [index, tunnel] of tunnels.entries()) {
    if (tunnel === own)
      context.report("failover-self", [...path, index], "a tunnel cannot fail over to itself", "name another tunnel");
    else checkTunnel(context, [...path, index], tunnel);
  }
}

function checkTunnel(context: CheckContext, path: NodePath, tunnel: string): void {
  const names = context.tunnelNames;
  if (names.includes(tunnel)) return;
  const near = nearestWord(tunnel, [...names, "direct", "block"]);
  const remedy =
    near !== undefined
      ? `did you mean ${near}?`
      : names.length > 0
        ? `declared: ${names.slice(0, 12).join(", ")}`
        : "declare it under tunnels";
  context.report("unknown-tunnel", path, `unknown tunnel ${quote(tunnel)}`, remedy);
}
