import { Worker } from "node:worker_threads";
import { AwgError, type ErrorFacts, type ErrorKind, messageOf } from "../model/error.ts";
import type { PacketSystem } from "../native/packet-system.ts";
import { packetSystemHere } from "../native/packet-system-here.ts";
import type {
  DeviceSettings,
  FromWorker,
  PeerChange,
  PeerObservation,
  PlaneEvent,
  PlaneObservation,
  PlaneRequest,
  TunnelObservation,
  TunnelSettings,
  WorkerStart,
} from "./contract.ts";
import { withKeysApart } from "./key-bytes.ts";
import { encodePeerChanges } from "./peer-change.codec.ts";
import { partsOf } from "./slices.ts";

/** Options of a data plane. */
export interface DataPlaneOptions {
  /** Receives events; called on this thread. */
  readonly onEvent?: (event: PlaneEvent) => void;
  /**
   * The file that the thread runs, with the argument `packet-thread`; required in a bundled program, where the worker
   * has no separate file.
   */
  readonly program?: string | URL;
  /** False: @noble alone. Default true. */
  readonly openssl?: boolean;
  /** The system that wakes the thread; `program` must use the same. This system's by default. */
  readonly system?: Pick<PacketSystem, "openWake">;
}

/** A thread that carries tunnels. Requests are executed in order; each refusal is an AwgError. */
export interface DataPlane extends AsyncDisposable {
  /** Adds a tunnel on an open TUN descriptor, which the caller keeps open. */
  addTunnel(settings: TunnelSettings): Promise<TunnelObservation>;
  /**
   * Sets a tunnel's configuration: peers that stay keep their sessions, and sockets change only if their settings did.
   * The observation lists no peers, here and for `addTunnel` and `rebind`.
   */
  configure(name: string, settings: DeviceSettings): Promise<TunnelObservation>;
  /**
   * Makes these changes, in order; all other peers stay as they are. Many are made in slices, so that no packet waits
   * for all of them.
   */
  changePeers(name: string, changes: Iterable<PeerChange>): Promise<void>;
  /** Starts a session with a peer now, without waiting for the first packet. */
  connect(name: string, publicKey: Uint8Array): Promise<void>;
  /** Opens new sockets for a tunnel, after the host's addresses changed. */
  rebind(name: string): Promise<TunnelObservation>;
  /** Removes a tunnel and wipes its keys; false: no such tunnel. */
  remove(name: string): Promise<boolean>;
  observe(): Promise<PlaneObservation>;
  /** Ends the thread; safe to call twice. */
  stop(): Promise<void>;
}

/**
 * The packet thread's space for new objects. A collection of it holds all packets: with V8's own size up to 13 ms while
 * 10,000 peers are set, with this one below 1 ms (measured, node 24.21).
 */
const YOUNG_MB = 2;

/** Starts the thread and waits until it is ready. */
export async function startDataPlane(options: DataPlaneOptions = {}): Promise<DataPlane> {
  const wake = (options.system ?? packetSystemHere()).openWake();
  const stop = new Int32Array(new SharedArrayBuffer(4));
  const start: WorkerStart = {
    awgDataPlane: true,
    wakeFd: wake.fd,
    stop: stop.buffer as SharedArrayBuffer,
    openssl: options.openssl ?? true,
  };
  const file = options.program ?? new URL("./worker/packet-thread.ts", import.meta.url);
  const worker = new Worker(file, {
    workerData: start,
    name: "awg data plane",
    argv: ["packet-thread"],
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
  });
  const end = () => {
    Atomics.store(stop, 0, 1);
    wake.wake();
  };
  // Node waits for its threads when a process exits, and this one blocks in poll.
  process.on("exit", end);
  const plane = new Plane(worker, { wake: () => wake.wake(), end }, options.onEvent);
  worker.once("exit", () => {
    process.off("exit", end);
    wake[Symbol.dispose]();
  });
  await plane.ready;
  return plane;
}

/** Peers in one answer. */
const OBSERVED = 128;

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

