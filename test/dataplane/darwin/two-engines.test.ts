import { networkInterfaces } from "node:os";
import { x25519 } from "@noble/curves/ed25519.js";
import { afterEach, describe, expect, it } from "vitest";
import type { DeviceSettings, PlaneEvent, WireEndpoint } from "../../../src/dataplane/contract.ts";
import { type DataPlane, startDataPlane } from "../../../src/dataplane/data-plane.ts";
import { parsePrefix } from "../../../src/model/prefix.ts";
import { linuxBeneath } from "./linux-beneath.ts";
import { carry, innerPacket, type UtunPair, utunPair, WORKER } from "./utun-pair.ts";

const hasSix = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === "::1"));
const isLinux = process.platform === "linux";
const PARAMETERS_31 = {
  s1: "40",
  s2: "60",
  s3: "13",
  s4: "12",
  jc: "3",
  jmin: "10",
  jmax: "50",
  header_protection_key: "1f".repeat(32),
  content_padding_addition: "10-100",
};
const KEYS = [11, 12].map((fill) => new Uint8Array(32).fill(fill));
const MTU_BYTES = 1420;

interface Engine {
  readonly plane: DataPlane;
  readonly utun: UtunPair;
  readonly events: PlaneEvent[];
}

const stack: AsyncDisposable[] = [];

afterEach(async () => {
  for (const one of stack.splice(0).reverse()) await one[Symbol.asyncDispose]();
});

function settings(index: number, endpoint: WireEndpoint | undefined, more: Partial<DeviceSettings>): DeviceSettings {
  return {
    privateKey: KEYS[index] as Uint8Array,
    mtuBytes: MTU_BYTES,
    socket: { listenPort: 0, mark: 0 },
    peers: [
      {
        publicKey: x25519.getPublicKey(KEYS[1 - index] as Uint8Array),
        ...(endpoint === undefined ? {} : { endpoint }),
        allowedIPs: ["0.0.0.0/0", "::/0"].flatMap((text) => parsePrefix(text) ?? []),
      },
    ],
    ...more,
  };
}

/** Two data planes with macOS's calls; the first knows where the second listens. */
async function twoEngines(family: 4 | 6, more: Partial<DeviceSettings> = {}): Promise<readonly [Engine, Engine]> {
  const start = async (): Promise<Engine> => {
    const events: PlaneEvent[] = [];
    const onEvent = (event: PlaneEvent) => events.push(event);
    const plane = await startDataPlane({ program: WORKER, system: linuxBeneath().packets, onEvent });
    const utun = utunPair();
    stack.push({ [Symbol.asyncDispose]: async () => utun[Symbol.dispose]() }, plane);
    return { plane, utun, events };
  };
  const [a, b] = [await start(), await start()];
  const { listenPort } = await b.plane.addTunnel({ name: "b", tunFd: b.utun.fd, ...settings(1, undefined, more) });
  const address = Uint8Array.from(family === 4 ? [127, 0, 0, 1] : [...new Array<number>(15).fill(0), 1]);
  const observed = await a.plane.addTunnel({
    name: "a",
    tunFd: a.utun.fd,
    ...settings(0, { address, port: listenPort, scope: 0 }, more),
  });
  expect(observed.tun).toEqual({ name: "utun9", headerBytes: 0, offload: 0 });
  expect(observed.udp).toEqual({ segments: false, coalesces: false, families: hasSix ? [4, 6] : [4] });
  return [a, b];
}

function packetsOf(count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, number) =>
    innerPacket(number % 3 === 0 ? 6 : 4, number, 60 + ((number * 97) % (MTU_BYTES - 59))),
  );
}

const wordOf = (packet: Uint8Array) => ((packet[0] ?? 0) >>> 4 === 6 ? "0000001e" : "00000002");

describe.skipIf(!isLinux)(`two engines with macOS's calls${isLinux ? "" : " (the C library below is Linux's)"}`, () => {
  it.each([
    ["WireGuard", {}],
    ["AmneziaWG 3.1", { obfuscation: { parameters: PARAMETERS_31 } }],
  ])("shake hands and carry 1,000 packets each way, each behind its family's word: %s", async (_name, more) => {
    const [a, b] = await twoEngines(4, more);
    const packets = packetsOf(1000);
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      const came = await carry(from.utun, to.utun, packets);
      expect(came.map(({ word }) => word)).toEqual(packets.map(wordOf));
      expect(came.every(({ packet }, index) => Buffer.compare(packet, packets[index] as Uint8Array) === 0)).toBe(true);
    }
    // A busy machine may hold up the thread.
    expect(a.events.filter(({ kind }) => kind !== "handshake" && kind !== "suspended")).toEqual([]);
    expect(a.events.length).toBeGreaterThan(0);
  });

  it.skipIf(!hasSix)("reach each other over IPv6, and with the sockets tied to an interface", async () => {
    const boundTo = { index: 1, mtuBytes: 65_536 };
    const [a, b] = await twoEngines(6, {
      socket: { listenPort: 0, mark: 0, boundTo: { four: boundTo, six: boundTo } },
    });
    const packets = packetsOf(40);
    expect(await carry(a.utun, b.utun, packets)).toHaveLength(40);
    expect(await carry(b.utun, a.utun, packets)).toHaveLength(40);
  });

  it("follow the machine to another interface, which bounds the size of what is sent", async () => {
    const [a, b] = await twoEngines(4);
    await carry(a.utun, b.utun, packetsOf(5));
    const endpoint = (await a.plane.observe()).tunnels[0]?.peers[0]?.endpoint;
    const boundTo = { four: { index: 1, mtuBytes: 1300 } };
    const before = (await a.plane.observe()).tunnels[0]?.listenPort;
    const after = await a.plane.configure("a", settings(0, endpoint, { socket: { listenPort: 0, mark: 0, boundTo } }));
    expect(after.listenPort).not.toBe(before);
    const large = innerPacket(6, 1, 1400);
    expect(a.utun.give(large)).toBe(true);
    const answers = await carry(a.utun, a.utun, [innerPacket(6, 2, 1400)]);
    // "packet too big" (ICMPv6 type 2) with 1300 - 28 - 32 bytes, but never below 1280.
    const answer = answers[0]?.packet ?? new Uint8Array();
    expect([answer[6], answer[40], new DataView(answer.buffer).getUint32(44)]).toEqual([58, 2, 1280]);
    expect((await carry(a.utun, b.utun, [innerPacket(4, 3, 200)]))[0]?.word).toBe("00000002");
  });

  it("say that the interface is gone when its control socket ends", async () => {
    const [a] = await twoEngines(4);
    expect(a.events.map(({ kind }) => kind)).not.toContain("device-gone");
    await a.plane.remove("a");
    const ended = utunPair({ isEnded: true });
    stack.unshift({ [Symbol.asyncDispose]: async () => ended[Symbol.dispose]() });
    await a.plane.addTunnel({ name: "ended", tunFd: ended.fd, ...settings(0, undefined, {}) });
    const deadline = Date.now() + 30_000;
    while (!a.events.some(({ kind }) => kind === "device-gone")) {
      if (Date.now() > deadline) throw new Error("the data plane did not notice in 30 s");
      await new Promise((resume) => setTimeout(resume, 5));
    }
    expect(a.events.find(({ kind }) => kind === "device-gone")).toMatchObject({ tunnel: "ended", errno: "ENODEV" });
  });
});
