import { describe, expect, test } from "vitest";
import { simulatedHost } from "../../src/host/simulated/host.ts";
import { SimulatedMachine } from "../../src/host/simulated/machine.ts";
import { laptopState, simulatedLink } from "../../src/host/simulated/machine-state.ts";
import type { SecretId } from "../../src/model/secret.ts";
import type { ContractWorld } from "./contract-world.ts";
import { clausesOf, coverageOf } from "./coverage.ts";

function simulatedWorld(): ContractWorld {
  const machine = new SimulatedMachine(laptopState());
  const { live } = machine;
  return {
    kind: "simulated",
    host: simulatedHost(machine),
    second: () => simulatedHost(machine),
    uplink: "eth0",
    loopback: "lo",
    device: "awg-one",
    secrets: { privateKey: "1f".repeat(32) as SecretId, presharedKey: "2f".repeat(32) as SecretId },
    others: {
      addDevice(device) {
        const addresses: string[] = [];
        live.links.push(simulatedLink({ device, index: 77, medium: "tunnel", mtuBytes: 1500, addresses }));
      },
      addRoute: (table, destination) => machine.act({ act: "add-route", table, destination, device: "eth0" }),
      addRule: (preference) => machine.act({ act: "add-rule", preference, table: 254 }),
      removeDevice: (device) => machine.act({ act: "remove-device", device }),
      readResolver: () => live.resolver.text,
      writeResolver: (text) => machine.act({ act: "rewrite-resolver", text }),
    },
  };
}

describe("the contract of a host, on the simulated machine", () => {
  const clauses = clausesOf("simulated");

  test.each(clauses)("$port: $promise", ({ check }) => check(simulatedWorld()));

  test("speaks of every method in every situation, or says why not", () => {
    expect(coverageOf("simulated")).toMatchObject({ uncovered: [], idle: [] });
  });
});
