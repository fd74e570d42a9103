import { createSocket, type Socket } from "node:dgram";
import { createServer } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { queryServers } from "../../../../src/host/linux/facts/bootstrap-query.ts";
import { type Question, RECORD } from "../../../../src/model/dns/question.ts";
import { message, name, pointer, record } from "../../../model/dns/dns-bytes.ts";

const FOUR = [198, 51, 100, 7];
const ADDRESS = ["198.51.100.7"];

let stack = new AsyncDisposableStack();
afterEach(async () => {
  await stack.disposeAsync();
  stack = new AsyncDisposableStack();
});

/** What one server does with each question: the messages it sends back, in their order. */
type Conduct = (question: Question, asked: number) => readonly Uint8Array[];

interface Double {
  /** `127.0.0.1:port`. */
  readonly server: string;
  readonly asked: readonly string[];
}

/** A server on loopback; over TCP it answers by `overTcp`. */
async function serve(conduct: Conduct, overTcp?: Conduct): Promise<Double> {
  const socket: Socket = createSocket("udp4");
  stack.defer(() => void socket.close());
  const asked: string[] = [];
  socket.on("message", (bytes, from) => {
    const question = questionIn(bytes);
    asked.push(question.name);
    for (const answer of conduct(question, asked.length)) socket.send(answer, from.port, from.address);
  });
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  const { port } = socket.address();
  if (overTcp !== undefined) await serveTcp(port, overTcp, asked);
  return { server: `127.0.0.1:${port}`, asked };
}

async function serveTcp(port: number, conduct: Conduct, asked: string[]): Promise<void> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", (bytes) => {
      const question = questionIn(bytes.subarray(2));
      asked.push(`tcp ${question.name}`);
      for (const answer of conduct(question, asked.length)) {
        const whole = Buffer.from([answer.length >>> 8, answer.length & 0xff, ...answer]);
        // In two pieces, the first of one byte: TCP keeps no borders.
        socket.write(whole.subarray(0, 1), () => socket.write(whole.subarray(1)));
      }
    });
  });
  stack.defer(() => void server.close());
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
}

function questionIn(bytes: Uint8Array): Question {
  const view = Buffer.from(bytes);
  const labels: string[] = [];
  let at = 12;
  for (; view[at] !== 0; at += 1 + (view[at] ?? 0))
    labels.push(view.toString("latin1", at + 1, at + 1 + (view[at] ?? 0)));
  const type = view.readUInt16BE(at + 1) === RECORD.aaaa ? RECORD.aaaa : RECORD.a;
  return { id: view.readUInt16BE(0), name: labels.join("."), type };
}

const answers = (question: Question) => message(question, [record(pointer(12), RECORD.a, FOUR)]);
const ask = (...servers: Double[]) =>
  queryServers("vpn.example", RECORD.a, { servers: servers.map(({ server }) => server), user: undefined });

describe("questions to the bootstrap servers", () => {
  test("are answered by the first that knows", async () => {
    const [first, second] = [await serve((question) => [answers(question)]), await serve(() => [])];
    expect(await ask(first, second)).toEqual(ADDRESS);
    expect(second.asked).toEqual([]);
  });

  test("go on to the next server when one is silent, refuses or fails", async () => {
    const silent = await serve(() => []);
    const refuses = await serve((question) => [message(question, [], { flags: 0x8185 })]);
    const knows = await serve((question) => [answers(question)]);
    expect(await ask(silent, refuses, knows)).toEqual(ADDRESS);
  });

  test("are put again to a server that lost the first one", async () => {
    const forgetful = await serve((question, asked) => (asked === 1 ? [] : [answers(question)]));
    expect(await ask(forgetful)).toEqual(ADDRESS);
  });

  test("pass over what answers something else, and take the right answer behind it", async () => {
    const liar = await serve((question) => [
      answers({ ...question, id: question.id ^ 1 }),
      answers({ ...question, name: "vpn.example.net" }),
      Uint8Array.of(1, 2, 3),
      message(question, [record(pointer(60), RECORD.a, FOUR)]),
      message(question, [record(pointer(12), RECORD.a, [198, 51, 100, 99])]),
    ]);
    expect(await ask(liar)).toEqual(["198.51.100.99"]);
  });

  test("are asked over TCP when the answer was cut off", async () => {
    const cut = await serve(
      (question) => [message(question, [], { flags: 0x8380 })],
      (question) => [answers(question)],
    );
    expect(await ask(cut)).toEqual(ADDRESS);
    expect(cut.asked).toEqual(["vpn.example", "tcp vpn.example"]);
  });

  test("follow an alias without addresses in the reply, and stop at a server with an endless chain", async () => {
    const kept = await serve((question) => {
      const alias = record(pointer(12), RECORD.cname, name("real.example"));
      return [question.name === "vpn.example" ? message(question, [alias]) : answers(question)];
    });
    expect(await ask(kept)).toEqual(ADDRESS);
    let last = 0;
    const endless = await serve((question) => {
      last += 1;
      return [message(question, [record(pointer(12), RECORD.cname, name(`a${last}.example`))])];
    });
    expect(await ask(endless)).toEqual([]);
    expect(endless.asked.length).toBeLessThanOrEqual(16);
  });

  test("a server that knows of no address is believed", async () => {
    const knows = await serve((question) => [message(question, [], { flags: 0x8183 })]);
    const other = await serve((question) => [answers(question)]);
    expect(await ask(knows, other)).toEqual([]);
    expect(other.asked).toEqual([]);
  });

  test("invalid servers are skipped, and a server without a listener is no error", async () => {
    const knows = await serve((question) => [answers(question)]);
    const servers = ["not a server", "127.0.0.1:1", knows.server];
    expect(await queryServers("vpn.example", RECORD.a, { servers, user: undefined })).toEqual(ADDRESS);
  });
});
