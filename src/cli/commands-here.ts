import { shellWord } from "../app/doctor/finding.ts";
import type { NameHost } from "./terminal.ts";
import { ENTERED_NETNS } from "./verb-options.ts";

/** Verbs that a remedy names; each acts on the host that these options choose. A named process keeps its own name. */
const COMMAND =
  /\bawg (apply|confirm|daemon|destroy|diff|doctor|down|drift|explain|get|history|install|plan|ps|revert|rollback|status|uninstall|up|verify)\b(?!\s+(?:--(?:help|host|netns|state-dir|out)\b|\(process))/g;

/** The name of a network namespace in a remedy. */
const NAMESPACE = /(?<=\/etc\/netns\/|--netns )NAME\b/g;

/**
 * Makes remedies act on the host that the user chose: `awg apply` becomes `awg apply --netns lab` in the answer to
 * `awg status --netns lab`, and `/etc/netns/NAME` becomes `/etc/netns/lab`.
 */
export function nameHostAs(argv: readonly string[], environment: NodeJS.ProcessEnv): NameHost {
  const netns = environment[ENTERED_NETNS];
  const words = hostWords({ host: optionOf(argv, "--host"), netns, stateDir: optionOf(argv, "--state-dir") });
  if (words === "") return (text) => text;
  return (text) =>
    text.replaceAll(COMMAND, (command) => `${command}${words}`).replaceAll(NAMESPACE, (word) => netns ?? word);
}

/** The options of a host, quoted for a shell, each with a blank before it. */
export function hostWords(given: Readonly<Record<"host" | "netns" | "stateDir", unknown>>): string {
  const flags = { "--host": given.host, "--netns": given.netns, "--state-dir": given.stateDir };
  return Object.entries(flags)
    .flatMap(([flag, value]) => (typeof value === "string" ? [` ${flag} ${shellWord(value)}`] : []))
    .join("");
}

function optionOf(argv: readonly string[], flag: string): string | undefined {
  const index = argv.indexOf(flag);
  const joined = argv.find((word) => word.startsWith(`${flag}=`));
  return joined?.slice(flag.length + 1) ?? (index === -1 ? undefined : argv[index + 1]);
}
