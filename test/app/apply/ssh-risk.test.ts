import { expect, test } from "vitest";
import { carriedBy } from "../../../src/app/apply/ssh-connection.ts";
import { sshRiskOf } from "../../../src/app/apply/ssh-risk.ts";
import type { Batch, Step } from "../../../src/model/plan.ts";
import { LAPTOP } from "../../model/firewall/policies.ts";

const CONNECTION = "10.77.0.1 5555 10.77.0.2 22";
const link = (addresses: readonly string[], device = "awg-a") => ({ device, addresses });
const tunnel = (allowedIPs: readonly string[], device = "awg-a") => ({ device, peers: [{ allowedIPs }] });
const LINK = link(["10.77.0.2/24"]);

/** What is said of a plan of one step, to who came in by awg-a. */
async function riskOf(kind: "link" | "tunnel", action: Step["action"], before: object | null, after: object | null) {
  const step = { kind, key: `${kind}/a`, action, phase: "retire", before, after, changes: [], reason: "" };
  const batches = [{ kind, phase: "retire", steps: [step] }] as unknown as readonly Batch[];
  const sshConnection = () => carriedBy(CONNECTION, [{ device: "awg-a", address: "10.77.0.2" }]);
  const risk = await sshRiskOf({ sshConnection }, { plan: { batches, unchanged: [] }, desired: { resources: [] } });
  return risk?.why;
}

test.each([
  ["delete", LINK, null, "goes with awg-a"],
  ["replace", LINK, LINK, "goes with awg-a"],
  ["update", LINK, link(["10.77.0.22/24"]), "leaves awg-a"],
  ["update", LINK, link(["10.77.0.2/32"]), undefined],
  ["delete", link(["10.77.0.9/24"], "awg-b"), null, undefined],
  ["forget", LINK, null, undefined],
  ["create", null, LINK, undefined],
] as const)("to %s the device %j to %j: %s", async (action, before, after, reported) => {
  expect(await riskOf("link", action, before, after)).toEqual(
    reported === undefined ? undefined : expect.stringContaining(reported),
  );
});

test.each([
  [tunnel(["10.77.0.0/24"]), tunnel(["10.78.0.0/24"]), "may then send as 10.77.0.1"],
  [tunnel(["10.77.0.0/24"]), tunnel(["0.0.0.0/0"]), undefined],
  [tunnel(["10.78.0.0/24"]), tunnel(["10.79.0.0/24"]), undefined],
  [tunnel(["10.77.0.0/24"], "awg-b"), tunnel([], "awg-b"), undefined],
])("peers' addresses %j to %j: %s", async (before, after, reported) => {
  expect(await riskOf("tunnel", "update", before, after)).toEqual(
    reported === undefined ? undefined : expect.stringContaining(reported),
  );
});

test.each([
  ["eth0", "firewall", "is on eth1, by which no default route leads, and 192.168.7.9 is answered by eth0"],
  [undefined, "firewall", undefined],
  ["eth0", "route", undefined],
] as const)(
  "to a policy, answered elsewhere by %s, in a plan that changes a %s: %s",
  async (answeredBy, kind, reported) => {
    const batches = [{ kind, phase: "secure", steps: [{ kind, action: "create", before: null }] }];
    const planned = {
      plan: { batches, unchanged: [] },
      desired: { resources: [{ kind: "firewall", spec: LAPTOP }] },
    } as unknown as Parameters<typeof sshRiskOf>[1];
    const asked: (readonly string[])[] = [];
    const sshConnection = () =>
      carriedBy("192.168.7.9 5555 192.168.8.1 22", [{ device: "eth1", address: "192.168.8.1" }]);
    const answeredElsewhere = async (_: unknown, tunnels: readonly string[]) => {
      asked.push(tunnels);
      return answeredBy;
    };
    const risk = await sshRiskOf({ sshConnection, answeredElsewhere }, planned);
    expect(risk?.why).toEqual(reported === undefined ? undefined : expect.stringContaining(reported));
    const tunnels = LAPTOP.layers.flatMap((layer) => layer.tunnels.map(({ device }) => device));
    expect(asked).toEqual(kind === "firewall" ? [tunnels] : []);
  },
);
