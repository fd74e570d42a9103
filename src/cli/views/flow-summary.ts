import type { ExplainedPath, ExplainedSide, Explanation } from "../../app/explain/explanation.ts";
import { reasonText } from "../../model/text/origin-text.ts";

/** The key of the config that a paragraph of the security rules follows from. */
const KEYS: readonly (readonly [reason: RegExp, key: string])[] = [
  [/^S4\.2 /, "dns"],
  [/^S4\.3 /, "dns.leakProtection"],
  [/^S4\.5 /, "killSwitch.allow"],
  [/^S4\.6 /, "killSwitch.allowLan"],
  [/^S4\.7 /, "default"],
];

/**
 * The path of a flow by the config, in one sentence: "allowed by killSwitch.allowLan, leaves by eth0 in clear". Where
 * that is not certain, the reason, and below it what each possible rule does. Pure.
 */
export function flowSummary({ live, isApplied, disagreements, undecided, ...path }: Explanation): readonly string[] {
  if (!isApplied && disagreements.length === 0) return [`awg has nothing applied; ${kernelText(live.device)}`];
  if (undecided === undefined) return [pathSummary(path)];
  return [`undecided: ${undecided.why}`, ...undecided.paths.map((one) => `  ${pathSummary(one)}`)];
}

function pathSummary({ declared, tunnel }: Pick<ExplainedPath, "declared" | "tunnel">): string {
  const { verdict, device, reason } = declared;
  if (device === "(relay)" && tunnel !== undefined && verdict === "accept") {
    return `allowed by ${keyOf(reason)}, leaves through proxy ${tunnel.name} (${tunnel.state})`;
  }
  if (device === "(local)") return `stays on this host: ${verdict === "accept" ? "allowed" : "blocked"}`;
  if (verdict === "accept") return `allowed by ${keyOf(reason)}, ${exitOf(declared, tunnel)}`;
  if (device.startsWith("(") && device !== "(relay)") return `does not leave: ${device.slice(1, -1)}`;
  const by = declared.path === "block" ? keyOf(reason) : (declared.verdictBy.at(-1)?.name ?? "the policy");
  return `blocked by ${by}`;
}

/** What the kernel does alone with it; a device in brackets is none. */
function kernelText(device: string): string {
  if (device === "(local)") return "the kernel delivers it to this host";
  return device.startsWith("(") ? "the kernel has no route for it" : `the kernel sends it by ${device} in clear`;
}

function exitOf({ path, device }: ExplainedSide, tunnel: Explanation["tunnel"]): string {
  if (tunnel === undefined || path !== device) return `leaves by ${device} in clear`;
  return `leaves through tunnel ${tunnel.name} (${tunnel.state})`;
}

/** The key of the config that a reason comes from. */
function keyOf(reason: string): string {
  const [, key] = KEYS.find(([pattern]) => pattern.test(reason)) ?? [];
  return key ?? reasonText(reason);
}
