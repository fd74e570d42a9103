import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { linuxSysctl, sysctlPath } from "../../../src/host/linux/sysctl.ts";

describe("sysctlPath", () => {
  test.each([
    ["net.ipv4.conf.all.arp_ignore", "/proc/sys/net/ipv4/conf/all/arp_ignore"],
    ["net.ipv4.conf.eth0/10.rp_filter", "/proc/sys/net/ipv4/conf/eth0.10/rp_filter"],
    ["net.ipv4.conf.awg-a.forwarding", "/proc/sys/net/ipv4/conf/awg-a/forwarding"],
  ])("%s", (name, path) => {
    expect(sysctlPath(name)).toBe(path);
  });

  test.each([
    "",
    "kernel",
    "..",
    "net..x",
    "net./etc/passwd",
    "net.//x",
    "net.a b",
    "net.\0",
    "/etc.passwd",
    "net.x/../../etc",
  ])("%j is refused", (name) => {
    expect(() => sysctlPath(name)).toThrow("is not the name of a kernel setting");
  });
});

describe.skipIf(process.platform !== "linux")("reading", () => {
  test("gives the values as the kernel prints them, and leaves out what it lacks", async () => {
    const values = await linuxSysctl().read(["kernel.ostype", "kernel.no_such_thing", "net.ipv4.no.such.folder"]);
    expect(values).toEqual({ "kernel.ostype": readFileSync("/proc/sys/kernel/ostype", "utf8").trim() });
  });
});
