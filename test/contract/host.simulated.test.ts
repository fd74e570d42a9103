import { describe, expect, test } from "vitest";
import { simulatedHost } from "../../src/host/simulated/host.ts";
import { SimulatedMachine } from "../../src/host/simulated/machine.ts";
import { laptopState, simulatedLink } from "../../src/host/simulated/machine-state.ts";
import { simulatedNetworkEvents } from "../../src/host/simulated/ports/network-events.ts";
import { simulatedProcesses } from "../../src/host/simulated/ports/processes.ts";
import { simulatedServices } from "../../src/host/simulated/ports/services.ts";
import { SERVICE_MARK } from "../../src/model/ownership.ts";
import type { SecretId } from "../../src/model/secret.ts";
import { type ContractWorld, notHere, type OtherPrograms } from "./contract-world.ts";
import { clausesOf, coverageOf, reportOf } from "./coverage.ts";
import { checkWitnessed } from "./witness.ts";

const PLACE = { name: "awg.service", path: "/etc/systemd/system/awg.service" };

function simulatedWorld(): ContractWorld {
  const machine = new SimulatedMachine(laptopState());
  const host = () => simulatedHost(machine);
  const views = {
    processes: () => simulatedProcesses(machine),
    networkEvents: () => simulatedNetworkEvents(machine),
    services: () => simulatedServices(machine),
  };
  return {
    kind: "simulated",
    host: host(),
    second: host,
    ...views,
    // Nobody there has fewer rights than root, but every write can be refused as if.
    asViewer: async (use) => {
      machine.schedule([{ at: 0, fault: { kind: "fail", error: "permission", times: Number.POSITIVE_INFINITY } }]);
      const { processes, networkEvents, services } = views;
      await use(host(), { processes: processes(), networkEvents: networkEvents(), services: services() });
      machine.schedule([]);
    },
    notifications: { show: () => notHere("a screen"), shown: () => [] },
    until: async (isSo) => {
      if (!isSo()) throw new Error("it did not come about");
    },
    serviceSpec: (more) => ({ ...PLACE, definition: `# ${SERVICE_MARK}\n${more}`, keepRunning: true }),
    uplink: "eth0",
    loopback: "lo",
    device: "awg-one",
    secrets: { privateKey: "1f".repeat(32) as SecretId, presharedKey: "2f".repeat(32) as SecretId },
    others: otherProgramsOf(machine),
  };
}

function otherProgramsOf(machine: SimulatedMachine): OtherPrograms {
  const { live } = machine;
  return {
    addDevice(device) {
      const addresses: string[] = [];
      live.links.push(simulatedLink({ device, index: 77, medium: "tunnel", mtuBytes: 1500, addresses }));
    },
    addRoute: (table, destination) => machine.act({ act: "add-route", table, destination, device: "eth0" }),
    addRule: (preference) => machine.act({ act: "add-rule", preference, table: 254 }),
    deleteOurs: ({ preference }) => machine.act({ act: "delete-rules", preference }),
    removeDevice: (device) => machine.act({ act: "remove-device", device }),
    detachClassifier: (hook) => {
      live.classifiers = live.classifiers.map((one) => ({ ...one, missing: [hook] }));
    },
    readResolver: () => live.resolver.text,
    writeResolver: (text) => machine.act({ act: "rewrite-resolver", text }),
    startProcess: async () => {
      live.processes.push({ pid: 300, uid: 1000, path: "/usr/bin/sleep" });
      return 300;
    },
    endProcess: (pid) => (live.processes = live.processes.filter((one) => one.pid !== pid)),
    openSocket: async () => {
      const local = { address: "127.0.0.1", port: 8080 };
      return { tuple: { protocol: "tcp", local }, pid: 1, close: () => undefined };
    },
    writeService: (text) => {
      const known = live.services.find(({ name }) => name === PLACE.name);
      if (text === null) live.services = live.services.filter((one) => one !== known);
      else if (known === undefined) live.services.push({ ...PLACE, running: false, definition: text });
      else known.definition = text;
    },
    approve: (bundle) => {
      for (const one of live.systemExtensions.filter((known) => known.bundle === bundle)) {
        one.state = "enabled";
      }
    },
    screen: () => notHere("a screen"),
    addQuickRoute: () => notHere("wg-quick"),
    startEngine: () => notHere("another program's engine"),
  };
}

describe("the contract of a host, on the simulated machine", () => {
  const clauses = clausesOf("simulated");

  test.each(clauses)("$port: $promise", (clause) => checkWitnessed(clause, simulatedWorld()));

  test("speaks of every method in every situation, or says why not", () => {
    console.log(reportOf("simulated"));
    expect(coverageOf("simulated")).toMatchObject({ uncovered: [], idle: [] });
  });
});
