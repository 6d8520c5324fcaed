/**
 * Fields of the API in camel case. Strings may also be given as a `Date` or a number.
 */
export type InCamelCase<Fields> = {
  readonly [Name in keyof Fields as CamelCase<Name & string>]?: Wider<Fields[Name]> | undefined;
};

type CamelCase<Name extends string> = Name extends `${infer First}_${infer Rest}`
  ? `${First}${Capitalize<CamelCase<Rest>>}`
  : Name;

/** A field that accepts any string also accepts what `toText` converts to one. */
type Wider<Value> = string extends Value ? Value | Date | number : Value;

/** Fields with the API's names. Values, and names inside them, are unchanged. */
export function toSnakeCase(fields: object): Record<string, unknown> {
  const entries = Object.entries(fields).map(([name, value]): [string, unknown] => [
    name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
    value,
  ]);
  return Object.fromEntries(entries);
}

/** Fields as a query string with its question mark; empty without fields. */
export function toQuery(fields: object): string {
  const given = Object.entries(toSnakeCase(fields)).filter(([, value]) => value !== undefined);
  const texts = given.map(([name, value]): [string, string] => [name, toText(value)]);
  return texts.length === 0 ? "" : `?${new URLSearchParams(texts)}`;
}

/** A value as the API expects it in text. */
export function toText(value: unknown): string {
  return value instanceof Date ? value.toISOString() : String(value);
}
