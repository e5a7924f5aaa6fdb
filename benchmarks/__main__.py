"""Lists all benchmarks, what each one measures and its last headline figure; or runs one of them.

python -m benchmarks
python -m benchmarks NAME [--quick]
"""

import os
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER))  # so that `import result` works here as in the scripts

from result import PEERS, Result, measures  # noqa: E402


def line(name: str) -> str:
    """Return the name of a benchmark, what it measures, and its last headline figure."""
    result = Result.load(name)
    last = "no full run yet"
    if result:
        first = result.figures[0]
        last = f"{first.ratio:g}x {first.peer} ({first.case}), {result.date}"
    return f"{name:16} {measures(name)}\n{'':16} {last}"


def main() -> None:
    if len(sys.argv) == 1:
        print(*map(line, PEERS), sep="\n")
    elif sys.argv[1] in PEERS:
        script = str(FOLDER / f"{sys.argv[1]}.py")
        os.execv(sys.executable, [sys.executable, script, *sys.argv[2:]])
    else:
        sys.exit(f"no benchmark {sys.argv[1]}; there are {', '.join(PEERS)}")


if __name__ == "__main__":
    main()
