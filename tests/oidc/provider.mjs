// A certified OpenID provider (npm `oidc-provider`) on a free loopback port, for the end-to-end tests.
//
// Prints one JSON line `{"issuer": …}` once it listens, and ends when its standard input does, so that it
// never outlives the test that started it. Any password is right; only the accounts below exist. What they are called
// changes by `/test/rename?account=…&name=…[&groups=…]`.

import http from "node:http";
import { Provider } from "oidc-provider";

const ACCOUNTS = {
  alice: { name: "Alice", groups: ["engineering"] },
  bob: { name: "Bob", groups: ["engineering", "sre"] },
  carol: { name: "Carol", groups: ["auditor"] },
  mallory: { name: "Mallory", groups: [] },
};

const GRANTS = ["authorization_code", "urn:ietf:params:oauth:grant-type:device_code"];

// RFC 8252 §7.3: the port of a loopback redirect is chosen when the login starts, so it is not compared.
// The console's redirect is on loopback too, because the bastion under test is.
const LOOPBACK_REDIRECTS = [/^http:\/\/127\.0\.0\.1:\d+\/callback$/, /^https:\/\/127\.0\.0\.1:\d+\/login\/callback$/];

const client = (client_id, rest) => ({
  client_id,
  client_name: client_id,
  application_type: "web",
  grant_types: GRANTS,
  response_types: ["code"],
  redirect_uris: ["https://127.0.0.1:8443/login/callback"],
  ...rest,
});

const configuration = {
  clients: [
    client("bastion", { token_endpoint_auth_method: "none" }),
    client("bastion-with-secret", { client_secret: "a secret that only the tests know" }),
  ],
  claims: {
    openid: ["sub"],
    profile: ["name", "preferred_username"],
    email: ["email", "email_verified"],
    groups: ["groups"],
  },
  scopes: ["openid", "profile", "email", "groups"],
  // The bastion reads the ID token and never calls the userinfo endpoint.
  conformIdTokenClaims: false,
  features: { deviceFlow: { enabled: true }, devInteractions: { enabled: true } },
  pkce: { required: () => true },
  cookies: { keys: ["cookies of a provider that lives for one test"] },
  async findAccount(_context, id) {
    const account = ACCOUNTS[id];
    if (!account) return undefined;
    return {
      accountId: id,
      claims: async () => ({
        sub: id,
        preferred_username: id,
        email: `${id}@example.com`,
        email_verified: true,
        ...account,
      }),
    };
  },
};

const server = http.createServer();
server.listen(0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, configuration);
  provider.Client.prototype.redirectUriAllowed = (uri) => LOOPBACK_REDIRECTS.some((allowed) => allowed.test(uri));
  provider.on("server_error", (_context, error) => console.error(error));
  const answer = provider.callback();
  server.on("request", (request, response) => {
    const url = new URL(request.url, issuer);
    if (url.pathname !== "/test/rename") return answer(request, response);
    // Somebody edits their profile: the subject stays, what they are called does not.
    const groups = url.searchParams.get("groups")?.split(",").filter(Boolean);
    Object.assign(ACCOUNTS[url.searchParams.get("account")], { preferred_username: url.searchParams.get("name"), ...(groups && { groups }) });
    response.writeHead(204).end();
  });
  process.stdout.write(`${JSON.stringify({ issuer })}\n`);
});

process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
