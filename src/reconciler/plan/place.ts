import { PATH_NUMBERS, tableOfPath } from "../../model/ownership.ts";
import type { Resource, ResourceKind, ResourceTypes, Spec } from "../../model/resource.ts";

const MAIN_TABLE = 254;
const ENGINE_TABLE = tableOfPath(PATH_NUMBERS.engine);

/** The place of a resource on the host. Two keys of one kind with the same place cannot both exist. */
const PLACES: { readonly [K in ResourceKind]: (spec: ResourceTypes[K]["spec"]) => string } = {
  link: (spec) => spec.device,
  tunnel: (spec) => spec.device,
  proxy: ({ number }) => `path ${number}`,
  // There is one set of policy rules. The table that ends them is not a place of its own, even while there are no
  // rules.
  routes: ({ table, device }) => {
    if (table === undefined || table === ENGINE_TABLE) return "rules";
    // macOS has one table for the routes of all tunnels.
    return table === MAIN_TABLE ? `device ${device ?? ""}` : `table ${table}`;
  },
  firewall: () => "policy",
  classifier: () => "classifier",
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

/** The device that a resource needs or is; undefined when there is none. */
export function deviceOf(kind: ResourceKind, spec: Spec): string | undefined {
  const resource = { kind, spec } as Pick<Resource, "kind" | "spec">;
  if (resource.kind !== "link" && resource.kind !== "tunnel" && resource.kind !== "routes") return undefined;
  return (resource.spec as { readonly device?: string }).device;
}
