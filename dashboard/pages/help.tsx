export function HelpPage() {
  return <p class="dim">…</p>;
}
