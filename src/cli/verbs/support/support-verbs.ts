import type { VerbDefinition } from "../../verb.ts";
import { FILE } from "../../verb-options.ts";

/** The verbs for whoever looks for a fault. */
export const SUPPORT_VERBS: readonly VerbDefinition[] = [
  {
    name: "debug",
    argument: { name: "what", summary: "bundle", required: true, choices: ["bundle"] },
    summary: "write what a bug report needs to one file, without secrets",
    details:
      "It has status, drift, findings, history, audit log and events. The config in it lacks secrets and comments. On Linux " +
      "the ruleset, routes and rules of the kernel follow. Addresses, names and public keys stay.",
    options: [FILE, { flags: "--out <path>", summary: "write to this new file (default: awg-debug-TIME.tar.gz)" }],
    examples: [
      ["sudo awg debug bundle", "write awg-debug-TIME.tar.gz in this folder, mode 0600"],
      ["sudo awg debug bundle -f home.yaml --out /root/bug.tar.gz", "with this config, to this file"],
    ],
    load: () => import("./debug.ts"),
  },
];
