import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { fetchedLists, keepFetchedLists } from "../../../src/app/lists/kept-lists.ts";
import { readRemoteList } from "../../../src/app/lists/remote-list.ts";
import { makeCertificate } from "../../resolver/servers/encrypted-server.ts";
import { temporaryFolder } from "../../support/folder.ts";
import { commandObstacle } from "../../support/netns.ts";

const [FIRST, SECOND] = ["192.0.2.0/24\n", "198.51.100.0/24\n"];
const hashOf = (text: string) => createHash("sha256").update(text).digest("hex");

describe.skipIf(commandObstacle("openssl") !== undefined)("a list from the network", () => {
  const before = getCACertificates("default");
  let server: Server;
  let served = { status: 200, text: FIRST };
  let requests = 0;
  let stateDir: string;

  beforeAll(async () => {
    const { cert, key } = makeCertificate(temporaryFolder("certificate"), "IP:127.0.0.1");
    setDefaultCACertificates([...before, readFileSync(cert, "utf8")]);
    server = createServer({ cert: readFileSync(cert), key: readFileSync(key) }, (_, response) => {
      requests += 1;
      response.writeHead(served.status, { location: "/elsewhere" }).end(served.text);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
  });
  afterAll(() => {
    setDefaultCACertificates(before);
    server.close();
  });
  beforeEach(() => {
    served = { status: 200, text: FIRST };
    requests = 0;
    stateDir = temporaryFolder("state");
    fetchedLists.clear();
  });

  const read = (sha256: string) => {
    const list = `https://127.0.0.1:${(server.address() as AddressInfo).port}/list.txt`;
    return readRemoteList({ list, sha256 }, stateDir);
  };

  test("is fetched once, kept after the apply, and read without the network from then on", async () => {
    expect(await read(hashOf(FIRST))).toEqual({ text: FIRST });
    expect(await read(hashOf(FIRST))).toEqual({ text: FIRST });
    keepFetchedLists();
    expect(fetchedLists.size).toBe(0);
    expect(await read(hashOf(FIRST))).toEqual({ text: FIRST });
    expect(requests).toBe(1);
  });

  test("with another content than the pinned one it is refused, and the last good copy is used if there is one", async () => {
    await expect(read(hashOf(SECOND))).rejects.toThrow(
      /cannot be fetched: its SHA-256 is [0-9a-f]{64}, not the pinned one/,
    );
    await read(hashOf(FIRST));
    keepFetchedLists();
    const { text, note } = await read(hashOf(SECOND));
    expect([text, note]).toEqual([FIRST, expect.stringContaining("the list is the last good copy: its SHA-256 is")]);
    served = { status: 200, text: SECOND };
    expect(await read(hashOf(SECOND))).toEqual({ text: SECOND });
  });

  test("a server that fails or leads elsewhere gives no list", async () => {
    for (const status of [404, 302]) {
      served = { status, text: FIRST };
      await expect(read(hashOf(FIRST))).rejects.toThrow("the list cannot be fetched");
    }
  });
});
