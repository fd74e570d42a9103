import { afterEach, describe, expect, test } from "vitest";
import { namespaceObstacle } from "../../support/netns.ts";
import { LinuxMachine } from "./linux-machine.ts";

const obstacle = namespaceObstacle();
const NAME = "net.ipv4.conf.all.arp_ignore";

let machine: LinuxMachine | undefined;
afterEach(() => {
  machine?.[Symbol.dispose]();
  machine = undefined;
});

describe.skipIf(obstacle !== undefined)(`kernel settings (${obstacle ?? "on this kernel"})`, () => {
  test("are written and read in the namespace, and nowhere else", () => {
    machine = new LinuxMachine("sysctl");
    const rival = new LinuxMachine("sysctl2");
    try {
      expect(machine.call("sysctl", "read", [NAME])).toEqual({ [NAME]: "0" });
      machine.call("sysctl", "write", { [NAME]: "2" });
      expect(machine.call("sysctl", "read", [NAME])).toEqual({ [NAME]: "2" });
      expect(rival.call("sysctl", "read", [NAME])).toEqual({ [NAME]: "0" });
    } finally {
      rival[Symbol.dispose]();
    }
  });

  test("a setting that is not there, or refuses the value, is named", () => {
    machine = new LinuxMachine("sysctl3");
    const outcomes = machine.perform([
      { port: "sysctl", method: "write", args: [{ "net.ipv4.conf.none0.arp_ignore": "1" }] },
      { port: "sysctl", method: "write", args: [{ "net.ipv4.ip_forward": "many" }] },
    ]);
    expect(outcomes[0]?.error).toMatchObject({ kind: "host", facts: { errno: "ENOENT" } });
    expect(outcomes[1]?.error?.message).toContain("net.ipv4.ip_forward");
  });
});
