import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach } from "vitest";
import type { Applied } from "../../src/app/apply/applied.ts";
import type { Planned, Selection } from "../../src/app/plan/planned.ts";
import { renderProblem } from "../../src/config/problem.ts";
import { stepsOf } from "../../src/model/plan.ts";
import { SECOND_PEER_KEY, sampleConfig } from "../support/config.ts";
import { temporaryFolder } from "../support/folder.ts";
import { openTestSession, type TestSession } from "../support/test-session.ts";

const KEY = Buffer.alloc(32, 7).toString("base64");

/** What the tests vary of a tunnel. */
export interface TunnelWish {
  readonly mtu?: number;
  readonly port?: number;
  readonly prefix?: string;
}

/** The real session on a simulated machine in a file, each call a process of its own. */
export class SimulatedBench {
  readonly folder = temporaryFolder("bench");
  readonly file = join(this.folder, "machine.json");

  /** A config of tunnels under a kill switch, the first one the default path. */
  config(tunnels: Readonly<Record<string, TunnelWish>>, more = ""): string {
    const names = Object.keys(tunnels);
    const blocks = Object.entries(tunnels).map(
      ([name, { mtu = 1400, port = 51820, prefix = "10.20.0.0/16" }], index) => `
  ${name}:
    protocol: wireguard
    privateKey: { file: ${join(this.folder, "key")} }
    addresses: [10.9.${index}.2/32]
    mtu: ${mtu}
    peers:
      - publicKey: ${SECOND_PEER_KEY}
        endpoint: 192.0.2.${index + 1}:${port}
        allowedIPs: [${index === 0 ? "0.0.0.0/0" : prefix}]`,
    );
    return sampleConfig(`tunnels: ${names.length === 0 ? "{}" : blocks.join("")}
default: { via: ${names[0] ?? "direct"} }
killSwitch: { enabled: ${names.length > 0} }
${more}
`);
  }

  async plan(text: string, selection?: Partial<Selection>): Promise<Planned> {
    return this.#run((session) => planOf(session, text, selection));
  }

  async apply(text: string, selection?: Partial<Selection>): Promise<Applied> {
    return this.#run(async (session) => carryOut(session, await planOf(session, text, selection)));
  }

  async destroy(): Promise<Applied> {
    return this.#run(async (session) => carryOut(session, await session.planDestroy()));
  }

  async rollback(number: number): Promise<Applied> {
    return this.#run(async (session) => carryOut(session, await session.planRollback(number)));
  }

  /** Anything else that a session does. */
  async ask<T>(question: (session: TestSession) => Promise<T>): Promise<T> {
    return this.#run(question);
  }

  /** The machine as the file holds it. */
  read(): string {
    return readFileSync(this.file, "utf8");
  }

  /** What others do to the machine. */
  meddle(change: (text: string) => string): void {
    const before = this.read();
    const after = change(before);
    if (after === before) throw new Error("this meddling changes nothing");
    writeFileSync(this.file, after);
  }

  async #run<T>(act: (session: TestSession) => Promise<T>): Promise<T> {
    writeFileSync(join(this.folder, "key"), `${KEY}\n`, { mode: 0o600 });
    const host = { kind: "simulated", file: this.file } as const;
    await using session = await openTestSession({ host, allowInsecurePermissions: false, environment: {} });
    return await act(session);
  }
}

/** A fresh machine for each test; it is removed after it. */
export function useSimulatedBench(): () => SimulatedBench {
  const benches: SimulatedBench[] = [];
  afterEach(() => {
    for (const { folder } of benches.splice(0)) rmSync(folder, { recursive: true, force: true });
  });
  return () => {
    const bench = new SimulatedBench();
    benches.push(bench);
    return bench;
  };
}

/** The steps of a plan, "update link/office" each. */
export function stepTexts({ plan }: Planned): readonly string[] {
  return stepsOf(plan).map(({ action, key }) => `${action} ${key}`);
}

async function planOf(session: TestSession, text: string, selection: Partial<Selection> | undefined): Promise<Planned> {
  const loaded = await session.load([{ name: "awg.yaml", text, mode: 0o600 }]);
  const problems = loaded.problems.map((problem) => renderProblem(problem, { color: false, excerpt: false }));
  if (loaded.config === undefined) throw new Error(problems.join("\n"));
  const { target = [], exclude = [], replace = [] } = selection ?? {};
  return session.plan(loaded, selection === undefined ? undefined : { target, exclude, replace });
}

async function carryOut(session: TestSession, planned: Planned): Promise<Applied> {
  return session.apply(planned, { onEvent: () => {}, shouldStop: () => undefined });
}
