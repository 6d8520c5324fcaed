/** A check box of a form (ECMA-376 part 1, 17.16.7). Nested elements contain its state. */
export class CheckBox {
  #open = false;
  #checked = false;

  open(name: string, value: string | undefined): void {
    if (name === "w:checkBox") {
      this.#open = true;
      this.#checked = false;
    } else if (this.#open && (name === "w:default" || name === "w:checked")) {
      this.#checked = value !== "0" && value !== "false" && value !== "off";
    }
  }

  /** @returns The character for the box at its end. */
  close(name: string): "☒" | "☐" | "" {
    if (name !== "w:checkBox") return "";
    this.#open = false;
    return this.#checked ? "☒" : "☐";
  }
}
