"""Rows 18 to 22 and 28: what an environment serves, beside nginx with the same files. Server on core 0, wrk on core 1."""

import http.client
import os
import subprocess
from collections import defaultdict

import peers_http
import table
import wrk
from corpus import BODIES
from process import Failed, say
from shelfmark import Shelfmark, delivery_path

RANGES = """
math.randomseed(42)
request = function()
  local first = math.random(0, 199 * 1048576)
  return wrk.format("GET", nil, { ["Range"] = "bytes=" .. first .. "-" .. (first + 1048575) })
end
"""
# By case: its row, the file, and whether bytes or requests are counted.
CASES = {
    "20 KB": (18, "20k.webp", "requests_s"),
    "200 KB": (19, "200k.jpg", "bytes_s"),
    "1 MB": (19, "1m.jpg", "bytes_s"),
    "304": (20, "20k.webp", "requests_s"),
    "ranges": (21, "200m.mp4", "bytes_s"),
}


def measure(bench):
    if not bench.rows & {18, 19, 20, 21, 22, 28}:
        return
    bodies = bench.corpora.bodies()
    data = f"{bench.work}/delivery"
    with Shelfmark(bench.program, data, f"{bench.work}/shelfmark.log").ready() as server:
        server.api().create_project()
        server.client("import", bodies, cache=f"{bench.work}/cache", log=f"{bench.work}/delivery.log")
        server.api().release_latest("bodies")
    if bench.rows & {18, 19, 20, 21, 22}:
        compare_with_nginx(bench, data, bodies)
    if 28 in bench.rows:
        compare_memory(bench, data, bodies)


def ours(bench, data):
    return Shelfmark(bench.program, data, f"{bench.work}/shelfmark.log", core=0, server_workers=1).ready()


def compare_with_nginx(bench, data, bodies):
    loads = defaultdict(lambda: ([], []))
    cases = {case: said for case, said in CASES.items() if {said[0], 22} & bench.rows}
    with ours(bench, data) as server, peers_http.nginx(f"{bench.work}/nginx", bodies) as nginx:
        for name in BODIES:
            same_body(server, delivery_path(name), f"{bodies}/{name}")
            same_body(nginx, f"/{name}", f"{bodies}/{name}")
        for number in range(bench.rounds):
            say(f"delivery: round {number + 1} of {bench.rounds}")
            for case, (_, name, _) in cases.items():
                sides = [(0, server, delivery_path(name)), (1, nginx, f"/{name}")]
                for side, peer, path in sides if number % 2 else reversed(sides):
                    loads[case][side].append(load(bench, peer, path, case))
    for case, (row, _, what) in cases.items():
        us, them = loads[case]
        if row in bench.rows:
            show = table.per_second if what == "requests_s" else table.megabytes_per_second
            cpu = [max(b.cpu_per_request_s, 1e-9) / max(a.cpu_per_request_s, 1e-9) for a, b in zip(us, them)]
            sides = [[getattr(each, what) for each in side] for side in (us, them)]
            bench.table.add(row, "" if row in (18, 20, 21) else case, *sides, show, cpu)
        if 22 in bench.rows:
            bench.table.add(22, case, [each.p99_s for each in us], [each.p99_s for each in them], table.seconds)


def load(bench, server, path, case):
    headers = [f"If-None-Match: {etag(server, path)}"] if case == "304" else []
    script = RANGES if case == "ranges" else ""
    return wrk.load(server, f"http://127.0.0.1:{server.port}{path}", script, bench.seconds, headers=headers,
                    file=f"{bench.work}/wrk.lua")


def etag(server, path):
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    connection.request("HEAD", path)
    tag = connection.getresponse().getheader("ETag")
    connection.close()
    if not tag:
        raise Failed(f"{path} was answered without an ETag")
    return tag


def same_body(server, path, file):
    """Fails unless the whole body has the file's BLAKE3."""
    body = f"{server.log}.body"
    subprocess.run(["curl", "-fsS", "-o", body, f"http://127.0.0.1:{server.port}{path}"], check=True)
    sums = subprocess.run(["b3sum", "--no-names", body, file], check=True, capture_output=True, text=True).stdout.split()
    os.unlink(body)
    if sums[0] != sums[1]:
        raise Failed(f"{path} has other bytes than {file}")


def compare_memory(bench, data, bodies):
    us, them = [], []
    for number in range(bench.rounds):
        say(f"memory under load: round {number + 1} of {bench.rounds}")
        for side, start in ((us, lambda: ours(bench, data)), (them, lambda: peers_http.caddy(f"{bench.work}/caddy", bodies))):
            with start() as server:
                for name in BODIES:
                    path = f"/{name}" if side is them else delivery_path(name)
                    load(bench, server, path, "ranges" if name == "200m.mp4" else "")
                side.append(server.peak())
    bench.table.add(28, "20 KB to 200 MB, peak", us, them, table.mebibytes)
