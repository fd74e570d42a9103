import { type MessagePort, receiveMessageOnPort } from "node:worker_threads";
import { AwgError, messageOf } from "../../model/error.ts";
import type { PacketSystem } from "../../native/packet-system.ts";
import type { FromWorker, PlaneObservation, PlaneRequest, ToWorker, WorkerStart } from "../contract.ts";
import { keysIn, wipeKeys } from "../key-bytes.ts";
import { Loop } from "../loop/loop.ts";
import type { Tunnel } from "../loop/tunnel.ts";
import { slicesOf, TURN_SLICE } from "../slices.ts";
import { createWorkerResources } from "./create-worker-resources.ts";
import { EventPost } from "./event-post.ts";

/**
 * Runs the data plane's thread: turns of the loop with messages in between, until it is stopped. It never returns to
 * the event loop, so it reads messages when the wake descriptor is readable.
 */
export function runWorker(port: MessagePort, start: WorkerStart, system: PacketSystem): void {
  const resources = createWorkerResources(start.openssl, system);
  const stop = new Int32Array(start.stop);
  const post = (message: FromWorker) => port.postMessage(message);
  const events = new EventPost((gathered) => post({ kind: "events", events: gathered }), resources.calls.bootTimeMs);
  const loop = new Loop(resources, start.wakeFd, (event) => events.add(event));
  const observe = (): PlaneObservation => ({
    crypto: resources.crypto.name,
    ...(resources.fallbackReason === undefined ? {} : { fallbackReason: resources.fallbackReason }),
    packetCipher: resources.aead.name,
    lowAddresses: resources.arena.lowAddresses,
    tunnels: [...loop.tunnels.values()].map((tunnel) => tunnel.observe()),
  });
  post({ kind: "ready" });
  let mayHaveMail = false;
  const parts: ToWorker[] = [];
  while (Atomics.load(stop, 0) === 0) {
    const isWoken = loop.turn(mayHaveMail);
    events.postDue();
    if (!isWoken && !mayHaveMail) continue;
    if (parts.length === 0) parts.push(...partsOf(receiveMessageOnPort(port)?.message as ToWorker | undefined));
    // One part a turn: packets wait for no more than that.
    const part = parts.shift();
    if (part !== undefined) {
      const given = answer(part, loop, resources.calls.bootTimeMs(), observe);
      if (given.kind === "refusal") for (const { request } of parts.splice(0)) wipeKeys(keysIn(request));
      if (parts.length === 0) {
        events.postAll();
        post(given);
      }
    }
    // The next turn looks again, so that no message is missed that came before this.
    if (isWoken) system.drainWake(start.wakeFd);
    mayHaveMail = isWoken || part !== undefined;
  }
  for (const name of [...loop.tunnels.keys()]) loop.remove(name);
}

/** A message in parts that each take a short time; the last one's answer is the message's. */
function partsOf(message: ToWorker | undefined): readonly ToWorker[] {
  if (message === undefined) return [];
  const { id, request } = message;
  if (request.verb !== "change-peers" || request.changes.length === 0) return [message];
  return Array.from(slicesOf(request.changes, TURN_SLICE), (changes) => ({ id, request: { ...request, changes } }));
}

function answer({ id, request }: ToWorker, loop: Loop, now: number, observe: () => PlaneObservation): FromWorker {
  try {
    return { kind: "answer", id, value: carryOut(request, loop, now, observe) };
  } catch (error) {
    const facts = error instanceof AwgError ? error.facts : {};
    const kind = error instanceof AwgError ? error.kind : "bug";
    const remedy = error instanceof AwgError && error.remedy !== undefined ? { remedy: error.remedy } : {};
    const message = error instanceof AwgError ? error.message : messageOf(error);
    return { kind: "refusal", id, error: { kind, message, facts, ...remedy } };
  } finally {
    wipeKeys(keysIn(request));
  }
}

function carryOut(request: PlaneRequest, loop: Loop, now: number, observe: () => PlaneObservation): unknown {
  if (request.verb === "observe") return observe();
  if (request.verb === "add") {
    if (loop.tunnels.has(request.settings.name)) {
      throw new AwgError("conflict", `the data plane already has a tunnel ${request.settings.name}`);
    }
    return loop.add(request.settings, now).observe();
  }
  if (request.verb === "remove") return loop.remove(request.name);
  const tunnel = loop.tunnels.get(request.name);
  if (tunnel === undefined) throw new AwgError("host", `the data plane has no tunnel ${request.name}`);
  return change(tunnel, request, now);
}

function change(
  tunnel: Tunnel,
  request: Exclude<PlaneRequest, { verb: "observe" | "add" | "remove" }>,
  now: number,
): unknown {
  switch (request.verb) {
    case "configure":
      tunnel.configure(request.settings, now);
      return tunnel.observe();
    case "change-peers":
      tunnel.changePeers(request.changes, now);
      return undefined;
    case "observe-peers":
      return tunnel.observePeers(request.from, request.count);
    case "connect":
      tunnel.connect(request.publicKey, now);
      return undefined;
    case "rebind":
      tunnel.rebind(now);
      return tunnel.observe();
  }
}
