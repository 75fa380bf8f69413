"""The tools that also keep versions of a folder. They all look at the same tree, so that each finds it as a user's
disk has it: files that did not change keep their times. `keep` stores the tree as the next version, synced."""

import os
import subprocess

from process import fresh, run, tree_bytes


class Peer:
    """A tool with a repository in `folder`, for the tree `tree`."""

    def __init__(self, folder, tree, log):
        self.folder, self.tree, self.log = fresh(folder), tree, log
        home = fresh(folder + ".home")
        self.env = {**os.environ, "HOME": home, "XDG_CACHE_HOME": home, "XDG_CONFIG_HOME": home}
        self.begin()

    def begin(self):
        pass

    def run(self, *command, **more):
        return run(command, self.log, env=self.env, **more)

    def sync(self):
        return self.run("sync", "-f", self.folder)

    def bytes(self):
        return tree_bytes(self.folder)


class Copy(Peer):
    def keep(self, number):
        return self.run("cp", "-r", self.tree, f"{self.folder}/v{number}") + self.sync()

    def restore(self, number, into):
        return self.run("cp", "-r", f"{self.folder}/v{number}", into) + self.run("sync", "-f", os.path.dirname(into))

    def drop(self, number):
        subprocess.run(["rm", "-rf", f"{self.folder}/v{number}"], check=True)


class Hashing(Peer):
    """Only reads: b3sum over all files."""

    def keep(self, number):
        files = f"find {self.tree!r} -type f -print0 | xargs -0 -n 4096 b3sum"
        return self.run("sh", "-c", files, output=f"{self.folder}/sums")


class Git(Peer):
    def begin(self):
        self.env.update(GIT_DIR=self.folder, GIT_WORK_TREE=self.tree, GIT_CONFIG_NOSYSTEM="1", GIT_AUTHOR_NAME="bench",
                        GIT_AUTHOR_EMAIL="b@example.org", GIT_COMMITTER_NAME="bench", GIT_COMMITTER_EMAIL="b@example.org")
        self.run("git", "init", "-q")
        self.run("git", "config", "gc.auto", "0")

    def keep(self, number):
        return self.add() + self.run("git", "commit", "-q", "--allow-empty", "-m", f"v{number}") + self.sync()

    def add(self):
        return self.run("git", "add", "-A", cwd=self.tree)

    def bytes_after_gc(self):
        self.run("git", "gc", "-q", "--prune=now")
        return self.bytes()


class Restic(Peer):
    def begin(self):
        self.env["RESTIC_PASSWORD"] = "bench"
        self.run("restic", "-q", "-r", self.folder, "init")

    def keep(self, number):
        return self.run("restic", "-q", "-r", self.folder, "backup", self.tree) + self.sync()


class Bup(Peer):
    def begin(self):
        self.env["BUP_DIR"] = self.folder
        self.run("bup", "init")

    def keep(self, number):
        return self.run("bup", "index", "-u", self.tree) + self.run("bup", "save", "-q", "-n", "tree", self.tree)

    def bytes(self):
        return tree_bytes(f"{self.folder}/objects")


class Casync(Peer):
    def keep(self, number):
        return self.run("casync", "make", f"--store={self.folder}/chunks.castr", f"{self.folder}/v{number}.caidx", self.tree,
                        output=f"{self.folder}/said")
