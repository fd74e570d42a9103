const netlinkType = /nlmsg_type=([^,\s]+)/g;
/** A dump of sockets (SOCK_DIAG_BY_FAMILY of linux/sock_diag.h); an RTM_NEWADDR of that number would ask for an ACK. */
const socketDump = /nlmsg_type=0x14 [^,]*, nlmsg_flags=NLM_F_REQUEST\|0x300,/g;
const opening = /\bopen(?:at)?\((?:AT_FDCWD[^,]*, )?"([^"]*)", (\S*)/;
const writingFlags = /O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|O_APPEND/;
const filing =
  /\b(?:rename|renameat2?|unlink|unlinkat|mkdir|mkdirat|rmdir|symlink|symlinkat|link|linkat|truncate|chmod|fchmodat|chown|lchown|fchownat)\((.*)\) += 0/;
const starting = /\bexecve(?:at)?\((?:AT_FDCWD[^,]*, )?"([^"]*)".*(?: = 0|<unfinished \.\.\.>)$/;
/** The command itself on its way into its namespace; any other program could change the machine. */
const itself = /\/(?:node|unshare|awg)$/;
const engineSet = /\b(?:write|writev|send|sendto|sendmsg)\(.*"set=1\\n/;

/**
 * Devices, our own process's files, and compiled code that a program of awg's keeps beside itself, the keeper whenever it has
 * the time; the lock's holder record is the one write that law 3 allows.
 */
const harmless = /^\/dev\/|^\/proc\/(?:self|\d+)\/|\/(?:[^/]*\.)?lock[^/]*$|\/dist\/cache\/[^/]+$/;

/**
 * The lines of an `strace -f` output that changed the machine: netlink messages that add, delete or set; files opened
 * for writing, renamed or removed; a WireGuard engine told something; another program started.
 */
export function writesIn(trace: string): readonly string[] {
  return trace
    .split("\n")
    .filter((line) => changesKernel(line) || changesFiles(line) || engineSet.test(line) || startsProgram(line));
}

function startsProgram(line: string): boolean {
  const program = starting.exec(line)?.[1];
  return program !== undefined && !itself.test(program);
}

function changesKernel(line: string): boolean {
  if (!/\bsend(?:to|msg|mmsg)?\(/.test(line)) return false;
  return [...line.replaceAll(socketDump, "").matchAll(netlinkType)].some(([, type = ""]) => isMutation(type));
}

/** strace names the types of protocols it can tell, and prints the number where it cannot. */
function isMutation(type: string): boolean {
  const number = /^0x([0-9a-f]+)$/.exec(type)?.[1];
  if (number === undefined)
    return /RTM_(?:NEW|DEL|SET)|NFT_MSG_(?:NEW|DEL|DESTROY)|IPCTNL_MSG_\w*(?:NEW|DELETE)/.test(type);
  const value = Number.parseInt(number, 16);
  const subsystem = value >> 8;
  if (subsystem === nftables) return (value & 0xff) % 3 !== 1;
  if (subsystem === conntrack) return (value & 0xff) !== 1;
  return subsystem === 0 && value >= firstRouteType && value % 4 !== 2;
}

const nftables = 10;
const conntrack = 1;
const firstRouteType = 16;

function changesFiles(line: string): boolean {
  const [, path = "", flags = ""] = opening.exec(line) ?? [];
  if (writingFlags.test(flags) && !/ = -1 /.test(line)) return !harmless.test(path);
  const [, names = ""] = filing.exec(line) ?? [];
  return names !== "" && ![...names.matchAll(/"([^"]*)"/g)].every(([, name = ""]) => harmless.test(name));
}
