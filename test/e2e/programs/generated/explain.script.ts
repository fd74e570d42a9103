/**
 * Explains many flows in one process, inside the network namespace that it is started in: explain.script.ts STATE_DIR.
 * Takes JSON lines: `{"switches": [...]}` puts fallbacks in force and keeps them, `{"questions": [...]}` explains.
 */
import { createInterface } from "node:readline";
import { type DeviceSwitch, fallBackAccepted } from "../../../../src/app/apply/fallback.ts";
import { explainFlow } from "../../../../src/app/explain/explain.ts";
import type { HostParts } from "../../../../src/app/parts.ts";
import { openParts } from "../../../../src/compose/open.ts";
import { readRuleset } from "../../../../src/host/linux/inspect/read-ruleset.ts";
import { tracePacket } from "../../../../src/verify/nft/trace-packet.ts";

/** One flow to explain. */
export interface AskedCase {
  readonly pid: number;
  readonly destination: string;
  readonly port: number;
  readonly protocol: number;
}

/** The answer: agreement, and device and verdict by either side. */
export interface CaseAnswer {
  readonly disagreements: readonly string[];
  readonly declared: { readonly device: string; readonly verdict: string; readonly reason: string };
  readonly live: { readonly device: string; readonly verdict: string };
  readonly socketClass: number;
}

export type ScriptOrder = { readonly switches: readonly DeviceSwitch[] } | { readonly questions: readonly AskedCase[] };

const NO_POLICY = { steering: { rules: [], default: { kind: "direct" } }, layers: [] } as const;
/** Less than a switch of paths lasts without renewal. */
const RENEW_MS = 1000;

const parts = await openParts({
  host: { kind: "linux" },
  stateDir: process.argv[2] ?? "",
  allowInsecurePermissions: false,
  environment: {},
});
let switches: readonly DeviceSwitch[] = [];
setInterval(() => void renew(), RENEW_MS);

async function renew(): Promise<void> {
  if (switches.length > 0) await fallBackAccepted(parts, switches, true);
}

/** An object whose reads are made once: nothing changes between two questions. */
function remembering<T extends object>(target: T): T {
  const answers = new Map<string, unknown>();
  return new Proxy(target, {
    get(object, name) {
      const value = Reflect.get(object, name);
      if (typeof value !== "function") return value;
      return (...args: unknown[]) => {
        const key = `${String(name)} ${JSON.stringify(args)}`;
        if (!answers.has(key)) answers.set(key, Reflect.apply(value, object, args));
        return answers.get(key);
      };
    },
  });
}

function rememberingParts(): HostParts {
  const { host } = parts;
  const ports = Object.entries(host).map(([name, port]) => [
    name,
    typeof port === "object" && port !== null ? remembering(port) : port,
  ]);
  const [inspection, processes] = [parts.inspection?.(), parts.processes?.()];
  const ruleset = readRuleset(NO_POLICY);
  return {
    ...parts,
    host: { ...host, ...Object.fromEntries(ports) },
    stores: { ...parts.stores, generations: remembering(parts.stores.generations) },
    ...(inspection === undefined
      ? {}
      : { inspection: async () => ({ ...(await inspection), tracePacket: (point) => tracePacket(ruleset, point) }) }),
    ...(processes === undefined ? {} : { processes: async () => remembering(await processes) }),
  };
}

async function answersTo(questions: readonly AskedCase[]): Promise<readonly CaseAnswer[]> {
  const once = rememberingParts();
  const answers: CaseAnswer[] = [];
  for (const { pid, ...flow } of questions) {
    const { disagreements, declared, live } = await explainFlow(once, {
      ...flow,
      user: "0",
      resolves: false,
      program: { pid },
    });
    answers.push({
      disagreements,
      declared: { device: declared.device, verdict: declared.verdict, reason: declared.reason },
      live: { device: live.device, verdict: live.verdict },
      socketClass: declared.socketClass?.number ?? 0,
    });
  }
  return answers;
}

for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line) as ScriptOrder;
  if ("switches" in order) {
    switches = order.switches;
    await fallBackAccepted(parts, switches, false);
    process.stdout.write("[]\n");
  } else process.stdout.write(`${JSON.stringify(await answersTo(order.questions))}\n`);
}
process.exit(0);
