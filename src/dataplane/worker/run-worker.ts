import { type MessagePort, receiveMessageOnPort } from "node:worker_threads";
import { AwgError, messageOf } from "../../model/error.ts";
import type { PacketSystem } from "../../native/packet-system.ts";
import type { FromWorker, PlaneObservation, PlaneRequest, ToWorker, WorkerStart } from "../contract.ts";
import { keysIn, wipeKeys } from "../key-bytes.ts";
import { Loop } from "../loop/loop.ts";
import type { Tunnel } from "../loop/tunnel.ts";
import { decodePeerChanges } from "../peer-change.codec.ts";
import { slicesOf } from "../slices.ts";
import { withPauses } from "../with-pauses.ts";
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
  let parts: ReturnType<typeof answer> | undefined;
  while (Atomics.load(stop, 0) === 0) {
    const isWoken = loop.turn(mayHaveMail);
    events.postDue();
    if (!isWoken && !mayHaveMail) continue;
    const message = parts === undefined ? receiveMessageOnPort(port)?.message : undefined;
    if (message !== undefined) parts = answer(message as ToWorker, loop, resources.calls.bootTimeMs, observe);
    mayHaveMail = isWoken || parts !== undefined;
    // One part a turn: packets wait for no more than that.
    const part = parts?.next();
    if (part?.done === true) {
      parts = undefined;
      events.postAll();
      if (part.value !== undefined) post(part.value);
    }
    // The next turn looks again, so that no message is missed that came before this.
    if (isWoken) system.drainWake(start.wakeFd);
  }
  parts?.return(undefined);
  for (const name of [...loop.tunnels.keys()]) loop.remove(name);
}

/** Carries out a request, in parts that each take a short time, and returns the answer. */
function* answer(
  { id, request }: ToWorker,
  loop: Loop,
  now: () => number,
  observe: () => PlaneObservation,
): Generator<undefined, FromWorker | undefined> {
  try {
    if (request.verb !== "change-peers") return { kind: "answer", id, value: carryOut(request, loop, now(), observe) };
    const tunnel = tunnelOf(loop, request.name);
    let isFirst = true;
    for (const slice of withPauses(slicesOf(decodePeerChanges(request.changes)), 1)) {
      if (!isFirst) yield;
      isFirst = false;
      tunnel.changePeers(slice, now());
    }
    return { kind: "answer", id, value: undefined };
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

function carryOut(
  request: Exclude<PlaneRequest, { verb: "change-peers" }>,
  loop: Loop,
  now: number,
  observe: () => PlaneObservation,
): unknown {
  if (request.verb === "observe") return observe();
  if (request.verb === "add") {
    if (loop.tunnels.has(request.settings.name)) {
      throw new AwgError("conflict", `the data plane already has a tunnel ${request.settings.name}`);
    }
    return loop.add(request.settings, now).observe();
  }
  if (request.verb === "remove") return loop.remove(request.name);
  return change(tunnelOf(loop, request.name), request, now);
}

function tunnelOf(loop: Loop, name: string): Tunnel {
  const tunnel = loop.tunnels.get(name);
  if (tunnel === undefined) throw new AwgError("host", `the data plane has no tunnel ${name}`);
  return tunnel;
}

function change(
  tunnel: Tunnel,
  request: Exclude<PlaneRequest, { verb: "observe" | "add" | "remove" | "change-peers" }>,
  now: number,
): unknown {
  switch (request.verb) {
    case "configure":
      tunnel.configure(request.settings, now);
      return tunnel.observe();
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
