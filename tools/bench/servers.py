"""What a repository is served by: granary itself, nginx, and either of them behind an emulated link."""
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess

from measure import Failed, wait_for


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def connects(port):
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


@contextlib.contextmanager
def process(command, port):
    """A server on a port, for as long as the block lasts."""
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: server.poll() is not None or connects(port), command[0])
        if server.poll() is not None:
            raise Failed(f"{command[0]} ended at once")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


def granary_serve(tools, repository):
    port = free_port()
    return process([tools.granary, "serve", repository, "--listen", f"127.0.0.1:{port}"], port)


NGINX = """user root;
daemon off;
worker_processes 2;
pid {work}/pid;
error_log {work}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log {work}/access.log;
  client_body_temp_path {work}/body;
  proxy_temp_path {work}/proxy;
  fastcgi_temp_path {work}/fastcgi;
  uwsgi_temp_path {work}/uwsgi;
  scgi_temp_path {work}/scgi;
  sendfile on;
  keepalive_requests 100000;
  server {{ listen 127.0.0.1:{port}; root {root}; }}
}}
"""


def nginx(work, root):
    """nginx on the files under `root`, as it comes; its log of requests is work/access.log."""
    os.makedirs(work, exist_ok=True)
    port = free_port()
    with open(os.path.join(work, "nginx.conf"), "w") as out:
        out.write(NGINX.format(work=work, port=port, root=os.path.realpath(root)))
    return process([shutil.which("nginx", path="/usr/sbin:/usr/bin") or "nginx", "-p", work, "-c",
                    os.path.join(work, "nginx.conf"), "-e", os.path.join(work, "error.log")], port)


def requests_logged(work):
    """(number of requests, bytes sent) in nginx's log."""
    with open(os.path.join(work, "access.log")) as log:
        sent = [line.split('"')[2].split()[1] for line in log]
    return len(sent), sum(int(size) for size in sent if size.isdigit())


class Link:
    """The emulated link (tests/support/emulated_link.h) to a server."""

    def __init__(self, relay):
        self.relay = relay
        self.url = relay.stdout.readline().strip()

    def carried(self):
        """down_bytes, up_bytes and connections so far."""
        self.relay.send_signal(signal.SIGUSR1)
        return json.loads(self.relay.stdout.readline())


@contextlib.contextmanager
def link(tools, url, rate, round_trip):
    """`rate` and `round_trip` as emulated-link takes them: 100M, 20ms."""
    if not os.access(tools.link, os.X_OK):
        raise Failed("emulated-link is not built")
    relay = subprocess.Popen([tools.link, "--to", url.removeprefix("http://"), "--rate", rate, "--rtt", round_trip],
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        emulated = Link(relay)
        if not emulated.url:
            raise Failed(relay.stderr.read().strip() or "emulated-link ended at once")
        yield emulated
    finally:
        relay.terminate()
        relay.wait()
        relay.stdout.close()
        relay.stderr.close()
