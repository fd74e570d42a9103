import { describe, expect, test } from "vitest";
import { stepTexts, useSimulatedBench } from "../../compose/simulated-bench.ts";

const machine = useSimulatedBench();
const shrink = (text: string): string => text.replaceAll(/"mtuBytes": ?1400/g, '"mtuBytes":1300');

describe("drift", () => {
  test("law 2: what only the config changed is no drift; what the machine changed is, from the accepted value", async () => {
    const bench = machine();
    await bench.apply(bench.config({ office: {} }));
    const before = bench.read();
    expect((await bench.ask((session) => session.drift())).drifts).toEqual([]);
    const planned = await bench.plan(bench.config({ office: { mtu: 1380, port: 51821 } }));
    expect(JSON.stringify(planned.plan)).not.toContain('"drift":true');
    expect((await bench.ask((session) => session.drift())).drifts).toEqual([]);
    expect(bench.read()).toBe(before);
    bench.meddle(shrink);
    expect((await bench.ask((session) => session.drift())).drifts).toEqual([
      {
        key: "link/office",
        kind: "link",
        change: "changed",
        cause: "unknown",
        fields: [{ field: "/mtuBytes", before: 1400, after: 1300 }],
      },
    ]);
  });

  test("a plan marks the fields that the machine changed, and only them", async () => {
    const bench = machine();
    await bench.apply(bench.config({ office: {} }));
    bench.meddle(shrink);
    const { plan } = await bench.plan(bench.config({ work: {} }, "moved: [{ from: tunnel/office, to: tunnel/work }]"));
    const changes = plan.batches.flatMap(({ steps }) => steps.flatMap((step) => step.changes));
    expect(changes.map(({ field, drift }) => [field, drift === true])).toEqual([
      ["/tunnel", false],
      ["/mtuBytes", true],
    ]);
  });

  test("a device that is gone takes along what was on it, and that is the cause reported", async () => {
    const bench = machine();
    await bench.apply(bench.config({ office: {} }));
    await bench.ask(async (session) => session.status());
    bench.meddle((text) => {
      const state = JSON.parse(text);
      const isOffice = ({ device }: { device?: string }): boolean => device === "awg-office";
      for (const part of ["links", "routes", "engines"]) {
        if (Array.isArray(state[part])) state[part] = state[part].filter((one: { device?: string }) => !isOffice(one));
      }
      return JSON.stringify(state);
    });
    const { drifts } = await bench.ask((session) => session.drift());
    expect(drifts.map(({ key, change }) => `${key} ${change}`)).toContain("link/office gone");
    expect(drifts.find(({ key }) => key === "routes/office")?.cause).toBe("link-gone");
  });
});

describe("ignore", () => {
  const ignoring = "lifecycle: { ignore: [/link/office/mtuBytes] }";

  test("an ignored field is neither drift nor repaired, also by a step for another field", async () => {
    const bench = machine();
    await bench.apply(bench.config({ office: {} }, ignoring));
    bench.meddle(shrink);
    expect((await bench.ask((session) => session.drift())).drifts).toEqual([]);
    const status = await bench.ask((session) => session.status());
    expect(status.conditions.find(({ type }) => type === "Drifted")?.status).toBe(false);
    expect(stepTexts(await bench.plan(bench.config({ office: {} }, ignoring)))).toEqual([]);
    const other = bench.config({ office: {} }, ignoring).replace("10.9.0.2/32", "10.9.0.3/32");
    expect(stepTexts(await bench.plan(other))).toContain("update link/office");
    await bench.apply(other);
    expect(bench.read()).toContain("10.9.0.3/32");
    expect(bench.read()).toMatch(/"mtuBytes": ?1300/);
    await bench.apply(bench.config({ office: {} }));
    expect(bench.read()).not.toMatch(/"mtuBytes": ?1300/);
  });

  test("law 1: the packet filter cannot be left to others", async () => {
    const bench = machine();
    const text = bench.config({ office: {} }, "lifecycle: { ignore: [/firewall/machine/layers] }");
    await expect(bench.plan(text)).rejects.toThrow("ignore-pointer");
  });
});

