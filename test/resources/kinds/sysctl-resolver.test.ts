import { describe, expect, test } from "vitest";
import type { ResolverObserved, ResolverSpec } from "../../../src/model/resources/resolver.ts";
import type { SysctlSpec } from "../../../src/model/resources/sysctl.ts";
import { resolverDriver } from "../../../src/resources/resolver/resolver.driver.ts";
import { sysctlDriver } from "../../../src/resources/sysctl/sysctl.driver.ts";
import { capabilities, facts, fieldsOf, laptop, step } from "../sample.ts";

const ARP = "net.ipv4.conf.all.arp_ignore";
const FILTER = "net.ipv4.conf.all.rp_filter";
const SETTINGS: SysctlSpec = { values: { [ARP]: "1", [FILTER]: "2" } };

describe("kernel settings", () => {
  test("only wanted settings are compared, by name", () => {
    expect(sysctlDriver.diff(SETTINGS, { values: { [ARP]: "0", [FILTER]: "2", other: "7" } })).toEqual([
      { field: `/values/${ARP}`, before: "0", after: "1" },
    ]);
    expect(sysctlDriver.diff(SETTINGS, SETTINGS)).toEqual([]);
  });

  test("a setting that the kernel lacks differs, so that it is not believed to hold", () => {
    expect(fieldsOf(sysctlDriver.diff(SETTINGS, { values: { [ARP]: "1" } }))).toEqual([`/values/${FILTER}`]);
  });

  test("law 6: what is no longer wanted goes back to what was there first", () => {
    const original = { values: { [ARP]: "0", [FILTER]: "1" } };
    expect(sysctlDriver.restoring?.({ values: { [ARP]: "1" } }, original)).toEqual({
      values: { [ARP]: "1", [FILTER]: "1" },
    });
    expect(sysctlDriver.restoring?.(null, original)).toEqual(original);
    expect(sysctlDriver.restoring?.(null, null)).toBeNull();
    expect(sysctlDriver.restoring?.(SETTINGS, null)).toEqual(SETTINGS);
  });

  test("law 6: the first original is kept, however often a setting is changed afterwards", () => {
    const kept = { values: { [ARP]: "0" } };
    const before = { values: { [ARP]: "1", [FILTER]: "1" } };
    expect(sysctlDriver.remember?.(kept, before, SETTINGS)).toEqual({ values: { [ARP]: "0", [FILTER]: "1" } });
    expect(sysctlDriver.remember?.(null, before, { values: { [ARP]: "1" } })).toEqual({ values: { [ARP]: "1" } });
  });

  test("what was restored is no longer remembered", () => {
    const kept = { values: { [ARP]: "0", [FILTER]: "1" } };
    expect(sysctlDriver.remember?.(kept, null, { values: { [ARP]: "1" } })).toEqual({ values: { [ARP]: "0" } });
  });

  test("law 3: only what differs is written", async () => {
    const { machine, host } = laptop();
    const before = (await sysctlDriver.observe(host, new Map([["sysctl/machine", SETTINGS]]))).get("sysctl/machine");
    expect(before).toEqual({ values: { [ARP]: "0", [FILTER]: "0" } });
    await sysctlDriver.apply(host, [step("sysctl/machine", before ?? null, SETTINGS)]);
    expect(machine.live.sysctls).toMatchObject({ [ARP]: "1", [FILTER]: "2" });
    const writes = machine.writes.length;
    await sysctlDriver.apply(host, [step("sysctl/machine", before ?? null, SETTINGS)]);
    expect(machine.writes.length).toBe(writes);
  });

  test("law 6: a delete step writes the originals it carries, and passes over settings that went with their device", async () => {
    const { machine, host } = laptop();
    await sysctlDriver.apply(host, [step("sysctl/machine", null, SETTINGS)]);
    const originals = { values: { [ARP]: "0", [FILTER]: "0", "net.ipv4.conf.awg-gone.rp_filter": "1" } };
    await sysctlDriver.apply(host, [step("sysctl/machine", SETTINGS, originals, "delete")]);
    expect(machine.live.sysctls).toMatchObject({ [ARP]: "0", [FILTER]: "0" });
  });

  test("B8: an original that the kernel only says it took is an error: nothing reads it back later", async () => {
    const { machine, host } = laptop();
    await sysctlDriver.apply(host, [step("sysctl/machine", null, SETTINGS)]);
    machine.schedule([{ at: 1, fault: { kind: "ignored" } }]);
    const originals = { values: { [ARP]: "0", [FILTER]: "0" } };
    await expect(sysctlDriver.apply(host, [step("sysctl/machine", SETTINGS, originals, "delete")])).rejects.toThrow(
      `the kernel took 0 for ${ARP} and still has 1`,
    );
  });

  test("a setting that cannot be written is an error, not silence", async () => {
    const { host } = laptop();
    const missing = { values: { "net.ipv4.no_such_setting": "1" } };
    await expect(sysctlDriver.apply(host, [step("sysctl/machine", null, missing)])).rejects.toThrow("no_such_setting");
  });

  test("adopt, forget and a delete without originals touch nothing", async () => {
    const { machine, host } = laptop();
    await sysctlDriver.apply(host, [
      step("sysctl/machine", SETTINGS, SETTINGS, "adopt"),
      step("sysctl/machine", SETTINGS, null, "forget"),
      step("sysctl/machine", SETTINGS, null),
    ]);
    expect(machine.writes).toEqual([]);
  });
});

