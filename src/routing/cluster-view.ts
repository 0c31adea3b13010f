// A cluster as the admin server shows it.
import { showAddress } from "../core/address.ts";
import type { Path } from "../core/names/path.ts";
import type { Candidate, Status } from "./balancers/balancer.ts";

interface EndpointView {
  readonly address: string;
  readonly weight: number;
  readonly status: Status;
  readonly pending: number;
}

export interface ClusterView {
  readonly id: Path;
  /** `pending`: discovery has not responded; `failed`: it responded with an error. */
  readonly state: "pending" | "bound" | "failed";
  readonly detail: string;
  readonly pending: number;
  readonly endpoints: readonly EndpointView[];
}

export function endpointView({ address, status, pending }: Candidate): EndpointView {
  return { address: showAddress(address), weight: address.weight, status, pending };
}
