import type { Config } from "./config.ts";

/** Whether a secret stands in the configuration itself, so that it must not be stored or printed. */
export function hasInlineSecret(config: Config): boolean {
  return holdsInline(config.tunnels);
}

function holdsInline(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  if ("inline" in value && typeof value.inline === "string") return true;
  return Object.values(value).some(holdsInline);
}
