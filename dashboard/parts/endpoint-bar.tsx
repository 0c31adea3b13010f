// How many of a client's endpoints take calls: a stroke for each, red for those that do not.
const maxStrokes = 24;

export function EndpointBar({ open, total }: { readonly open: number; readonly total: number }) {
  const label = `${open} of ${total} endpoints take calls`;
  if (total === 0) return <span class="bad">no endpoint</span>;
  const strokes = Math.min(total, maxStrokes);
  const good =
    total === open ? strokes : Math.min(strokes - 1, Math.round((open / total) * strokes));
  return (
    <span class="endpoints" title={label}>
      <span class="strokes" aria-hidden="true">
        {Array.from({ length: strokes }, (_, i) => (
          <i class={i < good ? undefined : "bad"} />
        ))}
      </span>
      <span class={open < total ? "warn" : "dim"} aria-label={label}>
        {open < total ? `${open}/${total}` : total}
      </span>
    </span>
  );
}
