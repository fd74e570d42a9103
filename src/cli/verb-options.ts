import type { OptionDefinition } from "./verb.ts";

/** Options that several verbs share. */
export const FILE: OptionDefinition = {
  flags: "-f, --file <path>",
  summary: "read this file or folder (default: awg.yaml, or the host's)",
  repeatable: true,
};
/** A config as the argument of a verb; the same as --file. */
export const CONFIG_ARGUMENT = { name: "config", summary: "file or folder of the config, as with -f" } as const;

/** Meaning of --file if a config replaces the rules of the accepted state. */
export const RULES_OF = "use this config's rules (default: the accepted state's)";

export const INSECURE: OptionDefinition = {
  flags: "--allow-insecure-permissions",
  summary: "accept files that other users can read or change",
};
export const DETAILED: OptionDefinition = {
  flags: "--detailed-exitcode",
  summary: "exit 2 instead of 0 when there are changes",
};
export const APPROVE: OptionDefinition = {
  flags: "--auto-approve",
  summary: "do not ask; required without a terminal",
};
export const FOR: OptionDefinition = {
  flags: "--for <time>",
  summary: "undo it after this time: 30s, 10m, 1h (needs a daemon)",
};
export const CONFIRM_WITHIN: OptionDefinition = {
  flags: "--confirm-within <time>",
  summary: "revert unless confirmed in time (over SSH: 60s; 0: off)",
};
export const ACCEPT_RISK: OptionDefinition = {
  flags: "--accept-risk <risk>",
  summary: "apply even if it cuts your SSH connection",
  choices: ["lose-ssh"],
};
export const STREAM: OptionDefinition = {
  flags: "--json-stream",
  summary: "print one JSON event a line while it works",
};

export const VERIFY: OptionDefinition = {
  flags: "--verify",
  summary: "prove every intermediate state first; exit 6 if one leaks",
};

export const VERBOSE: OptionDefinition = {
  flags: "--verbose",
  summary: "show long lists whole: policy rules, peers, rules",
};

/** Environment variable with the --netns name, set inside that network namespace. */
export const ENTERED_NETNS = "AWG_ENTERED_NETNS";

/** Options that every verb takes. */
export const GLOBAL_OPTIONS: readonly OptionDefinition[] = [
  { flags: "--json", summary: "print one JSON document" },
  {
    flags: "--host <host>",
    summary: "act on linux, simulated or simulated:FILE",
    ofMachine: true,
  },
  { flags: "--netns <name>", summary: "act inside a network namespace (Linux)", ofMachine: true },
  {
    flags: "--state-dir <folder>",
    summary: "keep state in this folder (default: /var/lib/awg)",
    ofMachine: true,
  },
  { flags: "--no-color", summary: "print no colour, as with NO_COLOR=1" },
  { flags: "--debug", summary: "print a stack trace with an error" },
];

/** Options of the verbs that plan from a config. */
export const SELECTION_OPTIONS: readonly OptionDefinition[] = [
  {
    flags: "--target <key>",
    summary: "plan this resource or tunnel, and what it depends on",
    repeatable: true,
  },
  { flags: "--exclude <key>", summary: "plan all but this resource or tunnel", repeatable: true },
  {
    flags: "--replace <key>",
    summary: "recreate this device, engine or system extension",
    repeatable: true,
  },
];
