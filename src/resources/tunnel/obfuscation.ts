/** What each parameter is when nobody set it; engines print some of these and leave others out. */
const DEFAULTS: Readonly<Record<string, string>> = {
  h1: "1",
  h2: "2",
  h3: "3",
  h4: "4",
  random_trailers: "0",
  disable_cookies: "0",
};

/** Whether a parameter's value must never be shown; it travels as the id of a secret. */
export function isSecretParameter(name: string): boolean {
  return name === "header_protection_key";
}

/**
 * AmneziaWG parameters in one form, so that what was asked for and what an engine prints are equal exactly when they
 * mean the same: defaults left out, `a-a` as `a`, true and false as 1 and 0. Names and values as in UAPI.
 */
export function normalParameters(parameters: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const normal: Record<string, string> = {};
  for (const [name, text] of Object.entries(parameters)) {
    const value = normalValue(name, text);
    if (value !== (DEFAULTS[name] ?? "0") && value !== "") normal[name] = value;
  }
  return normal;
}

function normalValue(name: string, text: string): string {
  if (name === "random_trailers" || name === "disable_cookies")
    return text === "true" ? "1" : text === "false" ? "0" : text;
  const [, low, high] = /^([0-9]+)-([0-9]+)$/.exec(text) ?? [];
  return low !== undefined && low === high ? low : text;
}
