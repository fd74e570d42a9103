import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import { ENGINE_MARK } from "../../src/model/ownership.ts";
import { arpOf, type Exception, localNetwork, multicast, neighbourDiscoveryOf } from "../lab/judge/exception.ts";
import type { Expectation } from "../lab/judge/judge.ts";
import type { SessionOptions } from "../lab/judge/session.ts";
import { place } from "../lab/world/place.ts";
import { type KeyPair, newKeyPair, type Server, startServer } from "../lab/world/wireguard.ts";
import { World } from "../lab/world/world.ts";
import { AwgInWorld } from "./awg-in-world.ts";

/** What a link needs: ARP and neighbour discovery of the client's own addresses. */
export const link: readonly Exception[] = [arpOf([place.v4.client]), neighbourDiscoveryOf([place.v6.client])];
const { v4, v6 } = place;
/** What may leave beside, where the LAN is allowed; name queries are judged before it. */
export const localExceptions: readonly Exception[] = [
  ...link,
  multicast,
  localNetwork([v4.router, v4.neighbour, v4.broadcast, v4.linkLocal, v6.router, v6.neighbour, v6.linkLocal]),
];

const leastTunnelPackets = 20;

/** A lab world with two VPN servers, made before the tests of a file and removed after them. */
export interface JudgedWorld {
  readonly world: World;
  readonly keys: KeyPair;
  readonly first: Server;
  readonly second: Server;
}

/** The prober wears our mark where it can; it rests a little longer, because awg itself needs the processor here. */
export const sessionOptions: SessionOptions = { mark: ENGINE_MARK, pauseMs: 100 };

/** Registers the hooks; the getter works inside tests. */
export function useJudgedWorld(): () => JudgedWorld {
  let made: JudgedWorld | undefined;
  let world: World | undefined;
  beforeAll(async () => {
    world = await World.open();
    const keys = await newKeyPair();
    const first = await startServer(world, "first", keys);
    made = { world, keys, first, second: await startServer(world, "second", keys) };
  });
  afterAll(async () => {
    await world?.[Symbol.asyncDispose]();
  });
  return () => {
    if (made === undefined) throw new Error("the world is not built yet");
    return made;
  };
}

/** A new awg on the client for each test, removed after it; the getter works inside tests. */
export function useAwg(judged: () => JudgedWorld, program: () => string): () => AwgInWorld {
  let made: AwgInWorld | undefined;
  beforeEach(() => {
    const { world, keys } = judged();
    made = new AwgInWorld(world, keys, program());
  });
  afterEach(() => made?.[Symbol.asyncDispose]());
  return () => {
    if (made === undefined) throw new Error("awg is made before each test");
    return made;
  };
}

/** awg on the client, with the first server's configuration applied. */
export async function awgWithFirst({ world, keys, first }: JudgedWorld, program: string): Promise<AwgInWorld> {
  const awg = new AwgInWorld(world, keys, program);
  await awg.apply(awg.config({ server: first }));
  return awg;
}

/** What may leave: the link's own traffic and tunnels to these servers. */
export function expecting(servers: readonly Server[], more: Partial<Expectation> = {}): Expectation {
  const endpoints = servers.flatMap(({ address4, address6, port }) => [
    { address: address4, port },
    { address: address6, port },
  ]);
  return { endpoints, wire: "wireguard", exceptions: link, leastTunnelPackets, ...more };
}
