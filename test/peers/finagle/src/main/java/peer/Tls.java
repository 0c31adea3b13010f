package peer;

import com.fasterxml.jackson.databind.JsonNode;
import com.twitter.finagle.param.OppTls;
import com.twitter.finagle.param.OppTls$;
import com.twitter.finagle.ssl.ApplicationProtocolsConfig;
import com.twitter.finagle.ssl.CipherSuitesConfig;
import com.twitter.finagle.ssl.ClientAuthConfig;
import com.twitter.finagle.ssl.KeyCredentials;
import com.twitter.finagle.ssl.OpportunisticTls;
import com.twitter.finagle.ssl.OpportunisticTlsConfig;
import com.twitter.finagle.ssl.ProtocolsConfig;
import com.twitter.finagle.ssl.TrustCredentials;
import com.twitter.finagle.ssl.client.SslClientConfiguration;
import com.twitter.finagle.ssl.server.SslServerConfiguration;
import com.twitter.finagle.transport.Transport;
import java.io.File;
import scala.Option;
import scala.Tuple2;

/** Opportunistic TLS of mux. Options: `level`, `certPath`, `keyPath` (PKCS#8), `caPath`, and `hostname` of a client. */
final class Tls {
  private Tls() {}

  static Tuple2<Transport.ServerSsl, com.twitter.finagle.Stack.Param<Transport.ServerSsl>> ofServer(JsonNode tls) {
    SslServerConfiguration configuration = new SslServerConfiguration(
        keys(tls), ClientAuthConfig.NEEDED, trusted(tls),
        CipherSuitesConfig.UNSPECIFIED, ProtocolsConfig.UNSPECIFIED, ApplicationProtocolsConfig.UNSPECIFIED, false);
    return new Transport.ServerSsl(Option.apply(configuration)).mk();
  }

  static Tuple2<Transport.ClientSsl, com.twitter.finagle.Stack.Param<Transport.ClientSsl>> ofClient(JsonNode tls) {
    String hostname = tls.get("hostname").textValue();
    SslClientConfiguration configuration = new SslClientConfiguration(
        Option.apply(hostname), Option.apply(hostname), keys(tls), trusted(tls),
        CipherSuitesConfig.UNSPECIFIED, ProtocolsConfig.UNSPECIFIED, ApplicationProtocolsConfig.UNSPECIFIED, false);
    return new Transport.ClientSsl(Option.apply(configuration)).mk();
  }

  static Tuple2<OppTls, com.twitter.finagle.Stack.Param<OppTls>> opportunistic(JsonNode tls) {
    OpportunisticTls.Level level = switch (tls.get("level").textValue()) {
      case "off" -> OpportunisticTlsConfig.OFF;
      case "desired" -> OpportunisticTlsConfig.DESIRED;
      case "required" -> OpportunisticTlsConfig.REQUIRED;
      default -> throw new IllegalArgumentException("no level " + tls.get("level"));
    };
    return new Tuple2<>(new OppTls(Option.apply(level)), OppTls$.MODULE$.param());
  }

  private static KeyCredentials keys(JsonNode tls) {
    return new KeyCredentials.CertAndKey(new File(tls.get("certPath").textValue()), new File(tls.get("keyPath").textValue()));
  }

  private static TrustCredentials trusted(JsonNode tls) {
    return new TrustCredentials.CertCollection(new File(tls.get("caPath").textValue()));
  }
}
