import { describe, expect, test } from "vitest";
import { stepTexts, useSimulatedBench } from "../../compose/simulated-bench.ts";

const machine = useSimulatedBench();

describe("a part of a plan", () => {
  test("only what is targeted changes; the rest stays as accepted and is still said by the next plan", async () => {
    const bench = machine();
    await bench.apply(bench.config({ office: {}, lab: {} }));
    const wanted = bench.config({ office: { mtu: 1380 }, lab: { mtu: 1380 } });
    expect(stepTexts(await bench.plan(wanted, { target: ["lab"] }))).toEqual(["update link/lab"]);
    expect(stepTexts(await bench.plan(wanted, { exclude: ["link/lab"] }))).toEqual(["update link/office"]);
    await bench.apply(wanted, { target: ["lab"] });
    expect(stepTexts(await bench.plan(wanted))).toEqual(["update link/office"]);
    expect((await bench.ask((session) => session.drift())).drifts).toEqual([]);
  });

  test("law 1: on a bare machine one tunnel brings the packet filter and every table along", async () => {
    const bench = machine();
    const planned = await bench.plan(bench.config({ office: {}, lab: {} }), { target: ["lab"] });
    const steps = stepTexts(planned);
    for (const needed of ["firewall/machine", "routes/policy", "routes/office", "link/office", "routes/lab"])
      expect(steps).toContain(`create ${needed}`);
    expect(steps).not.toContain("create tunnel/office");
    expect(planned.notes.map(({ path }) => path)).toContain("routes/office");
  });

  test("law 1: the packet filter cannot be left out of what needs it", async () => {
    const bench = machine();
    const wanted = bench.config({ office: {} });
    for (const exclude of ["firewall/machine", "routes/policy", "sysctl/machine"]) {
      await expect(bench.plan(wanted, { exclude: [exclude] })).rejects.toMatchObject({ kind: "usage" });
    }
    await bench.apply(wanted);
    const moved = bench.config({ office: { port: 51821 } });
    await expect(bench.plan(moved, { exclude: ["firewall/machine"] })).rejects.toThrow("firewall/machine");
    await bench.apply(bench.config({ office: {}, lab: {} }));
    const both = bench.config({ office: { port: 51821 }, lab: { port: 51821 } });
    await expect(bench.plan(both, { exclude: ["office"] })).rejects.toThrow("its own endpoints");
  });

  test("a removed tunnel goes whole, and the policy first stops leading into it", async () => {
    const bench = machine();
    await bench.apply(bench.config({ office: {}, lab: {} }));
    const steps = stepTexts(await bench.plan(bench.config({ office: {} }), { target: ["link/lab"] }));
    for (const gone of ["link/lab", "tunnel/lab", "routes/lab"]) expect(steps).toContain(`delete ${gone}`);
    expect(steps.some((step) => step.endsWith("routes/policy"))).toBe(true);
    await expect(bench.plan(bench.config({ office: {} }), { exclude: ["tunnel/lab"] })).rejects.toThrow("tunnel/lab");
  });

  test("replace makes an engine or a device again, and nothing else", async () => {
    const bench = machine();
    const text = bench.config({ office: {} });
    await bench.apply(text);
    expect(stepTexts(await bench.plan(text, { replace: ["office"] }))).toEqual(["replace tunnel/office"]);
    expect(stepTexts(await bench.plan(text, { replace: ["link/office"] }))).toContain("replace link/office");
    const { notes } = await bench.plan(text, { replace: ["link/office"] });
    expect(notes.map(({ path, message }) => `${path}: ${message}`)).toContain(
      "tunnel/office: taken too: it runs on link/office, which will be recreated",
    );
    for (const exclude of ["tunnel/office", "link/office"])
      await expect(bench.plan(text, { replace: ["link/office"], exclude: [exclude] })).rejects.toThrow(exclude);
    expect((await bench.apply(text, { replace: ["link/office"] })).changed).toBe(true);
    expect(stepTexts(await bench.plan(text))).toEqual([]);
    await expect(bench.plan(text, { replace: ["firewall/machine"] })).rejects.toMatchObject({ kind: "usage" });
  });

  test("a word that names nothing is refused with what there is", async () => {
    const bench = machine();
    await expect(bench.plan(bench.config({ office: {} }), { target: ["offise"] })).rejects.toThrow("offise");
  });
});
