import { LOG_LEVELS } from "../../../api/daemon-lines.ts";
import type { VerbDefinition } from "../../verb.ts";
import { FILE, INSECURE } from "../../verb-options.ts";

const DRY_RUN = { flags: "--dry-run", summary: "show the steps and change nothing" };

/** The verbs of the installation: services, completion, version. */
export const SYSTEM_VERBS: readonly VerbDefinition[] = [
  {
    name: "install",
    summary: "install awg's services, user and config folder",
    details: "It leaves existing parts as they are.",
    options: [DRY_RUN],
    examples: [
      ["sudo awg install", "run the daemon and the keeper, now and at boot"],
      ["sudo awg install --dry-run", "show step by step what that would change"],
    ],
    acts: true,
    load: () => import("./install.ts"),
  },
  {
    name: "uninstall",
    summary: "remove what awg install added; config and state stay",
    details: "Refused while a generation is applied: nothing would maintain its kill switch and routes.",
    options: [DRY_RUN, { flags: "--force", summary: "destroy the applied generation first" }],
    examples: [
      ["sudo awg uninstall", "remove the services and the user"],
      ["sudo awg uninstall --dry-run", "show step by step what that would remove"],
    ],
    acts: true,
    load: () => import("./uninstall.ts"),
  },
  {
    name: "service",
    argument: {
      name: "command",
      summary: "status, start, stop, restart, enable or disable",
      required: true,
      choices: ["status", "start", "stop", "restart", "enable", "disable"],
    },
    summary: "control the daemon's service",
    details: "The network stays as it is.",
    options: [],
    examples: [
      ["awg service status", "show whether it runs, its process, and how it ended last"],
      ["sudo awg service restart", "restart it after an update, without packet loss"],
      ["sudo awg service enable", "start it at boot"],
    ],
    acts: true,
    load: () => import("./service.ts"),
  },
  {
    name: "conflicts",
    summary: "list running services of other VPN programs",
    details: "They set routes, DNS or packet filters, as awg does. A stopped service may start again at boot.",
    options: [{ flags: "--stop <name>", summary: "stop this service", repeatable: true }],
    examples: [
      ["sudo awg conflicts", "list them"],
      ["sudo awg conflicts --stop wg-quick@wg0.service", "stop one, and list what is left"],
    ],
    acts: true,
    load: () => import("../change/conflicts.ts"),
  },
  {
    name: "daemon",
    summary: "keep the host as the config says",
    details:
      "Applies the config, and again after edits, drift and network changes. Its end changes nothing. Run it in the " +
      "foreground, under a supervisor; awg install sets one up.",
    options: [
      { ...FILE, summary: "read this file or folder (default: the host's config)" },
      INSECURE,
      { flags: "--foreground", summary: "stay in the foreground (the default)" },
      { flags: "--log-level <level>", summary: "choose what is logged (default: debug)", choices: LOG_LEVELS },
      { flags: "--log-file <file>", summary: "log there; a full file is renamed, three are kept" },
      { flags: "--notify", summary: "show a desktop notification when protection is lost" },
    ],
    examples: [
      ["sudo awg daemon -f config.yaml", "apply it, then repair what other programs change"],
      ["sudo awg daemon --json", "print one JSON event a line on standard error"],
    ],
    acts: true,
    load: () => import("./daemon.ts"),
  },
  {
    name: "completion",
    argument: { name: "shell", summary: "bash, zsh or fish", required: true, choices: ["bash", "zsh", "fish"] },
    summary: "print a completion script for a shell",
    options: [],
    examples: [
      ["source <(awg completion bash)", "complete in this shell; in zsh after compinit"],
      ["awg completion fish > ~/.config/fish/completions/awg.fish", "complete in every new fish"],
      ["awg completion zsh > /usr/local/share/zsh/site-functions/_awg", "complete in every new zsh"],
    ],
    readsNoHost: true,
    load: () => import("../completion/completion.ts"),
  },
  {
    name: "version",
    summary: "print the version",
    options: [],
    examples: [
      ["awg version", "print the version of awg, Node and the system"],
      ["awg version --json", "print them for programs"],
    ],
    readsNoHost: true,
    load: () => import("./version.ts"),
  },
];
