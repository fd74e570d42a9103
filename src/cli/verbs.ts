import type { VerbDefinition } from "./verb.ts";
import {
  ACCEPT_RISK,
  APPROVE,
  CONFIRM_WITHIN,
  DETAILED,
  FILE,
  INSECURE,
  RULES_OF,
  SELECTION_OPTIONS,
  STREAM,
  VERIFY,
} from "./verb-options.ts";
import { INTERCHANGE_VERBS } from "./verbs/config/interchange-verbs.ts";
import { VERIFY_VERBS } from "./verbs/inspect/inspect-verbs.ts";
import { INSTALL_VERBS } from "./verbs/system/install-verbs.ts";
import { PROCESS_VERBS } from "./verbs/system/process-verbs.ts";
import { WG_VERBS } from "./verbs/wg/wg-verbs.ts";

/** Every verb, in the order in which help lists them. */
export const VERBS: readonly VerbDefinition[] = [
  {
    name: "init",
    argument: { name: "path", summary: "file to write (default: awg.yaml)" },
    summary: "write a commented config to start from",
    options: [{ flags: "--force", summary: "replace a file that exists" }],
    examples: [["awg init laptop.yaml", "write laptop.yaml; edit it, then awg validate -f laptop.yaml"]],
    acts: true,
    readsNoMachine: true,
    load: () => import("./verbs/config/init.ts"),
  },
  {
    name: "validate",
    summary: "check a config; say every problem with its line",
    options: [FILE, INSECURE, { flags: "--strict", summary: "warnings are errors" }],
    examples: [
      ["awg validate -f config.yaml", "all problems at once; exit 3 if there are errors"],
      ["cat config.yaml | awg validate -f -", "from standard input"],
    ],
    readsNoMachine: true,
    load: () => import("./verbs/config/validate.ts"),
  },
  {
    name: "plan",
    summary: "show what apply would do, step by step; changes nothing",
    options: [
      FILE,
      INSECURE,
      { flags: "--out <path>", summary: "save the plan for awg apply PLAN" },
      DETAILED,
      VERIFY,
      ...SELECTION_OPTIONS,
    ],
    examples: [
      ["sudo awg plan -f config.yaml", "the steps, the reason of each, and what happens to traffic"],
      ["sudo awg plan -f config.yaml --out my.plan", "save it; awg apply my.plan does exactly this or refuses (11)"],
      ["sudo awg plan -f config.yaml --target office", "one tunnel, with the packet filter and tables that it needs"],
    ],
    load: () => import("./verbs/plan/plan.ts"),
  },
  {
    name: "diff",
    argument: {
      name: "generation",
      summary: "@N: a generation against the machine; @N @M: two of them",
      variadic: true,
    },
    summary: "show what differs between the config and the machine, or between generations",
    details: "Exit 0: no differences. Exit 1: there are. Changes nothing.",
    options: [FILE, INSECURE, ...SELECTION_OPTIONS],
    examples: [
      ["sudo awg diff -f config.yaml", "field by field; quiet and exit 0 when all is as declared"],
      ["sudo awg diff @3 @5", "what changed from generation 3 to 5, as awg history numbers them"],
    ],
    load: () => import("./verbs/plan/diff.ts"),
  },
  {
    name: "apply",
    argument: { name: "plan", summary: "a plan saved by awg plan --out" },
    summary: "make the machine as the config says, without a leak",
    details:
      "With --confirm-within the keeper puts the old state back when nobody confirms, though awg be killed; a simulated " +
      "machine has no keeper, so that the waiting awg does it.",
    options: [FILE, INSECURE, APPROVE, CONFIRM_WITHIN, ACCEPT_RISK, DETAILED, STREAM, VERIFY, ...SELECTION_OPTIONS],
    examples: [
      ["sudo awg apply -f config.yaml", "shows the plan, asks, applies, reads everything back"],
      ["sudo awg apply laptop.plan", "exactly a saved plan, or exit 11 when it is stale"],
      ["sudo awg apply -f config.yaml --netns lab --auto-approve", "inside the network namespace lab"],
      ["sudo awg apply -f config.yaml --confirm-within 60s", "exit 9 and the old state, unless confirmed in time"],
    ],
    acts: true,
    load: () => import("./verbs/change/apply.ts"),
  },
  {
    name: "confirm",
    summary: "keep what awg apply --confirm-within made",
    details: "Refused over the SSH connection that applied: only a new one proves that the machine can be reached.",
    options: [],
    examples: [["sudo awg confirm", "within the time given; after it the old state is back (exit 9)"]],
    acts: true,
    load: () => import("./verbs/change/confirm.ts"),
  },
  {
    name: "revert",
    summary: "undo now what waits to be confirmed, or was interrupted",
    details:
      "Of a destroy that was interrupted the tunnels and the packet filter come back. Where a reboot took what stood before, the packet filter is put back, and what else is missing is named.",
    options: [{ flags: "--due", summary: "only if the time to confirm is over" }],
    examples: [["sudo awg revert", "what stood before the apply is back"]],
    acts: true,
    load: () => import("./verbs/change/revert.ts"),
  },
  {
    name: "rollback",
    argument: { name: "generation", summary: "its number (default: the one before the one that holds)" },
    summary: "go back to an accepted generation",
    options: [APPROVE, CONFIRM_WITHIN, ACCEPT_RISK, DETAILED, STREAM],
    examples: [
      ["sudo awg rollback", "undo the last apply; it becomes a new generation"],
      ["sudo awg rollback 3", "generation 3, as awg history lists it"],
    ],
    acts: true,
    load: () => import("./verbs/change/rollback.ts"),
  },
  {
    name: "history",
    summary: "list the accepted generations and what each changed",
    options: [],
    examples: [["sudo awg history", "number, time, config hash, resources; * marks the one that holds"]],
    load: () => import("./verbs/inspect/history.ts"),
  },
  {
    name: "destroy",
    summary: "remove everything awg made and put back what it replaced",
    options: [APPROVE, ACCEPT_RISK, STREAM],
    examples: [["sudo awg destroy", "the kill switch comes down last"]],
    acts: true,
    load: () => import("./verbs/change/destroy.ts"),
  },
  {
    name: "drift",
    summary: "show what the host changed since the last apply, field by field, with the cause where it tells",
    details: "Needs no config: what only the config changed is never drift. Changes nothing.",
    options: [{ flags: "--detailed-exitcode", summary: "exit 2 instead of 0 when there is drift" }],
    examples: [
      ["sudo awg drift", "each field from the accepted value to the one found"],
      ["sudo awg drift --detailed-exitcode --json", "for monitoring: exit 0 no drift, 2 drift"],
    ],
    load: () => import("./verbs/inspect/drift.ts"),
  },
  ...VERIFY_VERBS,
  {
    name: "status",
    summary: "show each resource, how it is enforced, and whether traffic is protected",
    options: [],
    examples: [["sudo awg status", "conditions Ready, Protected, Drifted, Stalled with reason"]],
    load: () => import("./verbs/inspect/status.ts"),
  },
  {
    name: "ps",
    argument: { name: "program", summary: "part of a name or path (default: all programs)" },
    summary: "list programs with the rule that would apply to each, and what could not be seen",
    details:
      "Rules of the config that -f names, else of the accepted state, which only root may read. A program's arguments are " +
      "matched, never printed: they may hold secrets.",
    options: [
      { ...FILE, summary: RULES_OF },
      INSECURE,
      { flags: "--pid <number>", summary: "only this process" },
      { flags: "--user <name>", summary: "only of this user, by name or number" },
      { flags: "--via <path>", summary: "only what goes or may go this way: a tunnel, direct or block" },
      { flags: "--sockets", summary: "only who holds a TCP or UDP socket" },
      { flags: "--all", summary: "threads of the kernel too" },
      { flags: "--watch", summary: "instead tell of programs as they start and end (root)" },
    ],
    examples: [
      ["awg ps -f config.yaml firefox", "which rule would apply, by what path, and how well it is kept here"],
      ["sudo awg ps --sockets --json", "every program that holds a socket, with the accepted rules"],
    ],
    load: () => import("./verbs/inspect/ps.ts"),
  },
  {
    name: "doctor",
    summary: "say what is wrong with this machine or its installation, and what to type",
    details: "Changes nothing. Exit 0: nothing is wrong. Exit 6: something is.",
    options: [],
    examples: [["sudo awg doctor", "each finding with what was seen, what the remedy costs, and the commands"]],
    load: () => import("./verbs/inspect/doctor.ts"),
  },
  {
    name: "get",
    argument: { name: "resource", summary: "kind or kind/name: tunnel, routes/office" },
    summary: "print resources as the machine holds them",
    options: [{ flags: "--desired", summary: "as accepted by the last apply instead" }],
    examples: [
      ["sudo awg get", "list everything awg owns"],
      ["sudo awg get routes/office --json", "one resource, whole"],
    ],
    load: () => import("./verbs/inspect/get.ts"),
  },
  {
    name: "daemon",
    summary: "keep the machine as declared: through network changes, drift and edits of the config",
    options: [
      FILE,
      INSECURE,
      { flags: "--foreground", summary: "stay in the foreground, for a supervisor" },
      { flags: "--notify", summary: "tell who sits at the screen when protection is lost" },
    ],
    examples: [
      [
        "sudo awg daemon --foreground -f config.yaml",
        "applies it, then repairs what others change; its end changes nothing",
      ],
    ],
    acts: true,
    load: () => import("./verbs/system/daemon.ts"),
  },
  {
    name: "schema",
    summary: "print the JSON Schema of the config, or help on a field",
    options: [{ flags: "--path <field>", summary: "dotted field: killSwitch, tunnels.*.mtu" }],
    examples: [
      ["awg schema > awg.schema.json", "for editors: # yaml-language-server: $schema=awg.schema.json"],
      ["awg schema --path killSwitch", "what may stand there"],
    ],
    readsNoMachine: true,
    load: () => import("./verbs/config/schema.ts"),
  },
  ...INTERCHANGE_VERBS,
  {
    name: "render",
    summary: "print what would be loaded into the kernel, as its own tools would",
    options: [FILE, INSECURE, { flags: "--for <system>", summary: "linux or macos", choices: ["linux", "macos"] }],
    examples: [["awg render -f config.yaml --for linux", "policy, routes, rules, tunnel and resolver as text"]],
    load: () => import("./verbs/config/render.ts"),
  },
  ...WG_VERBS,
  {
    name: "completion",
    argument: { name: "shell", summary: "bash, zsh or fish", required: true, choices: ["bash", "zsh", "fish"] },
    summary: "print a completion script",
    options: [],
    examples: [
      ["source <(awg completion bash)", "for this shell; zsh too, after compinit"],
      ["awg completion fish > ~/.config/fish/completions/awg.fish", "for every fish to come"],
      ["awg completion zsh > /usr/local/share/zsh/site-functions/_awg", "for every zsh to come"],
    ],
    readsNoMachine: true,
    load: () => import("./verbs/completion/completion.ts"),
  },
  {
    name: "version",
    summary: "print the version",
    options: [],
    examples: [["awg version --json", "with Node, system and format versions"]],
    readsNoMachine: true,
    load: () => import("./verbs/system/version.ts"),
  },
  ...INSTALL_VERBS,
  ...PROCESS_VERBS,
];
