import type { VerbDefinition } from "../../verb.ts";
import { FILE } from "../../verb-options.ts";

/** The verbs for people who look for a fault. */
export const SUPPORT_VERBS: readonly VerbDefinition[] = [
  {
    name: "debug",
    argument: { name: "what", summary: "bundle", required: true, choices: ["bundle"] },
    summary: "write what a bug report needs to one file, without secrets",
    details:
      "It contains status, drift, findings, history, audit log, events, and the config without secrets and comments. " +
      "On Linux also the kernel's ruleset, routes and policy rules. Addresses, names and public keys stay in it.",
    options: [FILE, { flags: "--out <path>", summary: "write to this new file (default: awg-debug-TIME.tar.gz)" }],
    examples: [
      ["sudo awg debug bundle", "write awg-debug-TIME.tar.gz in this folder, mode 0600"],
      ["sudo awg debug bundle -f home.yaml --out /root/bug.tar.gz", "use this config, and write to this file"],
    ],
    load: () => import("./debug.ts"),
  },
];
