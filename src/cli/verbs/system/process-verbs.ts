import type { VerbDefinition } from "../../verb.ts";

/** The processes that awg starts itself; nobody types them. */
export const PROCESS_VERBS: readonly VerbDefinition[] = [
  {
    name: "keeper",
    summary: "hold descriptors and tables that outlive the other processes (awg starts it itself)",
    options: [
      { flags: "--run-dir <folder>", summary: "where its socket lies" },
      { flags: "--stay", summary: "as a service: stay though it holds nothing, and wait for another to end" },
    ],
    examples: [],
    hidden: true,
    acts: true,
    load: () => import("./keeper.ts"),
  },
  {
    name: "engine",
    argument: { name: "device", summary: "its TUN device", required: true },
    summary: "carry one tunnel (the keeper starts it itself)",
    options: [],
    examples: [],
    hidden: true,
    acts: true,
    load: () => import("./engine.ts"),
  },
  {
    name: "packet-thread",
    summary: "carry the packets of an engine (the engine starts it itself, as a thread)",
    options: [],
    examples: [],
    hidden: true,
    acts: true,
    load: () => import("./packet-thread.ts"),
  },
];
