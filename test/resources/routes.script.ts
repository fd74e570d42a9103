import { readFileSync } from "node:fs";
import { linuxRoutes } from "../../src/host/linux/routes.ts";
import type { Host } from "../../src/host/ports/host.ts";
import type { RoutePort } from "../../src/host/ports/routes.ts";
import type { FieldChange, ResourceKey } from "../../src/model/resource.ts";
import type { RoutesSpec } from "../../src/model/resources/routes.ts";
import { routesDriver } from "../../src/resources/routes/routes.driver.ts";
import { step } from "./sample.ts";

/** Drives routes on the kernel of this namespace, as told on standard input; tells what it found. */
export interface RoutesJob {
  readonly verb: "create" | "destroy";
  readonly entries: readonly (readonly [ResourceKey<"routes">, RoutesSpec])[];
}

export interface RoutesFindings {
  /** Messages' contents, per call that wrote: how many routes and rules. */
  readonly written: readonly number[];
  /** What differed afterwards, and what was read back, by key. */
  readonly changes: readonly FieldChange[];
  readonly specs: Readonly<Record<string, RoutesSpec | null>>;
}

const { verb, entries } = JSON.parse(readFileSync(0, "utf8")) as RoutesJob;
const port = linuxRoutes();
const written: number[] = [];
const routes: RoutePort = {
  ...port,
  change: async (changes) => {
    written.push(Object.values(changes).flat().length);
    await port.change(changes);
  },
};
const host = { routes } as unknown as Host;
const steps = entries.map(([key, spec]) => (verb === "create" ? step(key, null, spec) : step(key, spec, null)));
await routesDriver.apply(host, verb === "create" ? steps : steps.toReversed());
const observed = await routesDriver.observe(host, new Map(entries));
const found = entries.map(([key, spec]) => ({ key, spec, standing: observed.get(key) }));
const findings: RoutesFindings = {
  written,
  changes: found.flatMap(({ spec, standing }) => (standing === undefined ? [] : routesDriver.diff(spec, standing))),
  specs: Object.fromEntries(
    found.map(({ key, standing }) => [key, standing === undefined ? null : (routesDriver.asSpec(standing) ?? null)]),
  ),
};
process.stdout.write(JSON.stringify(findings));
