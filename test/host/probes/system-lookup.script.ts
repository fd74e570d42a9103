import { createSocket } from "node:dgram";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { lookUpBySystem } from "../../../src/host/probes/system-lookup.ts";

/** Run where 127.0.0.1 is the name server, which does not answer. */
const [name, withinMs]: readonly [string, number] = JSON.parse(await text(process.stdin));
const silent = createSocket("udp4").bind(53, "127.0.0.1");
await once(silent, "listening");
silent.unref();
process.stdout.write(JSON.stringify(await lookUpBySystem(name, withinMs)));
