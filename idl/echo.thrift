/** What tests and the benchmark call: one method of each form that Thrift has. */
namespace js echo
namespace py echo

exception NotFound {
  1: string key
}

struct Node {
  1: string name
  2: list<Node> children
  3: map<string, list<i64>> numbers
  4: optional bool isLeaf
  5: set<i16> small
  6: double weight
}

service Echo {
  string echo(1: string text)
  void ping()
  string find(1: string key) throws (1: NotFound missing)
  oneway void note(1: string line)
  binary blob(1: binary bytes)
  Node tree(1: Node root)
  list<string> notes()
}
