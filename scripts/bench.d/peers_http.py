"""Servers to compare with: nginx, caddy, and the tus server of Node. Each on one core, without a log."""

import os

from process import Server, free_port, fresh

NGINX = """
worker_processes 1; daemon off; pid {work}/nginx.pid; error_log {work}/nginx.err; {user}
events {{ worker_connections 1024; }}
http {{
  types {{ image/webp webp; image/jpeg jpg; video/mp4 mp4; }}
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000;
  open_file_cache max=1000 inactive=60s; open_file_cache_valid 60s;
  client_max_body_size 8g; client_body_buffer_size 64k; client_body_temp_path {work}/body;
  proxy_temp_path {work}/p; fastcgi_temp_path {work}/f; uwsgi_temp_path {work}/u; scgi_temp_path {work}/s;
  server {{
    listen 127.0.0.1:{port}; root {root};
    {location}
  }}
}}
"""
DELIVERY = 'add_header Cache-Control "public, max-age=31536000, immutable";'
UPLOAD = "location / { dav_methods PUT; create_full_put_path on; }"

TUS = """
import { Server } from "@tus/server"; import { FileStore } from "@tus/file-store";
new Server({ path: "/files", datastore: new FileStore({ directory: process.argv[3] }) })
  .listen({ host: "127.0.0.1", port: Number(process.argv[2]) });
"""


class Peer(Server):
    """A peer's server, ready to answer at `port`."""

    def __init__(self, command, work, port, **more):
        self.port = port
        super().__init__(command, f"{work}/server.log", **more)
        self.wait_for(port, pause=0.002)


def nginx(work, root, location=DELIVERY, core=0):
    port = free_port()
    fresh(work)
    user = "user root;" if os.geteuid() == 0 else ""
    with open(f"{work}/nginx.conf", "w") as file:
        file.write(NGINX.format(work=work, port=port, root=root, location=location, user=user))
    return Peer(["nginx", "-c", f"{work}/nginx.conf"], work, port, core=core)


def caddy(work, root, core=0):
    port = free_port()
    fresh(work)
    env = {**os.environ, "HOME": work, "XDG_DATA_HOME": work, "XDG_CONFIG_HOME": work}
    if core is not None:
        env["GOMAXPROCS"] = "1"
    return Peer(["caddy", "file-server", "--root", root, "--listen", f"127.0.0.1:{port}"], work, port, env=env, core=core)


def tus(work, packages, core=0):
    port = free_port()
    fresh(f"{work}/files")
    with open(f"{packages}/serve.mjs", "w") as file:
        file.write(TUS)
    return Peer(["node", f"{packages}/serve.mjs", str(port), f"{work}/files"], work, port, core=core)
