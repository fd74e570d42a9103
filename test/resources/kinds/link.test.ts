import { describe, expect, test } from "vitest";
import { simulatedLink } from "../../../src/host/simulated/machine-state.ts";
import type { LinkObserved, LinkSpec } from "../../../src/model/spec/link.ts";
import { linkDriver } from "../../../src/resources/link/link.driver.ts";
import { capabilities, facts, fieldsOf, laptop, step } from "../sample.ts";

const SPEC: LinkSpec = {
  device: "awg-office",
  type: "tun",
  addresses: ["10.8.0.2/32", "fd00:8::2/128"],
  mtuBytes: 1420,
  tunnel: "office",
};
const OBSERVED: LinkObserved = { ...SPEC, index: 7, up: true, held: true };
const WANTED = new Map([["link/office", SPEC]] as const);

describe("what differs in a device", () => {
  test.each<[string, Partial<LinkObserved>, string[]]>([
    ["nothing", {}, []],
    ["its order of addresses", { addresses: ["fd00:8::2/128", "10.8.0.2/32"] }, []],
    ["an address of the kernel's own", { addresses: [...SPEC.addresses, "fe80::a1/64"] }, []],
    ["a link-local address by another first group", { addresses: [...SPEC.addresses, "febf::1/64"] }, []],
    ["a missing address", { addresses: ["10.8.0.2/32"] }, ["/addresses"]],
    ["an address too many", { addresses: [...SPEC.addresses, "10.9.0.1/24"] }, ["/addresses"]],
    ["the mtu", { mtuBytes: 1280 }, ["/mtuBytes"]],
    ["that it is down", { up: false }, ["/up"]],
    ["that nobody holds it", { held: false }, ["/held"]],
    ["the alias", { tunnel: undefined }, ["/tunnel"]],
    ["the type", { type: "wireguard" }, ["/type"]],
    ["the name", { device: "awg-old" }, ["/device"]],
  ])("%s", (_name, observed, fields) => {
    expect(fieldsOf(linkDriver.diff(SPEC, { ...OBSERVED, ...observed }))).toEqual(fields);
  });

  test("a link-local address that is wanted counts", () => {
    const spec = { ...SPEC, addresses: ["fe80::7/64"] };
    expect(linkDriver.diff(spec, { ...OBSERVED, addresses: ["fe80::7/64", "fe80::1/64"] })).toEqual([]);
    expect(fieldsOf(linkDriver.diff(spec, { ...OBSERVED, addresses: [] }))).toEqual(["/addresses"]);
  });

  test("a device of another type or name has to be made anew", () => {
    expect(linkDriver.needsReplace?.([{ field: "/type" }])).toBe(true);
    expect(linkDriver.needsReplace?.([{ field: "/device" }])).toBe(true);
    expect(linkDriver.needsReplace?.([{ field: "/mtuBytes" }, { field: "/addresses" }])).toBe(false);
  });

  test("it can be put back as it was found, without what the kernel gave it", () => {
    const found = { ...OBSERVED, addresses: [...SPEC.addresses, "fe80::a1/64"] };
    expect(linkDriver.asSpec(found)).toEqual(SPEC);
  });

  test("law 9: without TUN devices there is no such link", () => {
    expect(linkDriver.enforcement?.(SPEC, facts().capabilities)).toBe("enforced");
    const closed = facts(capabilities({ tun: false })).capabilities;
    expect(linkDriver.enforcement?.(SPEC, closed)).toBe("unsupported");
    expect(linkDriver.enforcement?.({ ...SPEC, type: "wireguard" }, closed)).toBe("unsupported");
  });
});

describe("devices on a machine", () => {
  test("one that is not there is not observed", async () => {
    expect(await linkDriver.observe(laptop().host, WANTED)).toEqual(new Map());
  });

  test("law 6: a foreign device in the wanted place is seen, and seen not to be ours", async () => {
    const { host } = laptop((state) =>
      state.links.push(
        simulatedLink({ device: "awg-office", index: 9, medium: "tunnel", mtuBytes: 1500, addresses: [] }),
      ),
    );
    const observed = (await linkDriver.observe(host, WANTED)).get("link/office");
    expect(observed).toBeDefined();
    expect(observed && linkDriver.isOwned(observed)).toBe(false);
  });

  test("create, read back, create again: the same, and law 3: without a write", async () => {
    const { machine, host } = laptop();
    await linkDriver.apply(host, [step("link/office", null, SPEC)]);
    const observed = (await linkDriver.observe(host, WANTED)).get("link/office");
    expect(observed && linkDriver.diff(SPEC, observed)).toEqual([]);
    const writes = machine.writes.length;
    await linkDriver.apply(host, [step("link/office", null, SPEC)]);
    expect(machine.writes.length).toBe(writes);
  });

  test("a device left behind is found by its alias, also a second one of the same tunnel", async () => {
    const { host } = laptop();
    await linkDriver.apply(host, [step("link/office", null, SPEC)]);
    await linkDriver.apply(host, [step("link/office", null, { ...SPEC, device: "awg-left", addresses: [] })]);
    expect([...(await linkDriver.observe(host, new Map())).keys()]).toHaveLength(2);
    expect([...(await linkDriver.observe(host, WANTED)).keys()]).toEqual(["link/office", "link/office@awg-left"]);
  });

  test("update changes what differs, replace makes it anew, delete removes it and is repeatable", async () => {
    const { machine, host } = laptop();
    const narrow = { ...SPEC, mtuBytes: 1300, addresses: ["10.8.0.3/32"] };
    await linkDriver.apply(host, [step("link/office", null, SPEC)]);
    await linkDriver.apply(host, [step("link/office", SPEC, narrow)]);
    expect(machine.link("awg-office")).toMatchObject({ mtuBytes: 1300, addresses: ["10.8.0.3/32"] });
    const index = machine.link("awg-office")?.index;
    await linkDriver.apply(host, [step("link/office", narrow, SPEC, "replace")]);
    expect(machine.link("awg-office")?.index).not.toBe(undefined);
    expect(machine.writes.filter((name) => name === "link.create")).toHaveLength(2);
    expect(index).toBeDefined();
    for (let times = 0; times < 2; times++) await linkDriver.apply(host, [step("link/office", SPEC, null)]);
    expect(machine.link("awg-office")).toBeUndefined();
  });

  test("adopt and forget touch nothing", async () => {
    const { machine, host } = laptop();
    await linkDriver.apply(host, [step("link/office", SPEC, SPEC, "adopt"), step("link/office", SPEC, null, "forget")]);
    expect(machine.writes).toEqual([]);
  });
});
