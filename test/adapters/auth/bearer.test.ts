import { describe, expect, it } from "vitest";
import { createBearerAuthenticator } from "../../../src/adapters/auth/bearer.ts";
import type { Principal } from "../../../src/domain/principal.ts";

/** Lets every token in, and says which kind it was taken for. */
const accept = (kind: string) => ({
  authenticate: async (token: string): Promise<Principal> => ({
    kind: "operator",
    subject: `${kind}:${token}`,
  }),
});

const both = createBearerAuthenticator({ jwt: accept("jwt"), apiKeys: accept("key") });

async function subject(
  headers: NonNullable<RequestInit["headers"]>,
  url = "http://x/",
): Promise<string | undefined> {
  return (await both.authenticate(new Request(url, { headers })))?.subject;
}

describe("createBearerAuthenticator()", () => {
  it("reads one token, and distinguishes keys from JWTs by their shape", async () => {
    expect(await subject({ authorization: "Bearer a.b.c" })).toBe("jwt:a.b.c");
    expect(await subject({ authorization: "bearer  stw_1_2" })).toBe("key:stw_1_2");
  });

  it.each([
    "",
    "Bearer",
    "Bearer ",
    "a.b.c",
    "Basic dTpw",
    "Token a.b.c",
    "Bearer a.b.c d",
    "Bearer a.b.c, Bearer a.b.c",
    "Bearer a.b.c,stw_1_2",
    "Basic dTpw, Bearer a.b.c",
    "Bearer Bearer a.b.c",
    'Bearer "a.b.c"',
    "Bearer\ta.b.c",
    `Bearer ${"a".repeat(9000)}`,
  ])("counts %j as no credential", async (authorization) => {
    expect(await subject({ authorization })).toBeUndefined();
  });

  it("counts two headers as none", async () => {
    const twice: [string, string][] = [
      ["authorization", "Bearer a.b.c"],
      ["authorization", "Bearer a.b.c"],
    ];
    expect(await subject(twice)).toBeUndefined();
  });

  it("looks nowhere but in the header", async () => {
    const url = "http://x/?access_token=a.b.c&token=a.b.c&authorization=Bearer+a.b.c";
    const headers = { cookie: "token=a.b.c", "x-api-key": "stw_1_2" };
    expect(await subject(headers, url)).toBeUndefined();
  });

  it("refuses a kind of token that has no verifier", async () => {
    const request = (token: string) =>
      new Request("http://x", { headers: { authorization: `Bearer ${token}` } });
    const keysOnly = createBearerAuthenticator({ apiKeys: accept("key") });
    expect(await keysOnly.authenticate(request("a.b.c"))).toBeNull();
    const jwtOnly = createBearerAuthenticator({ jwt: accept("jwt") });
    expect(await jwtOnly.authenticate(request("stw_1_2"))).toBeNull();
  });
});
