"""Runs wrk and reads what it says. Its own summary is printed by a script, in full precision."""

import subprocess
from dataclasses import dataclass

from process import Failed

# Appended to every script: one line that is read back.
DONE = """
done = function(summary, latency, requests)
  local bad = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.status + summary.errors.timeout
  io.write(string.format("\\nBENCH %d %d %d %d %d\\n", summary.requests, summary.duration, summary.bytes, latency:percentile(99), bad))
end
"""


@dataclass
class Load:
    """What a load brought: rates by second of wall time and of the server's processor time."""

    requests_s: float
    bytes_s: float
    p99_s: float
    cpu_per_request_s: float


def load(server, url, script="", seconds=6, threads=2, connections=64, headers=(), core=1, file=None):
    """Loads a server, whose processor time is read around it. Any answer but 2xx and 3xx fails."""
    with open(file, "w") as out:
        out.write(script + DONE)
    named = [part for header in headers for part in ("-H", header)]
    command = ["taskset", "-c", str(core), "wrk", f"-t{threads}", f"-c{connections}", f"-d{seconds}s", "-s", file, *named, url]
    before = server.cpu()
    done = subprocess.run(command, capture_output=True, text=True)
    cpu = server.cpu() - before
    lines = [line.split() for line in done.stdout.splitlines() if line.startswith("BENCH ")]
    if done.returncode != 0 or not lines:
        raise Failed(f"wrk failed: {done.stdout[-400:]}{done.stderr[-400:]}")
    requests, microseconds, size, p99, bad = map(int, lines[0][1:])
    if bad or not requests:
        raise Failed(f"{bad} of {requests} requests of {url} went wrong under load")
    took = microseconds / 1e6
    return Load(requests / took, size / took, p99 / 1e6, cpu / requests)
