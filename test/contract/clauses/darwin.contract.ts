import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import {
  type Clause,
  linkSpec,
  listen,
  NO_CHANGE,
  policy,
  refuses,
  tunnelRoutes,
  tunnelSpec,
} from "../contract-world.ts";

const ONLY_MAC = { simulated: "what only macOS has", linux: "what only macOS has" } as const;

const RESOLVER = {
  method: "dynamic-store",
  servers: ["10.8.0.1", "fd00:8::1"],
  search: ["corp.example"],
  device: "",
  split: { "corp.example": ["10.0.0.53"] },
} as const;
const WANTED = [RESOLVER.servers, RESOLVER.search, RESOLVER.split];

/** What a Mac promises in its own ways: one table of routes, utuns that go with their descriptor, rights by the call. */
export const DARWIN_CONTRACT: readonly Clause[] = [
  {
    port: "links",
    promise: "an interface that awg does not hold is never removed; ours goes with its addresses and routes",
    covers: [
      ["links.remove", "done", "gone"],
      ["links.read", "gone"],
    ],
    notOn: ONLY_MAC,
    async check(world) {
      const { host } = world;
      await refuses("conflict", () => host.links.remove("utun0"));
      await host.links.ensure(linkSpec(world));
      await host.routes.change({ ...NO_CHANGE, addRoutes: tunnelRoutes(world) });
      await host.links.remove(world.device);
      const routes = await host.routes.readRoutes();
      assert.ok(routes.every(({ destination }) => destination !== "0.0.0.0/1" && !destination.startsWith("10.8.")));
      assert.ok(routes.some(({ destination }) => destination === "0.0.0.0/0"));
      assert.ok((await host.links.read()).every(({ device }) => device !== world.device));
      await host.links.remove(world.device);
    },
  },
  {
    port: "routes",
    promise: "halves go in and out beside the default route, twice as well as once, and no rule is ever read",
    covers: [
      ["routes.change", "done", "already so", "gone"],
      ["routes.readRoutes", "done", "gone"],
      ["routes.readRules", "done", "gone"],
    ],
    notOn: ONLY_MAC,
    async check(world) {
      const { host } = world;
      const addRoutes = tunnelRoutes(world);
      await host.links.ensure(linkSpec(world));
      await host.routes.change({ ...NO_CHANGE, addRoutes });
      await host.routes.change({ ...NO_CHANGE, addRoutes });
      const read = await host.routes.readRoutes();
      const ours = read.filter(({ protocol }) => protocol === addRoutes[0]?.protocol);
      assert.deepEqual(ours, addRoutes);
      assert.deepEqual(await host.routes.readRules(), []);
      assert.ok(read.some(({ destination, protocol }) => destination === "0.0.0.0/0" && protocol === 0));
      for (const _ of [1, 2]) await host.routes.change({ ...NO_CHANGE, deleteRoutes: addRoutes });
      const left = await host.routes.readRoutes();
      assert.deepEqual(await host.routes.readRules(), []);
      assert.ok(left.every(({ protocol }) => protocol === 0));
      assert.ok(left.some(({ destination }) => destination === "0.0.0.0/0"));
    },
  },
  {
    port: "routes",
    promise: "a stranger's route is neither replaced nor deleted, though the kernel would delete it by its destination",
    covers: [["routes.change", "done"]],
    notOn: ONLY_MAC,
    async check(world) {
      const { host, others } = world;
      const [half] = tunnelRoutes(world);
      assert.ok(half);
      await host.links.ensure(linkSpec(world));
      others.addRoute(254, half.destination);
      const before = await host.routes.readRoutes();
      await refuses("conflict", () => host.routes.change({ ...NO_CHANGE, addRoutes: [half] }));
      await host.routes.change({ ...NO_CHANGE, deleteRoutes: [half] });
      assert.deepEqual(await host.routes.readRoutes(), before);
    },
  },
  {
    port: "routes",
    promise: "policy rules are refused before anything is written",
    covers: [["routes.change", "done"]],
    notOn: ONLY_MAC,
    async check(world) {
      const rule = { family: 4, preference: 10_100, match: {}, table: 254 } as const;
      await world.host.links.ensure(linkSpec(world));
      const addRoutes = tunnelRoutes(world);
      await refuses("unsupported", () => world.host.routes.change({ ...NO_CHANGE, addRoutes, addRules: [rule] }));
      assert.ok((await world.host.routes.readRoutes()).every(({ protocol }) => protocol === 0));
    },
  },
  {
    port: "firewall",
    promise: "of two simultaneous loads one is complete, and the overtaken process gets an error; reading never fails",
    covers: [
      ["firewall.load", "concurrent"],
      ["firewall.read", "concurrent"],
    ],
    notOn: ONLY_MAC,
    async check(world) {
      const other = world.second();
      const policies = [policy(world), policy(world, 443)] as const;
      const reading = Promise.all([other.firewall.read(), world.host.firewall.read()]);
      const loads = await Promise.allSettled([world.host.firewall.load(policies[0]), other.firewall.load(policies[1])]);
      await reading;
      const whole = policies.filter((_, at) => loads[at]?.status === "fulfilled");
      const { policy: standing, damage } = await other.firewall.read();
      assert.deepEqual(damage, []);
      assert.ok(whole.some((one) => isDeepStrictEqual(one, standing)));
      await world.host.firewall.load(null);
      assert.equal((await other.firewall.read()).policy, null);
    },
  },
  {
    port: "networkEvents",
    promise: "messages that were dropped without a word are made good within a minute",
    covers: [["networkEvents.watch", "partial"]],
    notOn: ONLY_MAC,
    async check(world) {
      const { heard, stop } = listen(world.networkEvents());
      world.others.floodNetwork?.();
      world.others.addRoute(254, "192.0.2.0/25");
      await world.until(() => heard.length > 0);
      assert.ok(heard.every(({ what }) => what !== "routes"));
      await world.until(() => heard.some(({ what }) => what.startsWith("periodic check")));
      await stop();
    },
  },
  {
    port: "networkEvents",
    promise:
      "after ten minutes of sleep tunnels begin anew, after a dark wake once somebody is there or a minute passed; else a wake only asks for a look",
    covers: [["networkEvents.watch", "done"]],
    notOn: ONLY_MAC,
    async check(world) {
      for (const [ms, renumbered] of [
        [20_000, false],
        [599_000, false],
        [600_000, true],
      ] as const) {
        const { heard, stop } = listen(world.networkEvents());
        world.others.sleepFor?.(ms);
        await world.until(() => heard.length > 0);
        assert.deepEqual(heard, [{ what: `woke up after ${ms / 1000} s of sleep`, renumbered }]);
        await stop();
      }
      for (const end of [() => world.others.userComes?.(), () => undefined]) {
        const { heard, stop } = listen(world.networkEvents());
        const wakes = () => heard.filter(({ what }) => what.startsWith("woke up"));
        world.others.sleepFor?.(600_000, "dark");
        await world.until(() => wakes().length > 0);
        assert.deepEqual(wakes(), [{ what: "woke up after 600 s of sleep", renumbered: false }]);
        end();
        await world.until(() => wakes().length > 1);
        assert.deepEqual(wakes()[1], { what: "woke up for good after 600 s of sleep", renumbered: true });
        await stop();
      }
    },
  },
  {
    port: "engines",
    promise: "a running engine gets its endpoints again and a handshake request, and stays as it was",
    covers: [
      ["engines.refreshEndpoints", "done", "already so", "gone", "concurrent"],
      ["engines.requestHandshakes", "done", "already so", "gone", "concurrent"],
    ],
    notOn: ONLY_MAC,
    async check(world) {
      const { host, device } = world;
      const touches = [host, world.second()].flatMap(({ engines }) => [
        engines.refreshEndpoints,
        engines.requestHandshakes,
      ]);
      for (const touch of touches) await touch?.(device);
      await host.links.ensure(linkSpec(world));
      const spec = tunnelSpec(world);
      await host.engines.ensure({
        ...spec,
        peers: spec.peers.map((peer) => ({ ...peer, persistentKeepaliveSeconds: 0 })),
      });
      const before = await host.engines.read(device);
      for (const touch of touches) {
        assert.ok(touch, "refreshEndpoints or requestHandshakes is not there");
        await Promise.all([touch(device), touch(device)]);
        assert.deepEqual(await host.engines.read(device), before);
      }
    },
  },
  {
    port: "sysctl",
    promise: "has no setting: reads none, and refuses to write any",
    covers: [
      ["sysctl.read", "done", "gone"],
      ["sysctl.write", "done"],
    ],
    notOn: ONLY_MAC,
    async check({ host }) {
      assert.deepEqual(await host.sysctl.read(["net.ipv4.ip_forward"]), {});
      await host.sysctl.write({});
      await refuses("host", () => host.sysctl.write({ "net.inet.ip.forwarding": "1" }));
      assert.deepEqual(await host.sysctl.read(["net.inet.ip.forwarding"]), {});
    },
  },
  {
    port: "resolver",
    promise:
      "our key and our files are read back as ours, twice as well as once; what the system holds is never replaced",
    covers: [
      ["resolver.ensure", "done", "already so", "gone"],
      ["resolver.read", "done", "gone"],
      ["resolver.restore", "done", "already so", "gone"],
    ],
    notOn: ONLY_MAC,
    async check({ host }) {
      const before = await host.resolver.read();
      assert.deepEqual([before.servers.length > 0, before.ownedByAwg], [true, false]);
      await host.resolver.restore();
      for (const _ of [1, 2]) await host.resolver.ensure(RESOLVER);
      const read = await host.resolver.read();
      assert.deepEqual([read.servers, read.search, read.split, read.ownedByAwg], [...WANTED, true]);
      for (const _ of [1, 2]) await host.resolver.restore();
      assert.deepEqual(await host.resolver.read(), before);
    },
  },
  {
    port: "resolver",
    promise: "half of it is completed, two at once are one, and without root's rights nothing is written",
    covers: [
      ["resolver.ensure", "partial", "concurrent", "refused"],
      ["resolver.restore", "partial", "concurrent", "refused"],
      ["resolver.read", "concurrent", "refused"],
    ],
    notOn: ONLY_MAC,
    async check(world) {
      const { host } = world;
      const other = world.second();
      const { split: _, ...onlyKey } = RESOLVER;
      await host.resolver.ensure(onlyKey);
      await Promise.all([host.resolver.ensure(RESOLVER), other.resolver.ensure(RESOLVER), other.resolver.read()]);
      const read = await host.resolver.read();
      assert.deepEqual([read.servers, read.search, read.split, read.ownedByAwg], [...WANTED, true]);
      await world.asViewer?.(async (viewer) => {
        assert.deepEqual(await viewer.resolver.read(), read);
        await refuses("permission", () => viewer.resolver.ensure({ ...RESOLVER, servers: ["10.8.0.9"] }));
        await refuses("permission", () => viewer.resolver.restore());
      });
      await host.resolver.ensure({ ...RESOLVER, servers: [] });
      await Promise.all([host.resolver.restore(), other.resolver.restore()]);
      assert.equal((await host.resolver.read()).ownedByAwg, false);
    },
  },
];
