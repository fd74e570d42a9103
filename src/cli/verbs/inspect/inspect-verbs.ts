import type { VerbDefinition } from "../../verb.ts";
import { FILE, INSECURE, RULES_OF } from "../../verb-options.ts";

/** The verbs that judge packets without sending any. */
export const VERIFY_VERBS: readonly VerbDefinition[] = [
  {
    name: "verify",
    summary: "prove that no packet leaves, enters or is dropped against the policy; sends none",
    details:
      "Reads the packet filter, routes and policy rules back from the kernel and judges them for every packet there can be. " +
      "Exit 0: as granted. Exit 6: not, with one packet for each way. With -f a plan is proven instead.",
    options: [
      { ...FILE, summary: "config whose plan is proven instead; repeatable (default: the accepted state)" },
      INSECURE,
    ],
    examples: [
      ["sudo awg verify", "each way out that is not granted: a packet, and the rule that lets it out"],
      ["sudo awg verify -f config.yaml", "every state on the way to this config, before anything is written"],
    ],
    load: () => import("./verify.ts"),
  },
  {
    name: "explain",
    argument: { name: "destination", summary: "address or name, with :port; [address]:port for IPv6", required: true },
    summary: "tell what becomes of one flow and why: declared and from the kernel, side by side",
    details: "Exit 6 when what is declared and what the kernel does differ. Sends nothing.",
    options: [
      {
        flags: "--protocol <name>",
        summary: "default: tcp with a port, else icmp",
        choices: ["tcp", "udp", "icmp", "icmpv6", "sctp"],
      },
      { flags: "--uid <number>", summary: "whose program sends (default: yours)" },
      { flags: "--user <name>", summary: "the same by name" },
      { flags: "--app <program>", summary: "the program, by path or name: its user sends; tells its rule" },
      { flags: "--pid <number>", summary: "the same by its process" },
      { ...FILE, summary: RULES_OF },
      INSECURE,
      { flags: "--resolve", summary: "ask the resolvers for a name that /etc/hosts does not have" },
    ],
    examples: [
      ["sudo awg explain 203.0.113.7:443", "path, rule, mark, policy rule, route, device, verdict"],
      ["sudo awg explain '[2001:db8::1]:53' --protocol udp --user backup --json", "as one document, for programs"],
    ],
    load: () => import("./explain.ts"),
  },
];
