#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
#
# usage: bench.py RESULTS FOLDER KERNEL-VERSION
#
# Makes the table and the plot of guest/bench of its results, lines of the form
# "GUEST: WHAT: NUMBER UNIT DRIVER", writes bench.rst and bench.svg to a folder and
# prints the table.

import collections
import os
import re
import statistics
import subprocess
import sys

import matplotlib
matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402, after the choice of its output

# What Rust may take, as a share of what C takes; the first pattern that fits counts.
REQUIRED = (
    ("CPU time", None),
    ("2 nodes, 2 CPUs: enable 1 GiB", 0.60),
    ("1 node, 2 CPUs: enable 4 GiB", 0.65),
    ("1 node, 1 CPU: enable", 1.00),
    ("give back", 1.00),
    ("read", 1.00),
    ("map 1 GiB", 0.50),
)
PER_GIB = 1.10

TEXT = """\
.. SPDX-License-Identifier: GPL-2.0

=================================
memtrace in Rust beside that in C
=================================

``make bench`` made this page: it boots the same guest with one driver and with the
other in turn, and measures the same things in each, after all memory of the guest
has been touched once. Each number is a median, of {pairs} boots of each driver, with
the least and the most. Of a boot it is the quickest of several times (CPU time: their
mean), as the host is at times a third slower, for seconds, whatever runs. Sizes are
per node. Linux {linux}, QEMU {qemu}.

All of it runs under emulation (TCG) on {cpus} CPUs of another architecture, where
instructions have other costs than on POWER. Only the ratios mean something, and those
of a few milliseconds scatter by up to a tenth, other ones in each run: the guest
"counted" tells how much work it is. Memory is given back 0.3 s after it was taken. At
once after both CPUs wrote to many GiB, which only Rust does, the same code took up to
half as long again, for a reason that was not found.

{table}

Of 10 GiB, with a share of it filled and what is free scattered in pages over all of
it, the largest power of two that ``enable`` then gives, and how many of {seeds} random
patterns gave it. "Mixed" has 64 MiB that the kernel cannot move among it. ZONE_MOVABLE
is a guest of 4 GiB, 3 of which are in that zone (``movablecore=3G``).

{fill}

.. image:: bench.svg

In the guest "counted", which has one node and one CPU, QEMU's clock goes by instructions
instead of time, a million to the millisecond. A call of ``read()`` has some 300 more in
Rust: the file cannot be removed under it, which the C driver leaves to chance. It also
takes a big block MiB by MiB, so that a reader can be interrupted and preempted; each time
Linux flushes the L1 data cache.

What to expect of a POWER9
==========================

This is an estimate, not a measurement. Taking memory is writing zeroes (``dcbz``) to
each cache line and flushing it (``dcbf``). One core has a few GB/s of that, say
5 to 10, since it waits for memory; a chip with eight channels of DDR4-2666 has about
170 GB/s, of which streams of writes get perhaps half. The C driver uses one core:
64 GiB take 7 to 14 s on each chip, one chip after the other. With all cores of a
chip that has 16 or more the limit is the memory, some 80 GB/s: less than 1 s, for
all chips at the same time.

The Rust driver flushes in a second pass, when the memory has left the linear mapping. By
then the caches have written back all but the last 100 MB or so by themselves, and a
``dcbf`` of a line that is in no cache moves no data: it asks all caches, which takes say
0.2 us, of which a core has perhaps eight under way. 64 GiB are 512 Mi lines: 0.8 s with
16 cores, 13 s if one core did it alone.

A cache-inhibited load has 16 bytes at most and waits for memory, say 0.1 us: a block of
64 KiB takes 400 us or more to read, and what a call takes does not show.
"""


def read(path):
    """{(guest, what): {driver: [number, ...]}}, and the units by the same keys."""
    numbers = collections.defaultdict(lambda: {"c": [], "rust": []})
    units = {}
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            guest, what, number, unit, driver = re.fullmatch(
                r"(.*?): (.*): ([\d.]+) (\w+) (\w+)\n", line).groups()
            numbers[guest, what][driver].append(float(number))
            units[guest, what] = unit
    return numbers, units


def required(guest, what):
    for pattern, bound in REQUIRED:
        if pattern in f"{guest}: {what}":
            return bound
    return None


def spread(values, unit):
    median = statistics.median(values)
    digits = 0 if median >= 100 else 1
    text = f"{median:.{digits}f} {unit}"
    if len(values) > 1:
        text += f" ({min(values):.{digits}f} to {max(values):.{digits}f})"
    return text


def holds(does):
    return "yes" if does else "NO"


def ratio_row(guest, what, numbers, unit):
    c, rust = numbers["c"], numbers["rust"]
    ratio = statistics.median(rust) / statistics.median(c)
    bound = required(guest, what)
    return (guest, what, spread(c, unit), spread(rust, unit), f"{ratio:.2f}",
            f"{bound:.2f}" if bound else "", holds(round(ratio, 2) <= bound) if bound else "")


