/** What a client of awg's sockets may do: an admin everything, a viewer only look. */
export type Role = "admin" | "viewer";

/** Who is on the other end of a socket, as the kernel recorded it. */
export interface SocketPeer {
  readonly uid: number;
  /** The primary group and the supplementary ones. */
  readonly groups: readonly number[];
}

/** Which users and groups have which role. */
export interface RoleRules {
  readonly adminGroups: readonly number[];
  readonly viewerGroups: readonly number[];
  /** Runs engines and relays; its own group may be an admin group, and it is never a client. */
  readonly serviceUid?: number;
}

/**
 * The role of a peer; undefined if it has none. Root is an admin, and so is everybody in an admin group: membership
 * there is as good as root. Pure.
 */
export function roleOf({ uid, groups }: SocketPeer, rules: RoleRules): Role | undefined {
  if (uid === 0) return "admin";
  if (uid === rules.serviceUid) return undefined;
  if (groups.some((group) => rules.adminGroups.includes(group))) return "admin";
  return groups.some((group) => rules.viewerGroups.includes(group)) ? "viewer" : undefined;
}
