import { expect, test } from "vitest";
import { findBase64, findBytes, findDictionary } from "../../src/domain/structured-field.ts";

test.each([
  ["", {}],
  ["  ", {}],
  ["a", { a: "" }],
  ["a;x=1;y", { a: "" }],
  ["a=1, b=-2.5 ,\tc=:aGk=:", { a: "1", b: "-2.5", c: ":aGk=:" }],
  ['a="\\"quoted\\", \\\\",b=tok/en:*', { a: '"\\"quoted\\", \\\\"', b: "tok/en:*" }],
  ["a=?1, b=@1659578233", { a: "?1", b: "@1659578233" }],
  ['a=%"f%c3%bc"', { a: '%"f%c3%bc"' }],
  ["a=(1 2;q=1   :aGk=: );z, *b.c-d_=()", { a: "(1 2;q=1   :aGk=: );z", "*b.c-d_": "()" }],
  ["a=1,a=2", { a: "2" }],
])("findDictionary() parses %j", (text, members) => {
  expect(Object.fromEntries(findDictionary(text) ?? [["none", ""]])).toEqual(members);
});

test.each([
  ...["a,", ",a", "a,,b", "a b", "A=1", "1=1", "a=", "a=1;", "a= 1", "a =1", "a=1 ;x"],
  ...['a="x', 'a="\\x"', 'a="é"', "a=:aGk=", "a=:a-k=:", "a=?2", "a=@", "a=1.", "a=1.2345"],
  ...["a=1234567890123456", "a=(1", "a=((1))", "a=(1,2)", 'a=%"%C3"', "a=é", "\ta", "a\n"],
])("findDictionary() rejects %j", (text) => {
  expect(findDictionary(text)).toBeNull();
});

test("findDictionary() rejects input that is made for backtracking, without delay", () => {
  // A pattern that backtracks for each character would take hours.
  for (const piece of ["a=(", " ", "a=1,", "a;", '"\\\\', "a=(1 "]) {
    expect(findDictionary(`${piece.repeat(16_000)}!`)).toBeNull();
  }
});

test("findDictionary() skips spaces around and inside the field in linear time", () => {
  // Starting again at each of them would take minutes.
  const spaces = " ".repeat(1_000_000);
  expect(findDictionary(`a=(${spaces}!`)).toBeNull();
  expect(findDictionary(`a=1;${spaces}b${spaces}`)).toEqual(new Map([["a", `1;${spaces}b`]]));
  expect(findDictionary(`${spaces}a=1${spaces}`)).toEqual(new Map([["a", "1"]]));
  expect(findDictionary(spaces)).toEqual(new Map());
});

test.each([
  [":aGk=:", "hi"],
  [":aGk:", "hi"],
  ["::", ""],
  [":aGk=:;q=1", "hi"],
])("findBytes() parses %j", (member, text) => {
  expect(new TextDecoder().decode(findBytes(member) ?? undefined)).toBe(text);
  expect(findBytes(member)).not.toBeNull();
});

test.each(["aGk=", '"aGk="', ":a:", ":a=Gk:", ""])("findBytes() rejects %j", (member) => {
  expect(findBytes(member)).toBeNull();
});

test.each(["a Gk=", "aGk=\n", "a-k=", "a"])("findBase64() rejects %j", (text) => {
  expect(findBase64(text)).toBeNull();
});