def per_gib_row(numbers):
    guest = "1 node, 2 CPUs"
    growth = {driver: statistics.median(numbers[guest, "enable 8 GiB"][driver]) / 8 /
              statistics.median(numbers[guest, "enable 1 GiB"][driver])
              for driver in ("c", "rust")}
    return (guest, "a GiB of 8 GiB against 1 GiB", f"{growth['c']:.2f}",
            f"{growth['rust']:.2f}", "", f"Rust {PER_GIB:.2f}",
            holds(growth["rust"] <= PER_GIB))


def sizes_row(guest, what, numbers):
    """Rust is to give each size as often as C, and some where C has nothing."""
    c, rust = numbers["c"], numbers["rust"]
    as_often = all(sum(n >= size for n in rust) >= sum(n >= size for n in c) for size in c)
    if guest == "ZONE_MOVABLE":
        bound, does = "some", as_often and min(rust) > 0
    else:
        bound, does = "as often", as_often

    def counts(values):
        counted = sorted(collections.Counter(values).items(), reverse=True)
        return ", ".join(f"{n} x {size:.0f} GiB" for size, n in counted)
    return (guest, what, counts(c), counts(rust), bound, holds(does))


def table(head, rows):
    """A simple table of reStructuredText, which is one to people as well."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    rule = "  ".join("=" * width for width in widths)

    def line(row):
        return "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()
    return "\n".join([rule, line(head), rule, *map(line, rows), rule])


def plot(times, fills, path):
    """Ratios with their bounds, and the sizes that were given, as stacks."""
    plt.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "memtrace", "font.size": 9})
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(13, 1 + 0.25 * len(times)), width_ratios=(3, 2), layout="constrained")

    for y, ((guest, what), numbers) in enumerate(times):
        # Pairs, of boots that came one after the other.
        ratios = [rust / c for c, rust in zip(numbers["c"], numbers["rust"])]
        middle = statistics.median(numbers["rust"]) / statistics.median(numbers["c"])
        bound = required(guest, what)
        pairs, = left.plot([min(ratios), middle, max(ratios)], [y, y, y], "-o",
                           markevery=[1], color="tab:blue")
        if bound:
            most, = left.plot(bound, y, "|", color="tab:red", markersize=12, markeredgewidth=2)
    left.axvline(1, color="gray", linewidth=0.5)
    left.set_yticks(range(len(times)), [f"{guest}: {what}" for (guest, what), _ in times])
    left.invert_yaxis()
    left.set_xlim(left=0)
    left.set_xlabel("time of Rust / time of C")
    left.legend([pairs, most], ["medians, and the least and the most of a pair", "at most"],
                ncols=2, loc="lower center", bbox_to_anchor=(0.5, 1))

    names, bars = [], []
    for (guest, what), numbers in fills:
        for driver in ("c", "rust"):
            names.append(f"{guest}: {what}: {'C' if driver == 'c' else 'Rust'}")
            bars.append(numbers[driver])
    sizes = sorted({size for bar in bars for size in bar}, reverse=True)
    begin = [0] * len(bars)
    for i, size in enumerate(sizes):
        shares = [bar.count(size) for bar in bars]
        right.barh(names, shares, left=begin, label=f"{size:.0f} GiB",
                   color="lightgray" if size == 0 else plt.cm.viridis(i / max(1, len(sizes))))
        begin = [a + b for a, b in zip(begin, shares)]
    right.invert_yaxis()
    right.set_xlabel("random patterns, by the largest size given")
    right.xaxis.get_major_locator().set_params(integer=True)
    right.legend(ncols=len(sizes), loc="lower right", bbox_to_anchor=(1, 1))
    figure.savefig(path, metadata={"Date": None})


def main():
    path, folder, linux = sys.argv[1:]
    numbers, units = read(path)
    fills = [item for item in numbers.items() if units[item[0]] == "GiB"]
    others = [item for item in numbers.items() if units[item[0]] != "GiB"]

    rows = [ratio_row(*key, values, units[key]) for key, values in others]
    if ("1 node, 2 CPUs", "enable 8 GiB") in numbers:
        rows.append(per_gib_row(numbers))
    measured = table(("guest", "what", "C", "Rust", "Rust / C", "at most", "holds"), rows)
    filled = table(("guest", "what is filled", "C", "Rust", "required", "holds"),
                   [sizes_row(*key, values) for key, values in fills])
    print(f"{measured}\n\n{filled}")

    version = subprocess.run(["qemu-system-ppc64", "--version"], check=True,
                             capture_output=True, text=True).stdout.split()[3]
    with open(f"{folder}/bench.rst", "w", encoding="utf-8") as page:
        page.write(TEXT.format(
            pairs=max(len(values["c"]) for _, values in others), linux=linux, qemu=version,
            seeds=max(len(values["c"]) for _, values in fills), cpus=os.cpu_count(),
            table=measured, fill=filled))
    plot([(key, values) for key, values in others if units[key] == "ms"], fills,
         f"{folder}/bench.svg")


main()
