import { hashOf } from "../../model/canonical.ts";
import { AwgError } from "../../model/error.ts";
import type { DesiredState } from "../../model/resources/desired-state.ts";
import { lifecycleOfNothing } from "../../model/resources/lifecycle.ts";
import type { Generation } from "../../reconciler/journal/generation.ts";
import type { OpenTransaction } from "../../reconciler/journal/open-transaction.ts";
import {
  replacedKeys,
  replacedToo,
  type Selected,
  type Selection,
  selectDesired,
} from "../../reconciler/plan/selection.ts";
import { listFilesOf } from "../../resources/expand/names/destinations.ts";
import { rememberNumbers } from "../../resources/expand.ts";
import { announced } from "../announced-wait.ts";
import { refuseUnsupported } from "../apply/failure.ts";
import { directForNow, downNotes, withoutDown } from "../down/down-tunnels.ts";
import { generationBehind, overdue, standingRequest } from "../down/override.ts";
import { overrideNotes, pauseNotes, withPause } from "../down/pause.ts";
import type { LoadedConfig } from "../load/loaded-config.ts";
import type { HostParts } from "../parts.ts";
import { expandConfig } from "./expand-config.ts";
import { factsWantedBy } from "./facts-wanted.ts";
import { refuseOwnKeys } from "./own-keys.ts";
import { planDesired } from "./plan-desired.ts";
import type { ConfigPlanning, PlanNote, Planned } from "./planned.ts";

const EVERYTHING: Selection = { target: [], exclude: [], replace: [] };

/** The plan from the host to a config, or to the selected part of it. */
export async function planConfig(
  parts: HostParts,
  { config: written, hash, sources, secretPlaces, featurePlaces }: LoadedConfig,
  selection: Selection = EVERYTHING,
  { unanswered, isRepair = false, standing }: Partial<ConfigPlanning> = {},
): Promise<Planned> {
  parts.requireRights?.();
  if (written === undefined) throw new AwgError("bug", "a plan was asked of a config with errors");
  const { host, stores } = parts;
  const latest = await stores.generations.latest();
  const request = standing ?? (await standingRequest(parts, latest, hash));
  const { override } = request;
  const isPaused = override?.what === "pause";
  const down = request.down.filter((name) => Object.hasOwn(written.tunnels, name)).toSorted();
  const config = withoutDown(isPaused ? withPause(written) : written, down);
  const direct = directForNow(written, config);
  const wanted = factsWantedBy(config);
  const looks = `resolving ${wanted.hosts.join(", ")} …`;
  const facts = await announced(parts.onWait, looks, host.facts.read(wanted));
  const wish = { config, secretPlaces, ...(override?.portal === undefined ? {} : { portal: override.portal }) };
  const expansion = await expandConfig(parts, wish, facts, latest, unanswered);
  refuseUnsupported(expansion, featurePlaces);
  await refuseOwnKeys(parts, { config, secretPlaces }, expansion.desired, latest?.desired);
  if (config.invariants.length > 0) {
    const { proveInvariants } = await import("./invariants.ts");
    proveInvariants(config, expansion.desired, facts, expansion.lists);
  }
  const wholly = {
    ...expansion.desired,
    ...(down.length === 0 ? {} : { down }),
    ...(direct.length === 0 ? {} : { directForNow: direct }),
    ...(override === undefined ? {} : { override }),
  };
  const { desired, alsoTaken, isPartial } = selectionOf(wholly, latest, selection);
  const replace = replacedKeys(selection, desired);
  const { plan, notes, traffic, ledger, held, open } = await planDesired(parts, desired, latest, { replace, isRepair });
  return {
    verb: "apply",
    plan,
    ...(ledger === undefined ? {} : { ledger }),
    desired,
    // A part of a config has a hash of its own: for a reader of the whole config there is still something to propose.
    configHash: isPartial ? hashOf([hash, selection]) : hash,
    fingerprint: facts.fingerprint,
    pathNumbers: expansion.pathNumbers,
    sources,
    notes: [
      ...(isRepair ? [] : await openNotes(parts, open, { verb: "apply", desired })),
      ...downNotes(written, down),
      ...(isPaused ? pauseNotes(written) : []),
      ...overrideNotes(override),
      ...expansion.notes,
      ...(parts.notesOn?.(expansion.desired) ?? []),
      ...(facts.otherTunnels === undefined
        ? []
        : (await import("./cut-off.ts")).cutOffNotes(expansion.desired, facts.otherTunnels)),
      ...[...alsoTaken, ...replacedToo(replace)].map(({ key, why }) => ({ path: key, message: `taken too: ${why}` })),
      ...notes,
    ],
    traffic,
    listFiles: listFilesOf(config),
    alternatives: expansion.alternatives ?? {},
    unresolved: expansion.unresolved ?? {},
    ...(isRepair ? { held } : {}),
    ...(selection === EVERYTHING ? {} : { selection, replace }),
  };
}

