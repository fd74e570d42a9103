import { type ChildProcess, spawn } from "node:child_process";
import { waitFor } from "../../lab/world/command.ts";
import { place } from "../../lab/world/place.ts";
import type { World } from "../../lab/world/world.ts";

const limitMs = 60_000;
const everySeconds = "0.02";

/**
 * Fifty questions a second from the client to the internet by each IP version, and when each was asked and answered.
 * One ping that waits a second for its answer cannot tell 0.1 s from 1 s; this can.
 */
export class Answers implements AsyncDisposable {
  private readonly streams: readonly Stream[];

  private constructor(streams: readonly Stream[]) {
    this.streams = streams;
  }

  /** Begins to ask, by IPv4 and IPv6 unless told otherwise, and waits until all of them are answered. */
  static async begin(world: World, addresses: readonly string[] = [place.v4.echo, place.v6.echo]): Promise<Answers> {
    const answers = new Answers(addresses.map((address) => new Stream(world, address)));
    try {
      await answers.backAfter(Date.now());
      return answers;
    } catch (cause) {
      await answers[Symbol.asyncDispose]();
      throw cause;
    }
  }

  /** Milliseconds from a moment (Unix, ms) to the first answer to a question asked since, by the slower version. */
  async backAfter(fromMs: number, patienceMs = limitMs): Promise<number> {
    const first = (): number | undefined => {
      const times = this.streams.map((stream) => stream.firstAnswerAfter(fromMs));
      return times.some((time) => time === undefined) ? undefined : Math.max(...times.map(Number));
    };
    try {
      return (await waitFor("an answer by each IP version", first, patienceMs, 5)) - fromMs;
    } catch (cause) {
      throw new Error(`${(cause as Error).message}: ${this.streams.map((stream) => stream.lastWords).join("; ")}`, {
        cause,
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.streams.map((stream) => stream.end()));
  }
}

class Stream {
  private readonly child: ChildProcess;
  private readonly ended: Promise<void>;
  private readonly answers: { readonly askedMs: number; readonly atMs: number }[] = [];
  private rest = "";
  private words = "";

  constructor(world: World, address: string) {
    const ping = ["ping", "-n", "-D", "-i", everySeconds, address];
    this.child = spawn("ip", ["netns", "exec", world.namespace("client"), ...ping]);
    this.child.stdout?.setEncoding("utf8").on("data", (text: string) => this.take(text));
    for (const stream of [this.child.stdout, this.child.stderr])
      stream?.on("data", (text: Buffer | string) => {
        this.words = String(text).slice(-300);
      });
    this.ended = new Promise((resolve) => this.child.on("close", () => resolve()));
  }

  /** What ping said last, for failures. */
  get lastWords(): string {
    return `${this.child.exitCode ?? "runs"}, ${this.answers.length} answers, ${this.words}`;
  }

  firstAnswerAfter(fromMs: number): number | undefined {
    return this.answers.find(({ askedMs }) => askedMs >= fromMs)?.atMs;
  }

  async end(): Promise<void> {
    this.child.kill("SIGKILL");
    await this.ended;
  }

  /** iputils: `[1732250000.123456] 64 bytes from …: icmp_seq=1 ttl=62 time=0.5 ms`. */
  private take(text: string): void {
    const lines = (this.rest + text).split("\n");
    this.rest = lines.pop() ?? "";
    for (const line of lines) {
      const [, at, took] = /^\[([\d.]+)\] .* time=([\d.]+) ms/.exec(line) ?? [];
      if (at === undefined) continue;
      const atMs = Number(at) * 1000;
      this.answers.push({ askedMs: atMs - Number(took), atMs });
    }
  }
}
