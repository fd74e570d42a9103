import type { Output } from "../device.ts";
import type { Core } from "./core.ts";
import { startHandshake } from "./initiator.ts";
import type { PeerState } from "./peer-state.ts";
import type { TimerAction } from "./peer-timers.ts";
import { askNext } from "./race.ts";
import { dropInitiator, dropSessions } from "./rotation.ts";
import { sendSealed } from "./transport.ts";

const KEEPALIVE = new Uint8Array(0);

/** One action may make another due at once (a keepalive without session: a handshake); more rounds would be a bug. */
const MAX_ROUNDS = 4;

/**
 * Does everything that is due for the peer: reports events, sends what waited for the new session, handles timers. Then
 * queues the peer under its next deadline.
 */
export function serve(core: Core, peer: PeerState, now: number, out: Output[]): void {
  sendWaiting(core, peer, now, out);
  for (let round = 0; round < MAX_ROUNDS && peer.timers.nextAt() <= now; round += 1) {
    for (const action of peer.timers.due(now)) act(core, peer, action, now, out);
  }
  for (const event of peer.events.splice(0)) out.push({ kind: "event", event, peer });
  core.due.move(peer, Math.max(peer.timers.nextAt(), now + 1));
}

/** Sends the packet over the current session, or queues it and starts a handshake. */
export function sendOrQueue(core: Core, peer: PeerState, packet: Uint8Array, now: number, out: Output[]): void {
  if (!sendSealed(core, peer, packet, now, out)) {
    if (peer.endpoint === undefined) {
      peer.droppedQueued += 1;
      return;
    }
    peer.enqueue(packet);
    peer.timers.wantHandshake(now);
  }
  serve(core, peer, now, out);
}

function sendWaiting(core: Core, peer: PeerState, now: number, out: Output[]): void {
  const what = peer.afterHandshake;
  peer.afterHandshake = "nothing";
  if (what === "nothing") return;
  if (peer.queue.length === 0) {
    if (what === "queue-or-keepalive") sendSealed(core, peer, KEEPALIVE, now, out);
    return;
  }
  const packets = peer.queue.splice(0);
  for (const packet of packets) {
    if (!sendSealed(core, peer, packet, now, out)) peer.enqueue(packet);
  }
}

function act(core: Core, peer: PeerState, action: TimerAction, now: number, out: Output[]): void {
  switch (action) {
    case "initiate":
    case "retry":
      startHandshake(core, peer, now, out);
      return;
    case "ask-next":
      askNext(core, peer, now, out);
      return;
    case "give-up":
      dropInitiator(core, peer);
      peer.timers.handshakeGivenUp(now);
      peer.dropQueue();
      peer.events.push("unanswered");
      return;
    case "keepalive":
    case "persistent":
      if (!sendSealed(core, peer, KEEPALIVE, now, out)) peer.timers.wantHandshake(now);
      return;
    case "zero-keys":
      if (dropSessions(core, peer)) peer.events.push("expired");
      return;
  }
}
