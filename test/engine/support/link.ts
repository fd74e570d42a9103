import { createDevice } from "../../../src/engine/create-device.ts";
import type { Device, DeviceConfig, DeviceEvent, Output } from "../../../src/engine/device.ts";
import type { Endpoint } from "../../../src/engine/endpoint.ts";
import { PLAIN_WIRE } from "../../../src/engine/wire/plain.ts";
import { type Prefix, parsePrefix } from "../../../src/model/prefix.ts";
import { CRYPTO } from "./crypto.ts";
import { SeededSources } from "./sources.ts";

export function endpoint(last: number, port = 51820): Endpoint {
  return { address: Uint8Array.of(192, 0, 2, last), port, scope: 0 };
}

export function prefix(text: string): Prefix {
  const parsed = parsePrefix(text);
  if (parsed === undefined) throw new Error(`no prefix: ${text}`);
  return parsed;
}

/** A private key that is different for each number and the same in each run. */
export function privateKey(number: number): Uint8Array {
  const bytes = new Uint8Array(32).fill(number & 0xff);
  bytes[1] = number >>> 8;
  return bytes;
}

export function publicKeyOf(number: number): Uint8Array {
  return CRYPTO.publicKey(privateKey(number));
}

/** An IPv4 packet of `bytes` bytes from 10.0.0.`from` to 10.0.0.`to` that carries a number. */
export function innerPacket(from: number, to: number, number: number, bytes = 40): Uint8Array {
  const packet = new Uint8Array(bytes);
  packet[0] = 0x45;
  new DataView(packet.buffer).setUint16(2, bytes);
  packet.set([10, 0, 0, from], 12);
  packet.set([10, 0, 0, to], 16);
  new DataView(packet.buffer).setUint32(20, number);
  return packet;
}

export function numberIn(packet: Uint8Array): number {
  return new DataView(packet.buffer, packet.byteOffset).getUint32(20);
}

/** A device numbered `self` (key, 10.0.0.self, 192.0.2.self) that knows the others. */
export function deviceConfig(self: number, others: readonly number[], more: Partial<DeviceConfig> = {}): DeviceConfig {
  return {
    privateKey: privateKey(self),
    wire: PLAIN_WIRE,
    mtuBytes: 1420,
    peers: others.map((other) => ({
      publicKey: publicKeyOf(other),
      endpoint: endpoint(other),
      allowedIPs: [prefix(`10.0.0.${other}/32`)],
    })),
    ...more,
  };
}

/** What the link does to each datagram, in parts of a thousand; delays are milliseconds. */
export interface LinkFaults {
  readonly loss: number;
  readonly duplication: number;
  readonly minDelay: number;
  readonly maxDelay: number;
}

export const GOOD_LINK: LinkFaults = { loss: 0, duplication: 0, minDelay: 1, maxDelay: 1 };

interface Flight {
  readonly at: number;
  readonly order: number;
  readonly to: Endpoint;
  readonly from: Endpoint;
  readonly bytes: Uint8Array;
}

export interface Delivered {
  readonly to: string;
  readonly bytes: Uint8Array;
  readonly at: number;
}

/** Devices on a link with a virtual clock: loss, duplication, delay and so reordering, all from one seed. */
export class World {
  now = 1_000;
  faults: LinkFaults;
  readonly sources: SeededSources;
  readonly devices = new Map<string, { device: Device; at: Endpoint; sources: SeededSources }>();
  readonly delivered: Delivered[] = [];
  readonly events: { at: number; of: string; event: DeviceEvent }[] = [];
  readonly sent: { at: number; from: string; bytes: Uint8Array; to: Endpoint }[] = [];
  /** How devices are driven: by the slow way, or as a loop drives them. */
  sendWay: (device: Device, packet: Uint8Array, now: number) => readonly Output[] = (device, packet, now) =>
    device.send(packet, now);
  receiveWay: (device: Device, datagram: Uint8Array, from: Endpoint, now: number) => readonly Output[] = (
    device,
    datagram,
    from,
    now,
  ) => device.receive(datagram, from, now);
  /** May change or drop what flies. */
  onFlight: ((bytes: Uint8Array, from: string) => Uint8Array | undefined) | undefined;
  #flights: Flight[] = [];
  #order = 0;
  #seed: number;

