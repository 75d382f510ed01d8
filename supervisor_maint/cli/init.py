"""``supervisor-maint init``: lay out what is deployed, filled in for this machine, and check it."""

from __future__ import annotations

import argparse
import contextlib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from supervisor_maint.cli.arguments import add_command
from supervisor_maint.cli.init_values import add_options, contradiction, values_of
from supervisor_maint.errors import DeploymentError

if TYPE_CHECKING:
    from supervisor_maint.deployment.changes import Change
    from supervisor_maint.deployment.tools import Outcome
    from supervisor_maint.deployment.values import Values

_INDENT = "    "


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "init",
        run,
        help="lay out the files for supervisord, Prometheus, Alertmanager, Grafana and logrotate, "
        "filled in for this machine, and check them",
        example="supervisor-maint init /etc/supervisor-maint "
        "--pushgateway-url http://gateway.example:9091",
    )
    parser.add_argument("folder", metavar="DIR", type=Path, help="made if it is not there")
    add_options(parser)
    how = parser.add_mutually_exclusive_group()
    how.add_argument(
        "--yes", action="store_true", help="overwrite files that differ; the diff is shown first"
    )
    how.add_argument(
        "--diff", action="store_true", help="show what would change, and write and check nothing"
    )


def run(args: argparse.Namespace) -> int:
    """Lay out, and check. 1 when something differs and was left as it is, or a check failed."""
    from supervisor_maint.cli import complain
    from supervisor_maint.deployment.changes import Kind

    wrong = contradiction(args)
    if wrong is not None:
        return complain(wrong, code=2)
    root: Path = args.folder.absolute()
    values = _values(args, root)
    changes = _changes(root, values)
    kinds = [change.kind for change in changes]
    for change in changes:
        if args.diff or change.kind is Kind.DIFFERENT:
            print(change.diff(), end="")
    if args.diff:
        return 0 if set(kinds) == {Kind.SAME} else 1
    for change in changes:
        _lay_out(root, change, overwrites=args.yes)
    _tell_what_is_open(changes, values)
    for line in values.files_needed():
        print(f"{'needed':<12}{line}")
    is_good = _check(root, [change.file for change in changes])
    is_left = Kind.DIFFERENT in kinds and not args.yes
    if is_left:
        print("files that differ were left as they are: look at the diff, then say --yes")
    return 0 if is_good and not is_left else 1


def _values(args: argparse.Namespace, root: Path) -> Values:
    try:
        return values_of(args, root)
    except ValueError as error:
        raise DeploymentError(f"{error}; name another one with an option") from None


def _changes(root: Path, values: Values) -> list[Change]:
    """Compare what comes with the package, filled in, with what is in the folder."""
    from supervisor_maint.deployment import files
    from supervisor_maint.deployment.changes import Change
    from supervisor_maint.deployment.substitutions import fill_in

    return [
        Change(file, files.present(root, file), fill_in(file, text, values))
        for file, text in files.shipped().items()
    ]


def _lay_out(root: Path, change: Change, *, overwrites: bool) -> None:
    from supervisor_maint.deployment import files
    from supervisor_maint.deployment.changes import Kind

    what = change.kind.value
    if change.kind is Kind.NEW or (change.kind is Kind.DIFFERENT and overwrites):
        files.replace(root, change.file, change.wanted)
        what = "written" if change.kind is Kind.NEW else "overwritten"
    print(f"{what:<12}{root / change.file}")


def _tell_what_is_open(changes: Sequence[Change], values: Values) -> None:
    from supervisor_maint.deployment.substitutions import left_open

    places: dict[str, list[str]] = {}
    for change in changes:
        for name in left_open(change.file, values):
            places.setdefault(f"--{name.replace('_', '-')}", []).append(change.file)
    for option, files in places.items():
        print(f"{'example':<12}left in {', '.join(files)}: {option} was not given")


def _check(root: Path, laid_out: Sequence[str]) -> bool:
    """Have each tool that is there check the files; tell whether none has found fault."""
    from supervisor_maint.deployment import tools
    from supervisor_maint.deployment.checks import CHECKS, OURS

    is_good = True
    for check in CHECKS:
        command = check.command(root, laid_out)
        if not command:
            continue
        outcome = _run_ours(command) if check.tool == OURS else tools.run(command)
        if outcome.is_good is None:
            print(f"{'not there':<12}{check.name}")
        elif outcome.is_good:
            print(f"{'ok':<12}{check.name}")
        else:
            is_good = False
            print(f"{'failed':<12}{check.name}")
            print("\n".join(_INDENT + line for line in outcome.output.splitlines()))
    return is_good


def _run_ours(command: Sequence[str]) -> Outcome:
    """Run a command of our own here, and keep what it says."""
    from supervisor_maint.cli import main
    from supervisor_maint.deployment.tools import Outcome

    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        code = main(command[1:])
    return Outcome(code == 0, said.getvalue().strip())
