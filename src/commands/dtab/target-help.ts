// How a store of dtabs is named on the command line.

export const targetHelp = `  http://HOST:PORT       a name server (io.l5d.httpController); https as well
  consul://HOST:PORT     Consul's key-value store, below namerd/dtabs
  consul://HOST:PORT/P   the same below P; the token is taken from CONSUL_HTTP_TOKEN
  ./FOLDER               the folder of a storage io.l5d.fs`;
