// A real OAuth 2.0 server for Vigie's tests: oidc-provider, with clients and a user of its own, and a
// resource that takes its tokens alone. It says on standard output where it listens, and at once what
// it is asked. Commands on standard input, one a line: `revoke` (all tokens), `secret <new>`.
//
//   node issuer.mjs

import { createServer } from "node:http";
import { createInterface } from "node:readline";
import Provider, { errors } from "oidc-provider";

let secret = "client-s3cret";
const user = { name: "shop", password: "user-s3cret" };
let issued = new Set();

const say = (line) => process.stdout.write(`${line}\n`);

const server = createServer((request, response) => provider.callback()(request, response));
server.listen(0, "127.0.0.1");
await new Promise((listening) => server.once("listening", listening));
const origin = `http://127.0.0.1:${server.address().port}`;

const clients = ["client_secret_basic", "client_secret_post"].map((method) => ({
  client_id: method,
  client_secret: secret,
  token_endpoint_auth_method: method,
  grant_types: ["client_credentials", "password"],
  redirect_uris: [],
  response_types: [],
}));

const provider = new Provider(origin, {
  clients,
  scopes: ["read"],
  features: { clientCredentials: { enabled: true }, devInteractions: { enabled: false } },
  ttl: { ClientCredentials: 300 },
  jwks: undefined,
  cookies: { keys: ["unused"] },
});

// The grant by a user's password is of RFC 6749, and no longer of OpenID's: added as its manual says.
provider.registerGrantType(
  "password",
  async (context) => {
    const { username, password, scope } = context.oidc.params;
    if (username !== user.name || password !== user.password) {
      throw new errors.InvalidGrant("wrong name or password");
    }
    const { ClientCredentials } = provider;
    const token = new ClientCredentials({ client: context.oidc.client, scope });
    context.body = {
      access_token: await token.save(),
      expires_in: token.expiration,
      token_type: "Bearer",
    };
  },
  ["username", "password", "scope"],
);

provider.on("client_credentials.saved", (token) => issued.add(token.jti));

provider.use(async (context, next) => {
  if (context.path === "/api") {
    const [kind, shown] = (context.get("authorization") ?? "").split(" ");
    const token = kind === "Bearer" && (await provider.ClientCredentials.find(shown));
    context.status = token && issued.has(token.jti) ? 200 : 401;
    context.body = { status: context.status === 200 ? "up" : "who are you" };
    say(`api ${context.status}`);
    return;
  }
  await next();
  say(`${context.path.slice(1)} ${context.status}`);
});

createInterface({ input: process.stdin }).on("line", async (line) => {
  const [command, word] = line.split(" ");
  if (command === "revoke") {
    issued = new Set();
  } else if (command === "secret") {
    for (const { client_id: id } of clients) {
      (await provider.Client.find(id)).clientSecret = word;
    }
  }
  say("ok");
});

say(origin);
