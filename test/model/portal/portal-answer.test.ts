import { describe, expect, test } from "vitest";
import { MOST_ANSWER_BYTES, placeOf, readPortalAnswer } from "../../../src/model/portal/portal-answer.ts";

const PROBE = "198.51.100.80";
const read = (text: string, probe = PROBE) => readPortalAnswer(new TextEncoder().encode(text), probe);
const redirect = (to: string) => `HTTP/1.1 302 Found\r\nServer: x\r\nLOCATION: ${to}\r\n\r\n`;
const page = (body: string) => `HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n${body}`;

describe("what an answer to the probe says", () => {
  test.each([
    ["204", "HTTP/1.1 204 No Content\r\n\r\n"],
    ["a redirect to itself by TLS", redirect(`https://${PROBE}/`)],
    ["a relative redirect", redirect("/elsewhere")],
  ])("%s: no login", (_, text) => {
    expect(read(text)).toEqual({ kind: "free" });
  });

  test.each([
    ["a redirect", redirect("http://192.168.1.1:2050/login?a=1#top"), "http://192.168.1.1:2050/login?a=1"],
    [
      "a refresh",
      page(`<META HTTP-EQUIV='refresh' content="0; URL='https://login.example/x'">`),
      "https://login.example/x",
    ],
    ["a page in its place", page("<h1>Welcome</h1>"), `http://${PROBE}/`],
    ["511 (RFC 6585)", "HTTP/1.1 511 Network Authentication Required\r\n\r\n", `http://${PROBE}/`],
    ["credentials are left out", redirect("http://a:b@login.example/"), "http://login.example/"],
    ["a name is in lower case", redirect("http://LOGIN.example/"), "http://login.example/"],
  ])("%s: a login", (_, text, url) => {
    expect(read(text)).toEqual({ kind: "portal", url });
  });

  test.each([
    ["nothing", ""],
    ["another protocol", "SSH-2.0-OpenSSH_9.9\r\n"],
    ["a script", redirect("javascript:alert(1)")],
    ["a file", redirect("file:///etc/passwd")],
    ["no URL", redirect("http://[")],
    ["too long", redirect(`http://login.example/${"x".repeat(2_000)}`)],
  ])("law 8: %s is no page", (_, text) => {
    expect(read(text)).toBeUndefined();
  });

  test("law 8: only its beginning is read", () => {
    const late = `HTTP/1.1 200 OK\r\n\r\n${" ".repeat(MOST_ANSWER_BYTES)}<meta http-equiv=refresh content="0;url=http://late/">`;
    expect(read(late)).toEqual({ kind: "portal", url: `http://${PROBE}/` });
  });

  test("an IPv6 probe is in brackets", () => {
    expect(read(redirect("https://[2001:db8::1]/"), "2001:db8::1")).toEqual({ kind: "free" });
    expect(placeOf("http://[2001:db8::1]:8080/a")).toEqual({ host: "2001:db8::1", ports: [80, 443, 8080] });
  });
});