describe("protect and retain", () => {
  const protecting = "lifecycle: { protect: [tunnel/office] }";

  test("what is protected is neither destroyed nor replaced, until an apply lifted it", async () => {
    const bench = machine();
    await bench.apply(bench.config({ lab: {}, office: {} }, protecting));
    const before = bench.read();
    for (const refused of [
      bench.destroy(),
      bench.apply(bench.config({ lab: {} })),
      bench.plan(bench.config({ lab: {}, office: {} }), { replace: ["office"] }),
    ])
      await expect(refused).rejects.toMatchObject({ kind: "config", facts: { protected: ["tunnel/office"] } });
    expect(bench.read()).toBe(before);
    await bench.apply(bench.config({ lab: {}, office: {} }));
    await bench.destroy();
  });

  test("a new name for what is protected takes the protection along, or is refused", async () => {
    const bench = machine();
    const moved = "moved: [{ from: tunnel/office, to: tunnel/work }]";
    await bench.apply(bench.config({ office: {} }));
    await bench.apply(bench.config({ work: {} }, `${moved}\nlifecycle: { protect: [tunnel/work] }`));
    for (const refused of [
      () => bench.apply(bench.config({ office: {} })),
      () => bench.rollback(1),
      () =>
        bench.plan(bench.config({ home: {} }, "moved: [{ from: tunnel/work, to: tunnel/home }]"), {
          replace: ["tunnel/home"],
        }),
    ])
      await expect(refused()).rejects.toMatchObject({ kind: "config", facts: { protected: ["tunnel/work"] } });
    await bench.apply(bench.config({ office: {} }, protecting));
    await expect(bench.destroy()).rejects.toMatchObject({ facts: { protected: ["tunnel/office"] } });
  });

  test("what is retained stays when it is no longer wanted, also after destroy, and goes when it is named no more", async () => {
    const bench = machine();
    const retaining = "lifecycle: { retain: [link/office, tunnel/office] }";
    await bench.apply(bench.config({ lab: {}, office: {} }, retaining));
    const planned = await bench.plan(bench.config({ lab: {} }, retaining));
    expect(stepTexts(planned)).toEqual(expect.arrayContaining(["forget link/office", "forget tunnel/office"]));
    const engines = (): unknown =>
      JSON.parse(bench.read()).engines.filter(({ device }: { device: string }) => device === "awg-office");
    const running = engines();
    await bench.apply(bench.config({ lab: {} }, retaining));
    expect(bench.read()).toContain("awg:office");
    expect(running).toHaveLength(1);
    expect(engines()).toEqual(running);
    expect(stepTexts(await bench.plan(bench.config({ lab: {} }, retaining)))).toEqual([]);
    expect((await bench.ask((session) => session.drift())).drifts).toEqual([]);
    await bench.destroy();
    expect(bench.read()).toContain("awg:office");
    expect(engines()).toEqual(running);
    expect(bench.read()).not.toContain("awg:lab");
    await bench.apply(bench.config({}));
    expect(bench.read()).not.toContain("awg:office");
  });
});

describe("what is retained and not chosen", () => {
  const retaining = "lifecycle: { retain: [link/office, tunnel/office] }";

  test("stays, though the config asks for it again", async () => {
    const bench = machine();
    await bench.apply(bench.config({ lab: {}, office: {} }, retaining));
    await bench.apply(bench.config({ lab: {} }, retaining));
    const both = bench.config({ lab: {}, office: {} });
    expect(stepTexts(await bench.plan(both, { target: ["lab"] }))).toEqual([]);
    expect(stepTexts(await bench.plan(bench.config({ lab: {} }), { exclude: ["office"] }))).toEqual([]);
    await bench.apply(both, { target: ["lab"] });
    expect(bench.read()).toContain("awg:office");
    expect(stepTexts(await bench.plan(bench.config({ lab: {} }))).join()).toContain("delete link/office");
    await expect(bench.plan(both, { target: ["lab"], exclude: ["lab"] })).rejects.toMatchObject({ kind: "usage" });
  });

  test("under a new name is known by it, though its device has the old one", async () => {
    const bench = machine();
    await bench.apply(bench.config({ lab: {}, office: {} }));
    const moved = "moved: [{ from: tunnel/office, to: tunnel/work }]";
    await bench.apply(bench.config({ lab: {}, work: {} }, moved));
    const kept = bench.config({ lab: {} }, "lifecycle: { retain: [link/work, tunnel/work] }");
    await bench.apply(kept);
    expect(bench.read()).toContain("awg:work");
    expect(stepTexts(await bench.plan(kept))).toEqual([]);
    await bench.apply(bench.config({ lab: {} }));
    expect(bench.read()).not.toContain("awg-office");
  });
});

describe("moved", () => {
  test("a tunnel with a new name keeps device, table and engine; only its mark is written, and the entry may go", async () => {
    const bench = machine();
    await bench.apply(bench.config({ office: {} }));
    const moved = "moved: [{ from: tunnel/office, to: tunnel/work }]";
    expect(stepTexts(await bench.plan(bench.config({ work: {} }, moved)))).toEqual(["update link/work"]);
    await bench.apply(bench.config({ work: {} }, moved));
    expect(stepTexts(await bench.plan(bench.config({ work: {} }, moved)))).toEqual([]);
    expect(stepTexts(await bench.plan(bench.config({ work: {} })))).toEqual([]);
    expect(await bench.ask((session) => session.compare(1, 2))).toEqual([
      expect.objectContaining({ key: "link/work", changes: [{ field: "/tunnel", before: "office", after: "work" }] }),
    ]);
    await bench.rollback(1);
    expect(bench.read()).toContain("awg:office");
    await bench.destroy();
    expect(bench.read()).not.toContain("awg-office");
  });

  test("while the device is kept no other tunnel can take the old name, and that is said", async () => {
    const bench = machine();
    await bench.apply(bench.config({ office: {} }));
    await bench.apply(bench.config({ work: {} }, "moved: [{ from: tunnel/office, to: tunnel/work }]"));
    await expect(bench.plan(bench.config({ work: {}, office: {} }))).rejects.toMatchObject({ kind: "unsupported" });
    await bench.destroy();
    await bench.apply(bench.config({ work: {}, office: {} }));
    expect(bench.read()).toContain("awg-work");
  });
});
