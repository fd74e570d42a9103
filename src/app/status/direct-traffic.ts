import type { DesiredState } from "../../model/resources/desired-state.ts";
import type { FallenBack } from "./status-report.ts";

/** The rules, by their place, that the config sends direct: "rules/2 (browser)"; "default" for all other traffic. Pure. */
export function directRules(desired: DesiredState): readonly string[] {
  return allDirect(desired).filter((origin) => desired.directForNow?.includes(origin) !== true);
}

function allDirect({ resources }: DesiredState): readonly string[] {
  const policy = resources.find((one) => one.kind === "firewall")?.spec;
  if (policy === undefined) return [];
  const { rules, default: rest } = policy.steering;
  const origins = rules.filter(({ origin, path }) => path.kind === "direct" && origin.startsWith("rules/"));
  return [...new Set([...origins.map(({ origin }) => origin), ...(rest.kind === "direct" ? ["default"] : [])])];
}

/** Which tunnels that `awg down` took down have traffic that goes direct, as a sentence. Pure. */
export function directDownText(desired: DesiredState): string | undefined {
  const { down = [], directForNow = [] } = desired;
  if (down.length === 0 || !allDirect(desired).some((origin) => directForNow.includes(origin))) return undefined;
  return down.length === 1
    ? `${down.join()} is down on request; its traffic goes direct until awg up`
    : `${down.join(", ")} are down on request; their traffic goes direct until awg up`;
}

/** Which tunnels have traffic that goes direct because their servers do not answer, as a sentence. Pure. */
export function directFallbackText(fallback: readonly FallenBack[]): string | undefined {
  const direct = fallback.filter(({ by, rules }) => by === undefined && rules.length > 0);
  const names = direct.map(({ tunnel }) => tunnel);
  if (names.length === 0) return undefined;
  return names.length === 1
    ? `the server of ${names.join()} does not answer; its traffic goes direct until it does`
    : `the servers of ${names.join(", ")} do not answer; their traffic goes direct until they do`;
}
