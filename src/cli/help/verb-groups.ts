/** Verbs that belong together, as help and the reference list them. */
export interface VerbGroup {
  /** Part of the file name of its reference page. */
  readonly id: string;
  readonly title: string;
  readonly verbs: readonly string[];
}

export const VERB_GROUPS: readonly VerbGroup[] = [
  { id: "config", title: "Write a config", verbs: ["init", "import", "validate", "schema", "export", "render"] },
  {
    id: "change",
    title: "Change the host",
    verbs: ["plan", "apply", "down", "up", "pause", "confirm", "revert", "rollback", "destroy"],
  },
  {
    id: "inspect",
    title: "Inspect the host",
    verbs: ["status", "diff", "drift", "history", "get", "ps", "explain", "verify", "doctor", "capabilities"],
  },
  { id: "live", title: "Follow and serve", verbs: ["top", "events", "log", "wait", "ui", "api", "gateway"] },
  {
    id: "system",
    title: "Install and run",
    verbs: ["install", "uninstall", "service", "conflicts", "daemon", "debug", "completion", "version"],
  },
  {
    id: "wg",
    title: "Control running tunnels like wg(8)",
    verbs: ["show", "showconf", "set", "setconf", "addconf", "syncconf", "genkey", "genpsk", "pubkey"],
  },
];
