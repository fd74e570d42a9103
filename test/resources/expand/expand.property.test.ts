import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Config } from "../../../src/config/config.ts";
import type { HostFacts } from "../../../src/host/ports/facts.ts";
import type { FirewallPolicy } from "../../../src/model/firewall/policy.ts";
import { ENGINE_MARK, PATH_NUMBERS, tableOfPath } from "../../../src/model/ownership.ts";
import type { Resource } from "../../../src/model/resource.ts";
import { endpointsOf, expand, pathNumbersOf } from "../../../src/resources/expand.ts";
import { driverRegistry } from "../../../src/resources/registry.ts";
import { configArbitrary } from "../../property/config-arbitrary.ts";
import { SEED } from "../../property/seed.ts";
import { facts, secretOf } from "../sample.ts";

const options = { seed: SEED, numRuns: 300 };

/** Machines from rich to bare: no uplinks, no users, no names, missing capabilities. */
const factsArbitrary: fc.Arbitrary<HostFacts> = fc
  .record({
    tun: fc.boolean(),
    nftables: fc.boolean(),
    egressHook: fc.boolean(),
    kernelWireguard: fc.boolean(),
    userspaceWireguard: fc.boolean(),
    userspaceAmneziawg: fc.boolean(),
    families: fc.subarray([4, 6] as const),
    mtuBytes: fc.integer({ min: 68, max: 65_535 }),
    isNamed: fc.boolean(),
    resolver: fc.constantFrom("file" as const, "resolved" as const),
    serviceUid: fc.constantFrom(0, 64_174),
  })
  .map(({ families, mtuBytes, isNamed, resolver, serviceUid, ...able }) => {
    const whole = facts();
    return {
      ...whole,
      capabilities: { ...whole.capabilities, ...able },
      uplinks: families.map((family) => ({ family, device: "eth0", metric: 1 })),
      devices: [{ name: "eth0", mtuBytes }],
      addresses: isNamed ? whole.addresses : {},
      uids: isNamed ? whole.uids : {},
      resolver,
      serviceUid,
    };
  });

/** What this version has no driver for, sprinkled over a configuration. */
const oddArbitrary: fc.Arbitrary<(config: Config) => Config> = fc.constantFrom<(config: Config) => Config>(
  (config) => config,
  (config) => ({ ...config, service: { install: true, autostart: true, notifications: false } }),
  (config) => ({ ...config, killSwitch: { ...config.killSwitch, atBoot: true, persist: false } }),
  (config) => ({
    ...config,
    rules: [{ apps: [{ kind: "name", name: "x" }], via: { kind: "direct" }, fallback: { kind: "block" } }],
  }),
  (config) => ({
    ...config,
    rules: [{ not: { users: ["bob"] }, via: { kind: "block" }, fallback: { kind: "next-rule" } }],
  }),
  (config) => ({
    ...config,
    tunnels: {
      ...config.tunnels,
      proxy: { protocol: "socks5", udp: true, enabled: true, server: { host: "proxy.example", port: 1080 } },
    },
    default: { via: { kind: "tunnel", tunnel: "proxy" }, fallback: { kind: "failover", tunnels: ["proxy"] } },
  }),
);

const expandOn = (config: Config, machine: HostFacts, pathNumbers = {}) =>
  expand(config, machine, { pathNumbers, secrets: secretOf });

