"""Run another bench on one core, so that its minutes are those of that core's processor time.

    python bench/one_core.py 1 bench/ready_models.py train --out /data/nuclei --minutes 60

Other work on the machine then changes no result. Benches that have --core need no such line.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

from runs import use_one_core


def main() -> None:
    if len(sys.argv) < 3 or not sys.argv[1].isdigit():
        sys.exit("usage: python bench/one_core.py CORE BENCH [ARGUMENT…]")
    _, core, bench, *arguments = sys.argv
    use_one_core(int(core))
    sys.argv = [bench, *arguments]
    sys.path.insert(0, str(Path(bench).resolve().parent))
    runpy.run_path(bench, run_name="__main__")


if __name__ == "__main__":
    main()
