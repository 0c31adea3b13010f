// The atoms of configuration schemas, shared by every plugin. Defaults stand in the schema.
import * as v from "valibot";
import { parseDtab } from "./names/dtab.ts";
import { parseSanPattern } from "./names/san-pattern.ts";
import { parsePattern } from "./names/path-pattern.ts";
import { parsePath } from "./names/path.ts";

export type { GenericSchema, InferOutput, ObjectEntries } from "valibot";

/** The same schema with its meaning, which the JSON Schema shows. */
export const says = <T extends v.GenericSchema>(meaning: string, schema: T): T =>
  v.pipe(schema, v.description(meaning)) as v.GenericSchema as T; // a description changes no type

/** What is read instead of a value that is accepted with a warning. */
export interface Correction {
  readonly readAs: unknown;
  /** Says what happens, such as `has no effect: ...`. */
  readonly warning: string;
  /** The file can be checked, but nothing can run with it. */
  readonly preventsRun?: boolean;
}

type Correct = (value: unknown) => Correction | null;

/** Not text, so that it does not appear in the JSON Schema. */
const correctKey: unique symbol = Symbol("correct");

/** Accepts further values, with a warning: those that `correct` does not return null for. */
export const lenient = <T extends v.GenericSchema>(correct: Correct, schema: T): T =>
  v.pipe(schema, v.metadata({ [correctKey]: correct })) as v.GenericSchema as T; // metadata changes no type

/** The function given to `lenient`; null for other schemas. */
export function correctionsOf(schema: v.GenericSchema): Correct | null {
  const { [correctKey]: correct } = v.getMetadata(schema) as { [correctKey]?: Correct };
  const { wrapped } = schema as { wrapped?: v.GenericSchema };
  return correct ?? (wrapped === undefined ? null : correctionsOf(wrapped));
}

/** true or false. */
export const truth = () => v.boolean("expected true or false");

/** TCP port; 0 picks a free one. */
export const port = () =>
  v.pipe(
    v.number("expected a port, 0..65535"),
    v.integer("expected a port, 0..65535"),
    v.minValue(0, (issue) => `${issue.input} is outside the valid range for ports, 0..65535`),
    v.maxValue(65_535, (issue) => `${issue.input} is outside the valid range for ports, 0..65535`),
    v.metadata({ title: "port" }),
  );

/** A whole number within bounds, both included. */
export const integer = (min: number, max: number = Number.MAX_SAFE_INTEGER) => {
  const expected =
    max === Number.MAX_SAFE_INTEGER
      ? `expected a whole number >= ${min}`
      : `expected a whole number ${min}..${max}`;
  return v.pipe(
    v.number(expected),
    v.integer(expected),
    v.minValue(min, expected),
    v.maxValue(max, expected),
  );
};

/** Milliseconds, a whole number >= 0. */
export const milliseconds = () => integer(0);

/** A number within bounds, both included. */
export const decimal = (min: number, max: number) =>
  v.pipe(
    v.number(`expected a number ${min}..${max}`),
    v.minValue(min, `expected a number ${min}..${max}`),
    v.maxValue(max, `expected a number ${min}..${max}`),
  );

/** Text that is a path; the output is the checked Path. */
export const path = () =>
  v.pipe(
    v.string("expected a path such as /svc"),
    v.rawTransform(({ dataset, addIssue, NEVER }) => {
      const parsed = parsePath(dataset.value);
      if (parsed.ok) return parsed.value;
      addIssue({ message: `expected a path: ${parsed.error.message}` });
      return NEVER;
    }),
  );

/** Text that is a pattern for the beginning of a path; the output is the parsed PathPattern. */
export const pathPattern = () =>
  v.pipe(
    v.string("expected a path pattern such as /svc/*/{name}"),
    v.rawTransform(({ dataset, addIssue, NEVER }) => {
      const parsed = parsePattern(dataset.value);
      if (parsed.ok) return parsed.value;
      addIssue({ message: `expected a path pattern: ${parsed.error.message}` });
      return NEVER;
    }),
  );

/** Text that is a pattern for the names in certificates. */
export const sanPattern = () =>
  v.pipe(
    v.string(expectedSan),
    v.rawTransform(({ dataset, addIssue, NEVER }) => {
      const parsed = parseSanPattern(dataset.value);
      if (parsed.ok) return parsed.value;
      addIssue({ message: `${expectedSan}: ${parsed.error.message}` });
      return NEVER;
    }),
  );

const expectedSan = "expected a name in certificates such as spiffe://example.com/web";

/** Text that is a dtab; the output is the parsed Dtab. */
export const dtab = () =>
  v.pipe(
    v.string("expected a dtab such as /svc => /#/io.l5d.fs ;"),
    v.rawTransform(({ dataset, addIssue, NEVER }) => {
      const parsed = parseDtab(dataset.value);
      if (parsed.ok) return parsed.value;
      addIssue({ message: `expected a dtab: ${parsed.error.message}` });
      return NEVER;
    }),
  );
