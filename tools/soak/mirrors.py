"""Servers of the repository that fail in every way: an honest process that is stopped and killed, and one that lies."""
import http.server
import multiprocessing
import os
import random
import signal
import subprocess
import time

from servers import connects, free_port  # tools/bench
from measure import wait_for

FAULTS = ["corrupt", "truncated", "missing", "error", "portal", "stall", "trickle", "reset"]
PORTAL = b"<html><body>Please log in to the network of this hotel.</body></html>"


class Honest:
    """`granary serve`, which dies and stands still when told to."""

    def __init__(self, granary, repository):
        self.command = [granary, "serve", repository]
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = None
        self.begin()

    def begin(self):
        if self.process is None:
            self.process = subprocess.Popen(self.command + ["--listen", f"127.0.0.1:{self.port}"],
                                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                            stderr=subprocess.DEVNULL)
            wait_for(lambda: connects(self.port), "granary serve")

    def freeze(self):
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)

    def end(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


class Liar:
    """A server of the same files that gives one answer in `one_in` wrongly, as `fault` says; None: all are right.
    A process of its own: a reader that waits for a page of a mapped file holds up every thread of its own."""

    def __init__(self, repository, seed):
        self.repository, self.random = repository, random.Random(seed)
        self._fault, self._one_in = multiprocessing.Value("i", -1), multiprocessing.Value("i", 2)
        self._lies = multiprocessing.Value("i", 0)
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.process = multiprocessing.Process(target=self._serve, args=(port,), daemon=True)
        self.process.start()
        wait_for(lambda: connects(port), "the lying mirror")

    @property
    def lies(self):
        return self._lies.value

    def lie(self, fault, one_in=1):
        """From now on; None: no more."""
        self._one_in.value = one_in
        self._fault.value = -1 if fault is None else FAULTS.index(fault)

    def end(self):
        self.process.kill()
        self.process.join()

    def _serve(self, port):
        liar = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                liar.answer(self)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 256

            def handle_error(self, *_):
                """Whoever asked is gone, or was sent away."""

        Server(("127.0.0.1", port), Handler).serve_forever()

    def answer(self, request):
        path = os.path.normpath(self.repository + "/" + request.path.split("?")[0])
        fault = None
        if self._fault.value >= 0 and self.random.randrange(self._one_in.value) == 0:
            fault = FAULTS[self._fault.value]
        try:
            with open(path, "rb") as file:
                body = file.read()
        except OSError:
            body, fault = b"", fault or "missing"
        if fault is not None:
            self._lies.value += 1
        try:
            getattr(self, "_" + (fault or "truth"))(request, body)
        except OSError:
            request.close_connection = True

    def _send(self, request, status, body, announced=None):
        request.send_response(status)
        request.send_header("Content-Length", str(len(body) if announced is None else announced))
        request.end_headers()
        request.wfile.write(body)

    def _truth(self, request, body):
        self._send(request, 200, body)

    def _corrupt(self, request, body):
        wrong = bytearray(body or b"?")
        wrong[self.random.randrange(len(wrong))] ^= 1 << self.random.randrange(8)
        self._send(request, 200, bytes(wrong))

    def _truncated(self, request, body):
        self._send(request, 200, body[:len(body) // 2], len(body))
        request.close_connection = True

    def _missing(self, request, _):
        self._send(request, 404, b"not here\n")

    def _error(self, request, _):
        self._send(request, 503, b"later\n")

    def _portal(self, request, _):
        self._send(request, 200, PORTAL)

    def _stall(self, request, _):
        time.sleep(20)
        request.close_connection = True

    def _trickle(self, request, body):
        request.send_response(200)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        for at in range(0, min(len(body), 200)):
            request.wfile.write(body[at:at + 1])
            time.sleep(0.1)
        request.close_connection = True

    def _reset(self, request, _):
        request.connection.setsockopt(1, 13, b"\1\0\0\0\0\0\0\0")  # SOL_SOCKET, SO_LINGER: close sends RST
        request.close_connection = True
        request.connection.close()
