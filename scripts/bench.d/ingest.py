"""Rows 1 to 9 and 27: folders become versions, stored small, and come back as they were."""

import json
import os
import subprocess
from collections import defaultdict

import ingest_peers as peers
import table
from corpus import versions
from process import Failed, fresh, run, same_tree, say, tree_bytes
from shelfmark import Shelfmark, build_path

# Which rows each corpus has; 3, 4 and 5 have every corpus.
CORPORA = {"W1 icons": {2, 6}, "W2 photos": {1, 7, 9}, "W3 media": {1, 8, 9, 27}}
EVERYWHERE = {3, 4, 5}
AGAIN = 5  # times in a round: each takes milliseconds


def measure(bench):
    for name, rows in CORPORA.items():
        rows = (rows | EVERYWHERE) & bench.rows
        if rows:
            make = {"W1 icons": bench.corpora.icons, "W2 photos": bench.corpora.photos, "W3 media": bench.corpora.media}[name]
            Corpus(bench, name, make(), rows).measure()


class Corpus:
    """One corpus, every tool, all rounds."""

    def __init__(self, bench, name, root, rows):
        self.bench, self.name, self.rows, self.versions = bench, name, rows, versions(root)
        self.where = os.path.join(bench.work, "ingest")
        self.tree, self.log = os.path.join(self.where, "tree"), os.path.join(bench.work, "ingest.log")
        # By step, then by tool: the cost in every round.
        self.costs = defaultdict(lambda: defaultdict(list))
        self.sizes = {}

    def measure(self):
        for number in range(self.bench.rounds):
            say(f"{self.name}: round {number + 1} of {self.bench.rounds}")
            self.round(number)
        self.report()

    def round(self, number):
        fresh(self.where)
        os.makedirs(self.tree)
        tools = {"copy": peers.Copy, "git": peers.Git, "restic": peers.Restic, "b3sum": peers.Hashing}
        if number == 0 and 8 in self.rows:  # only their size is asked for, and it is the same in every round
            tools |= {"bup": peers.Bup, "casync": peers.Casync}
        tools = {tool: kind(f"{self.where}/{tool}", self.tree, self.log) for tool, kind in tools.items()}
        data = f"{self.where}/data"
        with Shelfmark(self.bench.program, data, f"{self.bench.work}/shelfmark.log").ready() as server:
            api = server.api()
            api.create_project()
            self.versions_one_by_one(number, server, api, tools)
            self.again(server, tools)
            self.restores(server, api, tools)
        if number == 0:
            self.sizes["store"] = tree_bytes(f"{data}/store")
            self.sizes["all"] = tree_bytes(data)
            self.sizes |= {tool: peer.bytes() for tool, peer in tools.items() if tool in ("bup", "casync", "restic")}
            self.sizes["git"] = tools["git"].bytes_after_gc()

    def versions_one_by_one(self, round_number, server, api, tools):
        self.builds = []
        for k, source in enumerate(self.versions, 1):
            subprocess.run(["rsync", "-a", "--delete", source + "/", self.tree + "/"], check=True)
            subprocess.run(["sync", "-f", self.where], check=True)
            ours = {"ours": lambda: self.send(server)}
            steps = list((ours | {tool: lambda peer=peer: peer.keep(k) for tool, peer in tools.items()}).items())
            shift = (round_number + k) % len(steps)
            for tool, step in steps[shift:] + steps[:shift]:  # everyone comes first once: the page cache is warm for the next
                self.costs["first" if k == 1 else "next"][tool].append(step())
                if tool == "ours":
                    server.settle()
            self.builds.append(api.release_latest(f"version {k}"))
            if 1 < k < len(self.versions):
                tools["copy"].drop(k)

    def send(self, server, cache="cache"):
        output = f"{self.where}/import.json"
        cost = server.client("import", self.tree, "--prune", cache=f"{self.where}/{cache}", log=self.log, output=output)
        with open(output) as file:
            self.sent = json.load(file)
        return cost

    def again(self, server, tools):
        """Nothing has changed since the last version. Both have looked at the tree once more before: a file that was
        written just before they looked can't be told by its times alone from one written just after."""
        self.send(server)
        tools["git"].add()
        for _ in range(AGAIN):
            self.costs["same"]["ours"].append(self.send(server))
            self.costs["same"]["git"].append(tools["git"].add())
        self.costs["hashed"]["ours"].append(self.send(server, cache="no-cache"))
        self.costs["hashed"]["b3sum"].append(tools["b3sum"].keep(0))
        if self.sent["sent_bytes"] or self.sent["added"] or self.sent["changed"]:
            raise Failed(f"an unchanged folder was sent: {self.sent}")

    def restores(self, server, api, tools):
        for k in (1, len(self.versions)):
            source, build = self.versions[k - 1], self.builds[k - 1]
            requests = self.requests(server, build, source)
            out = fresh(f"{self.where}/out")
            self.costs["restore"]["ours"].append(self.fetch(server, requests, out))
            same_tree(f"{out}/tree", source)
            out = fresh(f"{self.where}/out")
            self.costs["restore"]["copy"].append(tools["copy"].restore(k, f"{out}/tree"))
            same_tree(f"{out}/tree", source)

    def requests(self, server, build, source):
        """Writes a configuration for curl: every file of the build and where it goes."""
        name = f"{self.where}/requests"
        with open(name, "w") as file:
            for where, _, names in os.walk(source):
                for path in (os.path.relpath(os.path.join(where, each), source) for each in names):
                    file.write(f'url = "{server.url}{build_path(build, path)}"\noutput = "{self.where}/out/tree/{path}"\n')
        return name

    def fetch(self, server, requests, out):
        command = ["curl", "-sS", "--fail", "--globoff", "--create-dirs", "--parallel", "--parallel-max", "8",
                   "-H", f"Authorization: Bearer {server.token}", "-K", requests]
        before = server.cpu()
        cost = run(command, self.log) + run(["sync", "-f", out], self.log)
        cost.cpu_s += server.cpu() - before
        return cost

    def report(self):
        add = self.add
        add(1, "first", "copy")
        add(2, "first", "git")
        add(3, "next", "restic")
        add(4, "same", "git")
        add(5, "hashed", "b3sum")
        add(9, "restore", "copy")
        stored = [("store", "store alone"), ("all", "with the database")]
        for row in {6, 7, 8} & self.rows:
            theirs = min(self.sizes["bup"], self.sizes["casync"]) if row == 8 else self.sizes["git"]
            for size, detail in stored:
                self.bench.table.add(row, f"{self.name}, {detail}", [self.sizes[size]], [theirs], table.mebibytes)
        if 27 in self.rows:
            rounds = self.bench.rounds
            peaks = {tool: peak_by_round(self.costs, tool, rounds) for tool in ("ours", "restic")}
            self.bench.table.add(27, self.name, peaks["ours"], peaks["restic"], table.mebibytes)

    def add(self, row, step, peer):
        if row not in self.rows:
            return
        ours, theirs = self.costs[step]["ours"], self.costs[step][peer]
        walls = [[cost.wall_s for cost in side] for side in (ours, theirs)]
        cpu = [a.cpu_s / max(b.cpu_s, 0.01) for a, b in zip(ours, theirs)]
        self.bench.table.add(row, self.name, *walls, table.seconds, cpu)


def peak_by_round(costs, tool, rounds):
    """The highest memory of each round's imports."""
    firsts, nexts = costs["first"][tool], costs["next"][tool]
    each = len(nexts) // rounds
    return [max(cost.rss for cost in [firsts[i], *nexts[i * each:(i + 1) * each]]) for i in range(rounds)]
