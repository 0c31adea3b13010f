package peer;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.twitter.finagle.stats.InMemoryStatsReceiver;
import com.twitter.util.Closable;
import com.twitter.util.Duration;
import com.twitter.util.Future;
import com.twitter.util.FutureEventListener;
import com.twitter.util.Promise;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.logging.LogManager;
import scala.jdk.javaapi.CollectionConverters;

/**
 * Finagle clients and servers that a test commands: one JSON object a line on standard input, one a line on standard
 * output. Each command has an `id` of the test's choice and one result with the same `id`; what a command makes (a
 * server, a client, a call) is named by that id from then on. Calls that servers get are events without an id.
 *
 * <pre>
 * {id, do: "serve", kind, ...options}         -> {id, port}
 * {id, do: "connect", kind, port, ...options} -> {id}
 * {id, do: "call", client, ...request}        -> {id, ...response} or {id, error, message, flags}
 * {id, do: "cancel", call}                    -> {id}
 * {id, do: "answer", call, ...response}       -> {id}
 * {id, do: "lease", server, ms}               -> {id}
 * {id, do: "stats", of}                       -> {id, counters}
 * {id, do: "close", of, graceMs}              -> {id} once everything is closed
 *
 * {event: "call", server, call, ...request}, {event: "interrupted", call, reason}, {event: "session", server}
 * </pre>
 *
 * Ends at the end of standard input.
 */
public final class Main {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final PrintStream OUT = new PrintStream(System.out, true, StandardCharsets.UTF_8);

  private final Map<Integer, Client> clients = new ConcurrentHashMap<>();
  private final Map<Integer, Closable> closables = new ConcurrentHashMap<>();
  private final Map<Integer, InMemoryStatsReceiver> stats = new ConcurrentHashMap<>();
  private final Map<Integer, Leases> leases = new ConcurrentHashMap<>();
  private final Map<Integer, Future<ObjectNode>> sent = new ConcurrentHashMap<>();
  private final Map<Integer, Promise<JsonNode>> received = new ConcurrentHashMap<>();
  private final AtomicInteger lastReceived = new AtomicInteger();

  public static void main(String[] arguments) throws IOException {
    LogManager.getLogManager().reset(); // errors reach the test as results
    Main peer = new Main();
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      JsonNode command = JSON.readTree(line);
      try {
        peer.obey(command.get("id").intValue(), command);
      } catch (RuntimeException error) {
        say(Failures.described(JSON.createObjectNode(), error).put("id", command.get("id").intValue()));
      }
    }
    System.exit(0);
  }

  private void obey(int id, JsonNode command) {
    ObjectNode result = JSON.createObjectNode().put("id", id);
    switch (command.get("do").textValue()) {
      case "serve" -> say(result.put("port", serve(id, command)));
      case "connect" -> {
        stats.put(id, new InMemoryStatsReceiver());
        Client client = Client.to(command, stats.get(id));
        clients.put(id, client);
        closables.put(id, client.closable());
        say(result);
      }
      case "call" -> call(id, command);
      case "cancel" -> {
        Future<ObjectNode> call = sent.get(command.get("call").intValue());
        if (call != null) call.raise(new Exception("cancelled by the test"));
        say(result);
      }
      case "answer" -> {
        received.remove(command.get("call").intValue()).updateIfEmpty(Failures.orResponse(command));
        say(result);
      }
      case "lease" -> {
        leases.get(command.get("server").intValue()).issue(command.get("ms").longValue());
        say(result);
      }
      case "stats" -> {
        ObjectNode counters = result.putObject("counters");
        CollectionConverters.asJava(stats.get(command.get("of").intValue()).counters())
            .forEach((name, count) -> counters.put(name.mkString("/"), ((Number) count).longValue()));
        say(result);
      }
      case "close" -> closables.remove(command.get("of").intValue())
          .close(Duration.fromMilliseconds(command.get("graceMs").longValue()))
          .addEventListener(new FutureEventListener<Object>() {
            @Override public void onSuccess(Object closed) { say(result); }
            @Override public void onFailure(Throwable error) { say(Failures.described(result, error)); }
          });
      default -> throw new IllegalArgumentException("no command " + command.get("do"));
    }
  }

  /** The port. */
  private int serve(int id, JsonNode command) {
    stats.put(id, new InMemoryStatsReceiver());
    leases.put(id, new Leases(() -> say(JSON.createObjectNode().put("event", "session").put("server", id))));
    Server server = Server.of(command, stats.get(id), leases.get(id), request -> received(id, request));
    closables.put(id, server.closable());
    return server.port();
  }

  private Future<JsonNode> received(int server, ObjectNode request) {
    int call = lastReceived.incrementAndGet();
    Promise<JsonNode> response = new Promise<>();
    received.put(call, response);
    response.setInterruptHandler(new com.twitter.util.Function<Throwable, scala.runtime.BoxedUnit>() {
      @Override public scala.runtime.BoxedUnit apply(Throwable reason) {
        say(JSON.createObjectNode().put("event", "interrupted").put("call", call).put("reason", reason.toString()));
        return scala.runtime.BoxedUnit.UNIT;
      }
    });
    say(request.put("event", "call").put("server", server).put("call", call));
    return response;
  }

  private void call(int id, JsonNode command) {
    Future<ObjectNode> response = clients.get(command.get("client").intValue()).call(command);
    sent.put(id, response);
    response.addEventListener(new FutureEventListener<ObjectNode>() {
      @Override public void onSuccess(ObjectNode answer) { end(answer); }
      @Override public void onFailure(Throwable error) { end(Failures.described(JSON.createObjectNode(), error)); }
      private void end(ObjectNode result) {
        sent.remove(id);
        say(result.put("id", id));
      }
    });
  }

  private static synchronized void say(ObjectNode line) {
    OUT.println(line);
  }
}
