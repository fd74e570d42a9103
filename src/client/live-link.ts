import { EventParser } from "./events/event-parser.ts";
import { type LinkEffect, type LinkInput, STOPPED, stepLink, type TIMES } from "./link/link-machine.ts";
import type { Transport } from "./transport/transport.ts";

export type LinkTimes = Readonly<Record<keyof typeof TIMES, number>>;

export interface LinkListener {
  readonly onAvailable: (available: boolean, message: string | undefined) => void;
  readonly onStatus: (document: unknown) => void;
  readonly onEvent: (event: unknown) => void;
}

/** Statuses of a server that has no such path, or no such method. */
const ABSENT = [404, 405, 406, 501];

/** Drives the machine of the link over a transport, with the clock's timers. */
export class LiveLink {
  readonly #transport: Transport;
  readonly #times: LinkTimes;
  readonly #listener: LinkListener;
  #link = STOPPED;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Aborted when what is under way does not count any more. */
  #attempt = new AbortController();

  constructor(transport: Transport, times: LinkTimes, listener: LinkListener) {
    this.#transport = transport;
    this.#times = times;
    this.#listener = listener;
  }

  /** Connects, and again after each loss, until it is stopped. */
  start(): void {
    this.#put({ type: "start" });
  }

  /** Closes the link; it may be started again. */
  stop(): void {
    this.#put({ type: "stop" });
  }

  #put(input: LinkInput): void {
    const { link, effects } = stepLink(this.#link, input);
    this.#link = link;
    for (const effect of effects) {
      // A callback may have stopped the link.
      if (this.#link !== link) return;
      this.#do(effect);
    }
  }

  #do(effect: LinkEffect): void {
    switch (effect.do) {
      case "open":
        void this.#follow(effect.lastEventId, this.#attempt.signal);
        break;
      case "close":
        this.#attempt.abort();
        this.#attempt = new AbortController();
        break;
      case "ask":
        void this.#ask(this.#attempt.signal);
        break;
      case "timer":
        clearTimeout(this.#timer);
        this.#timer =
          effect.time === undefined
            ? undefined
            : setTimeout(() => this.#put({ type: "timer" }), this.#times[effect.time]);
        break;
      case "available":
        this.#listener.onAvailable(effect.available, effect.message);
        break;
      case "status":
        this.#listener.onStatus(effect.status);
        break;
      case "event":
        this.#listener.onEvent(effect.event);
        break;
      default:
        effect satisfies never;
    }
  }

  async #follow(lastEventId: string | undefined, signal: AbortSignal): Promise<void> {
    const put = (input: LinkInput): void => {
      if (!signal.aborted) this.#put(input);
    };
    const parser = new EventParser();
    const resume = lastEventId === undefined ? {} : { "Last-Event-ID": lastEventId };
    let refusal: string | undefined;
    let isStream = false;
    try {
      await this.#transport.stream({
        path: "/api/events",
        headers: { Accept: "text/event-stream", ...resume },
        signal,
        onHead: ({ status, type }) => {
          isStream = status === 200 && type.startsWith("text/event-stream");
          if (isStream) put({ type: "opened" });
          else if (ABSENT.includes(status) || status === 200) put({ type: "noEvents" });
          else refusal = `awg refuses the event stream with HTTP status ${status}`;
        },
        onBytes: (bytes) => {
          if (!isStream || signal.aborted) return;
          put({ type: "bytes" });
          for (const event of parser.push(bytes)) put({ type: "event", event });
        },
      });
      if (isStream || refusal !== undefined) put({ type: "lost", message: refusal ?? "the connection to awg ended" });
    } catch {
      put({ type: "lost", message: "the connection to awg failed or was cut" });
    }
  }

  /** A query ends with the attempt, and after the idle time. */
  async #ask(attempt: AbortSignal): Promise<void> {
    const signal = AbortSignal.any([attempt, AbortSignal.timeout(this.#times.idleMs)]);
    const put = (input: LinkInput): void => {
      if (!attempt.aborted) this.#put(input);
    };
    try {
      const { status, text } = await this.#transport.request({ method: "GET", path: "/api/status", signal });
      if (status !== 200) put({ type: "askFailed", message: `awg answers with HTTP status ${status}` });
      else put({ type: "asked", status: (JSON.parse(text) as { readonly status?: unknown }).status });
    } catch {
      put({ type: "askFailed", message: "awg does not answer" });
    }
  }
}
