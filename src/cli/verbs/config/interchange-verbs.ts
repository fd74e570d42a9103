import type { VerbDefinition } from "../../verb.ts";
import { FILE, INSECURE } from "../../verb-options.ts";

/** The verbs that read and write the configurations of other programs. */
export const INTERCHANGE_VERBS: readonly VerbDefinition[] = [
  {
    name: "import",
    argument: {
      name: "file",
      summary: "wg-quick or awg-quick conf, vpn:// link, sing-box or awg JSON; - is standard input",
    },
    summary: "turn another program's config into one of awg's; secrets go to files of their own",
    options: [
      { flags: "--out <path>", summary: "file to write (default: standard output, secrets unwritten)" },
      { flags: "--name <key>", summary: "what to call the tunnel (default: from the file's name)" },
      { flags: "--adopt", summary: "the tunnel is up by wg-quick: take it over as it stands, without a lost packet" },
      { flags: "--secrets-dir <folder>", summary: "where secrets go (default: beside the config)" },
      {
        flags: "--bootstrap <address>",
        summary: "DNS server to ask for endpoints that are names; repeatable (default: 9.9.9.9)",
        repeatable: true,
      },
    ],
    examples: [
      ["awg import /etc/wireguard/wg0.conf", "the config on standard output; what is not taken over is said by line"],
      [
        "sudo awg import wg0.conf --out /etc/awg/config.yaml",
        "writes it, and each key to a file of mode 0600 beside it",
      ],
    ],
    readsNoMachine: true,
    load: () => import("./import.ts"),
  },
  {
    name: "export",
    argument: { name: "tunnel", summary: "key of the tunnel (default: the only one)" },
    summary: "print a tunnel as a conf for wg-quick or awg-quick, or the config as JSON",
    options: [
      FILE,
      INSECURE,
      { flags: "--format <form>", summary: "default: the conf that fits", choices: ["wg-quick", "awg-quick", "json"] },
      { flags: "--out <path>", summary: "new file of mode 0600; only there a conf holds its secrets" },
    ],
    examples: [
      ["awg export office -f config.yaml", "with (secret) for keys; what a conf cannot say is named"],
      ["sudo awg export office -f config.yaml --out wg0.conf", "whole, for wg-quick up ./wg0.conf"],
    ],
    readsNoMachine: true,
    load: () => import("./export.ts"),
  },
];
