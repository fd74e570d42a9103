import type { ForeignAct } from "../../../src/host/simulated/faults.ts";
import { actForeign } from "../../../src/host/simulated/foreign.ts";
import { SimulatedMachine } from "../../../src/host/simulated/machine.ts";
import { parseMachineFile, renderMachineFile } from "../../../src/host/simulated/machine-file.ts";
import type { SimulatedBench } from "../../compose/simulated-bench.ts";

/** Lets other programs act on the bench's host. */
export function act(bench: SimulatedBench, ...acts: readonly ForeignAct[]): void {
  bench.meddle((text) => {
    const machine = new SimulatedMachine(parseMachineFile(text));
    for (const one of acts) actForeign(machine, one);
    return renderMachineFile(machine.snapshot());
  });
}

/** What others can do to a host with one tunnel, each kind of act of the simulated host. */
export const FAULTS: Readonly<Record<string, readonly ForeignAct[]>> = {
  "a deleted route": [{ act: "delete-route", table: 0x6177_0001, destination: "0.0.0.0/0" }],
  "an emptied table": [{ act: "flush-table", table: 0x6177_0001 }],
  "deleted policy rules": [{ act: "delete-rules", preference: 10_110 }],
  "a foreign policy rule": [{ act: "add-rule", preference: 9_000, table: 254 }],
  "a foreign route": [{ act: "add-route", table: 0x6177_0001, destination: "203.0.113.0/24", device: "eth0" }],
  "a keeper that died": [{ act: "keeper-dies" }],
  "a flushed filter": [{ act: "keeper-dies" }, { act: "flush-firewall" }],
  "a damaged filter": [{ act: "keeper-dies" }, { act: "damage-firewall", what: "a rule is gone" }],
  "a removed device": [{ act: "remove-device", device: "awg-office" }],
  "a device that is down": [{ act: "set-link", device: "awg-office", up: false }],
  "another MTU": [{ act: "set-mtu", device: "awg-office", mtuBytes: 1280 }],
  "a lost address": [{ act: "delete-address", device: "awg-office", address: "10.9.0.2/32" }],
  "a rewritten resolver": [{ act: "rewrite-resolver", text: "nameserver 192.0.2.1\n" }],
  "an engine that ended": [{ act: "stop-engine", device: "awg-office" }],
  "another uplink": [{ act: "set-link", device: "eth0", up: false }],
};
