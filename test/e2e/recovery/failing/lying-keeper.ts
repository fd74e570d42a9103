import { readdirSync, rmSync, statSync } from "node:fs";
import { createConnection, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { type Finished, tryRun } from "../../../lab/world/command.ts";
import type { AwgInWorld } from "../../awg-in-world.ts";

/** The keeper makes its socket anew where another stands in its place: only who is asked here sees the other. */
const BESIDE = 'mount --bind "$1" "$2" && shift 2 && exec "$@"';

/**
 * Stands in front of the keeper and answers transactions of the packet filter as if they had been committed, without any
 * effect; everything else reaches the keeper. That is what a kernel that says 0 and does nothing looks like to awg.
 */
export class LyingKeeper implements AsyncDisposable {
  /** Transactions that were answered and not made. */
  swallowed = 0;
  readonly #socket: string;
  readonly #server = createServer((client) => this.#serve(client));

  private constructor(socket: string) {
    this.#socket = socket;
  }

  static async before(awg: AwgInWorld): Promise<LyingKeeper> {
    const folder = readdirSync(awg.runDir).find((name) => name.startsWith("keeper-"));
    const socket = join(awg.runDir, folder ?? "", "socket");
    if (!statSync(socket).isSocket()) throw new Error("there is no keeper");
    const keeper = new LyingKeeper(socket);
    await new Promise<void>((resolve) => keeper.#server.listen(keeper.#ownSocket, resolve));
    return keeper;
  }

  get #ownSocket(): string {
    return `${this.#socket}.liar`;
  }

  /** Runs a verb that finds this keeper where the true one listens. */
  run(awg: AwgInWorld, ...verb: string[]): Promise<Finished> {
    const place = ["unshare", "--mount", "sh", "-c", BESIDE, "sh", this.#ownSocket, this.#socket];
    return tryRun([...place, ...awg.argv(...verb)]);
  }

  #serve(client: Socket): void {
    const real = createConnection(this.#socket);
    let asked = "";
    client.on("data", (bytes) => {
      asked += bytes.toString("latin1");
      if (!asked.endsWith("\n")) return;
      const request = JSON.parse(asked) as { version: number; request: string };
      const isSwallowed = request.request === "nftTransaction";
      if (isSwallowed) this.swallowed += 1;
      real.write(
        isSwallowed ? `${JSON.stringify({ version: request.version, request: "status" })}\n` : asked,
        "latin1",
      );
      asked = "";
    });
    real.pipe(client);
    for (const [one, other] of [[client, real] as const, [real, client] as const]) {
      one.on("error", () => other.destroy());
      one.on("close", () => other.destroy());
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise((resolve) => this.#server.close(resolve));
    rmSync(this.#ownSocket, { force: true });
  }
}
