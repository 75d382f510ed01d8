"""What logrotate's files say of the logs that it makes anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from supervisor_maint.advice.logrotate_files import Create, Defaults, Include, Reader, Stanza

REPOSITORY = Path(__file__).resolve().parents[2]


def parsed(text: str, **defaults: object) -> list[Stanza | Include]:
    return list(Reader("/etc/app", Defaults(**defaults)).read(text))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("create 0640 www-data adm", Create(mode=0o640, owner="www-data", group="adm")),
        ("create 640", Create(mode=0o640)),
        ("create root adm", Create(owner="root", group="adm")),
        ("create 0600 root", Create(mode=0o600, owner="root")),
        ("create", Create()),
        ("daily\n  rotate 7", None),
        ("create 0640\nnocreate", None),
        ("create 0640\ncreate 0600", Create(mode=0o600)),
        ("create 0640\ncopytruncate", None),
        ("copytruncate\nnocopytruncate\ncreate", Create()),
        ("copy\ncreate", None),
        ("# create 0640\n\n", None),
        ("postrotate\ncreate 0666 eve eve\n}\nendscript\ncreate 0600", Create(mode=0o600)),
        ("lastaction\ncreate 0666\nendscript", None),
        ("daily create 0640 www-data", Create(mode=0o640, owner="www-data")),
        ("daily # create 0640", None),
        ("olddir create 0640", None),
        ("postrotate create 0666\nendscript create 0600", Create(mode=0o600)),
    ],
)
def test_create_of_a_stanza(body: str, expected: Create | None) -> None:
    """The last ``create`` holds, unless logs are copied; scripts and comments say nothing."""
    (stanza,) = parsed(f"/var/log/x.log {{\n{body}\n}}\n")

    assert isinstance(stanza, Stanza)
    assert expected == stanza.create


@pytest.mark.parametrize(
    ("head", "patterns", "line"),
    [
        ("/a {", ("/a",), 1),
        ("/a /b*.log {", ("/a", "/b*.log"), 1),
        ("/a\n/b\n{", ("/a", "/b"), 1),
        ("# logs\n\n/a{", ("/a",), 3),
        ('"/a b" /c {', ("/a b", "/c"), 1),
        ("'/a' {", ("/a",), 1),
        ('"/a {', ('"/a',), 1),
    ],
)
def test_patterns_of_a_stanza(head: str, patterns: tuple[str, ...], line: int) -> None:
    """Patterns may be several, quoted, and on lines of their own."""
    assert [
        Stanza(file="/etc/app", line=line, patterns=patterns, create=Create(mode=0o600))
    ] == parsed(f"{head}\n create 0600\n}}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/a { daily }\n/b {\n create\n}\n", [None, Create()]),
        ("/a { create 0600\n}\n/b { }\n", [Create(mode=0o600), None]),
        ("/a { postrotate\n}\nendscript }\n/b{ nocreate }\n", [None, None]),
        ("daily create 0600\n/a {}\n", [Create(mode=0o600)]),
        ("/a\n{ create 0600\n} # done\n", [Create(mode=0o600)]),
    ],
)
def test_stanza_may_begin_and_end_on_any_line(text: str, expected: list[Create | None]) -> None:
    """Braces stand beside directives, and several directives on one line."""
    assert expected == [each.create for each in parsed(text) if isinstance(each, Stanza)]


def test_defaults_hold_from_their_line_on() -> None:
    """A directive outside of a stanza holds for those after it."""
    found = parsed("/a {\n}\ncreate 0600\n/b {\n nocreate\n}\ninclude /etc/more\n/c {\n}\n")
    made = [(each.patterns, each.create) for each in found if isinstance(each, Stanza)]
    included = [each for each in found if isinstance(each, Include)]

    assert [(("/a",), None), (("/b",), None), (("/c",), Create(mode=0o600))] == made
    assert [Include(path="/etc/more")] == included


def test_defaults_come_from_an_including_file_and_go_back() -> None:
    """What held at the ``include`` holds in the included file, and what that sets holds after."""
    reader = Reader("/etc/app", Defaults(create=Create(mode=0o600)))
    made = []
    for found in reader.read("/a {\n}\ninclude /etc/more\n/b {\n}\n"):
        if isinstance(found, Include):
            reader.defaults = Defaults(create=Create(mode=0o640))
        else:
            made.append(found.create)

    assert [Create(mode=0o600), Create(mode=0o640)] == made


@pytest.mark.parametrize("text", ["", "}", "/a", "/a {", "include", "postrotate\n", "{\n}\n", '"'])
def test_broken_file_has_no_stanza(text: str) -> None:
    """What logrotate would refuse has nothing that could be compared."""
    assert [] == parsed(text)


def test_create_is_shown_as_it_is_written() -> None:
    """A directive is shown as in the file."""
    assert "create 0640 root adm" == str(Create(mode=0o640, owner="root", group="adm"))
    assert "create" == str(Create())


def test_own_file_is_read() -> None:
    """The file that we ship has one stanza, which keeps owner and mode."""
    text = (REPOSITORY / "conf.d" / "logrotate" / "supervisor").read_text(encoding="utf-8")
    (stanza,) = parsed(text)

    assert isinstance(stanza, Stanza)
    assert (("/var/log/supervisor/*.log",), Create()) == (stanza.patterns, stanza.create)
