// A long text that is written piece by piece, at the pace at which its reader takes it.

export interface TextPage {
  /** At most so many bytes; known before the first piece, so that a page can be refused in time. */
  readonly maxBytes: number;
  /** The text from its beginning, in pieces of any size. What it shows does not change any more. */
  pieces(): Iterable<string>;
}
