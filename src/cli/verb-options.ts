import type { OptionDefinition } from "./verb.ts";

/** Options that several verbs share. */
export const FILE: OptionDefinition = {
  flags: "-f, --file <path>",
  summary: "config file or folder of *.yaml; repeatable; - is standard input (default: /etc/awg/config.yaml)",
  repeatable: true,
};
/** What --file means where a config takes the place of the accepted state's rules. */
export const RULES_OF = "config whose rules programs are held against; repeatable (default: the accepted state's)";

export const INSECURE: OptionDefinition = {
  flags: "--allow-insecure-permissions",
  summary: "accept files that others can read or change",
};
export const DETAILED: OptionDefinition = {
  flags: "--detailed-exitcode",
  summary: "exit 2 instead of 0 when there are changes",
};
export const APPROVE: OptionDefinition = { flags: "--auto-approve", summary: "do not ask; needed without a terminal" };
export const CONFIRM_WITHIN: OptionDefinition = {
  flags: "--confirm-within <time>",
  summary: "revert unless awg confirm is said within this time: 60s, 2m (default: 60s over SSH; 0 turns it off)",
};
export const ACCEPT_RISK: OptionDefinition = {
  flags: "--accept-risk <risk>",
  summary: "go on although it does this: lose-ssh cuts the SSH connection you are on",
  choices: ["lose-ssh"],
};
export const STREAM: OptionDefinition = { flags: "--json-stream", summary: "one JSON object a line while it works" };

export const VERIFY: OptionDefinition = {
  flags: "--verify",
  summary: "prove every state on the way for every packet first; exit 6 with a packet where one fails",
};

/** Environment variable that tells, inside the network namespace that --netns named, its name. */
export const ENTERED_NETNS = "AWG_ENTERED_NETNS";

/** Options that every verb takes. */
export const GLOBAL_OPTIONS: readonly OptionDefinition[] = [
  { flags: "--json", summary: "one JSON document on standard output" },
  { flags: "--host <host>", summary: "linux, simulated, or simulated:FILE (default: this machine)", ofMachine: true },
  { flags: "--netns <name>", summary: "act inside a network namespace (Linux)", ofMachine: true },
  {
    flags: "--state-dir <folder>",
    summary: "where the journal, ledger and secrets are kept (default: /var/lib/awg)",
    ofMachine: true,
  },
  { flags: "--no-color", summary: "no colour, as with NO_COLOR=1" },
  { flags: "--debug", summary: "stack traces with errors" },
];

/** Options of the verbs that plan from a config. */
export const SELECTION_OPTIONS: readonly OptionDefinition[] = [
  {
    flags: "--target <key>",
    summary: "only this resource (link/office) or tunnel (office), with what leak safety needs; repeatable",
    repeatable: true,
  },
  { flags: "--exclude <key>", summary: "all but this resource or tunnel; repeatable", repeatable: true },
  {
    flags: "--replace <key>",
    summary: "make this device, engine or system extension anew; repeatable",
    repeatable: true,
  },
];
