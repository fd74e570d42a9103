import { readFile } from "node:fs/promises";
import { waitFor } from "../world/command.ts";
import { place } from "../world/place.ts";
import { Tethered } from "../world/tethered.ts";
import type { World } from "../world/world.ts";
import { Capture } from "./capture.ts";
import { isUninvited, judgeFarEnd } from "./far-end.ts";
import { type Expectation, type Judgement, judge, type Probe, probesSeen } from "./judge.ts";
import type { WireFrame } from "./pcap.ts";

interface Round {
  readonly worker: string;
  readonly round: number;
}

interface ListedProbe extends Probe {
  readonly worker: string;
}

/** How a session probes. */
export interface SessionOptions {
  /** Rest between two rounds of probes; small where a short gap must be hit. */
  readonly pauseMs?: number;
  /** Whether a guest's packets are forwarded by the client. Default true. */
  readonly guest?: boolean;
  /** The firewall mark the prober tries to wear: that of the subject's own sockets. Default: the hand-made tunnel's. */
  readonly mark?: number;
  /** The router's ends of the client's wires. Default: the one wire there always is. */
  readonly wires?: readonly string[];
  /** How long to wait for the prober before the run counts as invalid. Default 30 s. */
  readonly limitMs?: number;
  /** How many bytes of frames may wait for the capture to read them. Default 64 MiB. */
  readonly captureBytes?: number;
}

const settleMs = 100;
/** A look at the capture takes it apart from the start, so not too often. */
const readCaptureEveryMs = 150;
let sessions = 0;

/**
 * One run of the judge: the captures on the router's end of the client's wire and on the servers' ends of tunnels, and the
 * prober, from before the tunnel exists until after the last disturbance. Use: `open`, `control`, set the subject up, `beginJudging`, disturb and
 * `rounds`, `finish`.
 */
export class Session implements AsyncDisposable {
  readonly invalid: string[] = [];
  private readonly limitMs: number;
  private readonly wire: Capture;
  /** Absent where the world has no server. */
  private readonly farEnd: Capture | undefined;
  private readonly prober: Tethered;
  private probes: readonly ListedProbe[] = [];
  /** What is judged, in order; the last one has no end while judging goes on. */
  private readonly windows: { readonly fromMs: number; toMs: number }[] = [];
  private ended = false;

  private constructor(world: World, configuration: object, options: SessionOptions) {
    const { limitMs = 30_000, wires = ["client0"], captureBytes } = options;
    this.limitMs = limitMs;
    sessions += 1;
    this.wire = new Capture(world, "internet", wires, `wire-${sessions}`, captureBytes);
    const { tunnelEnds } = world;
    if (tunnelEnds.length > 0) this.farEnd = new Capture(world, "vpn", tunnelEnds, `far-end-${sessions}`);
    this.prober = new Tethered("prober.py", [JSON.stringify(configuration)]);
  }

  /**
   * Starts capture and prober; returns when the flows that must exist before the tunnel are open. What the prober of a former
   * session sent is not in this one.
   */
  static async open(world: World, options: SessionOptions = {}): Promise<Session> {
    await world.dropWaitingPackets();
    const session = new Session(world, await proberConfiguration(world, options), options);
    try {
      for (const capture of session.captures) await capture.ready();
      const listed = await session.prober.line("the list of probes", (line) => line.includes('"probes"'));
      session.probes = (JSON.parse(listed) as { probes: ListedProbe[] }).probes;
      for (const worker of session.workers) {
        await session.prober.line(
          `${worker}'s flows`,
          (line) => line === JSON.stringify({ ready: worker }).replace(":", ": "),
        );
      }
      return session;
    } catch (cause) {
      await session[Symbol.asyncDispose]();
      throw cause;
    }
  }

  /** Names of all probes of this session. */
  get probeNames(): readonly string[] {
    return this.probes.map((probe) => probe.name);
  }

  /** Waits until every probe was seen on the wire while nothing protects it; those never seen make the run invalid. */
  async control(): Promise<void> {
    const due = this.probes.filter((probe) => probe.inControl);
    let missing = due;
    try {
      await waitFor(
        "all probes on the wire",
        () => {
          const seen = probesSeen(this.wire.frames());
          missing = due.filter((probe) => !seen.has(probe.index));
          return missing.length === 0;
        },
        this.limitMs,
        readCaptureEveryMs,
      );
    } catch {
      this.invalid.push(`never seen in the control run: ${missing.map((probe) => probe.name).join(", ")}`);
    }
  }

  /** Everything sent from now on is judged, and nothing before. Call when the set-up has said that it is done. */
  async beginJudging(): Promise<void> {
    this.windows.length = 0;
    await this.resumeJudging();
  }

