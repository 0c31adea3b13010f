// `Accept-Encoding` (RFC 9110 section 12.5.3), as far as this proxy has codings.

export type Coding = "gzip" | "deflate";

/** The coding that a caller likes best, gzip among equals; null: none of them. */
export function acceptedCoding(acceptEncoding: string | null): Coding | null {
  if (acceptEncoding === null) return null;
  let [gzip, deflate, others]: [number | null, number | null, number] = [null, null, 0];
  for (const item of acceptEncoding.toLowerCase().split(",")) {
    const [coding = "", ...parameters] = item.split(";").map((part) => part.trim());
    const quality = qualityOf(parameters);
    if (coding === "gzip" || coding === "x-gzip") gzip = quality;
    else if (coding === "deflate") deflate = quality;
    else if (coding === "*") others = quality;
  }
  const [gzipQuality, deflateQuality] = [gzip ?? others, deflate ?? others];
  if (gzipQuality <= 0 && deflateQuality <= 0) return null;
  return gzipQuality >= deflateQuality ? "gzip" : "deflate";
}

/** From 0 to 1; a malformed one is 0, so that nothing is sent that the caller may not accept. */
function qualityOf(parameters: readonly string[]): number {
  const given = parameters.find((parameter) => parameter.startsWith("q="));
  if (given === undefined) return 1;
  const text = given.slice(2);
  return /^(0(\.\d{0,3})?|1(\.0{0,3})?)$/.test(text) ? Number(text) : 0;
}
