import { spawnSync } from "node:child_process";
import { linuxRoutes } from "../src/host/linux/routes.ts";
import type { Route } from "../src/host/ports/routes.ts";
import { ROUTE_PROTOCOL } from "../src/model/ownership.ts";
import { type Figure, median } from "./measure.ts";
import { must } from "./program.ts";

const ROUTES = 10_000;
const RUNS = 7;
const TABLE = 4_711;

/** Writing 10,000 routes of each family over netlink against `ip -batch` with the same routes, in turn. */
export async function benchRoutes(): Promise<readonly Figure[]> {
  return [await benchFamily(4), await benchFamily(6)];
}

async function benchFamily(family: 4 | 6): Promise<Figure> {
  const destinations = Array.from({ length: ROUTES }, (_, n) =>
    family === 4 ? `10.${n >> 8}.${n & 255}.0/24` : `2001:db8:${(n + 1).toString(16)}::/48`,
  );
  const addRoutes = destinations.map((destination): Route => {
    const place = { table: TABLE, device: "up0", metric: family === 4 ? 0 : 1024 };
    return { family, destination, type: "unicast", protocol: ROUTE_PROTOCOL, ...place };
  });
  const script = destinations
    .map((destination) => `route add ${destination} dev up0 table ${TABLE} proto ${ROUTE_PROTOCOL}\n`)
    .join("");
  const ours: number[] = [];
  const peer: number[] = [];
  for (let run = 0; run < RUNS; run += 1) {
    ours.push(await timeMs(() => linuxRoutes().change({ addRoutes, deleteRoutes: [], addRules: [], deleteRules: [] })));
    clear(family);
    peer.push(await timeMs(() => must(["ip", `-${family}`, "-batch", "-"], script)));
    clear(family);
  }
  return {
    name: `writing ${ROUTES} IPv${family} routes`,
    unit: "ms",
    ours: median(ours),
    peer: { name: "ip -batch", value: median(peer) },
    atMost: 2,
  };
}

/** Empties the table and proves that all routes had been there. */
function clear(family: 4 | 6): void {
  const list = ["ip", `-${family}`, "route", "show", "table", String(TABLE)];
  const found = must(list).trim().split("\n").length;
  if (found !== ROUTES) throw new Error(`${found} of ${ROUTES} routes were written`);
  spawnSync("ip", [`-${family}`, "route", "flush", "table", String(TABLE)]);
}

async function timeMs(call: () => unknown): Promise<number> {
  const start = performance.now();
  await call();
  return performance.now() - start;
}