class Plane implements DataPlane {
  readonly ready: Promise<void>;
  readonly #worker: Worker;
  readonly #signals: { readonly wake: () => void; readonly end: () => void };
  readonly #waiting = new Map<number, Waiting>();
  readonly #ended: Promise<void>;
  #lastId = 0;
  #stopping = false;
  #over: AwgError | undefined;

  constructor(
    worker: Worker,
    signals: { readonly wake: () => void; readonly end: () => void },
    onEvent: ((event: PlaneEvent) => void) | undefined,
  ) {
    this.#worker = worker;
    this.#signals = signals;
    let reason = "it ended";
    worker.on("error", (error) => {
      reason = messageOf(error);
    });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.ready = promise;
    this.#ended = new Promise((done) => {
      worker.once("exit", () => {
        this.#over = new AwgError("host", `the data plane is not running: ${reason}`);
        for (const waiting of this.#waiting.values()) waiting.reject(this.#over);
        this.#waiting.clear();
        reject(this.#over);
        if (!this.#stopping) onEvent?.({ kind: "crashed", reason });
        done();
      });
    });
    worker.on("message", (message: FromWorker) => {
      if (message.kind === "ready") resolve();
      else if (message.kind === "events") for (const event of message.events) onEvent?.(event);
      else this.#settle(message);
    });
  }

  addTunnel(settings: TunnelSettings): Promise<TunnelObservation> {
    return this.#ask({ verb: "add", settings });
  }

  configure(name: string, settings: DeviceSettings): Promise<TunnelObservation> {
    return this.#ask({ verb: "configure", name, settings });
  }

  changePeers(name: string, changes: Iterable<PeerChange>): Promise<void> {
    return this.#ask({ verb: "change-peers", name, changes: encodePeerChanges(partsOf(changes)) });
  }

  connect(name: string, publicKey: Uint8Array): Promise<void> {
    return this.#ask({ verb: "connect", name, publicKey });
  }

  rebind(name: string): Promise<TunnelObservation> {
    return this.#ask({ verb: "rebind", name });
  }

  remove(name: string): Promise<boolean> {
    return this.#ask({ verb: "remove", name });
  }

  async observe(): Promise<PlaneObservation> {
    const observed = await this.#ask<PlaneObservation>({ verb: "observe" });
    const tunnels: TunnelObservation[] = [];
    for (const tunnel of observed.tunnels) tunnels.push(await this.#withPeers(tunnel));
    return { ...observed, tunnels };
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    if (this.#over === undefined) this.#signals.end();
    await this.#ended;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /** The tunnel with its peers, read in slices; a tunnel that was removed meanwhile as it was. */
  async #withPeers(tunnel: TunnelObservation): Promise<TunnelObservation> {
    const peers: PeerObservation[] = [];
    for (let got = OBSERVED; got === OBSERVED; ) {
      const request = { verb: "observe-peers", name: tunnel.name, from: peers.length, count: OBSERVED } as const;
      const slice = await this.#ask<readonly PeerObservation[]>(request).catch(() => []);
      peers.push(...slice);
      got = slice.length;
    }
    return { ...tunnel, peers };
  }

  #ask<T>(request: PlaneRequest): Promise<T> {
    if (this.#over !== undefined) return Promise.reject(this.#over);
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.#lastId += 1;
    this.#waiting.set(this.#lastId, { resolve: resolve as (value: unknown) => void, reject });
    const { message, keys } = withKeysApart({ id: this.#lastId, request });
    this.#worker.postMessage(message, keys);
    this.#signals.wake();
    return promise;
  }

  #settle(message: Exclude<FromWorker, { kind: "ready" | "events" }>): void {
    const waiting = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if (message.kind === "answer") waiting?.resolve(message.value);
    else {
      const { kind, message: text, remedy, facts } = message.error;
      const known = { facts: facts as ErrorFacts, ...(remedy === undefined ? {} : { remedy }) };
      waiting?.reject(new AwgError(kind as ErrorKind, text, known));
    }
  }
}
