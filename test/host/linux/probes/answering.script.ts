import { createServer } from "node:http";

/** Answers GETs on port 8080 of every address with the status its path names; /never is not answered. Ends with its parent. */
const server = createServer(({ url = "/" }, response) => {
  if (url === "/never") return;
  response.writeHead(Number(url.slice(1)) || 200, { location: "http://elsewhere.example/" }).end("yes");
});
server.listen(8080, "::", () => process.stdout.write("ready\n"));
process.stdin.on("end", () => process.exit()).resume();