describe("any configuration on any machine", () => {
  test("expands without an error, and the same again: law 3", () => {
    fc.assert(
      fc.property(configArbitrary, oddArbitrary, factsArbitrary, (config, makeOdd, machine) => {
        const odd = makeOdd(config);
        const first = expandOn(odd, machine);
        expect(expandOn(structuredClone(odd), structuredClone(machine))).toEqual(first);
      }),
      options,
    );
  });

  test("keeps its numbers and endpoints when expanded on what it gave: law 3", () => {
    fc.assert(
      fc.property(
        configArbitrary,
        factsArbitrary,
        fc.dictionary(fc.constantFrom("office", "home", "edge", "gone"), fc.nat(64)),
        (config, machine, before) => {
          const first = expandOn(config, machine, before);
          const { resources } = first.desired;
          expect(first.pathNumbers).toMatchObject(pathNumbersOf(resources));
          const again = expand(config, machine, {
            pathNumbers: pathNumbersOf(resources),
            endpoints: endpointsOf(resources),
            secrets: secretOf,
          });
          expect(again.desired).toEqual(first.desired);
        },
      ),
      options,
    );
  });

  test("law 1: every table has both guards, every tunnel a table of its own, and the engines one that leads nowhere", () => {
    fc.assert(
      fc.property(configArbitrary, (config) => {
        const { desired, pathNumbers } = expandOn(config, facts());
        const tables = desired.resources.flatMap((one) =>
          one.kind === "routes" && one.spec.table !== undefined ? [one.spec] : [],
        );
        const hasPolicy = desired.resources.some(({ key }) => key === "routes/policy");
        const engines = hasPolicy ? [PATH_NUMBERS.engine] : [];
        expect(tables.map(({ table }) => table).toSorted()).toEqual(
          [...Object.values(pathNumbers), ...engines].map(tableOfPath).toSorted(),
        );
        for (const { guards } of tables) expect(guards).toEqual([4, 6]);
      }),
      options,
    );
  });

  test("every path leads to a tunnel of the policy, and every tunnel of the policy to a device", () => {
    fc.assert(
      fc.property(configArbitrary, (config) => {
        const { desired } = expandOn(config, facts());
        const policy = desired.resources.find(({ kind }) => kind === "firewall")?.spec as FirewallPolicy | undefined;
        const devices = desired.resources.flatMap((one) => (one.kind === "link" ? [one.spec.device] : []));
        for (const { tunnels, flows, dns } of policy?.layers ?? []) {
          const known = new Map(tunnels.map(({ device, number }) => [device, number]));
          expect([...known.keys()].toSorted()).toEqual(devices.toSorted());
          const paths = [...flows.rules.map(({ path }) => path), flows.default, ...(dns === null ? [] : [dns.path])];
          for (const path of paths) if (path.kind === "tunnel") expect(known.get(path.device)).toBe(path.number);
        }
      }),
      options,
    );
  });

  test("each tunnel has its device, engine and table; engines wear our mark; endpoints are granted", () => {
    fc.assert(
      fc.property(configArbitrary, (config) => {
        const { resources } = expandOn(config, facts()).desired;
        const has = (key: string) => resources.some((one: Resource) => one.key === key);
        const policy = resources.find(({ kind }) => kind === "firewall")?.spec as FirewallPolicy | undefined;
        const granted = policy?.layers[0]?.endpoints.map(({ address, port }) => `${address} ${port}`) ?? [];
        for (const key of Object.keys(config.tunnels)) {
          for (const kind of ["link", "tunnel", "routes"]) expect(has(`${kind}/${key}`)).toBe(true);
        }
        for (const one of resources) {
          if (one.kind !== "tunnel") continue;
          expect(one.spec.fwmark).toBe(ENGINE_MARK);
          for (const { endpoint } of one.spec.peers) {
            if (endpoint === undefined) continue;
            const port = endpoint.slice(endpoint.lastIndexOf(":") + 1);
            const address = endpoint.slice(0, endpoint.lastIndexOf(":")).replace(/^\[|\]$/g, "");
            expect(granted).toContain(`${address} ${port}`);
          }
        }
      }),
      options,
    );
  });

  test("what a resource depends on is there, and keys are unique", () => {
    fc.assert(
      fc.property(configArbitrary, factsArbitrary, (config, machine) => {
        const { resources } = expandOn(config, machine).desired;
        const keys = resources.map(({ key }) => key as string);
        expect(new Set(keys).size).toBe(keys.length);
        for (const { kind, spec } of resources) {
          const driver = driverRegistry[kind] as { dependsOn?: (spec: unknown) => string[] };
          const needed = driver.dependsOn?.(spec) ?? [];
          for (const key of needed.filter((one) => one !== "link/eth0")) expect(keys).toContain(key);
        }
      }),
      options,
    );
  });

  test("law 8: plain data, and no secret but by its id", () => {
    fc.assert(
      fc.property(configArbitrary, (config) => {
        const { desired } = expandOn(config, facts());
        expect(JSON.parse(JSON.stringify(desired))).toEqual(desired);
      }),
      options,
    );
  });
});
