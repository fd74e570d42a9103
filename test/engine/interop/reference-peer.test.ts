import { describe, expect, test } from "vitest";
import type { UapiParameters } from "../../../src/engine/awg/parameters.ts";
import { createDevice } from "../../../src/engine/create-device.ts";
import type { Device, Output } from "../../../src/engine/device.ts";
import { engineOptions } from "../awg/engine-options.ts";
import { CRYPTO } from "../support/crypto.ts";
import { endpoint, innerPacket, prefix, privateKey, publicKeyOf } from "../support/link.ts";
import { SeededSources } from "../support/sources.ts";
import type { Format } from "./reference-format.ts";
import { ReferencePeer } from "./reference-peer.ts";

interface Pairing {
  /** What awg is told. */
  readonly values: UapiParameters;
  /** What the other program does. */
  readonly format: Format;
}

const MASK = Buffer.alloc(32, 0x5a);
const SINGLE = { h1: "1437864431", h2: "1003217771", h3: "98541245", h4: "2010564417" };
const SINGLE_WORDS = [1_437_864_431, 1_003_217_771, 98_541_245, 2_010_564_417].map((word) => [word, word] as const);
const RANGES = { h1: "100000-199999", h2: "200000-299999", h3: "300000-399999", h4: "400000-499999" };
const RANGE_WORDS = [1, 2, 3, 4].map((kind) => [kind * 100_000, kind * 100_000 + 99_999] as const);
const PLAIN_WORDS = [1, 2, 3, 4].map((kind) => [kind, kind] as const);
const MASKED = { s1: "50", s2: "33", s3: "20", s4: "12", header_protection_key: MASK.toString("hex") };
const MASKED_FORMAT = { reads: "first-fit", padding: [50, 33, 20, 12], mask: MASK } as const;
const JUNK = { jc: "4", jmin: "40", jmax: "70" };
const PADDED = { s1: "70", s2: "33", s3: "20", s4: "9" };

function words(ranges: readonly (readonly [number, number])[]): Format["words"] {
  const [initiation, response, cookie, transport] = ranges;
  if (!initiation || !response || !cookie || !transport) throw new Error("a kind has no words");
  return [initiation, response, cookie, transport];
}

const PAIRINGS: Readonly<Record<string, Pairing>> = {
  WireGuard: { values: {}, format: { reads: "table", padding: [0, 0, 0, 0], words: words(PLAIN_WORDS) } },
  "junk alone towards WireGuard": {
    values: { ...JUNK, i1: "<b 0x8580><r 30>" },
    format: { reads: "table", padding: [0, 0, 0, 0], words: words(PLAIN_WORDS) },
  },
  "1.0": {
    values: { ...JUNK, ...SINGLE, s1: "15", s2: "33" },
    format: { reads: "table", padding: [15, 33, 0, 0], words: words(SINGLE_WORDS), junk: [4, 40, 69] },
  },
  "1.5 (keepalives without padding)": {
    values: { ...JUNK, ...SINGLE, ...PADDED, i1: "<b 0xc0ffee><c><t><r 20>", j1: "<r 30>", itime: "60" },
    format: { reads: "table", padding: [70, 33, 20, 9], words: words(SINGLE_WORDS), bareKeepalives: true },
  },
  "2.0": {
    values: { ...JUNK, ...RANGES, ...PADDED, i1: "<rc 7><rd 5><t>" },
    format: { reads: "first-fit", padding: [70, 33, 20, 9], words: words(RANGE_WORDS), junk: [4, 40, 70] },
  },
  "1.0's parameters, 2.0 at the other end": {
    values: { ...JUNK, ...SINGLE, s1: "15", s2: "33" },
    format: { reads: "first-fit", padding: [15, 33, 0, 0], words: words(SINGLE_WORDS), junk: [7, 10, 50] },
  },
  "3.0": {
    values: { ...JUNK, ...MASKED, content_padding_addition: "10-100" },
    format: { ...MASKED_FORMAT, words: words(PLAIN_WORDS), contentPadding: [10, 100] },
  },
  "3.0 of the kernel module (cookie replies without mask)": {
    values: { ...JUNK, ...MASKED },
    format: { ...MASKED_FORMAT, words: words(PLAIN_WORDS), bareCookies: true },
  },
  "3.1": {
    values: { ...JUNK, ...MASKED, random_trailers: "1", content_padding_addition: "10-100" },
    format: {
      ...MASKED_FORMAT,
      words: words(PLAIN_WORDS),
      contentPadding: [10, 100],
      trailers: true,
      junk: [5, 10, 49],
    },
  },
  "3.1 without mask": {
    values: { ...SINGLE, ...PADDED, random_trailers: "1" },
    format: { reads: "first-fit", padding: [70, 33, 20, 9], words: words(SINGLE_WORDS), trailers: true },
  },
};

