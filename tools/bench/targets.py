"""What is measured: the same tree on ext4, kernel squashfs, erofs, squashfuse, and a granary mount.

Each target knows how to come up at a path and go away again; one that this machine cannot have raises Failed.
"""
import contextlib
import json
import os
import shutil
import socket
import subprocess

from measure import Failed, is_mounted, run, wait_for


class Target:
    name = ""

    def mount(self, at):
        raise NotImplementedError

    def unmount(self, at):
        run(["umount", at])

    @contextlib.contextmanager
    def mounted(self, at):
        """Gives the path of the tree's top."""
        os.makedirs(at, exist_ok=True)
        self.mount(at)
        try:
            yield at
        finally:
            if is_mounted(at):
                self.unmount(at)


class HostTree(Target):
    """The tree as it lies on this host's own ext4."""

    name = "ext4"

    def __init__(self, tree):
        self.tree = tree

    @contextlib.contextmanager
    def mounted(self, at):
        yield self.tree


class Image(Target):
    """A filesystem image mounted by the kernel through a loop device."""

    def __init__(self, name, image, kind):
        self.name, self.image, self.kind = name, image, kind

    def mount(self, at):
        if not os.path.exists(self.image):
            raise Failed("no image (see publishing)")
        with open("/proc/filesystems") as table:
            if self.kind not in table.read().split():
                subprocess.run(["modprobe", self.kind], capture_output=True)
        run(["mount", "-t", self.kind, "-o", "loop,ro", self.image, at])


class Squashfuse(Target):
    """The squashfs image mounted by squashfuse's low-level, multi-purpose program."""

    name = "squashfuse"

    def __init__(self, image):
        self.image = image

    def mount(self, at):
        program = shutil.which("squashfuse_ll") or shutil.which("squashfuse")
        if not program:
            raise Failed("squashfuse is not installed")
        run([program, self.image, at])
        wait_for(lambda: is_mounted(at), "squashfuse")


class Granary(Target):
    """A granary mount of the published tree."""

    name = "granary"

    def __init__(self, tools, url, trust, cache):
        self.tools, self.url, self.trust, self.cache = tools, url, trust, cache

    def command(self, at):
        return [self.tools.granary, "mount", self.url, at, "--trust", self.trust, "--cache", self.cache,
                "--state", self.cache + ".state"]

    def mount(self, at):
        run(self.command(at))
        wait_for(lambda: is_mounted(at), "the granary mount")

    def unmount(self, at):
        run([self.tools.granary, "umount", at])
        wait_for(lambda: not is_mounted(at), "granary umount")

    def empty_cache(self):
        shutil.rmtree(self.cache, ignore_errors=True)

    def peak_memory(self, at):
        """The mount program's high-water mark in bytes, or None."""
        try:
            worker = json.loads(run([self.tools.granary, "stat", at, "--json"]))["worker_pid"]
            with open(f"/proc/{worker}/status") as status:
                line = next(line for line in status if line.startswith("VmHWM:"))
            return int(line.split()[1]) * 1024
        except (Failed, OSError, KeyError, ValueError, StopIteration):
            return None


class Tools:
    """The built programs."""

    def __init__(self, folder):
        self.granary = os.path.join(folder, "granary")

    def present(self):
        return os.access(self.granary, os.X_OK)

    def init(self, repository, keys):
        """A new repository; gives its trust file's path."""
        trust = repository + ".trust"
        answer = json.loads(run([self.granary, "init", repository, "--name", "bench.example.org", "--keys", keys,
                                 "--json"]))
        if os.path.exists(answer.get("trust_file", "")):
            shutil.copy(answer["trust_file"], trust)
        else:
            with open(trust, "w") as out:
                json.dump(answer["trust"], out)
        return trust

    def publish(self, repository, tree):
        return [self.granary, "publish", repository, tree, "--json"]


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
