import { x25519 } from "@noble/curves/ed25519.js";
import { expect } from "vitest";
import type { PlaneEvent, PlaneObservation } from "../../../src/dataplane/contract.ts";
import { commandObstacle, namespaceObstacle, tunObstacle } from "../../support/netns.ts";
import { SEED } from "../../support/seeded.ts";
import type { End, Lab } from "../lab.ts";
import type { EndSettings } from "../scripts/end.script.ts";
import { startBadLink, startRival } from "./rival.ts";

/** Why wireguard-go cannot be talked with here. */
export const rivalObstacle =
  namespaceObstacle() ?? tunObstacle() ?? commandObstacle("ip", "ping", "wireguard-go", "wg");

/** Made by `wg genkey` and `wg genpsk` for these tests. */
export const KEYS = {
  a: "6ExP3nmQKy2gj2thHtI1HYAV1b5mYpTb2xiZ+Wq0eWI=",
  b: "KOr2kYkm9gFoxJ5eRJPhO7sCQOkHRIHIB4zV7K1T10Q=",
  shared: "o1wI4tOv7GjLZTfvgD0nvdxKeI1DJTXKAp+cXVIHMnM=",
} as const;
export const PORTS = { ours: 51_001, rival: 51_002, link: 51_900 } as const;
const ADDRESSES = { 4: "192.0.2.2", 6: "2001:db8::2" } as const;
const BYTES = 150_000;

export interface RivalCase {
  readonly family: 4 | 6;
  readonly presharedKey: boolean;
  /** Our sessions are renewed after so many seconds. */
  readonly rekeySeconds: number;
  /** So many sessions are waited for. */
  readonly handshakes: number;
}

export const publicOf = (key: string) =>
  Buffer.from(x25519.getPublicKey(new Uint8Array(Buffer.from(key, "base64")))).toString("base64");

/**
 * Our engine and wireguard-go over a link that loses, doubles and reorders: TCP both ways while sessions are renewed, then
 * both ends hear each other from other addresses, and it goes on.
 */
export async function talkWithRival(lab: Lab, { family, presharedKey, rekeySeconds, handshakes }: RivalCase) {
  const shared = presharedKey ? { presharedKey: KEYS.shared } : {};
  const address = ADDRESSES[family];
  await lab.b.tell("close");
  using rival = await startRival(lab.b.namespace, {
    ...{ privateKey: KEYS.b, port: PORTS.rival, peer: publicOf(KEYS.a), ...shared },
    addresses: ["10.77.0.2/24", "fd77::2/64"],
  });
  using link = await startBadLink(lab.b.namespace, { family, address, listen: PORTS.link, target: PORTS.rival }, SEED);
  const near: EndSettings = {
    ...{ tun: "tun-a", addresses: ["10.77.0.1/24", "fd77::1/64"], mtu: 1420, privateKey: KEYS.a, port: PORTS.ours },
    peers: [{ key: publicOf(KEYS.b), ...shared, endpoint: [address, PORTS.link] }],
    // Times are our own affair: on the wire this is WireGuard.
    obfuscation: { rekey_after_time: String(rekeySeconds), rekey_timeout: "1" },
  };
  await lab.a.tell("open", near);
  const count = async (kind: PlaneEvent["kind"]) =>
    ((await lab.a.tell("events")) as PlaneEvent[]).filter((event) => event.kind === kind).length;
  const talk = async (round: number) => {
    await sendBetween(lab.a, lab.b, "10.77.0.2", 7400 + 2 * round);
    await sendBetween(lab.b, lab.a, "fd77::1", 7401 + 2 * round);
  };
  let round = 0;
  for (; round < 200 && (await count("handshake")) < handshakes; round += 1) await talk(round);
  expect(await count("handshake")).toBeGreaterThanOrEqual(handshakes);
  const before = rival.show("endpoints");
  await link.roam();
  await talk(round);
  expect(rival.show("endpoints")).not.toBe(before);
  const { tunnels } = (await lab.a.tell("observe")) as PlaneObservation;
  // An answer comes after all events before it.
  expect(await count("roamed")).toBeGreaterThan(0);
  const [tunnel] = tunnels;
  expect(tunnel?.peers[0]?.endpoint?.port).not.toBe(PORTS.link);
  // The link did what it is for, and nothing but that: what was opened was whole.
  expect(tunnel?.counters["replayed"]).toBeGreaterThan(0);
  expect(tunnel?.peers[0]?.expectedMessages).toBeGreaterThan(tunnel?.peers[0]?.acceptedMessages ?? 0);
  expect(tunnel?.counters).toMatchObject({ badTransport: 0, badSource: 0 });
}

async function sendBetween(from: End, to: End, host: string, port: number): Promise<void> {
  await to.tell("listen", { host, port });
  const sent = await from.tell("send", { host, port, seed: port, bytes: BYTES });
  expect(await to.tell("received")).toBe(sent);
}
