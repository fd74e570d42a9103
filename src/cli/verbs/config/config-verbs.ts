import type { VerbDefinition } from "../../verb.ts";
import { CONFIG_ARGUMENT, FILE, INSECURE } from "../../verb-options.ts";

/** The verbs that read and write configs, and those of other programs. */
export const CONFIG_VERBS: readonly VerbDefinition[] = [
  {
    name: "init",
    argument: { name: "path", summary: "file to write (default: awg.yaml)" },
    summary: "write a commented config to start from, and its key",
    options: [{ flags: "--force", summary: "replace a file that exists" }],
    examples: [
      ["awg init laptop.yaml", "write laptop.yaml and laptop.key; then: awg plan laptop.yaml"],
      ["awg init -", "print it"],
    ],
    acts: true,
    readsNoHost: true,
    load: () => import("./init.ts"),
  },
  {
    name: "import",
    argument: { name: "file", summary: "conf, vpn:// link or JSON of another program; - is stdin" },
    summary: "convert a config of WireGuard, Amnezia or sing-box",
    details: "Keys go to files of their own, of mode 600. A note names each line that is not imported.",
    options: [
      { flags: "--out <path>", summary: "write the config to this file (default: print it)" },
      { flags: "--name <key>", summary: "name the tunnel (default: from the file's name)" },
      { flags: "--adopt", summary: "take over the tunnel that wg-quick runs, without packet loss" },
      { flags: "--secrets-dir <folder>", summary: "write keys to this folder (default: beside the config)" },
      {
        flags: "--bootstrap <address>",
        summary: "query this DNS server for endpoints (default: 9.9.9.9)",
        repeatable: true,
      },
    ],
    examples: [
      ["awg import /etc/wireguard/wg0.conf", "print the config, with a note for each line that is left out"],
      ["sudo awg import wg0.conf --out /etc/awg/config.yaml", "write the config and its keys"],
    ],
    readsNoHost: true,
    load: () => import("./import.ts"),
  },
  {
    name: "validate",
    argument: CONFIG_ARGUMENT,
    summary: "check a config and report every problem with its line",
    options: [
      FILE,
      INSECURE,
      { flags: "--strict", summary: "treat warnings as errors" },
      { flags: "--verbose", summary: "show which releases a tunnel's peer may run" },
    ],
    examples: [
      ["awg validate config.yaml", "report all problems at once; exit 3 if there are errors"],
      ["cat config.yaml | awg validate -f -", "read the config from standard input"],
    ],
    readsNoHost: true,
    load: () => import("./validate.ts"),
  },
  {
    name: "schema",
    summary: "print the JSON Schema of the config, or explain a key",
    options: [{ flags: "--path <key>", summary: "explain this key: killSwitch, tunnels.*.mtu" }],
    examples: [
      ["awg schema > awg.schema.json", "for editors: # yaml-language-server: $schema=awg.schema.json"],
      ["awg schema --path killSwitch", "list the keys of killSwitch, with type and default"],
    ],
    readsNoHost: true,
    load: () => import("./schema.ts"),
  },
  {
    name: "export",
    argument: { name: "tunnel", summary: "key of the tunnel (default: the only one)" },
    summary: "print a tunnel as a conf for wg-quick or awg-quick",
    details: "With --format json it prints the whole config as JSON.",
    options: [
      FILE,
      INSECURE,
      {
        flags: "--format <form>",
        summary: "choose the form (default: the conf that fits)",
        choices: ["wg-quick", "awg-quick", "json"],
      },
      { flags: "--out <path>", summary: "write a new file of mode 600, with the keys" },
    ],
    examples: [
      ["awg export office -f config.yaml", "print it with (secret) for keys"],
      ["sudo awg export office -f config.yaml --out wg0.conf", "write it with the keys, for wg-quick up ./wg0.conf"],
    ],
    readsNoHost: true,
    load: () => import("./export.ts"),
  },
  {
    name: "render",
    argument: CONFIG_ARGUMENT,
    summary: "print what awg would load, in the syntax of nft, ip and pf",
    options: [
      FILE,
      INSECURE,
      { flags: "--for <system>", summary: "render for linux or macos", choices: ["linux", "macos"] },
    ],
    examples: [
      ["awg render config.yaml --for linux", "print policy, routes, rules, tunnel and resolver"],
      ["awg render config.yaml --for macos", "print PF's rules, the calls and the plists"],
    ],
    load: () => import("./render.ts"),
  },
];
