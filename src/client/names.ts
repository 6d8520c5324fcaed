/**
 * Fields of the API as JavaScript writes names; texts may also be given as what they are written from.
 */
export type InCamelCase<Fields> = {
  readonly [Name in keyof Fields as CamelCase<Name & string>]?: Wider<Fields[Name]> | undefined;
};

type CamelCase<Name extends string> = Name extends `${infer First}_${infer Rest}`
  ? `${First}${Capitalize<CamelCase<Rest>>}`
  : Name;

/** Whatever is any text may also be what is written so. */
type Wider<Value> = string extends Value ? Value | Date | number : Value;

/** The names as the API writes them. What is inside of a field is the caller's own. */
export function toSnakeCase(fields: object): Record<string, unknown> {
  const entries = Object.entries(fields).map(([name, value]): [string, unknown] => [
    name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
    value,
  ]);
  return Object.fromEntries(entries);
}

/** Fields as a query, with its question mark; nothing for none. */
export function toQuery(fields: object): string {
  const given = Object.entries(toSnakeCase(fields)).filter(([, value]) => value !== undefined);
  const texts = given.map(([name, value]): [string, string] => [name, toText(value)]);
  return texts.length === 0 ? "" : `?${new URLSearchParams(texts)}`;
}

/** A value as the service writes it. */
export function toText(value: unknown): string {
  return value instanceof Date ? value.toISOString() : String(value);
}
