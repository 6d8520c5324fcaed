import { expect, it } from "vitest";
import { countText } from "../../../processors/formats/count-text.ts";

it.each([
  ["", 0],
  [" \n\u00a0\ufeff", 0],
  ["one two\tthree\nfour\u00a0five", 5],
  ["don’t – 3,5 €", 4],
  ["看着太阳慢慢落到水面下。", 11],
  ["第一,second、三", 4],
  ["「夕日」、を見る", 5],
  ["コーヒーを2杯", 4],
  ["ｺｰﾋｰ ﾊﾞｽ", 2],
  ["ＡＢ１２　Ｃ！", 2],
  ["어제 저녁에 친구와", 3],
  ["𠀀🙂", 2],
])("countText() counts the words of %j", (text, words) => {
  expect(countText(text).words).toBe(words);
});

it("countText() counts code points", () => {
  expect(countText("aé🙂𠀀").characters).toBe(4);
});
