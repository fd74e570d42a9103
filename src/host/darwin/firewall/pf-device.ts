import { PF } from "../../../native/darwin/constants.ts";
import { darwinError } from "../../../native/darwin/errno.ts";
import type { LibSystem } from "../../../native/darwin/libsystem.ts";
import {
  decodeStatus,
  decodeToken,
  decodeTokens,
  encodeKillStates,
  encodeRemoveToken,
  newStatus,
  newToken,
  type PfToken,
  tokensRequest,
} from "../../../native/darwin/pf.codec.ts";
import {
  decodeRuleCall,
  decodeRuleCount,
  encodeAnchorCall,
  encodeRuleRemoval,
  PF_RULE,
  ruleCountRequest,
  ruleRequest,
} from "../../../native/darwin/pf-rule.codec.ts";

/** bsd/sys/fcntl.h */
const O_RDWR = 2;
/** bsd/sys/errno.h */
const ENOENT = 2;
const EEXIST = 17;
const EBUSY = 16;
const EINVAL = 22;
const FEW_TOKENS = 64;
const READ_ATTEMPTS = 5;

/** An open /dev/pf, for operations that pfctl lacks or would apply to all programs. */
export interface PfDevice extends Disposable {
  isEnabled(): boolean;
  /** A text that changes with each load of an anchor's rules ("" is the main ruleset); undefined if there is no such anchor. */
  rulesMark(anchor: string): string | undefined;
  /** Enables PF, or keeps it enabled, until the token is returned. */
  takeReference(): bigint;
  /** Returns a token; the last one disables PF. False if PF does not know the token. */
  releaseReference(token: bigint): boolean;
  references(): PfToken[];
  /** Ends the states between these endpoints; idempotent. */
  killStates(selection: Parameters<typeof encodeKillStates>[0]): void;
  /** Appends a rule that calls the anchor to the main ruleset, unless one exists. */
  insertCall(anchor: string): void;
  /** Deletes inserted rules that call the anchor from the main ruleset; those of pf.conf stay. */
  removeCalls(anchor: string): void;
}

/** Opens /dev/pf. Throws AwgError("permission") without the rights. */
export function openPfDevice(system: LibSystem): PfDevice {
  const opened = system.open("/dev/pf", O_RDWR);
  if (opened.value < 0) throw darwinError("opening /dev/pf", opened.errno);
  const fd = opened.value;
  const request = (what: string, number: number, argument: Uint8Array, mayFail: readonly number[] = []): boolean => {
    const { value, errno } = system.ioctl(fd, number, argument);
    if (value >= 0) return true;
    if (mayFail.includes(errno)) return false;
    throw darwinError(what, errno);
  };
  return {
    isEnabled: () => {
      const status = newStatus();
      request("reading PF's status", PF.DIOCGETSTATUS, status);
      return decodeStatus(status).enabled;
    },
    rulesMark: (anchor) => {
      const counted = ruleCountRequest(anchor);
      const isThere = request(`counting the rules of ${anchor}`, PF_RULE.DIOCGETRULES, counted, [EINVAL]);
      const { ticket, count } = decodeRuleCount(counted);
      return isThere ? `${ticket}:${count}` : undefined;
    },
    takeReference: () => {
      const token = newToken();
      request("enabling PF", PF.DIOCSTARTREF, token);
      return decodeToken(token);
    },
    releaseReference: (token) => system.ioctl(fd, PF.DIOCSTOPREF, encodeRemoveToken(token)).value >= 0,
    references: () => readReferences(system, fd),
    killStates: (selection) => void request("ending a state of PF", PF.DIOCKILLSTATES, encodeKillStates(selection)),
    insertCall: (anchor) =>
      void request(`calling ${anchor} from PF's main ruleset`, PF_RULE.DIOCINSERTRULE, encodeAnchorCall(anchor), [
        EEXIST,
      ]),
    removeCalls: (anchor) => {
      for (const ticket of callsOf(request, anchor)) {
        request(
          `removing the call of ${anchor} from PF's main ruleset`,
          PF_RULE.DIOCDELETERULE,
          encodeRuleRemoval(ticket),
        );
      }
    },
    [Symbol.dispose]: () => void system.close(fd),
  };
}

type Request = (what: string, number: number, argument: Uint8Array, mayFail?: readonly number[]) => boolean;

function readReferences(system: LibSystem, fd: number): PfToken[] {
  for (let room = FEW_TOKENS; ; room *= 2) {
    const { argument, pointerAt, buffer } = tokensRequest(room);
    const { value, errno } = system.ioctlPointing(fd, PF.DIOCGETSTARTERS, argument, pointerAt, buffer);
    // While nobody holds a token, the list is not empty but absent (pfioctl_ioc_tokens of bsd/net/pf_ioctl.c).
    if (value < 0 && errno === ENOENT) return [];
    if (value < 0) throw darwinError("listing who keeps PF enabled", errno);
    const tokens = decodeTokens(argument, buffer);
    // The kernel fills the buffer and does not report entries that did not fit.
    if (tokens.length < room) return tokens;
  }
}

/**
 * The tickets of inserted rules that call the anchor from the main ruleset. Rules that change meanwhile are read again (EBUSY).
 * Every rule from a file has ticket 0: a deletion by it would remove another program's first rule (pf_delete_rule_by_ticket
 * of bsd/net/pf_ioctl.c).
 */
function callsOf(request: Request, anchor: string): bigint[] {
  for (let attempt = 1; ; attempt += 1) {
    const counted = ruleCountRequest();
    request("counting the rules of PF's main ruleset", PF_RULE.DIOCGETRULES, counted);
    const { ticket, count } = decodeRuleCount(counted);
    const found: bigint[] = [];
    let whole = true;
    for (let index = 0; whole && index < count; index += 1) {
      const rule = ruleRequest(ticket, index);
      const mayFail = attempt < READ_ATTEMPTS ? [EBUSY] : [];
      whole = request("reading a rule of PF's main ruleset", PF_RULE.DIOCGETRULE, rule, mayFail);
      const call = decodeRuleCall(rule);
      if (whole && call.anchor === anchor && call.ticket !== 0n) found.push(call.ticket);
    }
    if (whole) return found;
  }
}
