import assert from "node:assert/strict";
import type { LinkSpec } from "../../../../src/model/resources/link.ts";
import { bindToInterface } from "../../../../src/native/darwin/link/bound-interface.ts";
import {
  type ContractWorld,
  linkSpec,
  listen,
  NO_CHANGE,
  policy,
  tunnelRoutes,
} from "../../../contract/contract-world.ts";
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
  assert.deepEqual(
    [made?.mtuBytes, made?.up, made?.addresses.toSorted()],
    [1420, true, link.addresses],
    "the device is as asked for",
  );
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
  assert.deepEqual(standing, addRoutes, "the routes bear our mark and are as asked for");

  await host.firewall.load(policy(mac));
  const loaded = await host.firewall.read();
  assert.deepEqual(
    [loaded.policy, loaded.damage, machine.pf.enabled],
    [policy(mac), [], true],
    "the policy is loaded whole",
  );
  assert.deepEqual(
    machine.pf.states.map(({ to }) => to),
    ["198.51.100.7:51820"],
    "the forbidden state is cut, the other left",
  );

  await host.resolver.ensure(RESOLVER);
  assert.deepEqual((await host.resolver.read()).servers, RESOLVER.servers, "the resolver of all names is ours");

  await lookAround(world, mac);

  await host.resolver.restore();
  await host.firewall.load(null);
  const tokens = machine.pf.tokens.map(({ token }) => token);
  assert.deepEqual(
    [machine.pf.enabled, tokens, [...machine.pf.anchors.keys()]],
    [true, [others], []],
    "PF is the others' again",
  );
  await host.routes.change({ ...NO_CHANGE, deleteRoutes: addRoutes });
  const left = await host.routes.readRoutes();
  assert.ok(
    left.every(({ protocol }) => protocol === 0),
    "none of our routes is left",
  );
  assert.ok(
    left.some(({ destination }) => destination === "0.0.0.0/0"),
    "the Mac's own default stands",
  );
  await host.links.remove(device);
  assert.deepEqual(world.borders.system.openDescriptors, [], "no descriptor is left open");
}

/** What awg reads and watches besides: ways, processes and their sockets, changes of the network, its own service. */
async function lookAround(world: DarwinWorld, mac: ContractWorld): Promise<void> {
  const { others } = mac;
  const facts = await mac.host.facts.read({ users: [], hosts: [], endpoints: ["198.51.100.7"] });
  assert.deepEqual(facts.pathMtuBytes, { "198.51.100.7": 1500 }, "the way to the endpoint is told");

  const { processes, networkEvents, services } = world.viewOf(world.borders);
  const reported: string[] = [];
  const watch = processes.watch((event) => reported.push(event.what));
  const { heard, stop } = listen(networkEvents);
  const { tuple, pid, close } = await others.openSocket();
  assert.deepEqual(
    processes.ownerOf(tuple)?.holders.map((holder) => holder.pid),
    [pid],
    "the socket's holder is told",
  );
  const program = processes.read(pid);
  assert.deepEqual(
    [program?.name, program?.uid, program?.path !== undefined],
    ["server", 501, true],
    "the program is told",
  );
  await mac.until(() => reported.includes("started"));
  others.endProcess(pid);
  await mac.until(() => reported.includes("ended"));
  close();
  others.sleepFor?.(20_000);
  world.machine.tell({ kind: "interface", interfaceIndex: 3 });
  await mac.until(
    () => heard.some(({ what }) => what === "devices") && heard.some(({ what }) => what.startsWith("woke")),
  );
  await stop();
  await watch[Symbol.asyncDispose]();

  const spec = mac.serviceSpec("");
  await services.ensure(spec);
  assert.equal((await services.read(spec)).running, true, "the service runs");
  await services.remove(spec);
  assert.equal((await services.read(spec)).loaded, false, "the service is gone");
  assert.equal(world.machine.launchd.jobs.size, 0, "launchd has no job of ours");
}
