import assert from "node:assert/strict";
import { type Clause, linkSpec, NO_CHANGE, policy, tunnelRoutes, tunnelSpec } from "../contract-world.ts";

/** What every host promises when it is called twice at once, or after somebody who was cut off half-way. */
export const SITUATION_CONTRACT: readonly Clause[] = [
  {
    port: "links",
    promise: "two processes that ensure one device end with one, complete",
    covers: [
      ["links.ensure", "concurrent"],
      ["links.read", "concurrent"],
      ["facts.read", "concurrent"],
    ],
    async check(world) {
      const [one, two] = [world.host, world.second()];
      await Promise.all([
        one.links.ensure(linkSpec(world)),
        two.links.ensure(linkSpec(world)),
        one.links.read(),
        two.facts.read({ users: [], hosts: [] }),
      ]);
      const found = (await one.links.read()).filter(({ tunnel }) => tunnel === "one");
      assert.equal(found.length, 1);
      assert.equal(found[0]?.mtuBytes, 1420);
    },
  },
  {
    port: "links",
    promise: "ensure completes a device that has only half of what was asked for; remove takes it away",
    covers: [
      ["links.ensure", "partial", "gone"],
      ["links.remove", "partial", "already so", "concurrent"],
    ],
    async check(world) {
      const { host } = world;
      await host.links.ensure({ ...linkSpec(world), addresses: ["10.8.0.2/32"], mtuBytes: 1500 });
      await host.links.ensure(linkSpec(world));
      const link = (await host.links.read()).find(({ device }) => device === world.device);
      const own = link?.addresses.filter((address) => !address.startsWith("fe80:")).toSorted();
      assert.deepEqual([link?.mtuBytes, own], [1420, ["10.8.0.2/32", "fd00:8::2/128"]]);
      await host.links.ensure({ ...linkSpec(world), addresses: ["10.8.0.2/32"] });
      await Promise.all([host.links.remove(world.device), world.second().links.remove(world.device)]);
      assert.ok((await host.links.read()).every(({ device }) => device !== world.device));
      await host.links.remove(world.device);
      await host.links.ensure(linkSpec(world));
      assert.ok((await host.links.read()).some(({ device }) => device === world.device));
    },
  },
  {
    port: "engines",
    promise: "two processes that set one engine leave it with one configuration; none left is an empty list",
    covers: [
      ["engines.ensure", "concurrent"],
      ["engines.read", "concurrent"],
      ["engines.readAll", "gone", "concurrent"],
    ],
    async check(world) {
      const { host } = world;
      assert.deepEqual(await host.engines.readAll(), []);
      await host.links.ensure(linkSpec(world));
      const spec = tunnelSpec(world);
      await host.engines.ensure(spec);
      const other = world.second();
      await Promise.all([
        ...[host, other].map(({ engines }) => engines.ensure(spec)),
        other.engines.readAll(),
        other.engines.read(world.device),
      ]);
      const [engine] = await host.engines.readAll();
      assert.equal(engine?.peers.length, 1);
      assert.equal(engine?.privateKey, spec.privateKey);
    },
  },
  {
    port: "engines",
    promise: "two processes that remove one engine both succeed",
    covers: [["engines.remove", "partial", "concurrent"]],
    async check(world) {
      const { host } = world;
      await host.links.ensure(linkSpec(world));
      await host.engines.ensure(tunnelSpec(world));
      await Promise.all([host.engines.remove(world.device), world.second().engines.remove(world.device)]);
      assert.equal(await host.engines.read(world.device), undefined);
    },
  },
  {
    port: "routes",
    promise: "a change completes one that was cut off, and two at once are one",
    covers: [
      ["routes.change", "partial", "concurrent"],
      ["routes.readRoutes", "concurrent"],
      ["routes.readRules", "concurrent"],
    ],
    async check(world) {
      const { host } = world;
      const routes = tunnelRoutes(world);
      await host.links.ensure(linkSpec(world));
      await host.routes.change({ ...NO_CHANGE, addRoutes: routes.slice(0, 1) });
      const other = world.second();
      const whole = { ...NO_CHANGE, addRoutes: routes };
      await Promise.all([
        ...[host, other].map((one) => one.routes.change(whole)),
        other.routes.readRules(),
        other.routes.readRoutes(),
      ]);
      assert.deepEqual(await standing(), routes.map(({ destination }) => destination).toSorted());
      await host.routes.change({ ...NO_CHANGE, deleteRoutes: routes.slice(1) });
      await Promise.all([host, other].map((one) => one.routes.change({ ...NO_CHANGE, deleteRoutes: routes })));
      assert.deepEqual(await standing(), []);

      async function standing(): Promise<string[]> {
        const found = await host.routes.readRoutes(routes.slice(0, 1).map(({ table }) => table));
        return found
          .filter(({ protocol }) => protocol === routes[0]?.protocol)
          .map(({ destination }) => destination)
          .toSorted();
      }
    },
  },
  {
    port: "firewall",
    promise: "two loads at once leave one of both, whole; reading meanwhile never fails",
    covers: [
      ["firewall.load", "concurrent"],
      ["firewall.read", "concurrent"],
    ],
    notOn: { darwin: "who is overtaken is told there, not served: a clause of macOS" },
    async check(world) {
      const { host } = world;
      const other = world.second();
      await host.firewall.load(policy(world));
      await Promise.all([host.firewall.load(policy(world)), other.firewall.load(policy(world)), other.firewall.read()]);
      assert.deepEqual((await host.firewall.read()).policy, policy(world));
    },
  },
  {
    port: "firewall",
    promise: "a fallback of paths that the policy gives none, or without any policy, changes nothing",
    covers: [["firewall.fallBack", "done", "already so", "gone", "partial", "concurrent"]],
    async check(world) {
      const { host } = world;
      await host.firewall.fallBack([]);
      await host.firewall.load(policy(world));
      const [one, other] = [
        { path: 7, to: 61 },
        { path: 9, to: 7 },
      ];
      await Promise.all([host.firewall.fallBack([one]), world.second().firewall.fallBack([one])]);
      await host.firewall.fallBack([one, other]);
      await host.firewall.fallBack([]);
      assert.deepEqual((await host.firewall.read()).policy, policy(world));
    },
  },
  {
    port: "sysctl",
    promise: "what is so already is written again, by two at once, and half a set is completed",
    covers: [
      ["sysctl.write", "already so", "partial", "concurrent"],
      ["sysctl.read", "concurrent"],
    ],
    notOn: { darwin: "none of the settings of Linux exists; see the clause below" },
    async check(world) {
      const { host } = world;
      const values = { "net.ipv4.conf.all.arp_ignore": "1", "net.ipv4.conf.all.src_valid_mark": "1" };
      await host.sysctl.write({ "net.ipv4.conf.all.arp_ignore": "1" });
      const names = Object.keys(values);
      await Promise.all([host.sysctl.write(values), world.second().sysctl.write(values), host.sysctl.read(names)]);
      assert.deepEqual(await host.sysctl.read(names), values);
    },
  },
  {
    port: "resolver",
    promise: "ensure over another of ours is exact, two at once are one, and the original comes back",
    covers: [
      ["resolver.ensure", "partial", "gone", "concurrent"],
      ["resolver.read", "gone", "concurrent"],
      ["resolver.restore", "concurrent"],
      ["resolver.replaced", "concurrent"],
    ],
    notOn: { darwin: "no resolv.conf; see the clauses of the dynamic store" },
    async check(world) {
      const { host, others } = world;
      const spec = { method: "file", servers: ["10.8.0.1"], search: [], device: world.device } as const;
      const original = "nameserver 192.0.2.53\n";
      others.writeResolver(original);
      const other = world.second();
      await host.resolver.ensure({ ...spec, servers: ["10.8.0.9"] });
      await Promise.all([host.resolver.ensure(spec), other.resolver.ensure(spec), other.resolver.read()]);
      assert.deepEqual(await Promise.all([host.resolver.replaced?.(), other.resolver.replaced?.()]), [
        ["192.0.2.53"],
        ["192.0.2.53"],
      ]);
      assert.deepEqual((await host.resolver.read()).servers, ["10.8.0.1"]);
      await host.resolver.restore();
      await other.resolver.restore();
      assert.equal(others.readResolver(), original);
    },
  },
];
