import { afterAll, beforeAll, expect, test } from "vitest";
import { Capture } from "./judge/capture.ts";
import { dissect } from "./judge/dissect.ts";
import { Session } from "./judge/session.ts";
import { run, waitFor } from "./world/command.ts";
import { place } from "./world/place.ts";
import { python } from "./world/tethered.ts";
import { whyNoLab } from "./world/why-no-lab.ts";
import { World } from "./world/world.ts";

// The kernel keeps packets for a neighbour until it knows the neighbour's address, for three seconds at most. The prober of one
// session may so appear in the next one, behind a policy that came later.

/** On the client's link, of nobody. */
const absent = "fd77::99";
const router = "02:00:00:00:00:01";
const ports = { kept: 4001, dropped: 4002 };

let world: World;
beforeAll(async () => {
  if (whyNoLab() === undefined) world = await World.open();
});
afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
});

async function resolveNeighbour(): Promise<void> {
  const entry = ["neigh", "replace", absent, "lladdr", router, "dev", place.device, "nud", "reachable"];
  await run(["ip", "-n", world.namespace("client"), ...entry]);
}

async function send(port: number): Promise<void> {
  const line = `import socket; socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).sendto(b"?", ("${absent}", ${port}))`;
  await world.inside("client", [python, "-c", line]);
}

test.skipIf(whyNoLab() !== undefined)("a session begins without packets that wait for their neighbour", async () => {
  await using capture = await captured();
  const seen = (port: number) => capture.frames().some(({ frame }) => dissect(frame).destinationPort === port);
  await send(ports.kept);
  await resolveNeighbour();
  await waitFor("the packet that waited", () => seen(ports.kept));

  await run(["ip", "-n", world.namespace("client"), "neigh", "delete", absent, "dev", place.device]);
  await send(ports.dropped);
  await using _session = await Session.open(world, { guest: false });
  await resolveNeighbour();
  await send(ports.kept + 10);
  await waitFor("a later packet", () => seen(ports.kept + 10));
  expect(seen(ports.dropped)).toBe(false);
});

async function captured(): Promise<Capture & AsyncDisposable> {
  const capture = new Capture(world, "internet", ["client0"], "waiting");
  await capture.ready();
  return Object.assign(capture, { [Symbol.asyncDispose]: async () => void (await capture.end()) });
}
