package peer;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.twitter.finagle.Http;
import com.twitter.finagle.Mux$param$MaxFrameSize;
import com.twitter.finagle.Service;
import com.twitter.finagle.Thrift;
import com.twitter.finagle.ThriftMux;
import com.twitter.finagle.client.StackBasedClient;
import com.twitter.finagle.http.Request;
import com.twitter.finagle.http.Response;
import com.twitter.finagle.liveness.FailureDetector;
import com.twitter.finagle.param.Stats;
import com.twitter.finagle.service.Retries;
import com.twitter.finagle.service.RetryBudget;
import com.twitter.finagle.service.TimeoutFilter;
import com.twitter.finagle.stats.StatsReceiver;
import com.twitter.finagle.thrift.ClientId;
import com.twitter.finagle.thrift.ThriftClientRequest;
import com.twitter.util.Closable;
import com.twitter.util.Duration;
import com.twitter.util.Future;
import com.twitter.util.StorageUnit;
import java.util.function.Function;

/** A Finagle client of one loopback port. */
record Client(Closable closable, Function<JsonNode, Future<ObjectNode>> send) {
  /**
   * Options: `timeoutMs` of a call; `requeues: false`, so that a nack is seen as it came; `upgrade: false`, Thrift without
   * TTwitter; `clientId` of ThriftMux and TTwitter; `pingMs`, `maxFrameBytes` and `tls` ({@link Tls}) of ThriftMux.
   */
  static Client to(JsonNode options, StatsReceiver stats) {
    String port = "127.0.0.1:" + options.get("port").intValue();
    return switch (options.get("kind").textValue()) {
      case "thriftmux" -> ofBytes(configured(mux(options), options, stats).newService(port, "peer"));
      case "thrift" -> {
        Thrift.Client client = Thrift.client();
        if (!options.path("upgrade").asBoolean(true)) client = client.withNoAttemptTTwitterUpgrade();
        if (options.has("clientId")) client = client.withClientId(new ClientId(options.get("clientId").textValue()));
        yield ofBytes(configured(client, options, stats).newService(port, "peer"));
      }
      case "http" -> ofHttp(configured(Http.client(), options, stats).newService(port, "peer"));
      default -> throw new IllegalArgumentException("no client of the kind " + options.get("kind"));
    };
  }

  Future<ObjectNode> call(JsonNode command) {
    return Wire.within(command, () -> send.apply(command));
  }

  private static StackBasedClient<ThriftClientRequest, byte[]> mux(JsonNode options) {
    ThriftMux.Client known = ThriftMux.client();
    if (options.has("clientId")) known = known.withClientId(new ClientId(options.get("clientId").textValue()));
    StackBasedClient<ThriftClientRequest, byte[]> client = known;
    if (options.has("maxFrameBytes")) {
      StorageUnit size = StorageUnit.fromBytes(options.get("maxFrameBytes").longValue());
      client = client.configured(new Mux$param$MaxFrameSize(size).mk());
    }
    if (options.has("tls")) {
      client = client.configured(Tls.ofClient(options.get("tls")));
      client = client.configured(Tls.opportunistic(options.get("tls")));
    }
    if (options.has("pingMs")) {
      Duration period = Duration.fromMilliseconds(options.get("pingMs").longValue());
      Duration patience = Duration.fromMilliseconds(10_000);
      client = client.configured(
          new FailureDetector.Param(new FailureDetector.ThresholdConfig(period, patience)).mk());
    }
    return client;
  }

  private static <Req, Rep> StackBasedClient<Req, Rep> configured(
      StackBasedClient<Req, Rep> client, JsonNode options, StatsReceiver stats) {
    StackBasedClient<Req, Rep> known = client.configured(new Stats(stats).mk());
    if (options.has("timeoutMs")) {
      Duration timeout = Duration.fromMilliseconds(options.get("timeoutMs").longValue());
      known = known.configured(new TimeoutFilter.Param(timeout).mk());
    }
    if (!options.path("requeues").asBoolean(true)) {
      known = known.configured(new Retries.Budget(RetryBudget.Empty()).mk());
    }
    return known;
  }

  private static Client ofBytes(Service<ThriftClientRequest, byte[]> service) {
    return new Client(service, command -> service
        .apply(new ThriftClientRequest(Wire.payloadOf(command), command.path("oneway").asBoolean(false)))
        .map(Wire::ofPayload));
  }

  private static Client ofHttp(Service<Request, Response> service) {
    return new Client(service, command -> service.apply(Wire.requestOf(command)).map(Wire::ofResponse));
  }
}
