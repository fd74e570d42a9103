import { describe, expect, test } from "vitest";
import type { FlowRule } from "../../../../src/model/firewall/policy.ts";
import { UNCLASSIFIED } from "../../../../src/model/ownership.ts";
import { numberClasses } from "../../../../src/resources/expand/programs/class-numbers.ts";
import { programClasses } from "../../../../src/resources/expand/programs/program-classes.ts";
import { withUnclassified } from "../../../../src/resources/expand/programs/unclassified-rules.ts";
import { classifierOf } from "../../../../src/resources/expand.ts";
import { capabilities, expandText, KEY_A, resourceOf } from "../../sample.ts";

const TUNNELS = `
tunnels:
  a: { protocol: wireguard, privateKey: { file: /a }, addresses: [10.0.0.1/32], peers: [{ publicKey: ${KEY_A}, endpoint: "198.51.100.7:1", allowedIPs: [0.0.0.0/0] }] }
default: { via: a }
killSwitch: { enabled: true }
`;
const name = (text: string) => ({ program: { atom: { name: text, of: "self" as const } } });
const expanded = (rules: string, ...rest: [facts?: object, options?: object]) =>
  expandText(`${TUNNELS}rules: ${rules}\n`, ...rest);
const steering = (...given: Parameters<typeof expanded>) =>
  resourceOf(expanded(...given), "firewall/machine").spec.steering.rules;

describe("rules by program", () => {
  test("become classes, with the strictest path first for a program without one", () => {
    const rules = "[{ name: web, apps: [{ path: /usr/bin/web }], via: direct }, { apps: [torrent], via: block }]";
    const { classes } = resourceOf(expanded(rules), "classifier/host").spec;
    const [web, torrent, other] = classes.map(({ number }) => number);
    const all = [web, torrent, other].map(Number).toSorted((x, y) => x - y);
    expect(steering(rules)).toEqual([
      { origin: "rules/1 without a class", match: { classes: { otherThan: all } }, path: { kind: "block" } },
      { origin: "rules/0 (web)", match: { classes: { in: [web] } }, path: { kind: "direct" } },
      { origin: "rules/1", match: { classes: { in: [torrent] } }, path: { kind: "block" } },
    ]);
  });

  test("without a kill switch a program without a class goes by the rules for every program", () => {
    const text = `${TUNNELS.replace("enabled: true", "enabled: false")}rules: [{ apps: [x], via: block }]\n`;
    const { rules } = resourceOf(expandText(text), "firewall/machine").spec.steering;
    expect(rules.map(({ origin }) => origin)).toEqual(["rules/0"]);
  });

  test("are unsupported where the host has no classifier", () => {
    const without = capabilities({ classifier: { ok: false, reason: "the kernel is locked down" } });
    const { unsupported, desired } = expanded("[{ apps: [x], via: block }]", without);
    expect(unsupported.map(({ message }) => message)).toContain(
      "this host cannot distinguish programs: the kernel is locked down",
    );
    expect(desired.resources.map(({ key }) => key)).not.toContain("classifier/host");
  });

  test.each([
    ["apps: [x], via: direct", "advisory"],
    ["apps: [x], via: a, fallback: direct", "advisory"],
    ["not: { apps: [x] }, via: direct", "advisory"],
    ["any: [{ apps: [x] }, { users: [alice] }], via: direct", "advisory"],
    ["apps: [{ contains: opt }], via: direct", "advisory"],
    ["apps: [{ regex: ^/opt/ }], via: direct", "advisory"],
    ["apps: [{ path: '/*/bin/x' }], via: direct", "advisory"],
    ["commandLine: [x], via: direct", "advisory"],
    ["apps: [{ path: '/opt/*/x' }], via: direct", "enforced"],
    ["apps: [{ contains: opt }], via: block", "enforced"],
    ["apps: [x], users: [alice], via: direct", "enforced"],
    ["apps: [{ dir: /opt }], via: direct", "enforced"],
    ["cgroups: [user.slice], via: direct", "enforced"],
    ["apps: [x], via: block", "enforced"],
    ["apps: [x], via: a", "enforced"],
  ])("what any program can have only advises the direct path: %s is %s", (rule, enforcement) => {
    const note = expanded(`[{ ${rule} }]`).notes.find(({ path }) => path === "rules.0");
    expect(note).toMatchObject({ enforcement, ...(enforcement === "advisory" ? { isWarning: true } : {}) });
  });

  test("by a pattern are unsupported on a kernel without loops, and the others are kept", () => {
    const old = capabilities({ classifier: { ok: true, noPatterns: "patterns on programs need Linux 5.17" } });
    const rules =
      "[{ apps: [{ contains: x }], via: block }, { commandLine: [y], via: block }, { apps: [z], via: block }]";
    const { unsupported, desired } = expanded(rules, old);
    expect(unsupported.map(({ path }) => path)).toEqual(["rules.0", "rules.1"]);
    expect(unsupported[0]?.message).toBe("patterns on programs need Linux 5.17");
    expect(desired.resources.map(({ key }) => key)).toContain("classifier/host");
  });

  test("a script that is named as a program is reported, since its interpreter is the program", () => {
    const rules = "[{ apps: [{ path: /opt/sync.py }, { path: /opt/tool }], via: block }]";
    const { notes } = expanded(rules, { scripts: ["/opt/sync.py"] });
    expect(notes.filter(({ path }) => path === "rules.0.apps")).toEqual([
      {
        path: "rules.0.apps",
        message: "/opt/sync.py is a script, which no program file matches; name it by commandLine",
        isWarning: true,
      },
    ]);
  });

  test("more programs than the classifier holds are refused in one clause", () => {
    const many = Array.from({ length: 9 }, (_, index) => ({ ...name(`p${index}`), destinations: ["10.0.0.0/8"] }));
    const inherited = many.map(({ program, destinations }, index) => ({
      program: { atom: { ...program.atom, name: `p${index}`, of: "self-or-ancestor" as const } },
      destinations,
    }));
    expect(programClasses(many, undefined)).toMatchObject({ spec: { conditions: { length: 9 } } });
    expect(programClasses(inherited, undefined)).toBe(
      "more than 253 combinations of programs; put rules without destinations, ports and protocol first",
    );
  });
});

