import type { Target } from "../protocol/dialogue.ts";
import type { Datagrams, Provider } from "../provider.ts";
import type { Traffic } from "../traffic.ts";

const MOST_SESSIONS = 512;
const MOST_DESTINATIONS = 256;
/** Datagrams kept while the proxy answers. */
const MOST_WAITING = 16;
const IDLE_MS = 60_000;

/** A datagram between a program and another host. */
export interface Carried {
  /** The program's address. */
  readonly program: Target;
  readonly remote: Target;
  readonly data: Uint8Array;
}

export interface UdpRelayOptions {
  readonly provider: Pick<Provider, "dialUdp">;
  readonly traffic: Traffic;
  /** Delivers a reply to the program, from the address of the remote host. */
  readonly deliver: (reply: Carried) => void;
  readonly most?: number;
  readonly idleMs?: number;
}

interface Session {
  readonly program: Target;
  readonly asked: Set<string>;
  waiting: Carried[];
  datagrams: Datagrams | undefined;
  timer: NodeJS.Timeout;
}

/**
 * Gives each program's socket a session with the proxy, which ends after a minute without datagrams. Replies are delivered
 * only from addresses that the program sent to: a proxy cannot reach its other peers.
 */
export class UdpRelay {
  readonly #options: Required<UdpRelayOptions>;
  /** The longest unused first. */
  readonly #sessions = new Map<string, Session>();

  constructor(options: UdpRelayOptions) {
    this.#options = { most: MOST_SESSIONS, idleMs: IDLE_MS, ...options };
  }

  /** Sends a program's datagram to the proxy. */
  send(datagram: Carried): void {
    const name = nameOf(datagram.program);
    const session = this.#sessions.get(name) ?? this.#open(name, datagram.program);
    this.#sessions.delete(name);
    this.#sessions.set(name, session);
    session.timer.refresh();
    if (session.asked.size < MOST_DESTINATIONS) session.asked.add(nameOf(datagram.remote));
    if (session.datagrams === undefined) {
      if (session.waiting.length < MOST_WAITING) session.waiting.push(datagram);
      return;
    }
    this.#forward(session.datagrams, datagram);
  }

  #forward(datagrams: Datagrams, { remote, data }: Carried): void {
    this.#options.traffic.sentBytes += data.length;
    datagrams.send(remote, data);
  }

  #open(name: string, program: Target): Session {
    const { most, idleMs, provider, traffic } = this.#options;
    const [oldest] = this.#sessions.keys();
    if (oldest !== undefined && this.#sessions.size >= most) this.#close(oldest);
    const timer = setTimeout(() => this.#close(name), idleMs).unref();
    const session: Session = { program, asked: new Set(), waiting: [], datagrams: undefined, timer };
    const isCurrent = (): boolean => this.#sessions.get(name) === session;
    traffic.openSessions += 1;
    const sink = {
      onDatagram: (remote: Target, data: Uint8Array) => this.#receive(session, remote, data),
      onClose: () => {
        if (isCurrent()) this.#close(name);
      },
    };
    provider.dialUdp(sink).then(
      (datagrams) => {
        if (!isCurrent()) return datagrams.close();
        session.datagrams = datagrams;
        for (const waiting of session.waiting) this.#forward(datagrams, waiting);
        session.waiting = [];
      },
      () => {
        traffic.refused += 1;
        if (isCurrent()) this.#close(name);
      },
    );
    return session;
  }

  #receive({ program, asked, timer }: Session, remote: Target, data: Uint8Array): void {
    if (!asked.has(nameOf(remote))) return;
    timer.refresh();
    this.#options.traffic.receivedBytes += data.length;
    this.#options.deliver({ program, remote, data });
  }

  #close(name: string): void {
    const session = this.#sessions.get(name);
    if (session === undefined) return;
    this.#sessions.delete(name);
    clearTimeout(session.timer);
    this.#options.traffic.openSessions -= 1;
    session.datagrams?.close();
  }

  [Symbol.dispose](): void {
    for (const name of [...this.#sessions.keys()]) this.#close(name);
  }
}

function nameOf({ address, port }: Target): string {
  return `${address.join(".")} ${port}`;
}
