import assert from "node:assert/strict";
import type { NetworkEvent } from "../../../src/host/ports/network-events.ts";
import type { ProcessEvent, ProcessPort } from "../../../src/host/ports/processes.ts";
import type { ProbeSpec } from "../../../src/model/resources/probe.ts";
import {
  answersOrRefuses,
  type Clause,
  type ContractWorld,
  linkSpec,
  listen,
  NO_CHANGE,
  rule,
  tunnelRoutes,
} from "../contract-world.ts";

/** A real Mac is asked 20 times a second here, and looks four times. */
const SOME_LOOKS = 12;

const NO_SOCKETS = { simulated: "a simulated host has no sockets" } as const;
const STILL = { simulated: "no process of a simulated machine starts or ends by itself" } as const;
const SCREEN = { simulated: "a simulated machine has no screen" } as const;
/** Of the policy rule that this process writes. */
const OWN_PREFERENCE = 10_100;

/** What every host promises of its processes, its network's changes, its screen, and of what it asks the network. */
export const MACHINE_CONTRACT: readonly Clause[] = [
  {
    port: "processes",
    promise: "a process is listed, read and alive from its start to its end, and never taken for another of its number",
    covers: [
      ["processes.list", "done", "gone", "concurrent"],
      ["processes.read", "done", "gone", "concurrent"],
      ["processes.isAlive", "done", "gone", "concurrent"],
    ],
    shares: true,
    async check(world) {
      const [one, two] = [world.processes(), world.processes()];
      const pid = await world.others.startProcess();
      const program = one.read(pid);
      assert.equal(program?.pid, pid);
      assert.ok(program.name.length > 0 && program.path?.startsWith("/"), JSON.stringify(program.path));
      assert.deepEqual(two.read(pid), program);
      for (const port of [one, two]) {
        assert.ok(port.list().programs.some((found) => found.pid === pid && found.since === program.since));
        assert.equal(port.isAlive(program), true);
        assert.equal(port.isAlive({ pid, since: program.since + 1n }), false);
      }
      world.others.endProcess(pid);
      await world.until(() => one.read(pid) === undefined);
      assert.equal(two.isAlive(program), false);
      assert.ok(one.list().programs.every((found) => found.since !== program.since || found.pid !== pid));
    },
  },
  {
    port: "processes",
    promise: "a socket has its holder, and the answer is renewed 300 ms after it was closed",
    covers: [
      ["processes.ownerOf", "done", "already so", "gone", "concurrent"],
      ["processes.sockets", "done", "gone", "concurrent"],
    ],
    notOn: NO_SOCKETS,
    shares: true,
    async check(world) {
      const [one, two] = [world.processes(), world.processes()];
      const { tuple, pid, close } = await world.others.openSocket();
      const holders = (port: ProcessPort) => port.ownerOf(tuple)?.holders.map((holder) => holder.pid);
      assert.deepEqual(holders(one), [pid]);
      assert.deepEqual([holders(one), holders(two)], [[pid], [pid]]);
      const listed = (port: ProcessPort) =>
        port
          .sockets()
          .sockets.filter(({ local }) => local.port === tuple.local.port && local.address === tuple.local.address);
      assert.deepEqual(
        [...listed(one), ...listed(two)].map(({ protocol }) => protocol),
        ["tcp", "tcp"],
      );
      assert.equal(one.ownerOf({ ...tuple, local: { ...tuple.local, port: 1 } }), undefined);
      close();
      await world.until(() => one.ownerOf(tuple) === undefined && two.ownerOf(tuple) === undefined);
      assert.deepEqual(listed(one), []);
    },
  },
  {
    port: "processes",
    promise: "starts and ends are reported to all watchers until they stop; stopping twice is allowed",
    covers: [["processes.watch", "done", "already so", "gone", "concurrent"]],
    notOn: STILL,
    shares: true,
    async check(world) {
      const events: ProcessEvent[][] = [[], []];
      const watches = events.map((list) => world.processes().watch((event) => list.push(event)));
      const pid = await world.others.startProcess();
      const reported = (what: string) =>
        events.map((list) => list.some((one) => one.what === what && "pid" in one && one.pid === pid));
      await world.until(() => reported("started").every(Boolean));
      await watches[0]?.[Symbol.asyncDispose]();
      await watches[0]?.[Symbol.asyncDispose]();
      world.others.endProcess(pid);
      await world.until(() => reported("ended")[1] === true);
      assert.deepEqual(reported("ended"), [false, true]);
      await watches[1]?.[Symbol.asyncDispose]();
    },
  },
  {
    port: "processes",
    promise: "without root every process is listed, and hidden parts are reported",
    covers: [
      ["processes.list", "refused"],
      ["processes.read", "refused"],
      ["processes.isAlive", "refused"],
      ["processes.ownerOf", "refused"],
      ["processes.sockets", "refused"],
      ["processes.watch", "refused"],
    ],
    notOn: { simulated: "its processes hide nothing from anybody" },
    shares: true,
    async check(world) {
      const pid = await world.others.startProcess();
      const { tuple, close } = await world.others.openSocket();
      const program = world.processes().read(pid);
      assert.ok(program);
      await world.asViewer?.(async (_host, viewer) => {
        assert.deepEqual(viewer.processes.read(pid)?.name, program.name);
        assert.equal(viewer.processes.isAlive(program), true);
        const { programs, unseen } = viewer.processes.list();
        assert.ok(programs.some((found) => found.pid === pid));
        assert.ok(unseen.length > 0, "nothing is said to be hidden");
        assert.ok(viewer.processes.sockets().sockets.some(({ local }) => local.port === tuple.local.port));
        assert.equal(typeof viewer.processes.ownerOf(tuple)?.uid, "number");
        await answersOrRefuses(async () => viewer.processes.watch(() => undefined)[Symbol.asyncDispose]());
      });
      close();
      world.others.endProcess(pid);
    },
  },
  {
    port: "networkEvents",
    promise:
      "what others change is told to everybody who listens, what this process writes is not, and nothing after the end",
    covers: [
      ["networkEvents.watch", "done", "concurrent"],
      ["networkEvents.dispose", "done", "already so", "concurrent"],
    ],
    shares: true,
    async check(world) {
      await world.host.links.ensure(linkSpec(world));
      const [one, two] = [listen(world.networkEvents()), listen(world.networkEvents())];
      const isTheChange = ({ what }: NetworkEvent) => what === changeName(world);
      const changesHeard = () => [one, two].map(({ heard }) => heard.filter(isTheChange).length);
      await ownChange(world);
      await someLooks(world);
      assert.deepEqual(changesHeard(), [0, 0]);
      otherProgramsChange(world, 0);
      await world.until(() => changesHeard().every((count) => count > 0));
      await someLooks(world);
      assert.deepEqual(changesHeard(), [1, 1]);
      await one.stop();
      await one.stop();
      const before = one.heard.length;
      otherProgramsChange(world, 1);
      await world.until(() => two.heard.filter(isTheChange).length > 1);
      assert.equal(one.heard.length, before);
      await two.stop();
    },
  },
  {
    port: "networkEvents",
    promise: "writers of awg's own objects are distinguished from others, and none is named wrongly",
    covers: [["networkEvents.watch", "done"]],
    shares: true,
    async check(world) {
      await world.host.links.ensure(linkSpec(world));
      await ownChange(world);
      const listener = listen(world.networkEvents());
      otherProgramsChange(world, 2);
      await world.until(() => listener.heard.some(({ what }) => what === changeName(world)));
      // Of the device that was just made the kernel may tell still that it finished its link-local address.
      const changes = listener.heard.filter(({ what }) => what === changeName(world));
      assert.ok(changes.every(({ isOurs }) => isOurs !== true));
      world.others.deleteOurs({ preference: OWN_PREFERENCE, destination: "0.0.0.0/1" });
      await world.until(() => listener.heard.some(({ isOurs }) => isOurs === true));
      for (const { by } of listener.heard) assert.ok(by === undefined || "unnamed" in by || by.pid !== process.pid);
      await listener.stop();
    },
  },
  {
    port: "networkEvents",
    promise: "a removed device is reported, with everything it removes",
    covers: [["networkEvents.watch", "gone"]],
    shares: true,
    async check(world) {
      world.others.addDevice("t-gone0");
      const listener = listen(world.networkEvents());
      world.others.removeDevice("t-gone0");
      await world.until(() => listener.heard.length > 0);
      await listener.stop();
    },
  },
  {
    port: "networkEvents",
    promise: "without root watching works, or is refused with the reason",
    covers: [["networkEvents.watch", "refused"]],
    notOn: { simulated: "nobody on the simulated machine has fewer rights than root" },
    shares: true,
    async check(world) {
      await world.asViewer?.(async (_host, viewer) => {
        await answersOrRefuses(async () => listen(viewer.networkEvents).stop());
      });
    },
  },
  {
    port: "notifications",
    promise:
      "a line is shown to who sits there, as often as it is said; nobody there and a screen that refuses are no failure",
    covers: [["notifications.show", "done", "already so", "gone", "refused", "concurrent"]],
    notOn: SCREEN,
    shares: true,
    async check({ notifications: { show, shown }, others }) {
      const notification = { title: "awg", text: "the tunnel is down" };
      others.screen("nobody");
      await show(notification);
      assert.deepEqual(shown(), []);
      others.screen("there");
      await show(notification);
      await Promise.all([show(notification), show({ ...notification, text: "--help \u001b[2J" })]);
      assert.deepEqual(shown().slice(0, 2), ["awg|the tunnel is down", "awg|the tunnel is down"]);
      assert.ok(shown()[2]?.startsWith("awg|--help") && !shown()[2]?.includes("\u001b"));
      others.screen("broken");
      await show(notification);
    },
  },
  {
    port: "probes",
    promise: "who answers passed, who cannot be reached did not, and two at once are two; nothing is thrown",
    covers: [["probes.run", "done", "gone", "concurrent"]],
    shares: true,
    async check(world) {
      const { host } = world;
      assert.ok(host.probes, "this host has no probes");
      const { tuple, close } = await world.others.openSocket();
      const probe: ProbeSpec = {
        name: "p",
        type: "tcp",
        target: { host: tuple.local.address, port: tuple.local.port },
        required: false,
        everySeconds: 60,
        timeoutSeconds: 5,
      };
      const [first, second] = await Promise.all([host.probes.run(probe), world.second().probes?.run(probe)]);
      assert.deepEqual([first.passed, second?.passed], [true, true], `${first.detail}, ${second?.detail}`);
      close();
      const lost = await host.probes.run({ ...probe, device: "awg-no" });
      assert.equal(lost.passed, false);
      assert.ok(lost.detail.length > 0);
    },
  },
];

function changeName({ kind }: ContractWorld): string {
  return kind === "darwin" ? "routes" : kind === "linux" ? "policy rules" : "add-rule";
}

/** A write of this very process of the kind that strangers then make: a kernel makes none of these by itself. */
async function ownChange(world: ContractWorld): Promise<void> {
  const { host, kind } = world;
  const routes = kind === "darwin" ? { addRoutes: tunnelRoutes(world) } : { addRules: [rule(OWN_PREFERENCE)] };
  await host.routes.change({ ...NO_CHANGE, ...routes });
}

/** As long as it takes whoever listens to be told, several times over; a simulated machine tells at once. */
async function someLooks({ kind, until }: ContractWorld): Promise<void> {
  if (kind === "simulated") return;
  let asked = 0;
  await until(() => {
    asked += 1;
    return asked > SOME_LOOKS;
  });
}

function otherProgramsChange({ kind, others }: ContractWorld, number: number): void {
  if (kind === "darwin") others.addRoute(254, `192.0.${number + 2}.0/25`);
  else others.addRule(10_150 + number);
}
