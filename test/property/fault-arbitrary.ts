import fc from "fast-check";
import type { Fault, ForeignAct, ScheduledFault } from "../../src/host/simulated/faults.ts";
import { tableOfPath } from "../../src/model/ownership.ts";

/** What others do to things of ours, and to things of theirs beside them. None of it can open a held firewall. */
export const FOREIGN_ACTS: readonly ForeignAct[] = [
  { act: "delete-route", table: tableOfPath(1), destination: "0.0.0.0/0" },
  { act: "flush-table", table: tableOfPath(1) },
  { act: "flush-table", table: tableOfPath(2) },
  { act: "delete-rules", preference: 10_100 },
  { act: "delete-rules", preference: 10_200 },
  { act: "add-rule", preference: 10_160, table: 254 },
  { act: "add-rule", preference: 7_000, table: 254 },
  { act: "add-route", table: tableOfPath(1), destination: "192.0.2.0/25", device: "eth0" },
  { act: "flush-firewall" },
  { act: "remove-device", device: "awg-office" },
  { act: "remove-device", device: "awg-home" },
  { act: "set-link", device: "awg-office", up: false },
  { act: "set-mtu", device: "awg-home", mtuBytes: 900 },
  { act: "delete-address", device: "awg-office", address: "10.8.0.2/32" },
  { act: "rewrite-resolver", text: "nameserver 192.168.1.254\n" },
  { act: "stop-engine", device: "awg-office" },
  { act: "uplink-moves", device: "wlan0", gateway: "192.168.7.1" },
];

/** A keeper that dies takes its hold of the tables along: from then on a flush may open the machine, and status says so. */
export const KEEPER_DIES: ForeignAct = { act: "keeper-dies" };

const SHARES = 1000;

const ownFaults: readonly Fault[] = [
  { kind: "crash-before" },
  { kind: "crash-after" },
  { kind: "fail", error: "host", times: 1 },
  { kind: "fail", error: "permission", times: 3 },
  { kind: "fail", error: "host", times: 100_000 },
  { kind: "fail-late", error: "host" },
  { kind: "ignored" },
];

/** A share of the way through the writes, so that one number means the same on a short and on a long apply. */
export interface RelativeFault {
  readonly share: number;
  readonly fault: Fault;
}

/** A fault of the machine or of the process. */
export const ownFaultArbitrary: fc.Arbitrary<RelativeFault> = fc.record({
  share: share(),
  fault: fc.constantFrom(...ownFaults),
});

/** One of these acts of somebody else's. */
export function foreignFaultOf(acts: readonly ForeignAct[]): fc.Arbitrary<RelativeFault> {
  return fc.record({
    share: share(),
    fault: fc.constantFrom(...acts).map((act): Fault => ({ kind: "foreign", act })),
  });
}

/** The number of the write, of so many. */
export function scheduled({ share, fault }: RelativeFault, writes: number): ScheduledFault {
  return { at: 1 + Math.min(Math.max(0, writes - 1), Math.floor((share / SHARES) * writes)), fault };
}

function share(): fc.Arbitrary<number> {
  return fc.integer({ min: 0, max: SHARES - 1 });
}
