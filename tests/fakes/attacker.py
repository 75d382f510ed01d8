"""A process that swaps what lies in a folder for links, as fast as it can, until it is ended.

It has root's rights, so that it can make the hard links that ``fs.protected_hardlinks`` forbids
others on most machines: the fixer must not depend on that. Run as ``python attacker.py FOLDER
SECRET SECRETS``; it prints a line when it has begun, and ends with its stdin, when it prints how
often it swapped. ``FOLDER/f`` is in turn a file of its own, a symbolic link to SECRET and a hard
link to it; ``FOLDER/d`` a folder of its own and a symbolic link to the folder SECRETS; ``FOLDER/g``
comes and goes as a hard link to SECRET.
"""

from __future__ import annotations

import itertools
import os
import select
import sys
from pathlib import Path

MALLORY = 4_000_001


def put_file(place: Path, _secret: Path) -> None:
    place.write_text("mine", encoding="utf-8")
    place.chmod(0o666)
    os.chown(place, MALLORY, MALLORY)


def put_link(place: Path, secret: Path) -> None:
    place.symlink_to(secret)


def put_name(place: Path, secret: Path) -> None:
    os.link(secret, place)


def swap_file(folder: Path, secret: Path, turn: int) -> None:
    new = folder / "new"
    (put_file, put_link, put_file, put_name)[turn % 4](new, secret)
    new.rename(folder / "f")


def swap_folder(folder: Path, secrets: Path, turn: int) -> None:
    place, aside = folder / "d", folder / "aside"
    if turn % 2:
        place.rename(aside)
        place.symlink_to(secrets)
    else:
        place.unlink()
        aside.rename(place)


def flash_name(folder: Path, secret: Path) -> None:
    put_name(folder / "g", secret)
    (folder / "g").unlink()


def _say(what: object) -> None:
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


def main() -> None:
    folder, secret, secrets = map(Path, sys.argv[1:])
    _say("begun")
    for turn in itertools.count():
        swap_file(folder, secret, turn)
        swap_folder(folder, secrets, turn + 1)
        flash_name(folder, secret)
        if turn % 50 == 0 and select.select([0], [], [], 0)[0]:
            _say(turn)
            return


if __name__ == "__main__":
    main()
