// Runs inside a namespace of its own. As "writer" it adds and deletes routes all the time; without an argument it
// starts such a writer and reads the same table meanwhile, which also holds routes that stay.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { openRouteNetlink, type RouteChange } from "../../../../src/native/linux/rtnetlink/route-netlink.ffi.ts";

const STAYING = 2000;
const PASSING = 200;
const READINGS = 6;
const TABLE = 100;

function changes(verb: RouteChange["verb"], family: 4 | 6, kind: 20 | 10, count: number): RouteChange[] {
  const base = { table: TABLE, protocol: 158, priority: 0, type: "blackhole", family } as const;
  return Array.from({ length: count }, (_unused, n) => ({
    verb,
    route: {
      ...base,
      destination: family === 4 ? `${kind}.${n >> 8}.${n & 255}.0/24` : `fd${kind}:${n.toString(16)}::/48`,
    },
  }));
}

function write(family: 4 | 6): never {
  using net = openRouteNetlink();
  process.stdout.write("ready");
  while (true) {
    for (const verb of ["create", "delete"] as const) {
      net.changeRoutes(changes(verb, family, 10, PASSING));
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2);
    }
  }
}

async function read(family: 4 | 6): Promise<{ missing: number; twice: number }> {
  using net = openRouteNetlink();
  net.changeRoutes(changes("create", family, 20, STAYING));
  const argv = [import.meta.filename, "writer", String(family)];
  const writer = spawn(process.execPath, argv, { stdio: ["ignore", "pipe", "inherit"] });
  const seen = { missing: 0, twice: 0 };
  try {
    await once(writer.stdout, "data");
    for (let reading = 0; reading < READINGS; reading++) {
      const found = net.routes({ family, table: TABLE }).map(({ destination }) => destination);
      const staying = new Set(found.filter((destination) => /^(20\.|fd20)/.test(destination)));
      if (staying.size !== STAYING) seen.missing++;
      if (new Set(found).size !== found.length) seen.twice++;
    }
  } finally {
    writer.kill("SIGKILL");
  }
  return seen;
}

if (process.argv[2] === "writer") write(process.argv[3] === "4" ? 4 : 6);
else process.stdout.write(JSON.stringify([await read(4), await read(6)]));
