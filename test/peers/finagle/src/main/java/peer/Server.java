package peer;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.twitter.finagle.Http;
import com.twitter.finagle.ListeningServer;
import com.twitter.finagle.Mux$param$MaxFrameSize;
import com.twitter.finagle.Service;
import com.twitter.finagle.Thrift;
import com.twitter.finagle.ThriftMux;
import com.twitter.finagle.http.Request;
import com.twitter.finagle.http.Response;
import com.twitter.finagle.mux.lease.exp.Lessor;
import com.twitter.finagle.param.Stats;
import com.twitter.finagle.server.StackBasedServer;
import com.twitter.finagle.stats.StatsReceiver;
import com.twitter.util.Closable;
import com.twitter.util.Future;
import com.twitter.util.StorageUnit;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.function.Function;

/** A Finagle server on a free loopback port whose service is `answer`. */
record Server(ListeningServer listening) {
  /**
   * Options: `maxFrameBytes`, what ThriftMux clients are asked to send in one piece; `tls` of ThriftMux, see {@link Tls}.
   */
  static Server of(
      JsonNode options, StatsReceiver stats, Lessor lessor, Function<ObjectNode, Future<JsonNode>> answer) {
    InetSocketAddress free = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    return new Server(switch (options.get("kind").textValue()) {
      case "thriftmux" -> {
        StackBasedServer<byte[], byte[]> server = ThriftMux.server();
        server = server.configured(new Lessor.Param(lessor), Lessor.Param$.MODULE$);
        if (options.has("maxFrameBytes")) {
          StorageUnit size = StorageUnit.fromBytes(options.get("maxFrameBytes").longValue());
          server = server.configured(new Mux$param$MaxFrameSize(size).mk());
        }
        if (options.has("tls")) {
          server = server.configured(Tls.ofServer(options.get("tls")));
          server = server.configured(Tls.opportunistic(options.get("tls")));
        }
        yield server.configured(new Stats(stats).mk()).serve(free, ofBytes(answer));
      }
      case "thrift" -> Thrift.server().withStatsReceiver(stats).serve(free, ofBytes(answer));
      case "http" -> Http.server().withStatsReceiver(stats).serve(free, ofHttp(answer));
      default -> throw new IllegalArgumentException("no server of the kind " + options.get("kind"));
    });
  }

  int port() {
    return ((InetSocketAddress) listening.boundAddress()).getPort();
  }

  Closable closable() {
    return listening;
  }

  private static Service<byte[], byte[]> ofBytes(Function<ObjectNode, Future<JsonNode>> answer) {
    return Service.mk(call -> answer.apply(Wire.withSurroundings(Wire.ofPayload(call))).map(Wire::payloadOf));
  }

  private static Service<Request, Response> ofHttp(Function<ObjectNode, Future<JsonNode>> answer) {
    return Service.mk(call -> answer.apply(Wire.withSurroundings(Wire.ofRequest(call))).map(Wire::responseOf));
  }
}
