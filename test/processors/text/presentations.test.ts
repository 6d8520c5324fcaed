import { expect, it } from "vitest";
import { pptx, shape } from "../../fixtures/office.ts";
import { surveyOdp, surveyPptx } from "../../fixtures/shelf.ts";
import { SURVEY, textOf } from "./read.ts";

it.each([
  ["pptx", surveyPptx] as const,
  ["odp", surveyOdp] as const,
])("the text of %s is its slides as they are shown, each with its notes", async (type, make) => {
  expect(await textOf(type, make())).toBe(SURVEY);
});

it("the text of a PPTX has what stands in diagrams", async () => {
  const dgm = 'xmlns:dgm="http://schemas.openxmlformats.org/drawingml/2006/diagram"';
  const bytes = pptx([
    {
      shapes: `${shape(["Title"])}<p:graphicFrame><dgm:relIds ${dgm} r:dm="d"/></p:graphicFrame>`,
      diagram: ["one", "two"]
        .map((text) => `<dgm:pt><dgm:t><a:p><a:r><a:t>${text}</a:t></a:r></a:p></dgm:t></dgm:pt>`)
        .join(""),
    },
  ]);
  expect(await textOf("pptx", bytes)).toBe("Title\n\none\n\ntwo");
});
