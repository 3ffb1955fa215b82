"""Judges every vector file and makes Python's half again. Exits with 1 on any mismatch.

    python check_vectors.py [FOLDER]
"""

import sys
from pathlib import Path

import make_vectors
import vector_file

LEAST = 60


def main():
    here = Path(__file__).resolve().parent
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else here.parent / "vectors"
    wrong, made_here, outcomes = [], 0, {}
    files = sorted(folder.glob("*.txt"))
    for file in files:
        try:
            fields = vector_file.parse(file.read_text(encoding="utf-8"))
            expected, found = fields["expect"], vector_file.outcome(fields)
            made_here += fields["made by"] == "python"
        except (ValueError, KeyError) as error:
            wrong.append(f"{file.name}: cannot be judged: {error!r}")
            continue
        outcomes[found] = outcomes.get(found, 0) + 1
        if found != expected:
            wrong.append(f"{file.name}: expected `{expected}`, found `{found}`")
    wrong += make_vectors.differences(folder)
    if len(files) < LEAST:
        wrong.append(f"only {len(files)} files, at least {LEAST} are expected")
    if made_here * 2 < len(files):
        wrong.append(f"only {made_here} of {len(files)} files were made here, not half")
    for line in wrong:
        print(line)
    counts = ", ".join(f"{count} {name}" for name, count in sorted(outcomes.items()))
    print(f"judged {len(files)} vectors ({made_here} made here): {counts}; {len(wrong)} wrong")
    return 1 if wrong or not files else 0


if __name__ == "__main__":
    sys.exit(main())
