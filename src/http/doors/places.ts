import type { Socket } from "node:net";

/**
 * Connections of each kind. Node makes up to 2 MB of objects of one read of 64 KB, of all connections in one turn: 128
 * exceed the heap of 96 MB under a flood.
 */
const MOST = 32;

/**
 * The open connections of a door on loopback, to which every program of the host may connect. One that has shown a token
 * keeps its place; of the others the oldest is cut for a new one, so that no program can hold all places.
 */
export class Places {
  readonly #strangers = new Set<Socket>();
  readonly #known = new Set<Socket>();

  /** Takes a new connection. */
  take(socket: Socket): void {
    const [oldest] = this.#strangers;
    if (oldest !== undefined && this.#strangers.size >= MOST) {
      this.#strangers.delete(oldest);
      oldest.destroy();
    }
    this.#strangers.add(socket);
    socket.once("close", () => {
      this.#strangers.delete(socket);
      this.#known.delete(socket);
    });
  }

  /** A connection has shown a token. */
  keep(socket: Socket): void {
    if (this.#known.size < MOST && this.#strangers.delete(socket)) this.#known.add(socket);
  }
}
