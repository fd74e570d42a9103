import { LOG_COMPONENTS } from "../../../api/daemon-lines.ts";
import { TOP_SORTS } from "../../../app/top/top-sorts.ts";
import type { VerbDefinition } from "../../verb.ts";
import { FILE } from "../../verb-options.ts";

/** The verbs that follow the host, most of them by the running daemon. */
export const LIVE_VERBS: readonly VerbDefinition[] = [
  {
    name: "events",
    summary: "show what the daemon did recently",
    details: "It needs a running daemon; exit 13 without one.",
    options: [{ flags: "--follow", summary: "show new events, too, until Ctrl-C" }],
    examples: [
      ["sudo awg events --follow", "show the latest events, then each new one"],
      ["sudo awg events --json", "print one JSON event a line"],
    ],
    load: () => import("./events.ts"),
  },
  {
    name: "log",
    argument: { name: "words", summary: "level LEVEL: error, warn, info or debug", required: true, variadic: true },
    summary: "change what the running daemon logs",
    details: "Only root and group awg may do it. The level holds until the daemon ends. Exit 13 without a daemon.",
    options: [{ flags: "--component <name>", summary: "choose one part of awg", choices: LOG_COMPONENTS }],
    examples: [
      ["sudo awg log level warn", "log only warnings and errors"],
      ["sudo awg log level debug --component Router", "log everything of one component"],
    ],
    acts: true,
    load: () => import("./log.ts"),
  },
  {
    name: "wait",
    summary: "wait until the host is ready, or protected",
    details: "Exit 6 after the timeout, 13 without a running daemon.",
    options: [
      { flags: "--for <what>", summary: "choose ready, protected, in-sync or condition=NAME", repeatable: true },
      { flags: "--timeout <time>", summary: "exit 6 after this time (default: 60s)" },
    ],
    examples: [
      ["sudo awg wait --for ready --timeout 30s", "wait until all is applied and the tunnels respond"],
      ["sudo awg wait --for condition=Stalled=false", "wait until the daemon is not stalled"],
    ],
    load: () => import("./wait.ts"),
  },
  {
    name: "top",
    summary: "show the rates of tunnels and programs, live",
    details:
      "The rates of programs count TCP to other hosts. Keys: sort by r rate, i received, o sent, c connections, p pid or " +
      "n name; t tree; q quit. It needs no daemon. Only root sees the tunnels.",
    options: [
      { flags: "--once", summary: "print one list and exit" },
      { flags: "--interval <time>", summary: "wait this long between updates (default: 2s)" },
      { flags: "--sort <key>", summary: "use this sort key (default: rate)", choices: TOP_SORTS },
      { flags: "--tree", summary: "show programs below their parents" },
      { flags: "--connections", summary: "show each connection, too" },
    ],
    examples: [
      ["sudo awg top", "show tunnels and programs, updated every 2 seconds"],
      ["sudo awg top --once --sort received", "print one list, the largest receiver first"],
    ],
    load: () => import("./top.ts"),
  },
  {
    name: "ui",
    summary: "open the dashboard in your browser",
    details: "It runs as you. The API's socket decides what you may do there.",
    options: [{ flags: "--port <number>", summary: "use this port of 127.0.0.1 (default: a free one)" }],
    examples: [
      ["awg ui", "print the address to open; Ctrl-C ends it"],
      ["awg ui --port 1777", "use a fixed port"],
    ],
    load: () => import("./ui.ts"),
  },
  {
    name: "api",
    summary: "serve the API on a unix socket",
    details: "Root and group awg may read and change, group awg-viewer may read.",
    options: [
      { ...FILE, summary: "use this config for actions (default: the host's)" },
      { flags: "--group <name>", summary: "use this group instead of awg" },
      { flags: "--idle <time>", summary: "exit after this time without a client (default: never)" },
    ],
    examples: [
      ["sudo awg api", "answer HTTP and gRPC on /run/awg/awg.sock"],
      ["sudo awg api --idle 10m", "exit after ten minutes without a client"],
    ],
    acts: true,
    load: () => import("./api.ts"),
  },
  {
    name: "gateway",
    summary: "serve status, events and metrics on loopback",
    details: "Programs with its token can read, and change nothing. It runs without privileges, not as root.",
    options: [
      { flags: "--listen <address>", summary: "use this address (default: 127.0.0.1:1777)" },
      { flags: "--token-file <path>", summary: "write the token here (default: /run/awg-gateway/token)" },
    ],
    examples: [
      ["awg gateway --token-file token", "run it as a user in group awg-viewer"],
      ["awg gateway --listen [::1]:1777 --token-file token", "the same over IPv6"],
    ],
    load: () => import("./gateway.ts"),
  },
];
