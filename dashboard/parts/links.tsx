// Everything that has a name is a link.
import { address } from "../data/route.ts";

/** `linkerd.yaml:12`. */
export function PlaceLink({ file, line }: { readonly file: string; readonly line: number }) {
  return (
    <a class="m" href={address("config", { line })}>
      {file.split("/").at(-1)}:{line}
    </a>
  );
}
