/**
 * What sidecars ask a name server over ThriftMux: names and numbers of fields are those of Linkerd's
 * name server. Each request of a watch carries the stamp of the value that its caller knows, empty at first;
 * the response comes when the value is another one.
 */
typedef list<binary> Path
typedef string Ns
typedef string Dtab
typedef binary Stamp
typedef i32 NodeId

struct Void {}

struct NameRef {
  1: Stamp stamp
  2: Path name
  3: Ns ns
}

struct BindReq {
  1: Dtab dtab
  2: NameRef name
  3: Path clientId
}

struct BoundName {
  1: Path id
  2: Path residual
}

struct WeightedNodeId {
  1: double weight
  2: NodeId id
}

union BoundNode {
  1: Void neg
  2: Void empty
  3: Void fail
  4: BoundName leaf
  5: list<NodeId> alt
  6: list<WeightedNodeId> weighted
}

/** Children are given by their number in `nodes`. */
struct BoundTree {
  1: BoundNode root
  2: map<NodeId, BoundNode> nodes
}

struct Bound {
  1: Stamp stamp
  2: BoundTree tree
  3: Ns ns
}

exception BindFailure {
  1: string reason
  2: i32 retryInSeconds
  3: NameRef name
  4: Ns ns
}

struct AddrReq {
  1: NameRef name
  2: Path clientId
}

struct AddrMeta {
  1: optional string authority
  2: optional string nodeName
  3: optional double endpoint_addr_weight
}

/** `ip` has 4 or 16 bytes. */
struct TransportAddress {
  1: binary ip
  2: i32 port
  3: optional AddrMeta meta
}

struct BoundAddr {
  1: set<TransportAddress> addresses
  2: optional AddrMeta meta
}

union AddrVal {
  1: BoundAddr bound
  2: Void neg
}

struct Addr {
  1: Stamp stamp
  2: AddrVal value
}

exception AddrFailure {
  1: string reason
  2: i32 retryInSeconds
  3: NameRef name
}

struct Transformation {
  1: BoundName value
  2: NodeId tree
}

union DelegateContents {
  1: string error
  2: Void empty
  3: Void fail
  4: Void neg
  5: NodeId delegate
  6: BoundName boundLeaf
  7: Path pathLeaf
  8: list<NodeId> alt
  9: list<WeightedNodeId> weighted
  10: Transformation transformation
}

struct DelegateNode {
  1: Path path
  2: string dentry
  3: DelegateContents contents
}

struct DelegateTree {
  1: DelegateNode root
  2: map<NodeId, DelegateNode> nodes
}

struct Delegation {
  1: Stamp stamp
  2: DelegateTree tree
  3: Ns ns
}

struct DelegateReq {
  1: Dtab dtab
  2: Delegation delegation
  3: Path clientId
}

exception DelegationFailure {
  1: string reason
}

struct DtabReq {
  1: Stamp stamp
  2: Ns ns
  3: Path clientId
}

struct DtabRef {
  1: Stamp stamp
  2: Dtab dtab
}

exception DtabFailure {
  1: string reason
}

service Namer {
  Bound bind(1: BindReq req) throws (1: BindFailure rf)
  Addr addr(1: AddrReq req) throws (1: AddrFailure af)
  Delegation delegate(1: DelegateReq req) throws (1: DelegationFailure df)
  DtabRef dtab(1: DtabReq req) throws (1: DtabFailure df)
}
