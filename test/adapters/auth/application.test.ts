import { describe, expect, test } from "vitest";
import { createApplicationAuthenticator } from "../../../src/adapters/auth/application.ts";
import { StowageError } from "../../../src/domain/errors.ts";
import type { Caller } from "../../../src/domain/ports/authenticator.ts";
import { SCOPES } from "../../../src/domain/principal.ts";

const REQUEST = new Request("http://test/");

/** What becomes of a caller that the application names. */
async function principalOf(caller: unknown) {
  const authenticator = createApplicationAuthenticator(() => caller as Caller);
  return await authenticator.authenticate(REQUEST);
}

describe("createApplicationAuthenticator()", () => {
  test.each<[caller: unknown, tenant: string, subject: string, scopes: readonly string[]]>([
    [{ tenant: "ann" }, "ann", "application", SCOPES],
    [{ tenant: "ann", subject: "user:7" }, "ann", "user:7", SCOPES],
    [{ tenant: "a.b_c-D", scopes: ["upload:read"] }, "a.b_c-D", "application", ["upload:read"]],
    [{ tenant: "ann", scopes: new Set(["upload:write"]) }, "ann", "application", ["upload:write"]],
    [
      { tenant: "ann", scopes: "upload:read upload:write" },
      "ann",
      "application",
      SCOPES.slice(0, 2),
    ],
    [{ tenant: "ann", scopes: [] }, "ann", "application", []],
    [{ tenant: "ann", scopes: "" }, "ann", "application", []],
    [
      { kind: "tenant", tenant: "ann", subject: "key:1", scopes: new Set(SCOPES) },
      "ann",
      "key:1",
      SCOPES,
    ],
  ])("takes %j for a caller", async (caller, tenant, subject, scopes) => {
    const principal = await principalOf(caller);
    expect(principal).toEqual({ kind: "tenant", tenant, subject, scopes: new Set(scopes) });
  });

  test("takes an operator for one, if it has no tenant", async () => {
    const operator = { kind: "operator", subject: "root" };
    expect(await principalOf(operator)).toEqual(operator);
    await expect(principalOf({ ...operator, tenant: "ann" })).rejects.toThrow("without a tenant");
  });

  test.each([null, undefined])("takes %s for nobody", async (nobody) => {
    expect(await principalOf(nobody)).toBeNull();
  });

  test.each([
    ...["", ".", "..", ".stowage", "../bob", "bob/..", "a/b", "a\\b", "a\0b", "ä", "a b", "a\n"],
    ...["%2e%2e", "x".repeat(65), 7, null, undefined, ["ann"], { toString: () => "ann" }],
  ])("refuses the tenant %j, which would be a folder's name", async (tenant) => {
    const refused = principalOf({ tenant });
    await expect(refused).rejects.toMatchObject({ code: "internal" });
    await expect(refused).rejects.toThrow(
      /^Cannot use what authenticate has returned: Expected as tenant/,
    );
  });

  test.each([
    ["ann", "an object"],
    [true, "an object"],
    [{}, "tenant"],
    [{ tenant: "ann", kind: "admin" }, "kind"],
    [{ tenant: "ann", subject: "" }, "subject"],
    [{ tenant: "ann", subject: "a\nb" }, "subject"],
    [{ tenant: "ann", subject: 7 }, "subject"],
    [{ tenant: "ann", subject: "x".repeat(257) }, "subject"],
    [{ tenant: "ann", scopes: ["upload:raed"] }, "scopes"],
    [{ tenant: "ann", scopes: "upload:raed" }, "scopes"],
    [{ tenant: "ann", scopes: 7 }, "scopes"],
    [{ tenant: "ann", scopes: { read: true } }, "scopes"],
  ])("refuses %j, and says what is wrong: %s", async (caller, word) => {
    await expect(principalOf(caller)).rejects.toThrow(word);
    await expect(principalOf(caller)).rejects.toMatchObject({ code: "internal" });
  });

  test.each([
    ["an error", new Error("the sessions' database is away")],
    ["a string", "away"],
    ["an error of ours", new StowageError("invalid_parameter", "Cannot use tenant id")],
  ])("%s that is thrown means: it cannot be told now", async (_, thrown) => {
    for (const authenticate of [
      () => {
        throw thrown;
      },
      () => Promise.reject(thrown),
    ]) {
      const asked = createApplicationAuthenticator(authenticate).authenticate(REQUEST);
      await expect(asked).rejects.toMatchObject({ code: "auth_unavailable", cause: thrown });
    }
  });
});
