/**
 * The daemon as it is not: HTTP/2 and the daemon's lines in one process. `node one-process.script.ts LINES API` shows what
 * floods then do to the loop (ADR 24).
 */
import { serveLines } from "../../../../src/daemon/serving/line-server.ts";
import { LogLevels } from "../../../../src/daemon/serving/log-levels.ts";
import { Published } from "../../../../src/daemon/serving/published.ts";
import { DaemonFeed } from "../../../../src/http/daemon-feed.ts";
import { openUnixDoor } from "../../../../src/http/doors/unix-door.ts";

const [lines = "", api = ""] = process.argv.slice(2);
const status = async () => ({ generation: 1, conditions: [], resources: [] });
const published = new Published(Date.now(), status, new LogLevels("debug"));
const root = { uid: 0, groups: [0] };
await serveLines({
  sockets: [{ path: lines }],
  admit: () => root,
  converse: (send) => published.converse(send, "admin"),
});
await openUnixDoor({
  listen: { path: api },
  rules: { adminGroups: [], viewerGroups: [] },
  peerOf: () => root,
  parts: { feed: new DaemonFeed(async function* () {}), status, readLog: async function* () {} },
});
console.log("answering on both");
