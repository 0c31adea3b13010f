package peer;

import com.twitter.finagle.mux.lease.exp.Lessee;
import com.twitter.finagle.mux.lease.exp.Lessor;
import com.twitter.util.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** Leases of a mux server's sessions, as long as the test says. */
final class Leases implements Lessor {
  private final Set<Lessee> sessions = ConcurrentHashMap.newKeySet();
  private final Runnable opened;

  /** `opened` runs for each new session. */
  Leases(Runnable opened) {
    this.opened = opened;
  }

  void issue(long ms) {
    sessions.forEach(session -> session.issue(Duration.fromMilliseconds(ms)));
  }

  @Override public void register(Lessee session) {
    sessions.add(session);
    opened.run();
  }

  @Override public void unregister(Lessee session) {
    sessions.remove(session);
  }

  @Override public void observe(Duration latency) {}

  @Override public void observeArrival() {}
}
