"""Rows 24 to 26: one large upload and many small ones. Server on core 0, client on core 1. Ours are synced to disk, hashed
and cut before they are acknowledged; nginx and tus only write to files."""

import os
import shutil
import subprocess
import time
from collections import defaultdict

import peers_http
import table
import wrk
from process import Cost, Failed, fresh, run, say
from shelfmark import PROJECT, Shelfmark

FILES = f"/api/v1/projects/{PROJECT}/files"
BODY = """
math.randomseed(7)
local t = {} for i = 1, 30000 do t[i] = string.char(math.random(0, 255)) end
local base, n = table.concat(t), 0
local round = "%s"
"""
PUT_SMALL = """
request = function()
  n = n + 1
  local name = string.format("%s/%03d/%d", round, n % 1000, n)
  return wrk.format("PUT", "{files}/small/" .. name, {{ {headers} }}, name .. base)
end
"""
TUS_SMALL = """
request = function()
  n = n + 1
  local body = string.format("%s/%d", round, n) .. base
  return wrk.format("POST", "/files", { ["Tus-Resumable"] = "1.0.0", ["Upload-Length"] = tostring(#body),
    ["Content-Type"] = "application/offset+octet-stream" }, body)
end
"""


def measure(bench):
    if not bench.rows & {24, 25, 26}:
        return
    uploads = Uploads(bench)
    for number in range(bench.rounds):
        say(f"uploads: round {number + 1} of {bench.rounds}")
        uploads.round(number)
    uploads.report()


class Uploads:
    def __init__(self, bench):
        self.bench, self.log = bench, f"{bench.work}/upload.log"
        self.file = bench.corpora.random_file(bench.upload_mebibytes)
        self.size = os.path.getsize(self.file)
        subprocess.run(["b3sum", self.file], check=True, stdout=subprocess.DEVNULL)  # read, so that it is in memory
        self.large, self.small, self.cpu = defaultdict(list), defaultdict(list), defaultdict(list)

    def round(self, number):
        sides = [self.ours, self.nginx, self.tus] if self.bench.tus else [self.ours, self.nginx]
        shift = number % len(sides)
        for side in sides[shift:] + sides[:shift]:
            side(number)
            for name in ("upload-ours", "dav", "tus-files"):
                shutil.rmtree(f"{self.bench.work}/{name}", ignore_errors=True)

    def ours(self, number):
        data = fresh(f"{self.bench.work}/upload-ours")
        log = f"{self.bench.work}/shelfmark.log"
        with Shelfmark(self.bench.program, data, log, core=0, server_workers=1).ready() as server:
            server.api().create_project()
            authorized = f"Authorization: Bearer {server.token}"
            if self.bench.rows & {24, 25}:
                self.time_large("ours", server, lambda: self.put(f"{server.url}{FILES}/large", authorized))
                self.check(f"{server.url}{FILES}/large", authorized)
            if 26 in self.bench.rows:
                headers = f'["Authorization"] = "Bearer {server.token}"'
                self.time_small("ours", server, number, PUT_SMALL.format(files=FILES, headers=headers))

    def nginx(self, number):
        root = fresh(f"{self.bench.work}/dav")
        with peers_http.nginx(f"{self.bench.work}/nginx", root, peers_http.UPLOAD) as server:
            if 24 in self.bench.rows:
                self.time_large("nginx", server, lambda: self.put(f"http://127.0.0.1:{server.port}/large"))

    def tus(self, number):
        with peers_http.tus(f"{self.bench.work}/tus-files", self.bench.tus) as server:
            if 25 in self.bench.rows:
                self.time_large("tus", server, lambda: self.tus_put(server.port))
            if 26 in self.bench.rows:
                self.time_small("tus", server, number, TUS_SMALL)

    def time_large(self, side, server, upload):
        before = server.cpu()
        cost = upload()
        self.large[side].append(self.size / cost.wall_s)
        self.cpu[side].append(server.cpu() - before)

    def time_small(self, side, server, number, script):
        loaded = wrk.load(server, f"http://127.0.0.1:{server.port}/", BODY % number + script, self.bench.seconds, threads=1,
                          connections=16, file=f"{self.bench.work}/small.lua")
        self.small[side].append(loaded.requests_s)
        self.cpu[side + " small"].append(loaded.cpu_per_request_s)

    def put(self, url, *headers):
        named = [part for header in headers for part in ("-H", header)]
        return run(["taskset", "-c", "1", "curl", "-sS", "-f", "-o", "/dev/null", *named, "-T", self.file, url], self.log)

    def tus_put(self, port):
        head = ["curl", "-sS", "-f", "-D", "-", "-o", "/dev/null", "-X", "POST", "-H", "Tus-Resumable: 1.0.0", "-H",
                f"Upload-Length: {self.size}", f"http://127.0.0.1:{port}/files"]
        start = time.monotonic()
        answer = subprocess.run(head, check=True, capture_output=True, text=True).stdout
        created = Cost(time.monotonic() - start, 0)
        place = [line.split(None, 1)[1].strip() for line in answer.splitlines() if line.lower().startswith("location:")][0]
        patch = ["-X", "PATCH", "-H", "Tus-Resumable: 1.0.0", "-H", "Upload-Offset: 0", "-H",
                 "Content-Type: application/offset+octet-stream", "-T", self.file, place]
        return created + run(["taskset", "-c", "1", "curl", "-sS", "-f", "-o", "/dev/null", *patch], self.log)

    def check(self, url, header):
        """Fails unless the upload comes back with the same BLAKE3."""
        digest = "curl -fsS -H \"$2\" \"$1\" | b3sum --no-names; b3sum --no-names \"$3\""
        sums = subprocess.run(["sh", "-c", digest, "sh", url, header, self.file], check=True, capture_output=True, text=True)
        if len(set(sums.stdout.split())) != 1:
            raise Failed(f"{url} came back with other bytes")

    def report(self):
        size = f"{self.bench.upload_mebibytes} MiB"
        for row, peer, rates, suffix, detail, show in (
            (24, "nginx", self.large, "", size, table.megabytes_per_second),
            (25, "tus", self.large, "", size, table.megabytes_per_second),
            (26, "tus", self.small, " small", "", table.per_second),
        ):
            if row in self.bench.rows:
                cpu = [max(b, 1e-9) / max(a, 1e-9) for a, b in zip(self.cpu["ours" + suffix], self.cpu[peer + suffix])]
                self.bench.table.add(row, detail, rates["ours"], rates[peer], show, cpu)
