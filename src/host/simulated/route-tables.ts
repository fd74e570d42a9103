import { addressBits, type IpAddress } from "../../model/ip.ts";
import type { Route } from "../ports/routes.ts";
import { prefixOf } from "./memo.ts";

/**
 * Routes by table and, as in a kernel, unique by destination and metric within a table. Lookups take the longest prefix
 * first, then the smallest metric.
 */
export class RouteTables {
  readonly #tables = new Map<number, Map<string, Route>>();

  constructor(routes: readonly Route[]) {
    for (const route of routes) this.set(route);
  }

  /** The route in the same place: same family, table, destination and metric. */
  find(route: Route): Route | undefined {
    return this.#tables.get(route.table)?.get(placeOf(route));
  }

  /** Adds a route, or replaces that in its place. */
  set(route: Route): void {
    const table = this.#tables.get(route.table) ?? new Map<string, Route>();
    table.set(placeOf(route), route);
    this.#tables.set(route.table, table);
  }

  /** Removes the route in this place, if there is one. */
  delete(route: Route): void {
    const table = this.#tables.get(route.table);
    table?.delete(placeOf(route));
    if (table?.size === 0) this.#tables.delete(route.table);
  }

  deleteWhere(condition: (route: Route) => boolean): void {
    for (const route of this.all()) if (condition(route)) this.delete(route);
  }

  /** Every route, or those of these tables. */
  all(tables?: readonly number[]): Route[] {
    const chosen = tables ?? [...this.#tables.keys()];
    return chosen.flatMap((number) => [...(this.#tables.get(number)?.values() ?? [])]);
  }

  /** The best route of one table for an address among those that `usable` accepts; undefined when none covers it. */
  best(table: number, address: IpAddress, usable: (route: Route) => boolean): Route | undefined {
    let best: Route | undefined;
    let bestLength = -1;
    const bits = BigInt(addressBits(address.family));
    for (const route of this.#tables.get(table)?.values() ?? []) {
      if (route.family !== address.family) continue;
      const { address: first, length } = prefixOf(route.destination);
      if (length < bestLength || (length === bestLength && best !== undefined && route.metric >= best.metric)) continue;
      if ((first ^ address.value) >> (bits - BigInt(length)) !== 0n || !usable(route)) continue;
      best = route;
      bestLength = length;
    }
    return best;
  }
}

function placeOf(route: Route): string {
  return `${route.destination} ${route.metric}`;
}
