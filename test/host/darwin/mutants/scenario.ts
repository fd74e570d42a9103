import assert from "node:assert/strict";
import type { LinkSpec } from "../../../../src/model/spec/link.ts";
import { bindToInterface } from "../../../../src/native/darwin/link/bound-interface.ts";
import { linkSpec, NO_CHANGE, policy, tunnelRoutes } from "../../../contract/contract-world.ts";
import { type Bend, DarwinWorld } from "../../../contract/darwin-world.ts";

const RESOLVER = { method: "dynamic-store", servers: ["10.8.0.1"], search: [], device: "" } as const;

/**
 * What awg does on a Mac from an empty one to an empty one, with everything looked at on the way. Throws at the first
 * thing that macOS would not take, or that is not as it was asked for.
 */
export async function fromEmptyToEmpty(bend: Bend): Promise<void> {
  using world = new DarwinWorld(bend);
  const { machine } = world;
  const mac = world.contract();
  const { host, device } = mac;
  const link: LinkSpec = { ...linkSpec(mac), addresses: ["10.8.0.2/32", "fd00:8::2/64"] };
  const others = machine.pf.start(99, "another firewall");
  machine.pf.states = [
    { protocol: "tcp", interface: "ALL", from: "192.168.1.20:50000", to: "203.0.113.5:443" },
    { protocol: "udp", interface: "ALL", from: "192.168.1.20:50000", to: "198.51.100.7:51820" },
  ];

  await host.links.ensure(link);
  const made = (await host.links.read()).find((one) => one.device === device);
  assert.deepEqual([made?.mtuBytes, made?.up, made?.addresses.toSorted()], [1420, true, link.addresses]);
  const system = bend.system?.(world.borders.system) ?? world.borders.system;
  for (const [domain, family] of [
    [2, 4],
    [30, 6],
  ] as const) {
    const { value: fd } = system.socket(domain, 2, 0);
    bindToInterface(system, fd, family, 3);
    system.close(fd);
  }

  const addRoutes = tunnelRoutes(mac);
  await host.routes.change({ ...NO_CHANGE, addRoutes });
  const standing = (await host.routes.readRoutes()).filter(({ protocol }) => protocol === addRoutes[0]?.protocol);
  assert.deepEqual(standing, addRoutes);

  await host.firewall.load(policy(mac));
  const loaded = await host.firewall.read();
  assert.deepEqual([loaded.policy, loaded.damage, machine.pf.enabled], [policy(mac), [], true]);
  assert.deepEqual(
    machine.pf.states.map(({ to }) => to),
    ["198.51.100.7:51820"],
  );

  await host.resolver.ensure(RESOLVER);
  assert.deepEqual((await host.resolver.read()).servers, RESOLVER.servers);

  await host.resolver.restore();
  await host.firewall.load(null);
  const tokens = machine.pf.tokens.map(({ token }) => token);
  assert.deepEqual([machine.pf.enabled, tokens, [...machine.pf.anchors.keys()]], [true, [others], []]);
  await host.routes.change({ ...NO_CHANGE, deleteRoutes: addRoutes });
  const left = await host.routes.readRoutes();
  assert.ok(left.every(({ protocol }) => protocol === 0));
  assert.ok(left.some(({ destination }) => destination === "0.0.0.0/0"));
  await host.links.remove(device);
  assert.deepEqual(world.borders.system.openDescriptors, []);
}
