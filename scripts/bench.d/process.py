"""Runs commands and servers and measures them: wall seconds, processor seconds, peak memory."""

import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Cost:
    """What a step took. `cpu_s` has user and system time of all processes; `rss` is in bytes."""

    wall_s: float
    cpu_s: float
    rss: int = 0

    def __add__(self, other):
        return Cost(self.wall_s + other.wall_s, self.cpu_s + other.cpu_s, max(self.rss, other.rss))


class Failed(Exception):
    """A step of a benchmark went wrong; the figures are worthless."""


def say(text):
    print(text, file=sys.stderr, flush=True)


def run(command, log, env=None, cwd=None, output=None):
    """Runs a command to its end and returns its cost. What it prints goes to `log`, or its stdout to `output`."""
    with open(log, "ab") as messages, open(output or os.devnull, "wb") as answers:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        start = time.monotonic()
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=answers if output else messages,
                                 stderr=messages, env=env, cwd=cwd)
        peak = Peak(child.pid)
        status = child.wait()
        wall = time.monotonic() - start
        rss = peak.end()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if status != 0:
        raise Failed(f"{' '.join(map(str, command[:6]))} ended with {status}; what it said is at the end of {log}")
    return Cost(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, rss)


class Peak:
    """The peak memory of a process, read until it ends: what the kernel reports afterwards includes its parent's."""

    def __init__(self, pid):
        self._pid, self._value, self._ended = pid, 0, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self):
        while not self._ended.is_set():
            self._value = max(self._value, peak_memory(self._pid))
            self._ended.wait(0.01)

    def end(self):
        self._ended.set()
        self._thread.join()
        return self._value


def peak_memory(pid):
    """The largest resident size of a process so far, in bytes; 0 when it has ended."""
    try:
        with open(f"/proc/{pid}/status") as status:
            lines = [line for line in status if line.startswith("VmHWM:")]
    except OSError:
        return 0
    return int(lines[0].split()[1]) * 1024 if lines else 0


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


class Server:
    """A server process and its children. Ends with the `with` block, or with the run."""

    running = set()

    def __init__(self, command, log, env=None, cwd=None, core=None):
        pinned = ["taskset", "-c", str(core)] if core is not None else []
        self._log = open(log, "ab")
        self.log = log
        self.process = subprocess.Popen([*pinned, *map(str, command)], stdin=subprocess.DEVNULL, stdout=self._log,
                                        stderr=self._log, env=env, cwd=cwd)
        Server.running.add(self)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        Server.running.discard(self)
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._log.close()

    def wait_for(self, port, is_ready=None, seconds=120, pause=0.02):
        """Waits until the port accepts connections (and `is_ready` holds)."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise Failed(f"{self.process.args[0]} ended at once; its log is {self.log}")
            if is_ready() if is_ready else accepts(port):
                return self
            time.sleep(pause)
        raise Failed(f"{self.process.args[0]} was not ready after {seconds} s; its log is {self.log}")

    def _pids(self):
        pid = self.process.pid
        with open(f"/proc/{pid}/task/{pid}/children") as children:
            return [pid, *map(int, children.read().split())]

    def cpu(self):
        return sum(map(cpu_seconds, self._pids()))

    def peak(self):
        return sum(map(peak_memory, self._pids()))


def accepts(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_port():
    """A free port below those that outgoing connections take theirs from."""
    for port in range(20000 + os.getpid() % 9000, 32000):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise Failed("no free port found")


def tree_bytes(*folders):
    """The bytes of all files below, a file with several names counted once."""
    seen = {}
    for folder in folders:
        for where, _, names in os.walk(folder):
            for name in names:
                stat = os.lstat(os.path.join(where, name))
                seen[stat.st_ino] = stat.st_size
    return sum(seen.values())


def fresh(folder):
    """An empty folder of that name."""
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    return folder


def same_tree(ours, theirs):
    """Fails unless two trees have the same files with the same bytes."""
    done = subprocess.run(["diff", "-rq", ours, theirs], capture_output=True, text=True)
    if done.returncode != 0:
        raise Failed(f"{ours} and {theirs} differ: {done.stdout[:400]}{done.stderr[:200]}")