  /** As `beginJudging`, but what was judged before stays so. */
  async resumeJudging(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, settleMs));
    this.pauseJudging();
    this.windows.push({ fromMs: Date.now(), toMs: Number.POSITIVE_INFINITY });
  }

  /** Nothing sent from then on (Unix, ms) is judged until `resumeJudging`: for a machine that nothing protects any more. */
  pauseJudging(fromMs = Date.now()): void {
    const last = this.windows.at(-1);
    if (last !== undefined) last.toMs = Math.min(last.toMs, fromMs);
  }

  /** Returns after every worker has begun and ended `count` more rounds; a stalled one makes the run invalid. */
  async rounds(count: number): Promise<void> {
    const before = this.progress();
    const done = (): boolean =>
      [...this.workers].every((worker) => (this.progress().get(worker) ?? 0) > (before.get(worker) ?? 0) + count);
    try {
      await waitFor(`${count} rounds of the prober`, done, this.limitMs);
    } catch {
      const now = JSON.stringify([...this.progress()]);
      this.invalid.push(`the prober stalled: rounds ${JSON.stringify([...before])} → ${now}; ${this.prober.stderr}`);
    }
  }

  /** Waits until these probes were seen since judging began: for proofs that a hole is found, never for a pass. */
  async awaitLeaks(names: readonly string[]): Promise<void> {
    const due = this.probes.filter((probe) => names.includes(probe.name));
    const seenBy = (capture: Capture | undefined): Set<number> =>
      probesSeen(capture?.frames().filter((frame) => this.isJudged(frame)) ?? []);
    const found = (): boolean => {
      const [outside, answered] = [seenBy(this.wire), seenBy(this.farEnd)];
      return due.every((probe) => outside.has(probe.index) || (isUninvited(probe) && answered.has(probe.index)));
    };
    await waitFor(`leaks of ${names.join(", ")}`, found, this.limitMs, readCaptureEveryMs).catch(() => undefined);
  }

  /** Stops the prober's processes for good, as an overloaded machine might. */
  async freezeProber(): Promise<void> {
    const children = await readFile(`/proc/${this.prober.pid}/task/${this.prober.pid}/children`, "utf8");
    for (const pid of children.split(" ").filter(Boolean)) process.kill(Number(pid), "SIGSTOP");
  }

  /** Keeps the capture from reading while the prober goes through so many rounds, as an overloaded machine might. */
  async blindCapture(count: number): Promise<void> {
    const { pid } = this.wire;
    if (pid === 0) throw new Error("the capture did not start");
    process.kill(pid, "SIGSTOP");
    try {
      await this.rounds(count);
    } finally {
      process.kill(pid, "SIGCONT");
    }
  }

  /** What has been seen since judging began, without ending the run. */
  soFar(expectation: Expectation): Judgement {
    return this.judgedUntil(Number.POSITIVE_INFINITY, expectation);
  }

  /** Ends the run and judges it. */
  async finish(expectation: Expectation): Promise<Judgement> {
    const judgedToMs = Date.now();
    await this.end();
    return this.judgedUntil(judgedToMs, expectation);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
    for (const capture of this.captures) capture.remove();
  }

  private get workers(): ReadonlySet<string> {
    return new Set(this.probes.map((probe) => probe.worker));
  }

  private get captures(): readonly Capture[] {
    return [this.wire, ...(this.farEnd === undefined ? [] : [this.farEnd])];
  }

  private judgedUntil(toMs: number, expectation: Expectation): Judgement {
    const window = (frame: WireFrame): boolean => this.isJudged(frame) && frame.atMs <= toMs;
    const judgement = judge(this.wire.frames().filter(window), this.probes, expectation, this.invalid);
    if (this.farEnd === undefined) return judgement;
    return judgeFarEnd(judgement, this.farEnd.frames().filter(window), this.probes, expectation);
  }

  private isJudged({ atMs }: WireFrame): boolean {
    return this.windows.some(({ fromMs, toMs }) => atMs >= fromMs && atMs <= toMs);
  }

  private progress(): ReadonlyMap<string, number> {
    const rounds = new Map<string, number>();
    const { lines } = this.prober;
    for (let at = lines.length - 1; at >= 0 && rounds.size < this.workers.size; at -= 1) {
      const line = lines[at] ?? "";
      if (!line.includes('"round"')) continue;
      const { worker, round } = JSON.parse(line) as Round;
      if (!rounds.has(worker)) rounds.set(worker, round);
    }
    return rounds;
  }

  private async end(): Promise<void> {
    if (this.ended) return;
    this.ended = true;
    await this.prober.end();
    for (const capture of this.captures) {
      const complaint = await capture.end();
      if (complaint !== undefined) this.invalid.push(complaint);
    }
  }
}

async function proberConfiguration(world: World, options: SessionOptions): Promise<object> {
  const links = JSON.parse(await world.inside("client", ["ip", "-j", "link", "show", place.device])) as {
    ifindex: number;
  }[];
  const lan = JSON.parse(await world.inside("internet", ["ip", "-j", "link", "show", "lan"])) as { address: string }[];
  const namespaces: Record<string, string> = {
    nobody: world.namespace("client"),
    netraw: world.namespace("client"),
    root: world.namespace("client"),
    neighbour: world.namespace("neighbour"),
    outside: world.namespace("internet"),
  };
  if (options.guest !== false) namespaces["guest"] = world.namespace("guest");
  return {
    v4: place.v4,
    v6: place.v6,
    device: place.device,
    deviceIndex: links[0]?.ifindex,
    routerMac: lan[0]?.address,
    serverPort: place.serverPort,
    mark: options.mark ?? place.mark,
    resolvConf: world.resolvConf,
    pauseMs: options.pauseMs ?? 50,
    namespaces,
  };
}
