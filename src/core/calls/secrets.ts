// Hides what looks like a secret in a target: whoever sees a list of calls need not be able to repeat them.

/** Names of parameters whose values are shown as `***`. */
const secretNames =
  /(token|secret|passw|password|api[-_]?key|access[-_]?key|signature|^sig$|^auth$|credential|session|jwt)/i;
const hidden = "***";

/** The target with the values of suspicious query parameters hidden. */
export function withoutSecrets(target: string): string {
  const start = target.indexOf("?");
  if (start < 0) return target;
  const parameters = target
    .slice(start + 1)
    .split("&")
    .map(withoutValue);
  return `${target.slice(0, start)}?${parameters.join("&")}`;
}

function withoutValue(parameter: string): string {
  const equals = parameter.indexOf("=");
  if (equals < 0 || !secretNames.test(parameter.slice(0, equals))) return parameter;
  return `${parameter.slice(0, equals)}=${hidden}`;
}
