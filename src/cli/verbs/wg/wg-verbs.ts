import type { VerbDefinition } from "../../verb.ts";

const WORDS = "Accepts the arguments of wg(8), and exits with 1 for any failure.";

function definition(
  one: Pick<VerbDefinition, "name" | "summary" | "examples" | "acts" | "load">,
  words?: string,
): VerbDefinition {
  const argument = words === undefined ? {} : { argument: { name: "words", summary: words, variadic: true } };
  return { ...one, ...argument, details: WORDS, options: [], isRaw: true };
}

/** The verbs of the wg tool: their arguments are read as that tool reads them, not as options. */
export const WG_VERBS: readonly VerbDefinition[] = [
  definition(
    {
      name: "show",
      summary: "show tunnels as their engines report them",
      examples: [
        ["awg show", "show every tunnel: peers, handshakes, transfer"],
        ["awg show awg-office latest-handshakes", "print one value a line, for programs"],
      ],
      load: () => import("./show.ts"),
    },
    "[interface | all | interfaces] [field | dump]",
  ),
  definition(
    {
      name: "showconf",
      summary: "print a tunnel's configuration, with its keys",
      examples: [
        ["sudo awg showconf awg-office", "print what setconf and syncconf read"],
        ["sudo awg showconf awg-office > office.conf", "save it; the file holds the private key"],
      ],
      load: () => import("./showconf.ts"),
    },
    "interface",
  ),
  definition(
    {
      name: "set",
      summary: "change parts of a running tunnel",
      examples: [
        ["sudo awg set awg-office peer KEY persistent-keepalive 25", "change one peer; the others keep their sessions"],
        ["sudo awg set wg0 private-key /etc/awg/wg0.key", "read a key from a file"],
      ],
      acts: true,
      load: () => import("./set.ts"),
    },
    "interface, then pairs: listen-port 51820, peer KEY, …",
  ),
  definition(
    {
      name: "setconf",
      summary: "replace the configuration of a running tunnel",
      examples: [
        ["sudo awg setconf wg0 wg0.conf", "remove what the conf does not have"],
        ["awg showconf wg0 | sudo awg setconf wg1 /dev/stdin", "copy the configuration of wg0 to wg1"],
      ],
      acts: true,
      load: () => import("./setconf.ts"),
    },
    "interface file",
  ),
  definition(
    {
      name: "addconf",
      summary: "add a conf to a running tunnel",
      examples: [
        ["sudo awg addconf wg0 peers.conf", "add peers; the others stay"],
        ["sudo awg addconf wg0 /dev/stdin < peers.conf", "read the conf from standard input"],
      ],
      acts: true,
      load: () => import("./addconf.ts"),
    },
    "interface file",
  ),
  definition(
    {
      name: "syncconf",
      summary: "replace it without disturbing peers that stay",
      examples: [
        ["sudo awg syncconf wg0 wg0.conf", "keep the sessions of peers that stay"],
        ["sudo awg syncconf wg0 /dev/stdin < wg0.conf", "read the conf from standard input"],
      ],
      acts: true,
      load: () => import("./syncconf.ts"),
    },
    "interface file",
  ),
  definition({
    name: "genkey",
    summary: "print a new private key",
    examples: [
      ["umask 077; awg genkey > wg0.key", "write it to a file that only you can read"],
      ["awg genkey | tee wg0.key | awg pubkey", "write it and print its public key"],
    ],
    load: () => import("./genkey.ts"),
  }),
  definition({
    name: "genpsk",
    summary: "print a new preshared key",
    examples: [
      ["umask 077; awg genpsk > peer.psk", "write it to a file that only you can read"],
      ["awg genpsk | sudo awg set wg0 peer KEY preshared-key /dev/stdin", "set it for a peer"],
    ],
    load: () => import("./genpsk.ts"),
  }),
  definition({
    name: "pubkey",
    summary: "print the public key of the private key on stdin",
    examples: [
      ["awg pubkey < wg0.key", "print what the peer's config needs"],
      ["awg genkey | tee wg0.key | awg pubkey", "make a key and print its public key"],
    ],
    load: () => import("./pubkey.ts"),
  }),
];
