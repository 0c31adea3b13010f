export function ConfigPage() {
  return <p class="dim">…</p>;
}
