package peer;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.twitter.finagle.Failure;
import com.twitter.finagle.FailureFlags;
import com.twitter.util.Return;
import com.twitter.util.Throw;
import com.twitter.util.Try;
import scala.jdk.javaapi.CollectionConverters;

/** Failures as JSON, and those that a test lets a service fail with. */
final class Failures {
  private Failures() {}

  static ObjectNode described(ObjectNode result, Throwable error) {
    result.put("error", error.getClass().getSimpleName()).put("message", String.valueOf(error.getMessage()));
    if (error instanceof FailureFlags<?> flagged) {
      CollectionConverters.asJava(FailureFlags.flagsOf(flagged.flags())).forEach(result.putArray("flags")::add);
    }
    return result;
  }

  /** `fail` of a command: "nack" may be sent again, "reject" may not, all other texts are an exception of the service. */
  static Try<JsonNode> orResponse(JsonNode command) {
    if (!command.has("fail")) return new Return<>(command);
    String why = command.get("fail").textValue();
    return new Throw<>(switch (why) {
      case "nack" -> Failure.RetryableNackFailure();
      case "reject" -> Failure.NonRetryableNackFailure();
      default -> new Exception(why);
    });
  }
}
