type Answer<Value> = Value | Promise<Value>;

/**
 * What of unstorage's `Driver` is used here. A type of our own: theirs names the options of every driver, and
 * with them libraries that an application has not installed.
 *
 * @see https://unstorage.unjs.io/guide/custom-driver
 */
export interface UnstorageDriver {
  getItem(key: string, options?: object): Answer<unknown>;
  getItemRaw?(key: string, options: object): Answer<unknown>;
  setItem?(key: string, value: string, options: object): Answer<void>;
  // biome-ignore lint/suspicious/noExplicitAny: what its own type says
  setItemRaw?(key: string, value: any, options: object): Answer<void>;
  removeItem?(key: string, options: object): Answer<void>;
  getKeys(base: string, options: object): Answer<string[]>;
  getInstance?(): unknown;
  dispose?(): Answer<void>;
}