  constructor(seed: number, faults: LinkFaults = GOOD_LINK) {
    this.#seed = seed;
    this.sources = new SeededSources(seed);
    this.faults = faults;
  }

  add(name: string, config: DeviceConfig, at: Endpoint, crypto = CRYPTO): Device {
    const sources = new SeededSources(this.#seed * 31 + this.devices.size + 1);
    sources.wallSeconds += this.now / 1000;
    const device = createDevice(config, { crypto, sources });
    this.devices.set(name, { device, at, sources });
    return device;
  }

  /** Moves a device to another address: what it sends from now on comes from there. */
  move(name: string, at: Endpoint): void {
    const held = this.devices.get(name);
    if (held !== undefined) held.at = at;
  }

  send(name: string, packet: Uint8Array): void {
    this.take(name, this.sendWay(this.of(name).device, packet, this.now));
  }

  of(name: string): { device: Device; at: Endpoint; sources: SeededSources } {
    const held = this.devices.get(name);
    if (held === undefined) throw new Error(`no device ${name}`);
    return held;
  }

  take(name: string, outputs: readonly Output[]): void {
    for (const output of outputs) {
      if (output.kind === "inner") this.delivered.push({ to: name, bytes: output.bytes, at: this.now });
      else if (output.kind === "event") this.events.push({ at: this.now, of: name, event: output.event });
      else {
        this.sent.push({ at: this.now, from: name, bytes: output.bytes, to: output.to });
        this.#launch(name, output.to, output.bytes);
      }
    }
  }

  /** Lets time pass until `until`, delivering what arrives and ticking who wants it. */
  run(until: number): void {
    for (;;) {
      const next = Math.min(this.#nextArrival(), this.#nextDeadline());
      if (next > until) break;
      this.#moveClock(Math.max(this.now, next));
      for (const [name, { device }] of this.devices) this.take(name, device.tick(this.now));
      this.#arrive();
    }
    this.#moveClock(until);
  }

  runFor(milliseconds: number): void {
    this.run(this.now + milliseconds);
  }

  #launch(name: string, to: Endpoint, original: Uint8Array): void {
    const bytes = this.onFlight === undefined ? original : this.onFlight(original, name);
    if (bytes === undefined || this.sources.below(1000) < this.faults.loss) return;
    const copies = this.sources.below(1000) < this.faults.duplication ? 2 : 1;
    for (let copy = 0; copy < copies; copy += 1) {
      const delay = this.faults.minDelay + this.sources.below(this.faults.maxDelay - this.faults.minDelay + 1);
      this.#order += 1;
      this.#flights.push({
        at: this.now + delay,
        order: this.#order,
        to,
        from: this.of(name).at,
        bytes: bytes.slice(),
      });
    }
    this.#flights.sort((a, b) => a.at - b.at || a.order - b.order);
  }

  #arrive(): void {
    while (this.#flights[0] !== undefined && this.#flights[0].at <= this.now) {
      const flight = this.#flights.shift() as Flight;
      for (const [name, { device, at }] of this.devices) {
        if (at.port !== flight.to.port || at.address.join() !== flight.to.address.join()) continue;
        this.take(name, this.receiveWay(device, flight.bytes, flight.from, this.now));
      }
    }
  }

  #nextArrival(): number {
    return this.#flights[0]?.at ?? Number.POSITIVE_INFINITY;
  }

  #nextDeadline(): number {
    return Math.min(...[...this.devices.values()].map(({ device }) => device.nextDeadline()));
  }

  #moveClock(now: number): void {
    const passed = now - this.now;
    this.now = now;
    for (const { sources } of this.devices.values()) sources.wallSeconds += passed / 1000;
  }
}
