/** A PDF with these objects, numbered from 1; the first is its catalog (ISO 32000-1, 7.5). */
export function pdfOf(objects: readonly string[], trailer = ""): Buffer {
  let file = "%PDF-1.7\n";
  const offsets = objects.map((object, i) => {
    const offset = Buffer.byteLength(file);
    file += `${i + 1} 0 obj\n${object}\nendobj\n`;
    return `${String(offset).padStart(10, "0")} 00000 n \n`;
  });
  const size = objects.length + 1;
  const table = `xref\n0 ${size}\n0000000000 65535 f \n${offsets.join("")}`;
  const start = Buffer.byteLength(file);
  return Buffer.from(
    `${file}${table}trailer\n<< /Size ${size} /Root 1 0 R ${trailer} >>\nstartxref\n${start}\n%%EOF\n`,
  );
}

/** A PDF of one page that says `text`, with this information dictionary and XMP packet. */
export function pdfAbout(text: string, info: string, xmp = "", catalog = ""): Buffer {
  const content = `BT /F 12 Tf 72 720 Td (${text}) Tj ET`;
  return pdfOf(
    [
      `<< /Type /Catalog /Pages 2 0 R /Metadata 7 0 R ${catalog} >>`,
      "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
      "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F 5 0 R >> >> >>",
      `<< /Length ${Buffer.byteLength(content)} >>\nstream\n${content}\nendstream`,
      "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
      `<< ${info} >>`,
      `<< /Type /Metadata /Subtype /XML /Length ${Buffer.byteLength(xmp)} >>\nstream\n${xmp}\nendstream`,
    ],
    "/Info 6 0 R",
  );
}
