"""What a soak has seen: operations, bytes compared, faults, and every failure. Safe from many threads."""
import collections
import json
import sys
import threading
import time


MOST_FAILURES = 20  # then the run ends


class Report:
    def __init__(self):
        self.lock = threading.Lock()
        self.began = time.monotonic()
        self.operations, self.faults = collections.Counter(), collections.Counter()
        self.failures, self.bytes, self.facts = [], 0, {}

    def count(self, what):
        with self.lock:
            self.operations[what] += 1

    def compared(self, size_bytes):
        with self.lock:
            self.bytes += size_bytes

    def fault(self, what):
        with self.lock:
            self.faults[what] += 1
        self.say(what)

    def fail(self, text):
        with self.lock:
            if len(self.failures) >= MOST_FAILURES:
                return
            self.failures.append(f"after {self.elapsed():.0f} s: {text}")
        self.say(f"FAILED: {text}")

    def has_seen_enough(self):
        return len(self.failures) >= MOST_FAILURES

    def elapsed(self):
        return time.monotonic() - self.began

    def say(self, text):
        with self.lock:
            done, size = sum(self.operations.values()), self.bytes
        print(f"{self.elapsed():6.0f} s  {done:8d} operations  {size / 1e6:8.0f} MB compared  {text}", file=sys.stderr,
              flush=True)

    def to_json(self):
        return json.dumps({"seconds": round(self.elapsed()), "operations": dict(sorted(self.operations.items())),
                           "bytes_compared": self.bytes, "faults": dict(sorted(self.faults.items())),
                           "failures": self.failures, **self.facts}, indent=1)
