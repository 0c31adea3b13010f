// Reads an Avro container file with avsc's own reader, which knows nothing of ours.
import avro from "avsc";

/** All records; rejects if the file is not whole. */
export function avroRecords(path: string): Promise<Record<string, unknown>[]> {
  return new Promise((resolve, reject) => {
    const records: Record<string, unknown>[] = [];
    avro
      .createFileDecoder(path)
      .on("data", (record) => void records.push(record as Record<string, unknown>))
      .on("error", reject)
      .on("end", () => resolve(records));
  });
}
