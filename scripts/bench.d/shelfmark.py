"""Our server, its API on one kept connection, and its command line."""

import http.client
import json
import math
import os
import secrets
import socket
import time
from urllib.parse import quote

from process import Failed, Server, free_port, run

PROJECT = "site"


class Api:
    """The API as one user on one connection that stays open, and is opened anew when it was idle for long."""

    IDLE_SECONDS_MAX = 30

    def __init__(self, port, token):
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1800)
        self._headers = {"Authorization": f"Bearer {token}"}
        self._used = -math.inf  # not before it is needed: a server closes what says nothing

    def _connect(self):
        self._connection.close()
        self._connection.connect()
        self._connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._used = time.monotonic()

    def send(self, method, path, body=None, **headers):
        """Sends a request and returns the answer's bytes. Headers are written with _ for -."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if time.monotonic() - self._used >= self.IDLE_SECONDS_MAX:
            self._connect()
        self._connection.request(method, path, body, {**self._headers, **named})
        answer = self._connection.getresponse()
        content = answer.read()
        self._used = time.monotonic()
        if answer.status >= 300:
            raise Failed(f"{method} {path} was answered by {answer.status}: {content[:500].decode(errors='replace')}")
        return content

    def json(self, method, path, body=None):
        content = json.dumps(body).encode() if body is not None else None
        return json.loads(self.send(method, "/api/v1" + path, content, Content_Type="application/json"))

    def project(self, method, path, body=None):
        return self.json(method, f"/projects/{PROJECT}{path}", body)

    def store(self):
        return self.json("GET", "/store")

    def create_project(self):
        self.json("POST", "/projects", {"name": PROJECT})

    def release(self, title, changes):
        """Makes a release with these changes; returns its number, such as R-7."""
        name = self.new_release(title)
        self.change(name, changes)
        return name

    def new_release(self, title):
        return self.project("POST", "/releases", {"title": title})["number"]

    def change(self, release, changes):
        return self.project("POST", f"/releases/{release}/changes", {"add": changes})

    def build(self, release, base=None):
        """Builds a release and returns the build."""
        return self.project("POST", f"/releases/{release}/builds", {"base": base} if base else {})

    def promote(self, build, environment="production"):
        return self.project("POST", f"/environments/{environment}/promote", {"build": build})

    def release_latest(self, title):
        """Makes, builds and promotes a release of the library as it is; returns the build's name."""
        build = self.build(self.release(title, [{"kind": "latest"}]))["name"]
        self.promote(build)
        return build


class Shelfmark(Server):
    """A running server. `settings` are names as in config/default.toml, with _ for the dot."""

    def __init__(self, program, data, log, core=None, **settings):
        self.program, self.data, self.port = program, data, free_port()
        self.token = "smt_" + secrets.token_hex(32)
        self.url = f"http://127.0.0.1:{self.port}"
        token_file = os.path.join(data, "bench-token")
        if os.path.exists(token_file):
            with open(token_file) as file:
                self.token = file.read()
        else:
            os.makedirs(data, exist_ok=True)
            with open(token_file, "w") as file:
                file.write(self.token)
        named = {f"SHELFMARK_{name.upper()}": str(value) for name, value in settings.items()}
        env = {"SHELFMARK_LOG_LEVEL": "error", "SHELFMARK_BOOTSTRAP_TOKEN": self.token, **os.environ, **named}
        command = [program, "serve", "--data", data, "--listen", f"127.0.0.1:{self.port}"]
        super().__init__(command, log, env=env, core=core)

    def ready(self):
        return self.wait_for(self.port, lambda: answers(self.port, "/readyz"))

    def api(self):
        return Api(self.port, self.token)

    def client(self, *arguments, cache, log, output=None):
        """Runs the command line and returns what client and server took together."""
        env = {**os.environ, "SHELFMARK_URL": self.url, "SHELFMARK_TOKEN": self.token, "SHELFMARK_PROJECT": PROJECT,
               "XDG_CACHE_HOME": cache, "XDG_CONFIG_HOME": cache}
        before = self.cpu()
        cost = run([self.program, *arguments, "--json"], log, env=env, output=output)
        cost.cpu_s += self.cpu() - before
        cost.rss += self.peak()
        return cost

    def settle(self, seconds=30):
        """Waits until the server has nothing left to do."""
        end = time.monotonic() + seconds
        before = self.cpu()
        while time.monotonic() < end:
            time.sleep(0.25)
            now = self.cpu()
            if now - before < 0.02:
                return
            before = now


def answers(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def delivery_path(path, environment="production"):
    return f"/e/{PROJECT}/{environment}/{quote(path)}"


def build_path(build, path):
    return f"/r/{PROJECT}/{build}/{quote(path)}"
