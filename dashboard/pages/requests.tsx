export function RequestsPage() {
  return <p class="dim">…</p>;
}
