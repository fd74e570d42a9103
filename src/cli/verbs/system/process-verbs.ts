import type { VerbDefinition } from "../../verb.ts";

/** The processes that awg starts itself. */
export const PROCESS_VERBS: readonly VerbDefinition[] = [
  {
    name: "keeper",
    summary: "hold what outlives the other processes (awg starts it)",
    options: [
      { flags: "--run-dir <folder>", summary: "folder of its socket" },
      { flags: "--stay", summary: "stay while it holds nothing, as a service" },
    ],
    examples: [],
    hidden: true,
    acts: true,
    load: () => import("./keeper.ts"),
  },
  {
    name: "engine",
    argument: { name: "device", summary: "its TUN device", required: true },
    summary: "run one tunnel (the keeper starts it)",
    options: [],
    examples: [],
    hidden: true,
    acts: true,
    load: () => import("./engine.ts"),
  },
  {
    name: "relay",
    argument: { name: "proxy", summary: "its name in the config", required: true },
    summary: "relay to one proxy (the keeper starts it)",
    options: [],
    examples: [],
    hidden: true,
    acts: true,
    load: () => import("./relay.ts"),
  },
  {
    name: "names",
    summary: "answer name queries (the keeper starts it)",
    options: [],
    examples: [],
    hidden: true,
    acts: true,
    load: () => import("./names.ts"),
  },
  {
    name: "packet-thread",
    summary: "carry an engine's packets (the engine starts it as a thread)",
    options: [],
    examples: [],
    hidden: true,
    acts: true,
    load: () => import("./packet-thread.ts"),
  },
];
