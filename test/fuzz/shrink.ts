/**
 * The smallest text found that still does what `text` does: pieces are left out, at first large ones.
 *
 * @param stillDoes Asked for each candidate, at most `tries` times.
 */
export async function shrink(
  text: string,
  stillDoes: (candidate: string) => Promise<boolean>,
  tries: number,
): Promise<string> {
  let smallest = text;
  let left = tries;
  for (let size = Math.ceil(text.length / 2); size >= 1 && left > 0; size = Math.floor(size / 2)) {
    for (let at = 0; at < smallest.length && left > 0; ) {
      const candidate = smallest.slice(0, at) + smallest.slice(at + size);
      left -= 1;
      if (await stillDoes(candidate)) smallest = candidate;
      else at += size;
    }
  }
  return smallest;
}
