import { describe, expect, test } from "vitest";
import { proveInvariants } from "../../../src/app/plan/invariants.ts";
import { useSimulatedBench } from "../../compose/simulated-bench.ts";
import { configOf, expandText, facts, KEY_A } from "../../resources/sample.ts";

const machine = useSimulatedBench();

/** The default of these machines is the tunnel office; work carries 10.20.0.0/16 where a rule sends it there. */
async function proven(invariant: string, rules = "", tunnels: readonly string[] = ["office", "work"]): Promise<string> {
  const bench = machine();
  const wishes = Object.fromEntries(tunnels.map((name) => [name, {}]));
  const text = bench.config(wishes, `rules: [${rules}]\ninvariants: [{ name: claim, ${invariant} }]`);
  return bench.plan(text).then(
    () => "holds",
    (error: { kind: string; message: string }) => `${error.kind}: ${error.message}`,
  );
}

/** Proves an invariant over rules by program; the default is the tunnel a, with the kill switch. */
function proveWith(rules: string, invariant: string): void {
  const text = `
tunnels:
  a: { protocol: wireguard, privateKey: { file: /a }, addresses: [10.0.0.1/32], peers: [{ publicKey: ${KEY_A}, endpoint: "198.51.100.7:1", allowedIPs: [0.0.0.0/0] }] }
rules: [${rules}]
default: { via: a }
killSwitch: { enabled: true }
invariants: [{ ${invariant} }]
`;
  proveInvariants(configOf(text), expandText(text).desired, facts({}));
}

describe("invariants", () => {
  test.each([
    ["always: { destinations: [10.20.0.0/16], via: work }", "{ destinations: [10.20.0.0/16], via: work }"],
    ["always: { destinations: [10.20.0.0/16], via: work }", "{ destinations: [10.0.0.0/8], via: work }"],
    ["always: { destinations: [192.0.2.0/24], via: office }", "{ destinations: [192.0.2.128/25], via: block }"],
    ["always: { destinations: [198.51.100.0/24], via: office }", ""],
    ["never: { destinations: [198.51.100.0/24], via: direct }", ""],
  ])("%s holds with the rules %s", async (invariant, rules) => {
    expect(await proven(invariant, rules)).toBe("holds");
  });

  test.each([
    [
      "always: { destinations: [10.20.0.0/16], via: work }",
      "{ destinations: [10.20.0.0/17], via: work }",
      "10.20.128.",
    ],
    [
      "always: { destinations: [198.51.100.0/24], via: office }",
      "{ destinations: [198.51.100.7], via: direct }",
      "198.51.100.7",
    ],
    [
      "always: { destinations: [10.20.0.0/16], via: work }",
      "{ destinations: [10.20.0.0/16], via: work, fallback: direct }",
      "10.20.",
    ],
    ["always: { destinations: [203.0.113.0/24], via: block }", "", "203.0.113."],
    ["always: { users: [root], via: work }", "", "does not go work"],
    [
      "never: { destinations: [198.51.100.0/24], via: direct }",
      "{ destinations: [198.51.100.7], via: direct }",
      "198.51.100.7",
    ],
  ])("%s is broken by the rules %s, with one packet", async (invariant, rules, packet) => {
    const said = await proven(invariant, rules);
    expect(said).toMatch(/^invariant: invariants\.0 \(claim\) is violated: by /);
    expect(said).toContain(packet);
  });

  test.each([
    ["never: { destinations: [198.51.100.0/24], via: direct }", false],
    ["always: { destinations: [198.51.100.0/24], via: direct }", true],
  ])("a config that asks for no policy lets everything out: %s", async (invariant, holds) => {
    expect((await proven(invariant, "", [])) === "holds").toBe(holds);
  });

  test.each([
    ["always: { users: [alice], via: direct }", "{ users: [alice], via: direct }", true],
    ["never: { users: [alice], via: a }", "{ users: [alice], via: direct }", false],
    ["never: { users: [alice], via: direct }", "{ users: [alice], via: block }", true],
  ])("where bob's number is among alice's, %s holds with the rules %s: %s", (invariant, rules, holds) => {
    const text = `
tunnels:
  a: { protocol: wireguard, privateKey: { file: /a }, addresses: [10.0.0.1/32], peers: [{ publicKey: ${KEY_A}, endpoint: "198.51.100.7:1", allowedIPs: [0.0.0.0/0] }] }
rules: [${rules}]
default: { via: a }
killSwitch: { enabled: true }
invariants: [{ ${invariant} }]
`;
    const among = { subordinateUids: { alice: [{ from: 1001, to: 1010 }] }, usersAmongSubordinates: { bob: 1001 } };
    const prove = () => proveInvariants(configOf(text), expandText(text, among).desired, facts(among));
    if (holds) expect(prove).not.toThrow();
    else expect(prove).toThrow("is violated");
  });

  const BANK = "{ apps: [{ path: /opt/bank }], via: block }";
  test.each([
    ["never: { apps: [{ path: /opt/bank }], via: direct }", "", true],
    ["never: { apps: [{ path: /opt/bank }], via: direct }", "{ apps: [{ dir: /opt }], via: direct }", false],
    ["never: { apps: [{ path: /opt/bank }], via: direct }", `${BANK}, { apps: [{ dir: /opt }], via: direct }`, true],
    ["never: { apps: [{ path: /opt/bank }], via: direct }", "{ apps: [{ contains: ban }], via: direct }", false],
    ["always: { commandLine: [transfer], via: a }", "{ apps: [{ path: /usr/bin/curl }], via: a }", true],
    ["always: { commandLine: [transfer], via: a }", "{ apps: [{ path: /usr/bin/curl }], via: block }", true],
    ["always: { commandLine: [transfer], via: a }", "{ apps: [{ path: /usr/bin/curl }], via: direct }", false],
  ])("for programs, %s with the rules %s: %s", (invariant, rules, holds) => {
    const prove = () => proveWith(rules, invariant);
    if (holds) expect(prove).not.toThrow();
    else expect(prove).toThrow("is violated");
  });

  const GAMES = "{ apps: [{ dir: /opt/games }], via: block }";
  const PYTHON = "{ apps: [{ path: /usr/bin/python3 }], destinations: [10.0.0.0/8], via: direct }";
  test.each([
    [
      "never: { apps: [{ path: /opt/games/other }], via: direct }",
      `${GAMES}, ${PYTHON}`,
      "the program: file /usr/bin/python3 with children, not (folder /opt/games with children)",
    ],
    [
      "never: { apps: [{ contains: play }], via: direct }",
      `{ apps: [a, b], via: block }, { apps: [c], via: block }, { apps: [d], via: block }, ${GAMES.replace("block", "direct")}`,
      "the program: folder /opt/games with children, not (name a with children or name b with children), not (name c with children), …",
    ],
    [
      "always: { commandLine: [transfer], via: direct }",
      `{ apps: [a], via: direct }, ${GAMES}`,
      "the program: one that no rule names",
    ],
    ["always: { users: [alice], via: direct }", "", undefined],
  ])("the message names the program where rules do: %s, rules %s", (invariant, rules, program) => {
    const prove = () => proveWith(rules, invariant);
    if (program === undefined) expect(prove).not.toThrow("the program");
    expect(prove).toThrow(program ?? "is violated");
  });
});
