import { setTimeout as sleep } from "node:timers/promises";
import type { AskedQuestion, ServerReply } from "../message.ts";

/** An open connection to an encrypted server. */
export interface Connection {
  /** Whether another query may be sent on it. */
  readonly isOpen: boolean;
  /** Replies that arrived on it. */
  readonly replies: number;
  /** Undefined if the connection ends first. */
  readonly ask: (question: AskedQuestion) => Promise<ServerReply | undefined>;
  readonly close: () => void;
}

const TIMEOUT_MS = 4000;
/** A kept connection that is silent for so long is dead: the server has gone, or its path has changed. */
const SILENT_MS = 1500;
/** A connection without queries is closed after this time, before most servers close it (RFC 7858 section 3.4). */
const IDLE_MS = 20_000;

/** One connection to a server, opened when it is needed and used for all queries. */
export class ServerConnection {
  readonly #open: () => Connection;
  #connection: Connection | undefined;
  #idle: NodeJS.Timeout | undefined;

  constructor(open: () => Connection) {
    this.#open = open;
  }

  /** Queries the server; undefined if it does not answer in time. Never throws. */
  async ask(question: AskedQuestion): Promise<ServerReply | undefined> {
    clearTimeout(this.#idle);
    try {
      const kept = this.#connection?.isOpen === true ? this.#connection : undefined;
      const reply = kept === undefined ? undefined : await askKept(kept, question);
      if (reply !== undefined || kept?.isOpen === true) return reply;
      const fresh = this.#current();
      const answer = await inTime(fresh.ask(question), TIMEOUT_MS);
      if (fresh.replies === 0) fresh.close();
      return answer;
    } catch {
      return undefined;
    } finally {
      clearTimeout(this.#idle);
      this.#idle = setTimeout(() => this.#connection?.close(), IDLE_MS);
      this.#idle.unref();
    }
  }

  /** An open connection; another query may have opened it already. */
  #current(): Connection {
    if (this.#connection?.isOpen !== true) this.#connection = this.#open();
    return this.#connection;
  }
}

/** Queries on a connection that was open; closes it if it turns out dead. */
async function askKept(kept: Connection, question: AskedQuestion): Promise<ServerReply | undefined> {
  const before = kept.replies;
  const asked = kept.ask(question);
  const reply = await inTime(asked, SILENT_MS);
  if (reply !== undefined || !kept.isOpen) return reply;
  if (kept.replies > before) return inTime(asked, TIMEOUT_MS - SILENT_MS);
  kept.close();
  return undefined;
}

function inTime<T>(asked: Promise<T>, timeoutMs: number): Promise<T | undefined> {
  const ended = new AbortController();
  const late = sleep(timeoutMs, undefined, { signal: ended.signal }).catch(() => undefined);
  return Promise.race([asked, late]).finally(() => ended.abort());
}
