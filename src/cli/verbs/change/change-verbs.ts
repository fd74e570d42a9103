import type { VerbDefinition } from "../../verb.ts";
import {
  ACCEPT_RISK,
  APPROVE,
  CONFIG_ARGUMENT,
  CONFIRM_WITHIN,
  DETAILED,
  FILE,
  FOR,
  INSECURE,
  SELECTION_OPTIONS,
  STREAM,
  VERBOSE,
  VERIFY,
} from "../../verb-options.ts";

/** The verbs that change the host, and the plan before them. */
export const CHANGE_VERBS: readonly VerbDefinition[] = [
  {
    name: "plan",
    argument: CONFIG_ARGUMENT,
    summary: "show what apply would change",
    details: "Changes nothing.",
    options: [
      FILE,
      INSECURE,
      { flags: "--out <path>", summary: "save the plan for awg apply PLAN" },
      DETAILED,
      VERIFY,
      VERBOSE,
      ...SELECTION_OPTIONS,
    ],
    examples: [
      ["sudo awg plan config.yaml", "list the steps, their reasons, and what happens to traffic"],
      ["sudo awg plan config.yaml --out my.plan", "save the plan; awg apply my.plan applies exactly this"],
      ["sudo awg plan config.yaml --target office", "plan one tunnel, with the policy and routes it needs"],
    ],
    load: () => import("../plan/plan.ts"),
  },
  {
    name: "apply",
    argument: { name: "file", summary: "a config, as with -f, or a plan saved by awg plan --out" },
    summary: "apply the config",
    details:
      "With --confirm-within the keeper reverts the change unless it is confirmed in time, even if awg is killed. On a " +
      "simulated host awg itself reverts it.",
    options: [
      FILE,
      INSECURE,
      APPROVE,
      CONFIRM_WITHIN,
      ACCEPT_RISK,
      DETAILED,
      STREAM,
      VERIFY,
      VERBOSE,
      ...SELECTION_OPTIONS,
    ],
    examples: [
      ["sudo awg apply config.yaml", "show the plan, ask, apply it and verify the result"],
      ["sudo awg apply laptop.plan", "apply a saved plan; exit 11 if it no longer fits"],
      ["sudo awg apply config.yaml --netns lab --auto-approve", "apply inside the network namespace lab"],
      ["sudo awg apply config.yaml --confirm-within 60s", "revert after 60 seconds unless confirmed (exit 9)"],
    ],
    acts: true,
    load: () => import("./apply.ts"),
  },
  {
    name: "down",
    argument: { name: "tunnel", summary: "its name in the config (default: all tunnels)" },
    summary: "take a tunnel down until awg up; the kill switch stays",
    details:
      "Its traffic uses its fallback: direct, else blocked. It is recorded: an apply of the same config, the daemon and a " +
      "reboot keep the tunnel down. With --for, the daemon or a reboot ends it. The config must be the applied one.",
    options: [FILE, INSECURE, FOR, CONFIRM_WITHIN, ACCEPT_RISK, DETAILED, STREAM],
    examples: [
      ["sudo awg down", "take all tunnels down"],
      ["sudo awg down office -f home.yaml", "take one down, of the config that was applied from home.yaml"],
      ["sudo awg down office --for 1h", "take one down for an hour; exit 13 without a daemon"],
    ],
    acts: true,
    load: () => import("./down.ts"),
  },
  {
    name: "up",
    argument: { name: "tunnel", summary: "its name in the config (default: all tunnels)" },
    summary: "bring up what awg down took down, or end a pause",
    options: [FILE, INSECURE, FOR, CONFIRM_WITHIN, ACCEPT_RISK, DETAILED, STREAM],
    examples: [
      ["sudo awg up", "bring all tunnels up, and wait for their first handshakes"],
      ["sudo awg up office", "bring one up"],
    ],
    acts: true,
    load: () => import("./up.ts"),
  },
  {
    name: "pause",
    summary: "send traffic direct for a time; the tunnels stay up",
    details:
      "The kill switch lets out what the tunnels carry; rules that block still block. The daemon ends it, " +
      "or the keeper if the daemon died; a reboot ends it, too. The longest pause is killSwitch.longestPause (1h). " +
      "Exit 13 without a daemon.",
    options: [{ ...FOR, summary: "undo it after this time (default: 5m)" }, FILE, INSECURE, APPROVE, DETAILED, STREAM],
    examples: [
      ["sudo awg pause --for 10m", "ask, then send traffic direct for ten minutes"],
      ["sudo awg pause --auto-approve", "do not ask; pause for five minutes"],
    ],
    acts: true,
    load: () => import("./pause.ts"),
  },
  {
    name: "confirm",
    summary: "keep a change that waits for confirmation",
    details: "After an apply over SSH use a new connection: the old one does not prove that the host can be reached.",
    options: [],
    examples: [
      ["sudo awg confirm", "keep it; after the time the old state is back"],
      ["sudo awg confirm --netns lab", "keep the change inside the network namespace lab"],
    ],
    acts: true,
    load: () => import("./confirm.ts"),
  },
  {
    name: "revert",
    summary: "undo a change that awaits confirmation or was interrupted",
    details:
      "Of an interrupted destroy the tunnels and the packet filter come back. After a reboot only the packet filter can " +
      "be restored; awg names what else is missing.",
    options: [{ flags: "--due", summary: "revert what is due: not confirmed, or its time is over" }],
    examples: [
      ["sudo awg revert", "restore the state before the apply"],
      ["sudo awg revert --due", "do what the keeper does at the deadline"],
    ],
    acts: true,
    load: () => import("./revert.ts"),
  },
  {
    name: "rollback",
    argument: { name: "generation", summary: "its number (default: the last before with a config)" },
    summary: "go back to an earlier generation",
    options: [APPROVE, CONFIRM_WITHIN, ACCEPT_RISK, DETAILED, STREAM, VERBOSE],
    examples: [
      ["sudo awg rollback", "undo the last apply; the result is a new generation"],
      ["sudo awg rollback 3", "go back to generation 3 of awg history"],
    ],
    acts: true,
    load: () => import("./rollback.ts"),
  },
  {
    name: "destroy",
    summary: "remove everything awg made and restore what it replaced",
    options: [APPROVE, ACCEPT_RISK, STREAM, VERBOSE],
    examples: [
      ["sudo awg destroy", "show the plan, ask, and remove it; the kill switch goes last"],
      ["sudo awg destroy --auto-approve --json-stream", "do not ask; print events"],
    ],
    acts: true,
    load: () => import("./destroy.ts"),
  },
];
