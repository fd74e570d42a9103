/** A place in the config as people write it: "rules/2 (browser)" is "rules.2 (browser)". Pure. */
export function originText(origin: string): string {
  return origin.replace("/", ".");
}

/** The place in a reason: "S4.4 rules/2 (browser)" is "rules.2 (browser)". Pure. */
export function reasonText(reason: string): string {
  return originText(reason.replace(/^S[0-9.]+ /, ""));
}