const STEP_MS = 100;
const SIZES = Array.from({ length: 30 }, (_, index) => 24 + 45 * index);

/** awg's engine (number 1) and the reference (number 2) on a link that loses nothing, with a clock of its own. */
class Link {
  now = 1_000;
  isUnderLoad = false;
  readonly reference: ReferencePeer;
  readonly device: Device;
  readonly came: Uint8Array[] = [];
  readonly #sources: SeededSources;

  constructor({ values, format }: Pairing, seed: number) {
    const random = new SeededSources(seed + 1);
    const presharedKey = Buffer.alloc(32, seed);
    this.reference = new ReferencePeer(privateKey(2), publicKeyOf(1), presharedKey, format, random);
    this.#sources = new SeededSources(seed + 2);
    const ports = { crypto: CRYPTO, sources: this.#sources };
    const peer = {
      publicKey: this.reference.publicKey,
      presharedKey,
      endpoint: endpoint(2),
      allowedIPs: [prefix("10.0.0.2/32")],
    };
    const options = engineOptions(values, seed + 3);
    this.device = createDevice({ privateKey: privateKey(1), mtuBytes: 1376, ...options, peers: [peer] }, ports);
  }

  fromReference(datagrams: readonly Uint8Array[]): void {
    for (const bytes of datagrams) this.#take(this.device.receive(bytes, endpoint(2), this.now, this.isUnderLoad));
  }

  fromDevice(packet: Uint8Array): void {
    this.#take(this.device.send(packet, this.now));
  }

  runFor(milliseconds: number): void {
    for (const end = this.now + milliseconds; this.now < end; this.now += STEP_MS) {
      this.#sources.wallSeconds += STEP_MS / 1_000;
      if (this.device.nextDeadline() <= this.now) this.#take(this.device.tick(this.now));
    }
  }

  /** One packet of every size each way; all must come whole. */
  talk(): void {
    const [ours, theirs] = [this.came.length, this.reference.came.length];
    const sent = SIZES.map(
      (bytes, number) => [innerPacket(1, 2, number, bytes), innerPacket(2, 1, number, bytes)] as const,
    );
    for (const [there, back] of sent) {
      this.fromDevice(there);
      this.fromReference(this.reference.send(back));
    }
    expect(this.reference.came.slice(theirs).map(hex)).toEqual(sent.map(([there]) => hex(there)));
    expect(this.came.slice(ours).map(hex)).toEqual(sent.map(([, back]) => hex(back)));
  }

  #take(outputs: readonly Output[]): void {
    for (const output of outputs) {
      if (output.kind === "inner") this.came.push(output.bytes.slice());
      if (output.kind === "datagram") this.fromReference(this.reference.receive(output.bytes.slice()));
    }
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

/** It shares no code with the engine; the captures show that it is right, too. */
describe.each(Object.entries(PAIRINGS))("a peer that is not ours: %s", (_name, pairing) => {
  test("we begin, and again after two minutes: nothing is lost", () => {
    const link = new Link(pairing, 5);
    link.fromDevice(innerPacket(1, 2, 7));
    expect(link.reference.came).toHaveLength(1);
    link.talk();
    link.runFor(121_000);
    link.talk();
    link.runFor(1_000);
    link.talk();
    expect(link.reference.counts).toMatchObject({ handshakes: 2, badMacs: 0 });
  });

  test("the peer begins, twice: nothing is lost", () => {
    const link = new Link(pairing, 15);
    link.fromReference(link.reference.initiate());
    link.talk();
    link.runFor(60_000);
    link.fromReference(link.reference.initiate());
    link.talk();
    expect(link.reference.counts).toMatchObject({ handshakes: 2, badMacs: 0 });
  });

  test("its cookie is understood and comes back as mac2", () => {
    const link = new Link(pairing, 25);
    link.reference.isUnderLoad = true;
    link.fromDevice(innerPacket(1, 2, 7));
    expect(link.reference.came).toEqual([]);
    link.runFor(6_000);
    expect(link.reference.came).toHaveLength(1);
    expect(link.reference.counts).toMatchObject({ proven: 1, handshakes: 1 });
    link.talk();
  });

  test("it understands our cookie and is let in with it", () => {
    const link = new Link(pairing, 35);
    link.isUnderLoad = true;
    link.fromReference(link.reference.initiate());
    expect(link.reference.counts).toMatchObject({ cookies: 1, handshakes: 0 });
    link.runFor(1_000);
    link.fromReference(link.reference.initiate());
    expect(link.reference.counts).toMatchObject({ handshakes: 1 });
    link.talk();
  });
});
