import { PATH_NUMBERS, tableOfPath } from "../../model/ownership.ts";
import type { Resource, ResourceKind, ResourceTypes, Spec } from "../../model/resource.ts";

const MAIN_TABLE = 254;
const ENGINE_TABLE = tableOfPath(PATH_NUMBERS.engine);

/** Where a resource stands on the machine. Two keys of one kind with the same place cannot both exist there. */
const PLACES: { readonly [K in ResourceKind]: (spec: ResourceTypes[K]["spec"]) => string } = {
  link: (spec) => spec.device,
  tunnel: (spec) => spec.device,
  // There is one set of rules; the table that ends it came later and is no place of its own, also while no rule stands.
  routes: ({ table, device }) => {
    if (table === undefined || table === ENGINE_TABLE) return "rules";
    // The one table of a Mac holds what leads into every tunnel.
    return table === MAIN_TABLE ? `device ${device ?? ""}` : `table ${table}`;
  },
  firewall: () => "policy",
  sysctl: () => "settings",
  resolver: () => "resolver",
  service: ({ path }) => path,
  autostart: ({ service }) => service,
  "system-extension": ({ bundle }) => bundle,
};

/** The place of a spec, unique within its kind: a device's name, a table's number. */
export function placeOf(kind: ResourceKind, spec: Spec): string {
  const place = PLACES[kind] as (spec: Spec) => string;
  return `${kind} ${place(spec)}`;
}

/** The device a resource needs or is, undefined where there is none. */
export function deviceOf(kind: ResourceKind, spec: Spec): string | undefined {
  const resource = { kind, spec } as Pick<Resource, "kind" | "spec">;
  if (resource.kind !== "link" && resource.kind !== "tunnel" && resource.kind !== "routes") return undefined;
  return (resource.spec as { readonly device?: string }).device;
}