test.each([
  [{ destinations: ["10.0.0.0/8"] }],
  [{ ports: [{ from: 1, to: 2 }] }],
  [{ protocols: [6] }],
  [{ sets: ["names"] }],
])("a rule that also asks for %j leaves the later rules to its program", (traffic) => {
  const found = programClasses([{ ...name("a"), ...traffic }, { program: { atom: { users: [[1, 1]] } } }], undefined);
  expect(found).toMatchObject({ spec: { final: [1], classes: { length: 4 } } });
});

describe("the numbers of classes", () => {
  const specOf = (names: readonly string[]) => {
    const found = programClasses(names.map(name), undefined);
    if (found === undefined || typeof found === "string") throw new Error("no classes");
    return found.spec;
  };

  test("stay where the meaning stays, and no other meaning gets a number of the last spec", () => {
    let last = specOf(["a", "b"]);
    const meanings = new Map<number, string>();
    const lists = [["a", "b", "c"], ["c", "a"], ["a", "b"], ["d"], ["a", "b"]];
    for (const names of lists) {
      const next = numberClasses(specOf(names), last);
      const meaningIn = ({ conditions }: (typeof next.classes)[number]) =>
        `${conditions.map((position) => names[position]).join()} of ${names.slice(0, (conditions[0] ?? names.length) + 1).join()}`;
      const kept = new Set(last.classes.map(({ number }) => number));
      for (const one of next.classes) {
        if (kept.has(one.number)) expect(meanings.get(one.number) ?? meaningIn(one)).toBe(meaningIn(one));
        meanings.set(one.number, meaningIn(one));
      }
      last = next;
    }
    expect(last.classes.map(({ number }) => number)).not.toContain(UNCLASSIFIED);
  });

  test("an unchanged config keeps them over an apply", () => {
    const rules = "[{ apps: [x], via: block }, { apps: [y], destinations: [10.0.0.0/8], via: block }]";
    const first = expanded(rules);
    const again = expanded(rules, {}, classifierOf(first.desired.resources));
    expect(resourceOf(again, "classifier/host")).toEqual(resourceOf(first, "classifier/host"));
  });
});

describe("programs without a class", () => {
  const OTHERS = { otherThan: [1, 2, 3, 4] };
  const rule = (origin: string, kind: "direct" | "block", match: FlowRule["match"]): FlowRule => ({
    origin,
    match,
    path: { kind },
  });

  test("rules after one for all their traffic are left out, and no fallback opens the direct path", () => {
    const tunnel = { kind: "tunnel", device: "t", number: 1, fallback: "direct" } as const;
    const rules: FlowRule[] = [
      rule("lan", "direct", { destinations: ["10.0.0.0/8"] }),
      rule("one", "direct", { classes: { in: [1] } }),
      { origin: "two", match: { classes: { in: [2] } }, path: tunnel },
      { origin: "three", match: { classes: { in: [3] } }, path: tunnel },
      rule("four", "block", { classes: { in: [4] }, protocol: 6 }),
    ];
    const unclassified = rules.map(({ match }) => (match.classes === undefined ? undefined : OTHERS));
    const added = withUnclassified(rules, unclassified);
    expect(added.map(({ origin }) => origin)).toEqual([
      "lan",
      "four without a class",
      "two without a class",
      "one",
      "two",
      "three",
      "four",
    ]);
    expect(added[2]?.path).toEqual({ kind: "tunnel", device: "t", number: 1 });
  });
});
