"""Rows 29 to 33: start, size of the program, and what the service asks of an S3-compatible store."""

import http.client
import os
import random
import shutil
import subprocess
import time
from urllib.parse import urlsplit

import peers_http
import table
from counting_proxy import CountingProxy
from library import asset_content, asset_path
from process import Failed, Server, fresh, free_port, say
from shelfmark import Shelfmark, build_path, delivery_path

PACK = 64 << 20
SMALL = 2000
READS = 200
SWITCHES = 20


def measure(bench):
    if 29 in bench.rows:
        starts(bench)
    if 30 in bench.rows:
        binary(bench)
    if bench.rows & {31, 32, 33}:
        objects(bench)


def starts(bench):
    data = bench.libraries.copy(bench.size, "start")
    root = fresh(f"{bench.work}/start-root")
    with open(f"{root}/file", "wb") as file:
        file.write(asset_content(7, 1))
    path = delivery_path(asset_path(7))
    us, them = [], []
    for number in range(bench.rounds):
        say(f"starts: round {number + 1} of {bench.rounds}")
        start = time.perf_counter()
        with Shelfmark(bench.program, data, f"{bench.work}/shelfmark.log") as server:
            us.append(first_answer(server, server.port, path, asset_content(7, 1)) - start)
        port, env = free_port(), {**os.environ, "HOME": root, "XDG_DATA_HOME": root, "XDG_CONFIG_HOME": root}
        start = time.perf_counter()
        command = ["caddy", "file-server", "--root", root, "--listen", f"127.0.0.1:{port}"]
        with Server(command, f"{bench.work}/caddy.log", env=env) as server:
            them.append(first_answer(server, port, "/file", asset_content(7, 1)) - start)
    bench.table.add(29, f"{bench.size:,} assets", us, them, table.seconds)


def first_answer(server, port, path, content):
    """When the server gave the first right answer."""
    end = time.perf_counter() + 120
    while time.perf_counter() < end:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read()
            if answer.status == 200:
                if body != content:
                    raise Failed(f"the first answer has other bytes than {path}")
                return time.perf_counter()
        except OSError:
            time.sleep(0.0005)
        if server.process.poll() is not None:
            raise Failed(f"{server.process.args[0]} ended at once; its log is {server.log}")
    raise Failed(f"no answer of {server.process.args[0]} within two minutes; its log is {server.log}")


def binary(bench):
    def stripped(program):
        out = f"{bench.work}/stripped"
        subprocess.run(["strip", "-o", out, program], check=True)
        return os.path.getsize(out)
    bench.table.add(30, "", [stripped(bench.program)], [stripped(shutil.which("caddy"))], table.mebibytes)


def objects(bench):
    """New data into S3, reads of a server that has nothing in memory, and switches."""
    media = bench.corpora.media() + "/v1"
    data = fresh(f"{bench.work}/objects")
    icons = fresh(f"{bench.work}/objects-small")
    for i in range(SMALL):
        with open(f"{icons}/{i:04}.bin", "wb") as file:
            file.write(small_content(i))
    with CountingProxy(urlsplit(bench.s3).port) as proxy:
        settings = {
            "store_kind": "s3", "store_endpoint": f"http://127.0.0.1:{proxy.port}", "store_bucket": "assets",
            "store_access_key": "AKTEST", "store_secret_key": "SKTEST", "store_allow_http": "true",
        }

        def start():
            return Shelfmark(bench.program, data, f"{bench.work}/shelfmark.log", **settings).ready()
        with start() as server:
            api = server.api()
            api.create_project()
            puts(bench, server, api, proxy, media)
            server.client("import", icons, "--to", "small", cache=f"{bench.work}/cache", log=f"{bench.work}/s3.log")
            build = api.release_latest("objects")
        if 32 in bench.rows:
            with start() as server:
                gets(bench, server, proxy, build)
        if 33 in bench.rows:
            with start() as server:
                switches(bench, server, proxy)


def small_content(i):
    return random.Random(i).randbytes(4000)


def puts(bench, server, api, proxy, media):
    before, stored = proxy.counts(), api.store()["stored_bytes"]
    server.client("import", media, "--to", "media", cache=f"{bench.work}/cache", log=f"{bench.work}/s3.log")
    made = proxy.counts() - before
    stored = api.store()["stored_bytes"] - stored
    say(f"  {stored:,} new bytes took {dict(made)}")
    if 31 in bench.rows:
        bench.table.add(31, f"{stored / 2**20:,.0f} MiB", [made["PUT"] + made["POST"]], [stored / PACK], table.plain)


def gets(bench, server, proxy, build):
    """Reads different small assets, none of which the server has seen since it began. The manifest is in memory: every
    tenth asset is read before."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port)

    def read(i):
        path = build_path(build, f"small/{i:04}.bin")
        connection.request("GET", path, headers={"Authorization": f"Bearer {server.token}"})
        answer = connection.getresponse()
        if answer.status != 200 or answer.read() != small_content(i):
            raise Failed(f"{path} was answered by {answer.status}, or with other bytes")
    for i in range(0, SMALL, 10):
        read(i)
    before = proxy.counts()
    for i in random.Random(32).sample([i for i in range(SMALL) if i % 10], READS):
        read(i)
    made = proxy.counts() - before
    say(f"  {READS} reads took {dict(made)}")
    bench.table.add(32, f"{READS} reads", [sum(made.values()) / READS], [1], table.plain)


def switches(bench, server, proxy):
    api = server.api()
    again = api.release("again", [{"kind": "parameter", "name": "again", "value": "1"}])
    second = api.build(again, "R-1.1")["name"]
    api.promote(second)
    before = proxy.counts()
    for number in range(SWITCHES):
        api.promote("R-1.1" if number % 2 == 0 else second)
    api.project("POST", "/environments/production/rollback", {})
    made = proxy.counts() - before
    bench.table.add(33, f"{SWITCHES + 1} switches", [sum(made.values())], [0], table.plain)
