import type { VerbDefinition } from "../../verb.ts";

/** The verbs that ask the running daemon. */
export const LIVE_VERBS: readonly VerbDefinition[] = [
  {
    name: "events",
    summary: "show what the daemon did lately",
    details: "It needs a running daemon; exit 13 without one.",
    options: [{ flags: "--follow", summary: "go on until Ctrl-C" }],
    examples: [
      ["sudo awg events --follow", "the latest events, then each new one"],
      ["sudo awg events --json", "one JSON event a line"],
    ],
    load: () => import("./events.ts"),
  },
  {
    name: "wait",
    summary: "wait until the host is ready, or protected",
    details: "Exit 6 if it is not in time, 13 without a running daemon.",
    options: [
      { flags: "--for <what>", summary: "choose ready, protected, in-sync or condition=NAME", repeatable: true },
      { flags: "--timeout <time>", summary: "exit 6 after this time (default: 60s)" },
    ],
    examples: [
      ["sudo awg wait --for ready --timeout 30s", "until all is applied and tunnels answer"],
      ["sudo awg wait --for condition=Stalled=false", "until the daemon can go on"],
    ],
    load: () => import("./wait.ts"),
  },
];
