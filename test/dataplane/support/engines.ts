import { x25519 } from "@noble/curves/ed25519.js";
import type { DeviceSettings, PeerSettings, PlaneEvent, WireEndpoint } from "../../../src/dataplane/contract.ts";
import { type DataPlane, startDataPlane } from "../../../src/dataplane/data-plane.ts";
import { parsePrefix } from "../../../src/model/prefix.ts";
import { linuxBeneath } from "../darwin/linux-beneath.ts";
import { type UtunPair, utunPair, WORKER } from "../darwin/utun-pair.ts";

export const LOCALHOST = Uint8Array.of(127, 0, 0, 1);
const MTU_BYTES = 1420;
const NOTHING_MS = 30_000;
/** For hooks that start engines: of a machine that is busy with other things. */
export const START_MS = 120_000;

/** A data plane that needs no rights: its devices are pairs of sockets, its peers are reached over the loopback. */
export interface Engine extends AsyncDisposable {
  readonly plane: DataPlane;
  readonly events: PlaneEvent[];
  device(): UtunPair;
}

export function startEngines(): Promise<[Engine, Engine]> {
  return Promise.all([startEngine(), startEngine()]);
}

export async function startEngine(): Promise<Engine> {
  const events: PlaneEvent[] = [];
  const onEvent = (event: PlaneEvent) => events.push(event);
  const plane = await startDataPlane({ program: WORKER, system: linuxBeneath().packets, onEvent });
  const devices: UtunPair[] = [];
  return {
    plane,
    events,
    device() {
      const made = utunPair();
      devices.push(made);
      return made;
    },
    async [Symbol.asyncDispose]() {
      await plane.stop();
      for (const one of devices) one[Symbol.dispose]();
    },
  };
}

/** A private key that a number stands for. */
export function keyOf(number: number): Uint8Array {
  return new Uint8Array(32).map((_, index) => (number >>> (8 * (index % 2))) & 0xff || 7);
}

export function publicKeyOf(number: number): Uint8Array {
  return x25519.getPublicKey(keyOf(number));
}

export function at(port: number, address = LOCALHOST): WireEndpoint {
  return { address, port, scope: 0 };
}

/** Everything, or what is written, goes to the peer. */
export function peerOf(number: number, endpoint?: WireEndpoint, prefixes = ["0.0.0.0/0", "::/0"]): PeerSettings {
  return {
    publicKey: publicKeyOf(number),
    ...(endpoint === undefined ? {} : { endpoint }),
    allowedIPs: prefixes.flatMap((text) => parsePrefix(text) ?? []),
  };
}

export function settingsOf(
  self: number,
  peers: readonly PeerSettings[],
  more: Partial<DeviceSettings> = {},
): DeviceSettings {
  return { privateKey: keyOf(self), mtuBytes: MTU_BYTES, socket: { listenPort: 0, mark: 0 }, peers, ...more };
}

/** Asks again and again until the answer is not undefined, for 30 s at the most. */
export async function until<T>(what: string, ask: () => T | undefined | Promise<T | undefined>): Promise<T> {
  const deadline = performance.now() + NOTHING_MS;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() > deadline) throw new Error(`${what}: not in ${NOTHING_MS / 1000} s`);
    await new Promise((resume) => setTimeout(resume, 2));
  }
}
