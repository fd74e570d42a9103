import type { VerbDefinition } from "../../verb.ts";

const DRY_RUN = { flags: "--dry-run", summary: "say what would be done; change nothing" };

/** Verbs that put awg itself on a machine and take it off. */
export const INSTALL_VERBS: readonly VerbDefinition[] = [
  {
    name: "install",
    summary: "set this machine up for awg: its user, config folder and services; what is there already stays",
    options: [DRY_RUN],
    examples: [
      ["sudo awg install", "the daemon and the keeper run, and start again at boot"],
      ["awg install --dry-run", "step by step what that would change"],
    ],
    acts: true,
    load: () => import("./install.ts"),
  },
  {
    name: "uninstall",
    summary: "take off what awg install put here, and awg's state; the config stays",
    details: "Refused while an applied generation stands: its kill switch and routes would be left to nobody.",
    options: [DRY_RUN, { flags: "--force", summary: "destroy what is applied first" }],
    examples: [["sudo awg uninstall", "services, the user and the state folder go; the rest is as before"]],
    acts: true,
    load: () => import("./uninstall.ts"),
  },
  {
    name: "service",
    argument: {
      name: "command",
      summary: "status, start, stop or restart",
      required: true,
      choices: ["status", "start", "stop", "restart"],
    },
    summary: "look at the daemon's service, or start and stop it; the network stays as it is",
    options: [],
    examples: [
      ["awg service status", "what the service manager says: running, process, how it last ended"],
      ["sudo awg service restart", "after an update; no packet notices"],
    ],
    acts: true,
    load: () => import("./service.ts"),
  },
];
