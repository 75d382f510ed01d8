"""What the documents name is there: links, commands, metrics, keys, folders and states."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from supervisor_maint.cli import COMMANDS, build_parser
from supervisor_maint.listener import protocol
from supervisor_maint.maintenance import run
from supervisor_maint.monitoring.metrics import describe
from supervisor_maint.settings import reading
from supervisor_maint.settings.inputs import Expansions
from supervisor_maint.settings.interpreting import interpret
from supervisor_maint.settings.options import Circumstances

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGE = REPOSITORY / "supervisor_maint"
GENERATED = REPOSITORY / "docs" / "reference"
ARCHITECTURE = REPOSITORY / "docs" / "architecture.md"

_FENCE = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`([^`]+)`")
_LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_COMMAND = re.compile(r"(?:^|[\s/$(`])supervisor-maint (?P<arguments>[a-z-][^\n`|&>#;]*)")
_METRIC = re.compile(r"\bsupervisor_[a-z_]+\*?")
_ARROW = re.compile(r"^ +(\w+) --> (\w+)(?:: (.+))?$", re.MULTILINE)
# of what an operator configures, not of ours
_PACKAGES = {"supervisor_maint", "supervisor_password"}


@attrs.frozen
class Document:
    """A page of the documentation."""

    path: Path
    text: str

    @property
    def name(self) -> str:
        return str(self.path.relative_to(REPOSITORY))

    def blocks(self, *languages: str) -> list[str]:
        """List the fenced blocks, of some languages or all."""
        found = _FENCE.finditer(self.text)
        return [each["text"] for each in found if not languages or each["language"] in languages]

    @property
    def prose(self) -> str:
        """The text without its blocks."""
        return _FENCE.sub("", self.text)

    @property
    def code(self) -> str:
        """What is written as code, in blocks and in lines."""
        inline = (each.replace("\n", " ") for each in _INLINE.findall(self.prose))
        return "\n".join([*self.blocks(), *inline])

    @property
    def anchors(self) -> set[str]:
        """What a link can lead to, as GitHub makes it of the headings."""
        return {_anchor(heading) for heading in _HEADING.findall(self.prose)}


def _anchor(heading: str) -> str:
    kept = re.sub(r"[^\w\- ]", "", heading.strip().lower())
    return kept.replace(" ", "-")


def _documents() -> Iterator[Document]:
    for path in (*sorted(REPOSITORY.glob("*.md")), *sorted((REPOSITORY / "docs").rglob("*.md"))):
        yield Document(path, path.read_text(encoding="utf-8"))


DOCUMENTS = list(_documents())
WRITTEN = [document for document in DOCUMENTS if GENERATED not in document.path.parents]

every_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda each: each.name)
every_written = pytest.mark.parametrize("document", WRITTEN, ids=lambda each: each.name)


@every_document
def test_links_lead_somewhere(document: Document) -> None:
    """Every link within the repository names a file that is there, and a heading in it."""
    wrong = [link for link in _LINK.findall(document.prose) if not _leads_somewhere(document, link)]

    assert [] == wrong


def _leads_somewhere(document: Document, link: str) -> bool:
    if re.match(r"[a-z]+:", link):
        return True  # another's page
    file, _, anchor = link.partition("#")
    target = (document.path.parent / file).resolve() if file else document.path
    if not target.exists() or REPOSITORY not in (target, *target.parents):
        return False
    return not anchor or anchor in Document(target, target.read_text(encoding="utf-8")).anchors


@every_document
def test_commands_are_there(document: Document) -> None:
    """Every command shown can be typed as it stands."""
    wrong = [line for line in _commands(document.code) if not _is_understood(line)]

    assert [] == wrong


def _commands(code: str) -> Iterator[str]:
    for match in _COMMAND.finditer(code):
        arguments = match["arguments"].strip()
        if not arguments.startswith("supervisor==") and "[-" not in arguments:
            yield arguments


def _is_understood(arguments: str) -> bool:
    words = shlex.split(re.sub(r"[\[\]…]", "", arguments))
    if words[0].replace("-", "_") not in COMMANDS and not words[0].startswith("-"):
        return False
    try:
        build_parser().parse_args(words)
    except SystemExit as ended:
        # alone it may lack what it needs: the sentence is about the command as such
        return ended.code == 0 or len(words) == 1
    return True


@every_document
def test_metrics_are_there(document: Document) -> None:
    """Every metric that is named is one of ours; ``supervisor_process_*`` stands for several."""
    known = {row.name for row in describe()}
    named = {name for name in _METRIC.findall(document.text) if name not in _PACKAGES}
    wrong = [name for name in sorted(named) if not _is_metric(name, known)]

    assert [] == wrong


def _is_metric(name: str, known: set[str]) -> bool:
    if name.endswith(("_", "_*")):
        return any(each.startswith(name.rstrip("*")) for each in known)
    return name in known


@every_written
def test_settings_are_accepted(document: Document, tmp_path: Path) -> None:
    """Every key in a block of configuration, and its value, is one that the settings take."""
    for number, block in enumerate(document.blocks("ini")):
        file = tmp_path / f"{number}.conf"
        file.write_text(block, encoding="utf-8")

        assert [] == _problems(file), block


def _problems(file: Path) -> list[str]:
    environ = {"SUPERVISOR_SERVER_URL": "unix:///run/supervisor.sock", "SERVICE": "web"}
    expansions = Expansions(environ=environ, host_node_name="web01")
    inputs = reading.read(file, expansions)
    sections, problems = interpret(inputs.sections, Circumstances(environ=environ), expansions)
    own = (problem for section in sections for problem in section.problems)
    return [str(problem) for problem in (*inputs.problems, *problems, *own)]


@every_document
def test_nothing_of_this_machine_is_shown(document: Document) -> None:
    """No output names a temporary folder or a home, and no placeholder is left.

    A rule of permissions is shown for a folder in /tmp, where it matters who comes first.
    """
    shown = document.text.replace("/tmp/tmux_supervisor_state", "")

    assert None is re.search(r"/(tmp|home|root)/|@[A-Z]+@", shown)


def test_every_folder_is_explained() -> None:
    """The table of folders has every folder of the package, and no other."""
    table = _section(ARCHITECTURE, "Folders")
    named = re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)
    found = [path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name[0] not in "_."]

    assert sorted(found) == sorted(named)


def test_files_named_in_the_architecture_are_there() -> None:
    """Every file and module that the architecture names by its path exists."""
    text = ARCHITECTURE.read_text(encoding="utf-8")
    paths = re.findall(r"`((?:[\w.]+/)+[\w.]+\.py)`", text)
    wrong = [
        path for path in paths if not any((at / path).exists() for at in (PACKAGE, REPOSITORY))
    ]

    assert len(paths) > 10
    assert [] == wrong


def test_protocol_is_drawn_as_it_is() -> None:
    """The drawing of the protocol has every transition of the table, and no other."""
    transitions = {
        (state.name, after.name, move.value)
        for (state, move), after in protocol.TRANSITIONS.items()
    }

    assert transitions == set(_ARROW.findall(_section(ARCHITECTURE, "The protocol")))


def test_run_is_drawn_as_it_is() -> None:
    """The drawing of a planned run has every transition of the table, and no other."""
    transitions = {
        (phase.name, after.name, "")
        for phase, following in run.TRANSITIONS.items()
        for after in following
    }

    assert transitions == set(_ARROW.findall(_section(ARCHITECTURE, "A planned run")))


def _section(path: Path, title: str) -> str:
    """Return what stands under a heading of the second level."""
    parts = re.split(r"^## ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    (section,) = (part for part in parts if part.startswith(f"{title}\n"))
    return section
