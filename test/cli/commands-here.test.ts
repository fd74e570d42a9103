import { expect, test } from "vitest";
import { nameHostAs } from "../../src/cli/commands-here.ts";
import { ENTERED_NETNS } from "../../src/cli/verb-options.ts";

test("commands in remedies get the options that chose the host, each once", () => {
  const argv = ["status", "--state-dir=/srv/my awg", "--host", "simulated:a.json"];
  const nameHost = nameHostAs(argv, { [ENTERED_NETNS]: "lab" });
  const options = "--host simulated:a.json --netns lab --state-dir '/srv/my awg'";
  expect(nameHost("Keep it: awg confirm. Undo it: awg revert.")).toBe(
    `Keep it: awg confirm ${options}. Undo it: awg revert ${options}.`,
  );
  expect(nameHost("awg apply")).toBe(`awg apply ${options}`);
  expect(nameHost("create /etc/netns/NAME/resolv.conf, and select it with --netns NAME")).toBe(
    "create /etc/netns/lab/resolv.conf, and select it with --netns lab",
  );
  expect(nameHost("(awg explain --help lists its options)")).toBe("(awg explain --help lists its options)");
  expect(nameHost(nameHost("see awg doctor"))).toBe(`see awg doctor ${options}`);
  expect(nameHost("the user awg is missing; inet awg, awg-office")).toBe(
    "the user awg is missing; inet awg, awg-office",
  );
  expect(nameHostAs(["status"], {})("run awg doctor")).toBe("run awg doctor");
});
