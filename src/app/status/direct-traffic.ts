import type { DesiredState } from "../../model/resources/desired-state.ts";
import type { FallenBack } from "./status-report.ts";

/**
 * The rules, by their place, that send their traffic direct: "rules/2 (browser)"; "default" if all other traffic goes
 * direct. Pure.
 */
export function directRules({ resources }: DesiredState): readonly string[] {
  const policy = resources.find((one) => one.kind === "firewall")?.spec;
  if (policy === undefined) return [];
  const { rules, default: rest } = policy.steering;
  const origins = rules.filter(({ origin, path }) => path.kind === "direct" && origin.startsWith("rules/"));
  return [...new Set([...origins.map(({ origin }) => origin), ...(rest.kind === "direct" ? ["default"] : [])])];
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
