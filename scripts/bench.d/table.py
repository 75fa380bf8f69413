"""Collects measurements by row and prints them: paired ratios, not ratios of medians."""

from statistics import median

from rows import ROWS


class Table:
    def __init__(self):
        self._lines = []

    def add(self, row, detail, ours, theirs, show, cpu=None):
        """Adds a line of a row: its rounds' values, ours and the peer's in the same order.

        `show` writes a value with its unit; `cpu` is a list of the rounds' ratios by processor time.
        """
        pairs = [(a, b) for a, b in zip(ours, theirs) if a is not None and b is not None]
        if pairs:
            self._lines.append((row, detail, pairs, show, cpu or []))

    def note(self, row, detail, text):
        """Adds a line that holds a figure without a verdict."""
        self._lines.append((row, detail, None, text, []))

    def print(self):
        print("| # | metric | ours | peer | ratio (min - max) | by CPU | must | goal | verdict |")
        print("|---|---|---|---|---|---|---|---|---|")
        for row, detail, pairs, show, cpu in sorted(self._lines, key=lambda line: line[0]):
            target = ROWS[row]
            name = f"{target.metric}, {detail}" if detail else target.metric
            if pairs is None:
                print(f"| {row} | {name} | {show} | | | | | | |")
                continue
            ratios = [ratio(a, b) for a, b in pairs]
            middle = median(ratios)
            ours, theirs = (show(median(side)) for side in zip(*pairs))
            spread = f"{number(middle)} ({number(min(ratios))} - {number(max(ratios))})"
            print(f"| {row} | {name} | {ours} | {theirs} {target.peer} | {spread} | {number(median(cpu)) if cpu else ''} | "
                  f"{target.bound(target.must)} | {target.bound(target.goal)} | {target.verdict(middle)} |")


def ratio(ours, theirs):
    """The ratio; against a peer of 0 the value itself."""
    return ours / theirs if theirs else float(ours)


def number(value):
    return f"{value:.2f}" if value >= 0.1 else f"{value:.3g}"


def seconds(value):
    return f"{value:.2f} s" if value >= 1 else f"{value * 1000:.3g} ms"


def mebibytes(value):
    return f"{value / 2**20:.1f} MiB"


def count_bytes(value):
    return f"{value:,.0f} B" if value < 1e6 else f"{value / 1e6:,.1f} MB"


def per_second(value):
    return f"{value:,.0f}/s"


def megabytes_per_second(value):
    return f"{value / 1e6:,.0f} MB/s"


def plain(value):
    return f"{value:g}"
