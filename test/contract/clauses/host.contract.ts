import assert from "node:assert/strict";
import {
  type Clause,
  type ContractWorld,
  guard,
  linkSpec,
  NO_CHANGE,
  ownRules,
  policy,
  refuses,
  route,
  routeTexts,
  rule,
  TABLE,
  tunnelRoutes,
  tunnelSpec,
} from "../contract-world.ts";

const SETTING = "net.ipv4.conf.all.arp_ignore";

/** What every host promises, clause by clause, each on a machine of its own (`src/host/ports` in prose). */
export const HOST_CONTRACT: readonly Clause[] = [
  {
    port: "facts",
    promise: "names the uplink and the physical device, and not ours",
    covers: [["facts.read", "done"]],
    async check(world) {
      const { host, uplink } = world;
      await host.links.ensure(linkSpec(world));
      const facts = await host.facts.read({ users: ["root", "no-such-user"], hosts: ["192.0.2.9"] });
      assert.ok(facts.uplinks.some(({ device, family }) => device === uplink && family === 4));
      const names = facts.devices.map(({ name }) => name);
      assert.ok(
        names.includes(uplink) && !names.includes(world.device) && !names.includes(world.loopback),
        names.join(),
      );
      assert.equal(facts.uids["root"], 0);
      assert.equal(facts.uids["no-such-user"], undefined);
      assert.deepEqual(facts.addresses["192.0.2.9"], ["192.0.2.9"]);
      assert.ok(facts.fingerprint.length > 0);
    },
  },
  {
    port: "facts",
    promise: "the way to an endpoint is the uplink's, also while routes of ours cover its address",
    covers: [["facts.read", "done"]],
    notOn: { simulated: "it tells no way of its own: the MTU of the uplink counts there" },
    shares: true,
    async check(world) {
      const { host } = world;
      await host.links.ensure(linkSpec(world));
      const wanted = { users: [], hosts: ["203.0.113.9"], endpoints: ["198.51.100.7"] };
      const before = await host.facts.read(wanted);
      const mtuBytes = before.devices.find(({ name }) => name === world.uplink)?.mtuBytes;
      assert.deepEqual(before.pathMtuBytes, { "203.0.113.9": mtuBytes, "198.51.100.7": mtuBytes });
      await host.routes.change({ ...NO_CHANGE, addRoutes: tunnelRoutes(world) });
      assert.deepEqual((await host.facts.read(wanted)).pathMtuBytes, before.pathMtuBytes);
    },
  },
  {
    port: "links",
    promise: "ensure makes exactly what was asked for, and twice is once",
    covers: [
      ["links.ensure", "done", "already so"],
      ["links.read", "done"],
    ],
    async check(world) {
      const { host } = world;
      await host.links.ensure(linkSpec(world));
      const first = await readLink(world);
      const { index: _index, ...seen } = first;
      assert.deepEqual(
        { ...seen, addresses: ownAddresses(seen.addresses) },
        {
          device: world.device,
          type: "tun",
          up: true,
          mtuBytes: 1420,
          addresses: ["10.8.0.2/32", "fd00:8::2/128"],
          tunnel: "one",
          held: true,
        },
      );
      await host.links.ensure(linkSpec(world));
      assert.deepEqual(await readLink(world), first);
    },
  },
  {
    port: "links",
    promise: "ensure changes what differs and keeps the device",
    covers: [["links.ensure", "done"]],
    async check(world) {
      await world.host.links.ensure(linkSpec(world));
      const { index } = await readLink(world);
      // On macOS an interface carries no name of ours: the device's own tells the tunnel.
      const tunnel = world.kind === "darwin" ? "one" : "two";
      await world.host.links.ensure({ ...linkSpec(world), addresses: ["10.8.0.3/32"], mtuBytes: 1380, tunnel });
      const link = await readLink(world);
      assert.deepEqual(ownAddresses(link.addresses), ["10.8.0.3/32"]);
      assert.deepEqual([link.index, link.mtuBytes, link.tunnel], [index, 1380, tunnel]);
    },
  },
  {
    port: "links",
    promise: "another program's device is neither changed nor removed",
    covers: [
      ["links.ensure", "done"],
      ["links.remove", "done"],
    ],
    notOn: {
      darwin: "a utun gets its name from the kernel, so that none of ours ever meets another's; see the clause below",
    },
    async check(world) {
      world.others.addDevice(world.device);
      const ofOthers = async () => {
        const link = await readLink(world);
        return { ...link, addresses: ownAddresses(link.addresses) };
      };
      const before = await ofOthers();
      assert.equal(before.tunnel, undefined);
      await refuses("conflict", () => world.host.links.ensure(linkSpec(world)));
      await refuses("conflict", () => world.host.links.remove(world.device));
      assert.deepEqual(await ofOthers(), before);
    },
  },
  {
    port: "links",
    promise: "remove takes the device and its routes; removing what is absent is success",
    covers: [
      ["links.remove", "done", "gone"],
      ["links.read", "gone"],
    ],
    notOn: { darwin: "no tables and no guards; see the clause of what goes with the descriptor" },
    async check(world) {
      const { host } = world;
      await host.links.remove(world.device);
      await host.links.ensure(linkSpec(world));
      await host.routes.change({ ...NO_CHANGE, addRoutes: [route("0.0.0.0/0", world.device), guard("0.0.0.0/0")] });
      await host.links.remove(world.device);
      assert.equal(
        (await host.links.read()).find(({ device }) => device === world.device),
        undefined,
      );
      assert.deepEqual(await routeTexts(world), ["unreachable 0.0.0.0/0 - 174"]);
      await host.links.remove(world.device);
    },
  },
  {
    port: "engines",
    promise: "ensure needs a device, then reports its configuration",
    covers: [
      ["engines.ensure", "done", "already so", "gone"],
      ["engines.read", "done", "gone"],
      ["engines.readAll", "done"],
    ],
    async check(world) {
      const { host } = world;
      const spec = tunnelSpec(world);
      await assert.rejects(() => host.engines.ensure(spec));
      assert.equal(await host.engines.read(world.device), undefined);
      await host.links.ensure(linkSpec(world));
      await host.engines.ensure(spec);
      await host.engines.ensure(spec);
      const engine = await host.engines.read(world.device);
      assert.ok(engine?.running);
      assert.equal(engine.privateKey, spec.privateKey);
      assert.equal(engine.fwmark, spec.fwmark);
      const [peer] = engine.peers;
      assert.deepEqual(
        [peer?.publicKey, peer?.endpoint, peer?.allowedIPs, peer?.persistentKeepaliveSeconds],
        [spec.peers[0]?.publicKey, "198.51.100.7:51820", ["0.0.0.0/0"], 25],
      );
      assert.deepEqual(
        (await host.engines.readAll()).map(({ device }) => device),
        [world.device],
      );
    },
  },
  {
    port: "engines",
    promise: "ensure makes the configuration exact: peers and keys that are not named are gone",
    covers: [["engines.ensure", "partial"]],
    async check(world) {
      const { host } = world;
      const spec = tunnelSpec(world);
      const [peer] = spec.peers;
      assert.ok(peer);
      await host.links.ensure(linkSpec(world));
      await host.engines.ensure({ ...spec, peers: [{ ...peer, presharedKey: world.secrets.presharedKey }] });
      assert.equal((await host.engines.read(world.device))?.peers[0]?.presharedKey, world.secrets.presharedKey);
      const other = { ...peer, publicKey: "YW5vdGhlciBwdWJsaWMga2V5IG9mIDMyIGJ5dGVzISE=" };
      await host.engines.ensure({ ...spec, peers: [other] });
      const peers = (await host.engines.read(world.device))?.peers ?? [];
      assert.deepEqual(
        peers.map(({ publicKey, presharedKey }) => [publicKey, presharedKey]),
        [[other.publicKey, undefined]],
      );
    },
  },
  {
    port: "engines",
    promise: "remove ends the engine and leaves the device; none is success",
    covers: [["engines.remove", "done", "already so", "gone"]],
    async check(world) {
      const { host } = world;
      await host.engines.remove(world.device);
      await host.links.ensure(linkSpec(world));
      await host.engines.ensure(tunnelSpec(world));
      await host.engines.remove(world.device);
      assert.equal(await host.engines.read(world.device), undefined);
      assert.equal((await readLink(world)).device, world.device);
      await host.engines.remove(world.device);
    },
  },
  {
    port: "routes",
    promise: "what was added is read back; adding it again and deleting what is gone are success",
    covers: [
      ["routes.change", "done", "already so", "gone"],
      ["routes.readRoutes", "done", "gone"],
      ["routes.readRules", "done", "gone"],
    ],
    notOn: { darwin: "one table and no policy rules; see the clause of halves" },
    async check(world) {
      const { host } = world;
      await host.links.ensure(linkSpec(world));
      const addRoutes = [route("0.0.0.0/0", world.device), guard("0.0.0.0/0"), guard("::/0")];
      const addRules = [rule(10_100), rule(10_100, 6)];
      await host.routes.change({ ...NO_CHANGE, addRoutes, addRules });
      await host.routes.change({ ...NO_CHANGE, addRoutes, addRules });
      assert.deepEqual(await routeTexts(world), [
        `unicast 0.0.0.0/0 ${world.device} 174`,
        "unreachable 0.0.0.0/0 - 174",
        "unreachable ::/0 - 174",
      ]);
      assert.deepEqual(await ownRules(world), [10_100, 10_100]);
      const removal = { ...NO_CHANGE, deleteRoutes: addRoutes, deleteRules: addRules };
      await host.routes.change(removal);
      await host.routes.change(removal);
      assert.deepEqual(await routeTexts(world), []);
      assert.deepEqual(await ownRules(world), []);
    },
  },
  {
    port: "routes",
    promise: "every selector of a rule survives the way there and back",
    covers: [["routes.change", "done"]],
    notOn: { darwin: "no policy rules" },
    async check(world) {
      const { host } = world;
      const match = {
        mark: { value: 0x0100_0000, mask: 0x3f00_0000 },
        source: "192.0.2.0/24",
        destination: "198.51.100.0/24",
        uids: { from: 1000, to: 1001 },
        protocol: "udp",
        ports: { from: 8000, to: 8999 },
      } as const;
      const full = { family: 4, preference: 10_200, match, table: TABLE, suppressPrefixLength: 0 } as const;
      await host.routes.change({ ...NO_CHANGE, addRules: [full] });
      const entry = (await host.routes.readRules()).find(({ rule: found }) => found.preference === 10_200);
      assert.deepEqual(entry?.rule, full);
      assert.equal(entry.foreign, undefined);
    },
  },
  {
    port: "routes",
    promise: "a route to a device that is absent fails",
    covers: [["routes.change", "gone"]],
    async check(world) {
      const [first] = tunnelRoutes(world);
      assert.ok(first);
      const addRoutes = [{ ...first, device: "awg-no" }];
      await refuses("host", () => world.host.routes.change({ ...NO_CHANGE, addRoutes }));
      assert.deepEqual(await routeTexts(world), []);
    },
  },
  {
    port: "routes",
    promise: "a deletion names the owner, and leaves other programs' routes",
    covers: [["routes.change", "done"]],
    notOn: { darwin: "no policy rules; see the clause of strangers' routes" },
    async check(world) {
      const { host, others, uplink } = world;
      others.addRoute(TABLE, "192.0.2.0/25");
      others.addRule(10_150);
      const deleteRoutes = [route("192.0.2.0/25", uplink)];
      await host.routes.change({ ...NO_CHANGE, deleteRoutes, deleteRules: [rule(10_150)] });
      assert.equal((await routeTexts(world)).length, 1);
      assert.ok((await host.routes.readRules()).some((entry) => entry.rule.preference === 10_150));
    },
  },
  {
    port: "routes",
    promise: "another program's route is not replaced by ours in the same place",
    covers: [["routes.change", "done"]],
    notOn: { darwin: "see the clause of strangers' routes" },
    async check(world) {
      world.others.addRoute(TABLE, "192.0.2.0/25");
      const before = await routeTexts(world);
      await world.host.links.ensure(linkSpec(world));
      await refuses("conflict", () =>
        world.host.routes.change({ ...NO_CHANGE, addRoutes: [route("192.0.2.0/25", world.device)] }),
      );
      assert.deepEqual(await routeTexts(world), before);
    },
  },
  {
    port: "firewall",
    promise: "nothing of ours at first; what was loaded is read back, whole and held",
    covers: [
      ["firewall.load", "done", "already so"],
      ["firewall.read", "done", "gone"],
    ],
    async check(world) {
      const { host } = world;
      assert.equal((await host.firewall.read()).policy, null);
      await host.firewall.load(policy(world));
      await host.firewall.load(policy(world));
      const read = await host.firewall.read();
      assert.deepEqual(read.policy, policy(world));
      assert.deepEqual(read.damage, []);
      assert.equal(read.held, (await host.facts.read({ users: [], hosts: [] })).capabilities.ownedTables);
    },
  },
  {
    port: "firewall",
    promise: "a load replaces the policy, and null removes it, twice as well as once",
    covers: [["firewall.load", "done", "gone", "partial"]],
    async check(world) {
      const { host } = world;
      await host.firewall.load(policy(world));
      await host.firewall.load(policy(world, 443));
      assert.deepEqual((await host.firewall.read()).policy, policy(world, 443));
      await host.firewall.load(null);
      await host.firewall.load(null);
      assert.equal((await host.firewall.read()).policy, null);
    },
  },
  {
    port: "sysctl",
    promise: "reads the names that exist, writes them, and refuses others",
    covers: [
      ["sysctl.read", "done", "gone"],
      ["sysctl.write", "done", "gone"],
    ],
    notOn: { darwin: "none of the settings of Linux exists; see the clause below" },
    async check(world) {
      const { host } = world;
      assert.deepEqual(Object.keys(await host.sysctl.read([SETTING, "net.ipv4.conf.all.no_such"])), [SETTING]);
      await host.sysctl.write({ [SETTING]: "1" });
      assert.deepEqual(await host.sysctl.read([SETTING]), { [SETTING]: "1" });
      await refuses("host", () => host.sysctl.write({ "net.ipv4.conf.all.no_such": "1" }));
    },
  },
  {
    port: "resolver",
    promise: "ensure is read back as ours, restore puts the original back byte for byte",
    covers: [
      ["resolver.ensure", "done", "already so"],
      ["resolver.read", "done"],
      ["resolver.restore", "done", "already so"],
      ["resolver.replaced", "done", "gone"],
    ],
    notOn: { darwin: "no resolv.conf; see the clauses of the dynamic store" },
    async check(world) {
      const { host, others } = world;
      const original = "# by hand\nnameserver 192.0.2.53\noptions edns0\n";
      others.writeResolver("# no server\n");
      assert.deepEqual(await host.resolver.replaced?.(), []);
      others.writeResolver(original);
      assert.equal((await host.resolver.read()).ownedByAwg, false);
      const spec = {
        method: "file",
        servers: ["10.8.0.1", "fd00:8::1"],
        search: ["corp.example"],
        device: world.device,
      } as const;
      await host.resolver.ensure(spec);
      await host.resolver.ensure(spec);
      const read = await host.resolver.read();
      assert.deepEqual([read.servers, read.search, read.ownedByAwg], [spec.servers, spec.search, true]);
      assert.deepEqual(await host.resolver.replaced?.(), ["192.0.2.53"]);
      await host.resolver.restore();
      await host.resolver.restore();
      assert.equal(others.readResolver(), original);
    },
  },
  {
    port: "resolver",
    promise: "another program's later text is kept, and is the original of the next change",
    covers: [["resolver.restore", "partial", "gone"]],
    notOn: { darwin: "no resolv.conf; see the clauses of the dynamic store" },
    async check(world) {
      const { host, others } = world;
      const spec = { method: "file", servers: ["10.8.0.1"], search: [], device: world.device } as const;
      const [first, second] = ["nameserver 192.0.2.53\n", "nameserver 192.0.2.54\n"];
      others.writeResolver(first);
      await host.resolver.ensure(spec);
      others.writeResolver(second);
      await host.resolver.restore();
      assert.equal(others.readResolver(), second);
      await host.resolver.ensure(spec);
      await host.resolver.restore();
      assert.equal(others.readResolver(), second);
    },
  },
];

async function readLink(world: ContractWorld) {
  const link = (await world.host.links.read()).find(({ device }) => device === world.device);
  assert.ok(link, `${world.device} is not there`);
  return link;
}

/** Without the link-local address that a kernel adds by itself. */
function ownAddresses(addresses: readonly string[]): string[] {
  return addresses.filter((address) => !address.startsWith("fe80:")).sort();
}
