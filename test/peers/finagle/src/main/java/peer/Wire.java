package peer;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.twitter.finagle.Dtab;
import com.twitter.finagle.context.Contexts;
import com.twitter.finagle.http.Message;
import com.twitter.finagle.http.Method;
import com.twitter.finagle.http.Request;
import com.twitter.finagle.http.Response;
import com.twitter.finagle.http.Status;
import com.twitter.io.Buf;
import com.twitter.io.Bufs;
import com.twitter.util.Future;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.function.Supplier;
import scala.Tuple2;
import scala.jdk.javaapi.CollectionConverters;

/** Messages and what Finagle carries beside them, as JSON. Bytes are base64. */
final class Wire {
  private Wire() {}

  static ObjectNode object() {
    return JsonNodeFactory.instance.objectNode();
  }

  static byte[] payloadOf(JsonNode json) {
    return Base64.getDecoder().decode(json.path("payload").asText(""));
  }

  static ObjectNode ofPayload(byte[] payload) {
    return object().put("payload", Base64.getEncoder().encodeToString(payload));
  }

  /** Adds `dtab` and `contexts` of the call that is in progress on this thread. */
  static ObjectNode withSurroundings(ObjectNode json) {
    json.put("dtab", Dtab.local().show());
    ObjectNode contexts = json.putObject("contexts");
    CollectionConverters.asJava(Contexts.broadcast().marshal()).forEach(each -> contexts.put(
        Bufs.asUtf8String(each._1()), Base64.getEncoder().encodeToString(Bufs.ownedByteArray(each._2()))));
    return json;
  }

  /** Runs `call` with the `dtab` and the `contexts` of the command. */
  static <T> Future<T> within(JsonNode command, Supplier<Future<T>> call) {
    List<Tuple2<Buf, Buf>> contexts = new ArrayList<>();
    command.path("contexts").fields().forEachRemaining(each -> contexts.add(new Tuple2<>(
        Bufs.utf8Buf(each.getKey()), Bufs.ownedBuf(Base64.getDecoder().decode(each.getValue().textValue())))));
    return Dtab.unwind(() -> {
      if (command.has("dtab")) Dtab.setLocal(Dtab.read(command.get("dtab").textValue()));
      return Contexts.broadcast().letUnmarshal(CollectionConverters.asScala(contexts), call::get);
    });
  }

  static Request requestOf(JsonNode json) {
    Request request = Request.apply(Method.apply(json.path("method").asText("GET")), json.path("uri").asText("/"));
    fill(request, json);
    return request;
  }

  static Response responseOf(JsonNode json) {
    Response response = Response.apply(Status.fromCode(json.path("status").asInt(200)));
    fill(response, json);
    return response;
  }

  private static void fill(Message message, JsonNode json) {
    json.path("headers").forEach(each -> message.headerMap().add(each.get(0).textValue(), each.get(1).textValue()));
    byte[] body = payloadOf(json);
    message.content(Bufs.ownedBuf(body));
    message.contentLength(body.length);
  }

  static ObjectNode ofRequest(Request request) {
    return ofMessage(request).put("method", request.method().name()).put("uri", request.uri());
  }

  static ObjectNode ofResponse(Response response) {
    return ofMessage(response).put("status", response.status().code());
  }

  private static ObjectNode ofMessage(Message message) {
    ObjectNode json = ofPayload(Bufs.ownedByteArray(message.content()));
    ArrayNode headers = json.putArray("headers");
    CollectionConverters.asJava(message.headerMap().toSeq())
        .forEach(each -> headers.addArray().add(each._1()).add(each._2()));
    return json;
  }
}
