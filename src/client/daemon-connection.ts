import { connect, type Socket } from "node:net";
import { StringDecoder } from "node:string_decoder";
import type { DaemonLine } from "../api/daemon-lines.ts";
import { AwgError } from "../model/error.ts";
import { REFUSED } from "./daemon-client.ts";

interface Waiting {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: AwgError) => void;
}

/**
 * One connection to the daemon for all short questions of a process: Node takes 64 KB to read from a new one. It is opened
 * by the first question, and the daemon ends it after two seconds without any.
 */
export class DaemonConnection {
  readonly #findPath: () => string;
  readonly #listenerUid: (fd: number) => number;
  readonly #waiting = new Map<number, Waiting>();
  #socket: Socket | undefined;
  #count = 0;

  /**
   * @param findPath the socket to open; which one may change with the daemon
   * @param listenerUid the uid of the process that listens on a connected socket's descriptor
   */
  constructor(findPath: () => string, listenerUid: (fd: number) => number) {
    this.#findPath = findPath;
    this.#listenerUid = listenerUid;
  }

  /** The daemon's answer. AwgError unreachable when none answers, permission if it refuses this user. */
  async ask(ask: "state" | "status"): Promise<unknown> {
    const isKept = this.#socket !== undefined;
    try {
      return await this.#askOnce(ask);
    } catch (error) {
      // The daemon may have ended a kept connection meanwhile.
      if (!isKept) throw error;
      return this.#askOnce(ask);
    }
  }

  #askOnce(ask: "state" | "status"): Promise<unknown> {
    this.#count += 1;
    const id = this.#count;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#socket ??= this.#open();
      this.#socket.write(`${JSON.stringify({ id, ask })}\n`);
    });
  }

  #open(): Socket {
    const path = this.#findPath();
    const socket = connect(path).unref();
    const decoder = new StringDecoder("utf8");
    let rest = "";
    let why = unreachable(`no daemon answers on ${path}`);
    // It comes before what was written is sent.
    socket.once("connect", () => {
      const fd = (socket as Socket & { _handle?: { fd?: number } })._handle?.fd ?? -1;
      const isRoot = this.#listenerUid(fd) === 0;
      why = isRoot ? refused(REFUSED) : refused(`the program that listens on ${path} does not run as root`);
      if (!isRoot) socket.destroy();
    });
    socket.once("data", () => {
      why = unreachable("the daemon ended the connection");
    });
    socket.on("data", (chunk: Buffer) => {
      const lines = (rest + decoder.write(chunk)).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) this.#take(JSON.parse(line) as DaemonLine);
    });
    socket
      .on("error", (cause: NodeJS.ErrnoException) => {
        if (cause.code === "EACCES") why = refused(REFUSED);
      })
      .once("close", () => {
        if (this.#socket === socket) this.#socket = undefined;
        for (const { reject } of this.#waiting.values()) reject(why);
        this.#waiting.clear();
      });
    return socket;
  }

  #take(line: DaemonLine): void {
    const waiting = this.#waiting.get(line.id);
    if (waiting === undefined) return;
    this.#waiting.delete(line.id);
    if ("answer" in line) waiting.resolve(line.answer);
    else waiting.reject(unreachable("error" in line ? line.error : "the daemon did not answer"));
  }
}

function unreachable(message: string): AwgError {
  return new AwgError("unreachable", message, { remedy: "start it: awg service start, or awg daemon -f FILE" });
}

function refused(message: string): AwgError {
  return new AwgError("permission", message, { remedy: "run it as root, or as a member of one of these groups" });
}
