import type { VerbDefinition } from "../../verb.ts";

const WORDS = "Answers as the tool of wg and amneziawg-tools does, exit code 1 for any failure included.";

function definition(
  one: Pick<VerbDefinition, "name" | "summary" | "examples" | "acts" | "load">,
  words?: string,
): VerbDefinition {
  const argument = words === undefined ? {} : { argument: { name: "words", summary: words, variadic: true } };
  return { ...one, ...argument, details: WORDS, options: [], isRaw: true };
}

/** The verbs of the wg tool: their words are read as that tool reads them, not as options. */
export const WG_VERBS: readonly VerbDefinition[] = [
  definition(
    {
      name: "show",
      summary: "show tunnels as their engines see them, like wg show",
      examples: [
        ["awg show", "every tunnel: peers, handshakes, transfer"],
        ["awg show awg-office latest-handshakes", "one value a line, for programs"],
      ],
      load: () => import("./show.ts"),
    },
    "[interface | all | interfaces] [field | dump]",
  ),
  definition(
    {
      name: "showconf",
      summary: "print a tunnel's configuration for setconf, keys and all",
      examples: [["sudo awg showconf awg-office", "what setconf and syncconf read back"]],
      load: () => import("./showconf.ts"),
    },
    "interface",
  ),
  definition(
    {
      name: "set",
      summary: "change parts of a running tunnel, like wg set",
      examples: [
        ["sudo awg set awg-office peer KEY persistent-keepalive 25", "one peer; the others are not disturbed"],
        ["sudo awg set wg0 private-key /etc/awg/wg0.key", "keys come from files, never from the command line"],
      ],
      acts: true,
      load: () => import("./set.ts"),
    },
    "interface, then pairs: listen-port, fwmark, private-key, peer KEY [remove], endpoint, allowed-ips, …",
  ),
  definition(
    {
      name: "setconf",
      summary: "make a running tunnel exactly what a conf says",
      examples: [["sudo awg setconf wg0 wg0.conf", "what the conf leaves out is taken away"]],
      acts: true,
      load: () => import("./setconf.ts"),
    },
    "interface file",
  ),
  definition(
    {
      name: "addconf",
      summary: "add a conf to a running tunnel",
      examples: [["sudo awg addconf wg0 peers.conf", "other peers stay"]],
      acts: true,
      load: () => import("./addconf.ts"),
    },
    "interface file",
  ),
  definition(
    {
      name: "syncconf",
      summary: "like setconf, without disturbing peers that stay",
      examples: [["sudo awg syncconf wg0 wg0.conf", "sessions of peers that stay go on"]],
      acts: true,
      load: () => import("./syncconf.ts"),
    },
    "interface file",
  ),
  definition({
    name: "genkey",
    summary: "print a new private key",
    examples: [["umask 077; awg genkey > wg0.key", "a file that only you can read"]],
    load: () => import("./genkey.ts"),
  }),
  definition({
    name: "genpsk",
    summary: "print a new preshared key",
    examples: [["umask 077; awg genpsk > peer.psk", "the same file goes to both ends"]],
    load: () => import("./genpsk.ts"),
  }),
  definition({
    name: "pubkey",
    summary: "print the public key of the private key on standard input",
    examples: [["awg pubkey < wg0.key", "for the other end's config"]],
    load: () => import("./pubkey.ts"),
  }),
];