const RESOLVER: ResolverSpec = { method: "file", servers: ["10.8.0.1", "10.8.0.2"], search: [], device: "" };
const HOLDS: ResolverObserved = { ...RESOLVER, ownedByAwg: true };
const WANTED = new Map([["resolver/machine", RESOLVER]] as const);

describe("the system resolver", () => {
  test.each<[string, Partial<ResolverObserved>, string[]]>([
    ["nothing", {}, []],
    ["the order of servers", { servers: ["10.8.0.2", "10.8.0.1"] }, ["/servers"]],
    ["search domains", { search: ["lan"] }, ["/search"]],
    ["who wrote it", { ownedByAwg: false }, ["/ownedByAwg"]],
    ["the method", { method: "resolved" }, ["/method"]],
    ["no device: a file belongs to none", { device: "eth0" }, []],
  ])("differs in %s", (_name, observed, fields) => {
    expect(fieldsOf(resolverDriver.diff(RESOLVER, { ...HOLDS, ...observed }))).toEqual(fields);
  });

  test("the device counts where a link carries the servers", () => {
    const spec: ResolverSpec = { ...RESOLVER, method: "resolved", device: "awg-home" };
    expect(fieldsOf(resolverDriver.diff(spec, { ...spec, device: "eth0", ownedByAwg: true }))).toEqual(["/device"]);
    expect(resolverDriver.dependsOn?.(spec)).toEqual(["link/home"]);
    expect(resolverDriver.dependsOn?.(RESOLVER)).toEqual([]);
  });

  test("the machine's own resolver is nothing of ours, and no conflict", async () => {
    const { host } = laptop();
    const observed = (await resolverDriver.observe(host, WANTED)).get("resolver/machine");
    expect(observed?.ownedByAwg).toBe(false);
    expect(observed && resolverDriver.asSpec(observed)).toBeUndefined();
    expect(await resolverDriver.observe(host, new Map())).toEqual(new Map());
  });

  test("law 6: it is put back byte for byte, and twice is once", async () => {
    const { machine, host } = laptop((state) => {
      state.resolver.text = "# by hand\nsearch lan\nnameserver 192.168.1.1\n";
    });
    const original = machine.live.resolver.text;
    await resolverDriver.apply(host, [step("resolver/machine", null, RESOLVER)]);
    const observed = (await resolverDriver.observe(host, new Map())).get("resolver/machine");
    expect(observed && resolverDriver.diff(RESOLVER, observed)).toEqual([]);
    expect(observed && resolverDriver.asSpec(observed)).toEqual(RESOLVER);
    for (let times = 0; times < 2; times++) {
      await resolverDriver.apply(host, [step("resolver/machine", RESOLVER, null)]);
      expect(machine.live.resolver.text).toBe(original);
    }
  });

  test("adopt and forget touch nothing", async () => {
    const { machine, host } = laptop();
    await resolverDriver.apply(host, [
      step("resolver/machine", RESOLVER, RESOLVER, "adopt"),
      step("resolver/machine", RESOLVER, null, "forget"),
    ]);
    expect(machine.writes).toEqual([]);
  });

  test("law 9: programs may ask others, so it is best effort", () => {
    const able = facts().capabilities;
    expect(resolverDriver.enforcement?.(RESOLVER, able)).toBe("best-effort");
    expect(resolverDriver.enforcement?.({ ...RESOLVER, method: "resolved" }, able)).toBe("unsupported");
    const resolved = facts(capabilities({ resolved: true })).capabilities;
    expect(resolverDriver.enforcement?.({ ...RESOLVER, method: "resolved" }, resolved)).toBe("best-effort");
  });
});