function selectionOf(wanted: DesiredState, latest: Generation | undefined, selection: Selection): Selected {
  if (selection.target.length + selection.exclude.length === 0)
    return { desired: wanted, alsoTaken: [], isPartial: false };
  return selectDesired(wanted, latest?.desired ?? { resources: [] }, selection);
}

/** The plan to a generation as it was stored; undefined is the state before the first. */
async function planGeneration(
  parts: HostParts,
  generation: Generation | undefined,
  isRepair = false,
): Promise<Planned> {
  const { fingerprint } = await parts.host.facts.read({ users: [], hosts: [] });
  const { desired = { resources: [] }, configHash = "" } = generation ?? {};
  const latest = await parts.stores.generations.latest();
  const pathNumbers = rememberNumbers(latest?.pathNumbers ?? {}, generation?.pathNumbers ?? {});
  const { plan, notes: found, traffic, ledger, held, open } = await planDesired(parts, desired, latest, { isRepair });
  const notes = [...(isRepair ? [] : await openNotes(parts, open, { verb: "apply", desired })), ...found];
  const made = { desired, configHash, fingerprint, pathNumbers, sources: [], notes, traffic, held };
  return { verb: "apply", plan, ...made, ...(ledger === undefined ? {} : { ledger }) };
}

/** The plan that restores the accepted generation, without any config. */
export async function planAccepted(parts: HostParts): Promise<Planned> {
  return planGeneration(parts, await parts.stores.generations.latest(), true);
}

/**
 * The plan that ends an override whose time is over, or an open login page at once; undefined if there is none. Needs no
 * config.
 */
export async function planEndOfOverride(
  parts: HostParts,
  { endsPortal = false }: { readonly endsPortal?: boolean } = {},
): Promise<Planned | undefined> {
  const accepted = await parts.stores.generations.latest();
  const { override } = accepted?.desired ?? {};
  const over = endsPortal && override?.what === "portal" ? override : overdue(accepted, parts);
  if (accepted === undefined || over === undefined) return undefined;
  return { ...(await planGeneration(parts, await generationBehind(parts, over))), repairs: accepted.number };
}

/** The plan back to an accepted generation; undefined is the previous one. */
export async function planRollback(parts: HostParts, number: number | undefined): Promise<Planned> {
  parts.requireRights?.();
  const { generationFor } = await import("../history/history.ts");
  return planGeneration(parts, await generationFor(parts.stores, number));
}

/** The plan that removes everything awg made except what is retained. */
export async function planDestroy(parts: HostParts): Promise<Planned> {
  parts.requireRights?.();
  const { fingerprint } = await parts.host.facts.read({ users: [], hosts: [] });
  const accepted = await parts.stores.generations.latest();
  const desired = { resources: [], ...lifecycleOfNothing(accepted?.desired.lifecycle) };
  const { plan, traffic, notes: found, open, returning } = await planDesired(parts, desired, accepted);
  const notes = [
    ...(await openNotes(parts, open, { verb: "destroy", desired })),
    ...found,
    ...(await givenBack(parts, open)),
  ];
  const pathNumbers = accepted?.pathNumbers ?? {};
  const made = { plan, desired, configHash: "", fingerprint, pathNumbers, sources: [], notes, traffic };
  return {
    verb: "destroy",
    ...made,
    ...(returning === undefined ? {} : { returning }),
    ...(accepted === undefined && open === undefined ? { unrecorded: true } : {}),
  };
}

/** Notes on how an open change is finished or undone first. */
async function openNotes(
  parts: HostParts,
  open: OpenTransaction | undefined,
  towards: Pick<Planned, "verb" | "desired">,
): Promise<readonly PlanNote[]> {
  // If the state is in place, only its acceptance is left to write, which changes no step.
  if (open === undefined || open.accept !== undefined) return [];
  const { openNote } = await import("../status/open-note.ts");
  return [await openNote(parts, open, towards)];
}

/** Notes on devices in takeover during an interrupted apply: they return to the other program. */
async function givenBack({ host }: HostParts, open: OpenTransaction | undefined): Promise<readonly PlanNote[]> {
  if (open === undefined) return [];
  const { takenOver } = await import("../../reconciler/apply/recover.ts");
  return (await takenOver({ host }, open)).map((device) => ({
    path: "link",
    message: `${device} goes back to the program that made it, with its addresses and routes: the apply that adopted it was interrupted`,
  }));
}
