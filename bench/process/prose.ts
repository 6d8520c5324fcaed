/** Words as reports have them: mostly short, some long, some with letters beyond ASCII. */
const WORDS =
  "the of and to in a is that for it was on are as with they be at one have this from or had by but some what there we can out other were all your when up use word how said an each which she do their time if will way about many then them would write like so these her long make thing see him two has look more day could go come did my sound no most number who over know water than call first people may down side been now find any new work part take get place made live where after back little only round man year came show every good me give our under name very through just form much great think say help low line before turn cause same mean differ move right boy old too does tell sentence set three want air well also play small end put home read hand port large spell add even land here must big high such follow act why ask men change went light kind off need house picture try us again animal point mother world near build self earth father agreement delivery temperature responsible engineering measurement financial contribution understanding administration Göteborg Łódź résumé façade naïve Ångström coöperation".split(
    " ",
  );

/** Prose that is the same for the same seed. */
export class Prose {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** From 0 to below 1. Mulberry32. */
  random(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number, both ends included. */
  between(least: number, most: number): number {
    return least + Math.floor(this.random() * (most - least + 1));
  }

  word(): string {
    return WORDS[this.between(0, WORDS.length - 1)] ?? "";
  }

  /** A few words without a full stop. */
  phrase(least: number, most: number): string {
    const words = Array.from({ length: this.between(least, most) }, () => this.word());
    const [first = "", ...rest] = words;
    return [first.charAt(0).toUpperCase() + first.slice(1), ...rest].join(" ");
  }

  sentence(): string {
    const comma = this.random() < 0.4 ? `, ${this.phrase(3, 8).toLowerCase()}` : "";
    const figure = this.random() < 0.2 ? ` (${this.between(1, 999)}.${this.between(10, 99)})` : "";
    return `${this.phrase(5, 14)}${comma}${figure}.`;
  }

  paragraph(): string {
    return Array.from({ length: this.between(3, 7) }, () => this.sentence()).join(" ");
  }
}
