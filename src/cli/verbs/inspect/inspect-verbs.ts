import type { VerbDefinition } from "../../verb.ts";
import { FILE, INSECURE, RULES_OF, SELECTION_OPTIONS, VERBOSE } from "../../verb-options.ts";

/** The verbs that read the host and change nothing. */
export const INSPECT_VERBS: readonly VerbDefinition[] = [
  {
    name: "status",
    summary: "show whether traffic is protected, and each resource",
    details: "Exit 0 whatever it shows; with --check 6 if that does not hold.",
    options: [
      {
        flags: "--check <what>",
        summary: "exit 6 unless applied, as applied, or also carrying",
        choices: ["startup", "live", "ready"],
      },
    ],
    examples: [
      ["sudo awg status --check ready", "for scripts: exit 0 if all is applied and tunnels answer"],
      ["sudo awg status", "show whether traffic is protected, and what is wrong"],
      ["sudo awg status --json", "print them for programs"],
    ],
    load: () => import("./status.ts"),
  },
  {
    name: "diff",
    argument: {
      name: "config",
      summary: "config to compare, as with -f; or generations: @N, @N @M",
      variadic: true,
    },
    summary: "show what differs from the config or a generation",
    details: "Exit 0: no differences. Exit 1: there are differences.",
    options: [FILE, INSECURE, VERBOSE, ...SELECTION_OPTIONS],
    examples: [
      ["sudo awg diff config.yaml", "compare the host with the config, field by field"],
      ["sudo awg diff @3 @5", "compare generations 3 and 5 of awg history"],
    ],
    load: () => import("../plan/diff.ts"),
  },
  {
    name: "drift",
    summary: "show what changed outside awg since the last apply",
    details: "It names the cause of each change if it is known. It needs no config.",
    options: [{ flags: "--detailed-exitcode", summary: "exit 2 instead of 0 when there is drift" }],
    examples: [
      ["sudo awg drift", "show each field: accepted value and present value"],
      ["sudo awg drift --detailed-exitcode --json", "for monitoring: exit 0 no drift, 2 drift"],
    ],
    load: () => import("./drift.ts"),
  },
  {
    name: "history",
    summary: "list the generations and what each changed",
    options: [{ flags: "--audit", summary: "list who changed this host, and the result" }],
    examples: [
      ["sudo awg history", "show number, time, config hash and changes; * marks the present one"],
      ["sudo awg history --json", "print all resources of each generation"],
      ["sudo awg history --audit", "show each apply, repair, confirm and revert with its user"],
    ],
    load: () => import("./history.ts"),
  },
  {
    name: "get",
    argument: { name: "resource", summary: "kind or kind/name: tunnel, routes/office" },
    summary: "print resources as the host has them",
    options: [{ flags: "--desired", summary: "print them as the last apply accepted them" }],
    examples: [
      ["sudo awg get", "list every resource of awg's"],
      ["sudo awg get routes/office --json", "print one resource, whole"],
    ],
    load: () => import("./get.ts"),
  },
  {
    name: "ps",
    argument: { name: "program", summary: "part of a name or path (default: all programs)" },
    summary: "list programs with the rule that applies to each",
    details:
      "Only root may read the accepted rules; -f uses those of a config. awg matches arguments and never prints them: " +
      "they may hold secrets.",
    options: [
      { ...FILE, summary: RULES_OF },
      INSECURE,
      { flags: "--pid <number>", summary: "show only this process" },
      { flags: "--user <name>", summary: "show only programs of this user (name or number)" },
      { flags: "--via <path>", summary: "show only programs on this path: tunnel, direct, block" },
      { flags: "--sockets", summary: "show only programs with a TCP or UDP socket" },
      { flags: "--all", summary: "show kernel threads, too" },
      { flags: "--watch", summary: "report programs as they start and end (root)" },
    ],
    examples: [
      ["awg ps -f config.yaml firefox", "show the rule and path of firefox, and how well it is enforced"],
      ["sudo awg ps --sockets --json", "print every program with a socket, with the accepted rules"],
    ],
    load: () => import("./ps.ts"),
  },
  {
    name: "explain",
    argument: {
      name: "destination",
      summary: "address or name, with :port; before it a PID or a /path",
      required: true,
      variadic: true,
    },
    summary: "show the path of a flow, by config and by kernel",
    details: "Exit 6 when config and kernel differ, or awg cannot read what decides. Sends nothing.",
    options: [
      {
        flags: "--protocol <name>",
        summary: "use this protocol (default: tcp with a port, else icmp)",
        choices: ["tcp", "udp", "icmp", "icmpv6", "sctp"],
      },
      { flags: "--uid <number>", summary: "send as this user (default: you)" },
      { flags: "--user <name>", summary: "send as this user, by name" },
      { flags: "--app <program>", summary: "send as this program, by path or name" },
      { flags: "--pid <number>", summary: "send as this process" },
      { ...FILE, summary: RULES_OF },
      INSECURE,
      { flags: "--trace", summary: "show mark, policy rule, route and rules of both sides" },
      { flags: "--resolve", summary: "query DNS for a name that /etc/hosts does not have" },
    ],
    examples: [
      ["sudo awg explain 203.0.113.7:443", "show its path, and the key of the config that chose it"],
      ["sudo awg explain 203.0.113.7:443 --trace", "show each mark, route and rule on the path"],
      ["sudo awg explain /usr/bin/curl 203.0.113.7:443", "show it for what this program sends"],
      ["sudo awg explain '[2001:db8::1]:53' --protocol udp --json", "print it for programs"],
    ],
    load: () => import("./explain.ts"),
  },
  {
    name: "verify",
    summary: "prove that the loaded rules enforce the policy",
    details:
      "Reads packet filter, routes and policy rules from the kernel and checks them for every possible packet. Sends no " +
      "packet. Exit 6: one packet for each fault. With -f it checks a plan instead.",
    options: [{ ...FILE, summary: "check a plan for this config (default: the accepted state)" }, INSECURE],
    examples: [
      ["sudo awg verify", "show each leak: a packet, and the rule that passes it"],
      ["sudo awg verify -f config.yaml", "check every intermediate state before anything changes"],
    ],
    load: () => import("./verify.ts"),
  },
  {
    name: "doctor",
    summary: "find faults of the host and the installation",
    details: "Changes nothing. Exit 0: no fault. Exit 6: at least one.",
    options: [],
    examples: [
      ["sudo awg doctor", "show each finding: evidence, cost of the remedy, commands"],
      ["sudo awg doctor --json", "print the findings with their stable ids"],
    ],
    load: () => import("./doctor.ts"),
  },
  {
    name: "capabilities",
    summary: "list what this host offers, and what is missing",
    details:
      "Tries each mechanism that awg can use, grouped by purpose. Then lists the config keys that a plan refuses here.",
    options: [],
    examples: [
      ["sudo awg capabilities", "show each mechanism, and why it is missing"],
      ["sudo awg capabilities --json", "print them for programs"],
    ],
    load: () => import("../system/capabilities.ts"),
  },
];
