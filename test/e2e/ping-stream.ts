import { type ChildProcess, spawn } from "node:child_process";
import { waitFor } from "../lab/world/command.ts";
import type { World } from "../lab/world/world.ts";

const limitMs = 30_000;

/** A hundred pings a second from the client to an address, counted from beginning to end. */
export class PingStream implements AsyncDisposable {
  private readonly child: ChildProcess;
  private readonly ended: Promise<void>;
  private text = "";

  private constructor(world: World, address: string) {
    const argv = ["netns", "exec", world.namespace("client"), "ping", "-n", "-i", "0.01", "-W", "5", address];
    this.child = spawn("ip", argv, { stdio: ["ignore", "pipe", "pipe"] });
    this.child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.text += text;
    });
    this.ended = new Promise((resolve) => this.child.on("close", () => resolve()));
  }

  /** Starts and waits until answers come. */
  static async begin(world: World, address: string): Promise<PingStream> {
    const stream = new PingStream(world, address);
    try {
      await waitFor(`an answer from ${address}`, () => stream.text.includes("icmp_seq="), limitMs);
      return stream;
    } catch (cause) {
      await stream[Symbol.asyncDispose]();
      throw cause;
    }
  }

  /**
   * Ends it and tells how many of the pings that had time to be answered were not: the last one may still be under way
   * when it ends.
   */
  async end(): Promise<{ readonly sent: number; readonly lost: number }> {
    this.child.kill("SIGINT");
    await this.ended;
    const answered = new Set([...this.text.matchAll(/icmp_seq=(\d+) ttl/g)].map(([, number]) => Number(number)));
    const sent = Number(/(\d+) packets transmitted/.exec(this.text)?.[1] ?? 0);
    const last = Math.max(0, ...answered);
    const lost = Array.from({ length: last }, (_, index) => index + 1).filter((number) => !answered.has(number)).length;
    return { sent, lost };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill("SIGKILL");
    await this.ended;
  }
}
