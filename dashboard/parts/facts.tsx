// A short list of names and numbers.
import type { ComponentChildren } from "preact";

export interface Fact {
  readonly name: ComponentChildren;
  readonly value: ComponentChildren;
  readonly tone?: "bad" | "warn" | undefined;
}

export function Facts({
  title,
  facts,
}: {
  readonly title: string;
  readonly facts: readonly Fact[];
}) {
  if (facts.length === 0) return null;
  return (
    <section class="facts">
      <h3>{title}</h3>
      <dl>
        {facts.map(({ name, value, tone }) => (
          <div>
            <dt>{name}</dt>
            <dd class={tone}>{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
