import type { CheckContext } from "./check-context.ts";
import { protocolWithoutPorts } from "./rules.ts";

/** The kill switch is stated where it matters, and has no options without effect. */
export function checkKillSwitch(context: CheckContext): void {
  const { killSwitch, default: fallbackPath } = context.config;
  if (fallbackPath.via.kind === "tunnel" && !context.mentions([], "killSwitch")) {
    const message = "the default path is a tunnel, but killSwitch is missing";
    const remedy = "add killSwitch: { enabled: true }, or enabled: false to accept leaks while the tunnel is down";
    context.reportKey("kill-switch-unstated", ["default"], message, remedy);
  }
  if (!killSwitch.enabled && (killSwitch.atBoot || killSwitch.allow.length > 0)) {
    const key = killSwitch.atBoot ? "atBoot" : "allow";
    const message = `the kill switch is off, so ${key} has no effect`;
    context.reportKey("kill-switch-idle", ["killSwitch", key], message, `set enabled: true, or remove ${key}`);
  }
  if (!killSwitch.enabled && context.isCertain([], "killSwitch")) warnOfFallbacks(context);
  for (const [index, exception] of killSwitch.allow.entries()) {
    const path = ["killSwitch", "allow", index];
    if (protocolWithoutPorts([exception.protocol], exception.ports !== undefined) !== undefined) {
      const message = `${exception.protocol} has no ports`;
      context.report("ports-without-protocol", [...path, "ports"], message, "remove the ports");
    }
  }
}

/** Without the kill switch only routes and policy rules hold a `fallback: block`, and another program can remove them. */
function warnOfFallbacks(context: CheckContext): void {
  const { rules, default: last } = context.config;
  const places = [...rules.map((rule, index) => [rule, ["rules", index]] as const), [last, ["default"]] as const];
  for (const [{ via, fallback }, path] of places) {
    if (via.kind !== "tunnel" || fallback.kind !== "block" || !context.mentions(path, "fallback")) continue;
    const message = "the kill switch is off, so only routes hold fallback: block; packets leave if they are removed";
    context.reportKey("fallback-unguarded", [...path, "fallback"], message, "add killSwitch: { enabled: true }");
  }
}
