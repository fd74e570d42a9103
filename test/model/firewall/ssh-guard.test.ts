import { describe, expect, test } from "vitest";
import { whySshIsCut, whySshIsUnheard } from "../../../src/model/firewall/ssh-guard.ts";
import { parseSshConnection, type SshConnection } from "../../../src/model/ssh-connection.ts";
import { LAPTOP, policyOf } from "./policies.ts";

const connection = (text: string): SshConnection => {
  const parsed = parseSshConnection(text);
  if (parsed === undefined) throw new Error(`${text} is no connection`);
  return parsed;
};

const strict = policyOf({ allow: [] });
const onPort22 = connection("198.51.100.7 50001 203.0.113.1 22");
const onPort2222 = connection("198.51.100.7 50001 203.0.113.1 2222");

describe("the SSH guard", () => {
  test("a kill switch without an exception cuts it, and says by which paragraph", () => {
    expect(whySshIsCut(strict, onPort22, { device: "eth0" })).toMatch(/^S\d/);
  });

  test("an exception for its port lets it live, and only its port", () => {
    expect(whySshIsCut(LAPTOP, onPort22, { device: "eth0" })).toBeUndefined();
    expect(whySshIsCut(LAPTOP, onPort2222, { device: "eth0" })).toMatch(/^S\d/);
  });

  test("on the LAN it lives where the LAN is allowed", () => {
    const lan = connection("192.168.7.9 50001 192.168.7.1 2222");
    expect(whySshIsCut(LAPTOP, lan, { device: "eth0" })).toBeUndefined();
    expect(whySshIsCut(strict, lan, { device: "eth0" })).toMatch(/^S\d/);
  });

  test("S4.6: a private client behind a router is not on the LAN", () => {
    const office = connection("192.168.7.9 50001 192.168.1.1 2222");
    expect(whySshIsCut(LAPTOP, office, { device: "eth0", byRouter: true })).toMatch(/^S\d/);
  });

  test("without a kill switch it lives", () => {
    expect(whySshIsCut(policyOf({ killSwitch: false, allow: [] }), onPort2222, { device: "eth0" })).toBeUndefined();
  });

  test("S6.8: who is answered by another device is not heard, and both devices are named; without a kill switch it lives", () => {
    const ways = { device: "eth1", answeredBy: "eth0" };
    const reported = "S6.8 its sender is behind another device: 203.0.113.1 is on eth1, ";
    expect(whySshIsUnheard(LAPTOP, onPort22, ways)).toBe(
      `${reported}by which no default route leads, and 198.51.100.7 is answered by eth0`,
    );
    expect(whySshIsUnheard(policyOf({ killSwitch: false, allow: [] }), onPort22, ways)).toBeUndefined();
  });
});
