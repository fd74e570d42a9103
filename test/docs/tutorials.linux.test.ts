import { describe, test } from "vitest";
import { whyNoLab } from "../lab/world/why-no-lab.ts";
import { typePage } from "./typed-page.ts";

/**
 * Namespaces that end with the shell, an empty /run, /tmp and /var/lib, a copy of /etc: no trace is left on the host. The
 * clone is bound back to its place, which may lie below /tmp.
 */
const SETUP = `set -e
root=$PWD
mount -t tmpfs -o mode=755 tmpfs /var/lib
mkdir /var/lib/etc /var/lib/tmp /var/lib/clone
mount --bind "$root" /var/lib/clone
cp -R /etc/. /var/lib/etc/
mount --bind /var/lib/etc /etc
mount --bind /var/lib/tmp /tmp
mkdir -p "$root"
mount --bind /var/lib/clone "$root"
cd "$root"
mount -t tmpfs -o mode=755 tmpfs /run
mkdir /run/netns
rm -rf /etc/netns /etc/resolv.conf
: > /etc/resolv.conf
ip link set lo up
exec "$@"`;
const FLAGS = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "private"];

describe.skipIf(whyNoLab() !== undefined)("tutorials typed word for word", () => {
  test("docs/tutorial/first-tunnel.md", { timeout: 290_000 }, () => {
    typePage("docs/tutorial/first-tunnel.md", ["unshare", ...FLAGS, "sh", "-c", SETUP, "sh"]);
  });
});
