import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parse } from "yaml";

interface Step {
  readonly run?: string;
  readonly if?: string;
}
interface Workflow {
  readonly on: {
    readonly workflow_dispatch: { readonly inputs: Readonly<Record<string, { readonly default: unknown }>> };
  };
  readonly jobs: Readonly<
    Record<
      string,
      { readonly strategy?: { readonly matrix: { readonly os: readonly string[] } }; readonly steps: readonly Step[] }
    >
  >;
}

const { on, jobs } = parse(readFileSync(".github/workflows/ci.yml", "utf8")) as Workflow;
const steps = Object.values(jobs).flatMap((job) => job.steps);

test("the contract runs on real Macs of both kinds", () => {
  const job = jobs["macos-contract"];
  expect(job?.strategy?.matrix.os.filter((name) => name.startsWith("macos-")).length).toBeGreaterThanOrEqual(3);
  expect(job?.strategy?.matrix.os.some((name) => name.endsWith("-intel"))).toBe(true);
  expect(job?.steps.filter(({ run }) => run?.includes("test/contract/host.macos.test.ts"))).toHaveLength(2);
});

test("what changes a runner's network is started by hand, with a flag that is off by itself", () => {
  const destructive = steps.filter(({ run }) => run?.includes("AWG_CONTRACT_DESTRUCTIVE"));
  expect(destructive.map((step) => step.if)).toEqual([
    "github.event_name == 'workflow_dispatch' && inputs.destructive",
  ]);
  expect(on.workflow_dispatch.inputs["destructive"]?.default).toBe(false);
});

test("packages come by the project's own installer: npm ci refuses a lock file without other systems' packages", () => {
  expect(steps.filter(({ run }) => /\bnpm ci\b|\bnpx\b/.test(run ?? ""))).toEqual([]);
});
