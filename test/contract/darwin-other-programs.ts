import { chownSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { LAUNCHD } from "../../src/model/resources/service.ts";
import { addressOf, type FakeMachine, prefixOf, ROUTE_FLAG } from "../host/darwin/fake/machine.ts";
import { notHere, type OtherPrograms } from "./contract-world.ts";

const PLIST = `${LAUNCHD.daemons}/${LAUNCHD.daemon}.plist`;
/** More than a routing socket's buffer holds. */
const FLOOD = 8000;

/** What others do to the double of a Mac. */
export function otherProgramsOf(machine: FakeMachine, root: string): OtherPrograms {
  const { processes } = machine;
  let made = 0;
  return {
    addDevice: (name) => {
      const { index: interfaceIndex } = machine.addInterface(name, 1, 0x8051, 1500);
      machine.tell({ kind: "interface", interfaceIndex });
    },
    addRoute: (_table, destination) => addRoute(machine, destination),
    addRule: () => notHere("a policy rule"),
    detachClassifier: () => notHere("a classifier of sockets"),
    deleteOurs: ({ destination }) => deleteRoute(machine, destination),
    removeDevice: (name) => {
      const interfaceIndex = machine.interfaceNamed(name)?.index ?? 0;
      // in6_purgeaddr and if_detach tell of the interface's last state before it goes.
      machine.tell({ kind: "interface", interfaceIndex });
      machine.removeInterface(name);
    },
    readResolver: () => "",
    writeResolver: () => undefined,
    startProcess: async () => {
      made += 1;
      return processes.add({ pid: 9000 + made, path: "/bin/sleep", name: "sleep", args: ["sleep", "600"] }).pid;
    },
    endProcess: (pid) => processes.end(pid),
    openSocket: async () => {
      made += 1;
      const [pid, name] = [9000 + made, BigInt(made)];
      const local = { address: "127.0.0.1", port: 50_000 + made };
      processes.add({ pid, name: "server", sockets: { 9: name } });
      const end = [local.address, local.port] as const;
      const socket = { protocol: "tcp", local: end, remote: ["0.0.0.0", 0], uid: 501, lastPid: pid, name } as const;
      processes.sockets.push(socket);
      const close = () => void processes.sockets.splice(processes.sockets.indexOf(socket), 1);
      return { tuple: { protocol: "tcp", local }, pid, close };
    },
    writeService: (text) => {
      if (text === null) rmSync(join(root, PLIST), { force: true });
      else writeFileSync(join(root, PLIST), text);
    },
    approve: (bundle) => machine.extensions.approve(bundle),
    screen: (state) => {
      machine.screen.isBroken = state === "broken";
      if (state === "nobody") return rmSync(join(root, "dev"), { recursive: true, force: true });
      mkdirSync(join(root, "dev"), { recursive: true });
      writeFileSync(join(root, "dev/console"), "");
      if (process.getuid?.() === 0) chownSync(join(root, "dev/console"), 501, 20);
    },
    addQuickRoute: () => notHere("wg-quick of Linux"),
    startEngine: () => notHere("another program's engine"),
    sleepFor: (ms, wake = "by its user") => {
      const sleptAtMs = machine.sleep.wokeAtMs + 1000;
      machine.sleep.pass(sleptAtMs, sleptAtMs + ms, wake);
    },
    userComes: () => machine.sleep.userComes(),
    floodNetwork: () => {
      for (let at = 0; at < FLOOD; at += 1) machine.tell({ kind: "interface", interfaceIndex: 1 });
    },
  };
}

/** As `route add` of somebody else: through the router, without our mark. */
function deleteRoute(machine: FakeMachine, destination: string): void {
  const route = machine.findRoute(prefixOf(destination), 0);
  if (route === undefined) throw new Error(`no route to ${destination}`);
  machine.dropRoute(route);
  machine.tell({ kind: "route", type: "RTM_DELETE", route, pid: 77, seq: 1, errno: 0 });
}

function addRoute(machine: FakeMachine, destination: string): void {
  const route = {
    prefix: prefixOf(destination),
    flags: ROUTE_FLAG.up | ROUTE_FLAG.gateway | ROUTE_FLAG.static,
    gateway: addressOf("192.168.1.1"),
    interfaceIndex: machine.interfaceNamed("en0")?.index ?? 0,
    scope: 0,
    mtu: 0,
  };
  machine.routes.push(route);
  machine.tell({ kind: "route", type: "RTM_ADD", route, pid: 77, seq: 1, errno: 0 });
}
