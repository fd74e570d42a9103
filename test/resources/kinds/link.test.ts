import { describe, expect, test } from "vitest";
import { simulatedLink } from "../../../src/host/simulated/machine-state.ts";
import type { LinkObserved, LinkSpec } from "../../../src/model/resources/link.ts";
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

  test("a device of another type or name has to be made again", () => {
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

  test("update changes what differs, replace makes it again, delete removes it and is repeatable", async () => {
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

describe("a device that another program made", () => {
  const WISHED: LinkSpec = { ...SPEC, device: "wg0", adopt: true };
  const HELD = { program: "wireguard-go", pid: 7, isEngine: true };
  const LEFT = { kind: "rule", text: "ip -4 rule 32765: not from all fwmark 0xca6c lookup 51820", form: "{}" } as const;
  const FOREIGN: LinkObserved = { ...OBSERVED, device: "wg0", tunnel: undefined, held: false, holder: HELD };

  test("law 6: may be taken over only where the config says so, it is a TUN device, and an engine holds it", () => {
    expect(linkDriver.mayAdopt?.(WISHED, FOREIGN)).toBe(true);
    expect(linkDriver.mayAdopt?.({ ...SPEC, device: "wg0" }, FOREIGN)).toBe(false);
    expect(linkDriver.mayAdopt?.(WISHED, { ...FOREIGN, type: "wireguard" })).toBe(false);
    expect(linkDriver.mayAdopt?.(WISHED, { ...FOREIGN, holder: { ...HELD, isEngine: false } })).toBe(false);
    const { holder: _holder, ...alone } = FOREIGN;
    expect(linkDriver.mayAdopt?.(WISHED, alone)).toBe(false);
  });

  test("as a spec it has no owner, and differs in nothing from what it was", () => {
    const spec = linkDriver.asSpec({ ...FOREIGN, leftovers: [LEFT] });
    expect(spec).toMatchObject({ tunnel: "", leftovers: [LEFT] });
    expect(spec && linkDriver.diff(spec, { ...FOREIGN, leftovers: [LEFT] })).toEqual([]);
    expect(spec && fieldsOf(linkDriver.diff(spec, FOREIGN))).toEqual(["/leftovers"]);
  });

  test("what is left around it is a difference once it is ours", () => {
    const { holder: _holder, ...taken } = { ...FOREIGN, tunnel: "office", held: true };
    expect(linkDriver.diff(WISHED, taken)).toEqual([]);
    expect(fieldsOf(linkDriver.diff(WISHED, { ...taken, leftovers: [LEFT] }))).toEqual(["/leftovers"]);
  });

  test("adopting takes over, forgetting gives back; leftovers go, and come back, by a step of their own", async () => {
    const calls: unknown[] = [];
    const note =
      (name: string) =>
      async (...args: unknown[]) =>
        void calls.push([name, ...args]);
    const links = {
      adopt: note("adopt"),
      release: note("release"),
      changeLeftovers: note("leftovers"),
      ensure: note("ensure"),
    };
    const host = { links } as unknown as Parameters<typeof linkDriver.apply>[0];
    const foreign = { ...WISHED, tunnel: "", leftovers: [LEFT] };
    const changes = [{ field: "/tunnel" }];
    await linkDriver.apply(host, [
      { ...step("link/office", foreign, { ...WISHED, leftovers: [LEFT] }, "adopt"), changes },
      step("link/office", { ...WISHED, leftovers: [LEFT] }, WISHED),
      step("link/office", WISHED, { ...WISHED, leftovers: [LEFT] }),
      { ...step("link/office", { ...WISHED, leftovers: [LEFT] }, foreign, "forget"), changes },
    ]);
    expect(calls).toEqual([
      ["adopt", { ...WISHED, leftovers: [LEFT] }],
      ["ensure", WISHED],
      ["leftovers", "wg0", { back: [], away: [LEFT] }],
      ["ensure", { ...WISHED, leftovers: [LEFT] }],
      ["leftovers", "wg0", { back: [LEFT], away: [] }],
      ["release", foreign],
    ]);
  });
});
