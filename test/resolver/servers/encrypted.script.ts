// Runs as a program of its own, in a network namespace: encrypted name servers at one address, until it is ended.
import { readFileSync } from "node:fs";
import { httpsServer, type ServerLog, tlsServer } from "./encrypted-server.ts";

const [address = "", answer = "", cert = "", key = ""] = process.argv.slice(2);
const pem = { key: readFileSync(key), cert: readFileSync(cert) };
const log: ServerLog = { connections: 0, asked: [], sockets: new Set() };
tlsServer(pem, answer, log).listen(853, address);
httpsServer(pem, answer, log).listen(443, address);
