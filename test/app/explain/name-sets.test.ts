import { expect, test } from "vitest";
import { nameSetsOfFlow } from "../../../src/app/explain/name-sets.ts";
import type { Inspection } from "../../../src/host/ports/inspection.ts";
import { type IpAddress, parseIp } from "../../../src/model/ip.ts";
import type { DesiredState } from "../../../src/model/resources/desired-state.ts";

const address = parseIp("198.51.100.7") as IpAddress;
const service = {
  listen: "127.0.0.97",
  servers: ["192.0.2.53"],
  sets: [
    { set: "names-a", domains: [{ kind: "suffix" as const, name: "corp.example" }] },
    { set: "names-b", domains: [{ kind: "exact" as const, name: "shop.example" }] },
  ],
  graceSeconds: 300,
};
const spec = { method: "file" as const, servers: ["127.0.0.97"], search: [], device: "", service };
const desired: DesiredState = { resources: [{ kind: "resolver", key: "resolver/machine", spec }] };
const holding = (...sets: string[]) => ({ setsHolding: () => sets }) as unknown as Inspection;

test("a flow is decided by the sets of its name and by those that hold its address", () => {
  const asked = (destination: string, inspection?: Inspection) =>
    nameSetsOfFlow(destination, address, desired, inspection);
  expect(asked("WWW.corp.example.")).toEqual(["names-a"]);
  expect(asked("www.shop.example")).toEqual([]);
  expect(asked("198.51.100.7", holding("names-b"))).toEqual(["names-b"]);
  expect(asked("www.corp.example", holding("names-a", "names-b"))).toEqual(["names-a", "names-b"]);
  expect(nameSetsOfFlow("corp.example", address, { resources: [] }, holding("names-a"))).toEqual([]);
});
