"""A recording with a cut line and one of noise: both are named by number, the rest is played.

damaged.py <quickstart> <folder of the shipped recording> <folder to write into>
"""
import re
import subprocess
import sys

quickstart, shipped, work = sys.argv[1:]
with open(f"{shipped}/spot.ws", encoding="utf-8") as file:
    lines = file.readlines()
depth = [n for n, line in enumerate(lines) if "depthUpdate" in line]
cut = depth[len(depth) // 2]
lines[cut] = lines[cut][: len(lines[cut]) // 2] + "\n"
lines.insert(cut + 5, "noise without a time\n")
with open(f"{work}/damaged.ws", "w", encoding="utf-8") as file:
    file.writelines(lines)

run = subprocess.run(
    [quickstart, "--recording", f"{work}/damaged.ws", f"{shipped}/spot.http", "--speed", "max"],
    capture_output=True, text=True, check=False)
named = [int(n) for n in re.findall(r"damaged\.ws:(\d+): ", run.stderr)]
if run.returncode != 0 or sorted(named) != [cut + 1, cut + 6]:
    sys.exit(f"expected lines {cut + 1} and {cut + 6} and exit code 0, found {named} and "
             f"{run.returncode}\n{run.stdout}\n{run.stderr}")
if "Books of adapter and worker are equal" not in run.stdout:
    sys.exit(run.stdout)
