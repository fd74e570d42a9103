import { describe, expect, test } from "vitest";
import type { ResolverSpec } from "../../../src/model/resources/resolver.ts";
import { resolverDriver } from "../../../src/resources/resolver/resolver.driver.ts";
import { expandText, fieldsOf, laptop, resourceOf, step } from "../sample.ts";

const TUNNEL = `tunnels:
  a: { protocol: wireguard, privateKey: { file: /k }, addresses: [10.8.0.2/32], peers: [{ publicKey: "FlvAqMEDgE1D9nFQZpiqwXXMClm0Wc/Ga1r7TzmoGkk=", allowedIPs: [0.0.0.0/0] }] }
default: { via: a }
killSwitch: { enabled: true }
`;
const config = (dns: string) => `${TUNNEL}dns: { via: a, split: { corp.example: [10.0.0.53] }${dns} }\n`;
const MAC = { os: "darwin", resolver: "dynamic-store" } as const;
const SPEC: ResolverSpec = {
  method: "dynamic-store",
  servers: ["10.8.0.1"],
  search: [],
  device: "",
  split: { "corp.example": ["10.0.0.53"] },
};

describe("servers of single domains", () => {
  test("are the resolver's and the packet filter's where the machine has such a resolver", () => {
    const expansion = expandText(config(", servers: [10.8.0.1]"), MAC);
    expect(expansion.unsupported.map(({ path }) => path)).not.toContain("dns.split");
    expect(resourceOf(expansion, "resolver/machine").spec).toEqual(SPEC);
    const [layer] = resourceOf(expansion, "firewall/machine").spec.layers;
    expect(layer?.dns?.servers).toEqual(["10.8.0.1", "10.0.0.53"]);
  });

  test("are enough by themselves: all other names are the system's", () => {
    expect(resourceOf(expandText(config(""), MAC), "resolver/machine").spec).toEqual({ ...SPEC, servers: [] });
  });

  test("law 9: are refused where they cannot be had", () => {
    expect(expandText(config("")).unsupported.map(({ path }) => path)).toContain("dns.split");
  });

  test("differ whoever changed them, are set and put back", async () => {
    const { host } = laptop((state) => (state.resolver.method = "dynamic-store"));
    const read = () => host.resolver.read();
    expect(fieldsOf(resolverDriver.diff(SPEC, await read()))).toContain("/split");
    await resolverDriver.apply(host, [step("resolver/machine", null, SPEC)]);
    expect(resolverDriver.diff(SPEC, await read())).toEqual([]);
    expect(fieldsOf(resolverDriver.diff({ ...SPEC, split: { "corp.example": ["10.0.0.54"] } }, await read()))).toEqual([
      "/split",
    ]);
    await resolverDriver.apply(host, [step("resolver/machine", SPEC, null)]);
    expect(await read()).toMatchObject({ method: "dynamic-store", ownedByAwg: false });
  });
});
