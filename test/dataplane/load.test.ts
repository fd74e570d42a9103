import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { mac1Key, writeMacs } from "../../src/engine/cookie/macs.ts";
import { NOBLE_CRYPTO } from "../../src/engine/crypto/noble.ts";
import { innerPacket, type UtunPair } from "./darwin/utun-pair.ts";
import { at, type Engine, peerOf, publicKeyOf, START_MS, settingsOf, startEngines, until } from "./support/engines.ts";

const isLinux = process.platform === "linux";
const [SERVER, CLIENT] = [1, 2];
/** The least times that may be asked for, so that a peer whose session is dead begins anew after 2 to 3 s. */
const TIMES = { s1: "15", s2: "18", s3: "12", s4: "13", rekey_timeout: "1", keepalive_timeout: "1" };
const SILENT = { ...TIMES, disable_cookies: "1" };
const PREFIX = { initiation: 15, transport: 13 };
const MANY = 1000;

interface Pair {
  readonly near: UtunPair;
  readonly far: UtunPair;
  readonly port: number;
  restart(): Promise<void>;
  counters(): Promise<Readonly<Record<string, number>>>;
  hasCount(name: string, least: number): Promise<true | undefined>;
}

let server: Engine;
let client: Engine;
const cleanUp: (() => Promise<unknown>)[] = [];
let last = 0;

async function pairOf(parameters: Readonly<Record<string, string>>): Promise<Pair> {
  last += 1;
  const name = `pair ${last}`;
  cleanUp.push(
    () => server.plane.remove(name),
    () => client.plane.remove(name),
  );
  const [near, far] = [client.device(), server.device()];
  const more = { obfuscation: { parameters } };
  const open = (listenPort: number) =>
    server.plane.addTunnel({
      ...settingsOf(SERVER, [peerOf(CLIENT)], { ...more, socket: { listenPort, mark: 0 } }),
      name,
      tunFd: far.fd,
    });
  const { listenPort: port } = await open(0);
  await client.plane.addTunnel({
    ...settingsOf(CLIENT, [peerOf(SERVER, at(port))], more),
    name,
    tunFd: near.fd,
  });
  const counters = async () =>
    (await server.plane.observe()).tunnels.find((tunnel) => tunnel.name === name)?.counters ?? {};
  return {
    ...{ near, far, port },
    async restart() {
      await server.plane.remove(name);
      while (far.take() !== undefined);
      await open(port);
    },
    counters,
    hasCount: async (name, least) => ((await counters())[name] ?? 0) >= least || undefined,
  };
}

/** A stranger's socket at 127.0.0.2, so that no limit of one address is the client's too. */
async function stranger(): Promise<Socket> {
  const socket = createSocket("udp4");
  cleanUp.push(async () => socket.close());
  socket.bind(0, "127.0.0.2");
  await once(socket, "listening");
  return socket;
}

/** Sends these again and again, with a rest after each 256, until what is waited for has come. */
async function floodUntil(
  to: Pair,
  datagrams: readonly Uint8Array[],
  what: Promise<unknown>,
  restMs = 10,
): Promise<void> {
  const socket = await stranger();
  let over = false;
  const waiting = what.finally(() => {
    over = true;
  });
  while (!over) {
    const bursts = Array.from({ length: 256 }, (_, number) => {
      const datagram = datagrams[number % datagrams.length] as Uint8Array;
      return new Promise((done) => socket.send(datagram, to.port, "127.0.0.1", done));
    });
    await Promise.all(bursts);
    await new Promise((resume) => setTimeout(resume, restMs));
  }
  await waiting;
}

/** Transport messages of a session that nobody has, and bytes that are nothing. */
function junk(): Uint8Array[] {
  const sizes = [20, 45, 13 + 32, 13 + 96, 13 + 1000];
  return sizes.map((size, number) => {
    const bytes = new Uint8Array(size).map((_, index) => (index * 37 + number) & 0xff);
    bytes.set([4, 0, 0, 0], PREFIX.transport);
    return bytes.subarray(0, size);
  });
}

/** Initiations by somebody who knows the server's public key and nothing more. */
function badInitiations(): Uint8Array[] {
  const key = mac1Key(NOBLE_CRYPTO, publicKeyOf(SERVER));
  return Array.from({ length: 32 }, (_, number) => {
    const message = new Uint8Array(148).map((_byte, index) => (index * 29 + number * 7) & 0xff);
    message.set([1, 0, 0, 0]);
    writeMacs(NOBLE_CRYPTO, message, key, undefined);
    const datagram = new Uint8Array(PREFIX.initiation + 148);
    datagram.set(message, PREFIX.initiation);
    return datagram;
  });
}

/** Sends a packet through the tunnel, and again until one comes out. */
async function through({ near, far }: Pair): Promise<void> {
  near.give(innerPacket(4, 1, 200));
  await until("a packet through the tunnel", () => far.take());
}

describe.skipIf(!isLinux)(`an engine under load${isLinux ? "" : " (needs Linux)"}`, () => {
  beforeAll(async () => {
    [server, client] = await startEngines();
  }, START_MS);
  afterEach(async () => {
    for (const one of cleanUp.splice(0).reverse()) await one();
  }, START_MS);
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
    await client?.[Symbol.asyncDispose]();
  }, START_MS);

  it.each([
    ["with cookies", TIMES],
    ["without", SILENT],
  ])("shakes hands at once, %s, however much comes that is no handshake", async (_name, parameters) => {
    const pair = await pairOf(parameters);
    const received = until("junk arrives", () => pair.hasCount("udpReceiveDatagrams", MANY));
    await floodUntil(
      pair,
      junk(),
      received.then(() => through(pair)),
    );
    expect(await pair.counters()).toMatchObject({ handshakes: 1, limited: 0, cookiesSent: 0 });
  });

  it("is found again by a peer that goes on sending 1,000 packets a second over the session from before it restarted", async () => {
    const talks = [await pairOf(TIMES), await pairOf(SILENT)].map(async (pair) => {
      await through(pair);
      let number = 0;
      const timer = setInterval(() => {
        for (let burst = 0; burst < 5; burst += 1, number += 1) pair.near.give(innerPacket(4, number, 200));
      }, 5);
      try {
        await until("packets flow", () => (number > 100 ? pair.far.take() : undefined));
        await pair.restart();
        await until("a packet after the restart", () => pair.far.take());
        const { limited, cookiesSent, unknownIndex } = await pair.counters();
        expect({ limited, cookiesSent }).toEqual({ limited: 0, cookiesSent: 0 });
        // More than half a second of what the limit on handshakes was once counted by.
        expect(unknownIndex).toBeGreaterThan(600);
      } finally {
        clearInterval(timer);
      }
    });
    await Promise.all(talks);
  });

  it.each([
    ["with cookies", TIMES],
    ["without", SILENT],
  ])("lets a peer in at once while a stranger floods it with initiations, %s", async (_name, parameters) => {
    const pair = await pairOf(parameters);
    const loaded = until("the load is felt", () => pair.hasCount("udpReceiveCrowdedOut", MANY));
    let tookMs = Number.POSITIVE_INFINITY;
    await floodUntil(
      pair,
      badInitiations(),
      loaded.then(async () => {
        const begun = performance.now();
        await through(pair);
        tookMs = performance.now() - begun;
      }),
      // More than the server can read: it reads over 20,000 a second.
      0,
    );
    // An initiator that was asked for a cookie tries again after a second.
    expect(tookMs).toBeLessThan(900);
  });
});
