import { describe, expect, test } from "vitest";
import type { ProgressEvent } from "../../../src/app/apply/applied.ts";
import { createProbeRunner } from "../../../src/app/apply/probe-runner.ts";
import { simulatedParts } from "../../../src/compose/simulated-parts.ts";
import type { ProbeResult } from "../../../src/model/resources/probe.ts";
import type { SimulatedBench } from "../../compose/simulated-bench.ts";
import { useSimulatedBench } from "../../compose/simulated-bench.ts";

const machine = useSimulatedBench();

const probe = (fields: string): string => `probes: [{ name: web, type: tcp, target: "198.51.100.7:443", ${fields} }]`;
/** The policy lets out nothing to this port, whatever the tunnel does. */
const withoutWeb = `rules: [{ destinations: [198.51.100.7], ports: [443], protocol: tcp, via: block }]\n`;

async function applied(bench: SimulatedBench, text: string) {
  const events: ProgressEvent[] = [];
  const outcome = bench.ask(async (session) => {
    const loaded = await session.load([{ name: "awg.yaml", text, mode: 0o600 }]);
    const planned = await session.plan(loaded);
    return session.apply(planned, { onEvent: (event) => events.push(event), shouldStop: () => undefined });
  });
  const said = await outcome.then(
    ({ generation }) => `generation ${generation}`,
    (error: { kind: string; message: string }) => `${error.kind}: ${error.message}`,
  );
  return { said, probes: events.flatMap((event) => (event.type === "probe" ? [event.result.passed] : [])) };
}

/** The tunnel's engine as after a handshake, or as before one. */
function handshakes(bench: SimulatedBench, seconds: number): void {
  bench.meddle((text) => text.replaceAll(/"lastHandshakeSeconds": ?\d+/g, `"lastHandshakeSeconds": ${seconds}`));
}

describe("probes around an apply", () => {
  test("law 5: a required probe that fails puts the old state back, exactly", async () => {
    const bench = machine();
    await bench.apply(bench.config({ office: {} }));
    handshakes(bench, 1000);
    const before = bench.read();
    const { said, probes } = await applied(
      bench,
      bench.config({ office: { mtu: 1380 } }, withoutWeb + probe("required: true")),
    );
    expect(said).toMatch(/^verification: .*probe web failed: firewall: /);
    expect(probes).toEqual([false]);
    expect(bench.read()).toBe(before);
  });

  test("a required probe that passes lets the new state be accepted, and it stays with the generation", async () => {
    const bench = machine();
    await bench.apply(bench.config({ office: {} }));
    handshakes(bench, 1000);
    const { said, probes } = await applied(bench, bench.config({ office: { mtu: 1380 } }, probe("required: true")));
    expect([said, probes]).toEqual(["generation 2", [true]]);
    const history = await bench.ask((session) => session.history());
    expect(history).toHaveLength(2);
    const again = await applied(bench, bench.config({ office: { mtu: 1380 } }, probe("required: true")));
    expect([again.said, again.probes]).toEqual(["generation 2", []]);
  });

  test.each([
    [1000, "probe web failed, which passed before: no answer in 1 s"],
    [0, undefined],
  ])(
    "one that passed before and whose flow is granted counts, if its tunnel shook hands (%i)",
    async (seconds, failure) => {
      const bench = machine();
      await bench.apply(bench.config({ office: {} }));
      if (seconds > 0) handshakes(bench, seconds);
      const { plan, desired } = await bench.plan(bench.config({ office: { mtu: 1380 } }, probe("timeout: 1s")));
      const host = { kind: "simulated", file: bench.file } as const;
      const parts = simulatedParts({ host, allowInsecurePermissions: false, environment: {} });
      const answers: ProbeResult[] = [
        { passed: true, detail: "answered" },
        { passed: false, detail: "no answer in 1 s" },
      ];
      const probes = { run: async () => answers.shift() ?? { passed: false, detail: "asked too often" } };
      const armed = await createProbeRunner(
        { ...parts, host: { ...parts.host, probes } },
        desired.probes ?? [],
        plan,
        () => {},
      );
      expect(await armed.probe?.()).toBe(failure);
    },
  );

  test("one that the new policy blocks does not count", async () => {
    const bench = machine();
    await bench.apply(bench.config({ office: {} }));
    handshakes(bench, 1000);
    const { said, probes } = await applied(
      bench,
      bench.config({ office: { mtu: 1380 } }, withoutWeb + probe("timeout: 1s")),
    );
    expect([said, probes]).toEqual(["generation 2", [false]]);
  });

  test("law 1: a tunnel without a handshake never leads back to open", async () => {
    const bench = machine();
    const { said, probes } = await applied(bench, bench.config({ office: {} }, probe("timeout: 1s")));
    expect([said, probes]).toEqual(["generation 1", [false]]);
    expect(bench.read()).toContain("awg-office");
  });
});
