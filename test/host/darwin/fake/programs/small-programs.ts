import type { Command, CommandResult } from "../../../../../src/host/darwin/command.ts";
import { UnfaithfulCall } from "../accepted.ts";

const USERS: Readonly<Record<string, number>> = { root: 0, alice: 501, bob: 502, _mdnsresponder: 65, _awg: 290 };

/** Output constructed from the manual page of ioreg(8): the line that names the hardware. */
const PLATFORM = `+-o MacBookPro18,3  <class IOPlatformExpertDevice, id 0x100000220, registered, matched, active>
    {
      "IOPlatformUUID" = "01234567-89AB-CDEF-0123-456789ABCDEF"
      "model" = <"MacBookPro18,3">
    }

`;

function said(stdout: string, status = 0, stderr = ""): CommandResult {
  return { status, stdout, stderr };
}

/** Programs of one answer; each takes exactly the words that awg has reason to say. */
export const SMALL_PROGRAMS: Readonly<Record<string, (command: Command) => CommandResult>> = {
  "/usr/bin/id": ({ args }) => {
    const [flag, name = "", ...more] = args;
    if ((flag !== "-u" && flag !== "-g") || more.length > 0) throw new UnfaithfulCall("id", args.join(" "));
    const uid = Object.hasOwn(USERS, name) ? USERS[name] : undefined;
    return uid === undefined ? said("", 1, `id: ${name}: no such user\n`) : said(`${uid}\n`);
  },
  "/usr/sbin/ioreg": ({ args }) => {
    if (args.join(" ") !== "-rd1 -c IOPlatformExpertDevice") throw new UnfaithfulCall("ioreg", args.join(" "));
    return said(PLATFORM);
  },
};
