import { mkdirSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import type { openLoopbackDoor } from "../../src/http/doors/loopback-door.ts";
import { Sessions } from "../../src/http/sessions.ts";
import { StaticFiles } from "../../src/http/static-files.ts";
import { temporaryFolder } from "../support/folder.ts";
import { type GuardPlace, type GuardRow, guardRows } from "./guard-rows.ts";

/** A door with a page, a session, and an API that answers everything that reaches it. */
export interface GuardedDoor extends AsyncDisposable {
  readonly place: GuardPlace;
  readonly sessions: Sessions;
  /** What passed the guard and is no page and no session. */
  readonly passed: readonly string[];
}

/**
 * @param open the door's own code, or a changed copy of it
 * @param isOwn whether the program on the other end is this user's
 */
export async function openGuardedDoor(
  open: typeof openLoopbackDoor,
  isOwn: () => boolean = () => true,
): Promise<GuardedDoor> {
  const folder = temporaryFolder("page");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "index.html"), "<!doctype html><title>awg</title>");
  const sessions = new Sessions(() => performance.now());
  const oldCode = sessions.newCode();
  const token = sessions.trade(oldCode) ?? "";
  const passed: string[] = [];
  const door = await open({
    port: 0,
    sessions,
    files: new StaticFiles(folder),
    isOwn,
    answer: async (request, response) => {
      if (request.url === "/" && request.method !== "POST") return false;
      passed.push(`${request.method} ${request.url}`);
      response.end("{}");
      return true;
    },
  });
  return {
    place: { port: door.port, token, oldCode },
    sessions,
    passed,
    [Symbol.asyncDispose]: () => door[Symbol.asyncDispose](),
  };
}

/** Sends bytes on a connection of its own; everything that comes back until its end. */
export function sendRaw(port: number, text: string, { stayOpen = false } = {}): Promise<string> {
  return new Promise((resolve) => {
    let answer = "";
    const socket = connect(port, "127.0.0.1", () => (stayOpen ? socket.write(text) : socket.end(text)));
    socket.setEncoding("latin1").on("data", (part) => {
      answer += part;
    });
    socket.on("error", () => undefined).once("close", () => resolve(answer));
  });
}

/** The status of an answer; undefined if there was none. */
export function statusOf(answer: string): number | undefined {
  const [, status] = /^HTTP\/1\.1 ([0-9]{3}) /.exec(answer) ?? [];
  return status === undefined ? undefined : Number(status);
}

/** The rows whose answer is another than the table says, with that answer. */
export async function wrongRows(door: GuardedDoor): Promise<readonly string[]> {
  const rows = guardRows(door.place);
  const judge = async ({ what, text, expected }: GuardRow): Promise<readonly string[]> => {
    const status = statusOf(await sendRaw(door.place.port, text));
    return status === expected ? [] : [`${what}: ${status} instead of ${expected}`];
  };
  const found: string[] = [];
  for (let at = 0; at < rows.length; at += 64) {
    found.push(...(await Promise.all(rows.slice(at, at + 64).map(judge))).flat());
  }
  return found;
}
