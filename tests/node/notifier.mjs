// A server of event streams as an application writes one: a `retry` at once, then a comment at its
// cadence. Prints its port. `/open` says how many streams are open, and how many were reset.
//
//   node notifier.mjs <milliseconds between comments> [port]
//
// `/updates/mute` never writes a line, `/updates/deaf` no second one, `/updates/brief` ends early.

import { createServer } from "node:http";

const cadence = Number(process.argv[2]);
let open = 0;
let resets = 0;

const server = createServer((request, response) => {
  if (request.url === "/open") {
    response.end(JSON.stringify({ open, resets }));
    return;
  }
  open += 1;
  request.socket.on("error", () => (resets += 1));
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
  response.flushHeaders();
  const manner = request.url.split("/").pop();
  if (manner !== "mute") response.write("retry: 10000\n\n");
  const beat = () => {
    if (manner === "brief") response.end();
    else if (manner !== "mute" && manner !== "deaf") response.write(": keep alive\n\n");
  };
  const timer = setInterval(beat, cadence);
  response.on("close", () => {
    clearInterval(timer);
    open -= 1;
  });
});

server.listen(Number(process.argv[3] ?? 0), "127.0.0.1", () => console.log(server.address().port));
