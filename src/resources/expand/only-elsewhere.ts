import type { Config, Match } from "../../config/config.ts";
import type { HostFacts } from "../../host/ports/facts.ts";
import type { Unsupported } from "./expansion.ts";
import { isAdopting } from "./lifecycle.ts";

/** What another system has and this one cannot have: there is nothing to wait for, so what to do instead is said. Pure. */
export function onlyElsewhere(config: Config, os: HostFacts["os"]): Unsupported[] {
  if (os !== "darwin") return config.rules.flatMap((rule, index) => onlyOfMacs(`rules.${index}`, rule));
  return Object.keys(config.tunnels)
    .filter((key) => isAdopting(config, key))
    .map((key) => ({
      path: `conflicts./link/${key}/device`,
      feature: "taking over a running tunnel (a utun goes with the program that made it; run wg-quick down first)",
    }));
}

/** What no other system than macOS knows of a program. */
function onlyOfMacs(path: string, { apps = [], parent = [], all = [], any = [], not }: Match): Unsupported[] {
  const told = Object.entries({ apps, parent }).flatMap(([key, matchers]) =>
    matchers.flatMap(({ kind }, index) =>
      kind === "bundleId" || kind === "signer"
        ? [{ path: `${path}.${key}.${index}.${kind}`, feature: `${kind} (macOS's alone; match the path)` }]
        : [],
    ),
  );
  const nested = Object.entries({ all, any }).flatMap(([key, matches]) =>
    matches.flatMap((match, index) => onlyOfMacs(`${path}.${key}.${index}`, match)),
  );
  return [...told, ...nested, ...(not === undefined ? [] : onlyOfMacs(`${path}.not`, not))];
}
