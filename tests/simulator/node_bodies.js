// Has the official client read bodies of the simulator, from a server of this script; prints ids of those it changes.
const fs = require("fs");
const http = require("http");
const Stripe = require("stripe");

const bodies = JSON.parse(fs.readFileSync(process.argv[2], "utf8"));
const server = http.createServer((request, response) => {
  const place = Number(request.url.split("/").pop());
  response.writeHead(200, { "content-type": "application/json" });
  response.end(JSON.stringify(bodies[place].body));
});

server.listen(0, "127.0.0.1", async () => {
  const { port } = server.address();
  const client = new Stripe("sk_test_abcdefgh1234", { host: "127.0.0.1", port, protocol: "http", maxNetworkRetries: 0 });
  const faults = {};
  let read = 0;
  for (const [place, { id, v2, body }] of bodies.entries()) {
    try {
      const found = await client.rawRequest("GET", `/${v2 ? "v2" : "v1"}/bodies/${place}`);
      if (JSON.stringify(found) !== JSON.stringify(body)) faults[id] = JSON.stringify(found).slice(0, 200);
      read += 1;
    } catch (error) {
      faults[id] = `${error.type}: ${error.message}`;
    }
  }
  console.log(JSON.stringify({ faults, read }));
  server.close();
  server.closeAllConnections();
});
