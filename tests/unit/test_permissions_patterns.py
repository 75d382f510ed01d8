"""The pattern language of paths: what is meant, what meets, and what is refused."""

from __future__ import annotations

import os
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from supervisor_maint.permissions.patterns import Pattern, literally

MEANT = [
    ("/tmp/x", "/tmp/x", True),
    ("/tmp/x", "/tmp/xy", False),
    ("/tmp/x", "/tmp/x/y", False),
    ("/tmp/x/", "/tmp/x", True),
    ("//tmp//x", "/tmp/x", True),
    ("/tmp/*.hash", "/tmp/a.hash", True),
    ("/tmp/*.hash", "/tmp/.hash", True),
    ("/tmp/*.hash", "/tmp/a/b.hash", False),
    ("/tmp/*", "/tmp/.hidden", True),
    ("/tmp/*", "/tmp/a\nb", True),
    ("/tmp/?", "/tmp/\n", True),
    ("/tmp/?", "/tmp/ab", False),
    ("/tmp/?", os.fsdecode(b"/tmp/\xff"), True),
    ("/tmp/??", os.fsdecode(b"/tmp/\xff\xfe"), True),
    ("/tmp/?", "/tmp/é", True),
    ("/tmp/[ab]", "/tmp/b", True),
    ("/tmp/[!ab]", "/tmp/b", False),
    ("/tmp/[!ab]", "/tmp/c", True),
    ("/tmp/[a-c]x", "/tmp/bx", True),
    ("/tmp/[]]", "/tmp/]", True),
    ("/tmp/[!]]", "/tmp/]", False),
    ("/tmp/[^a]", "/tmp/^", True),
    ("/tmp/[^a]", "/tmp/b", False),
    ("/tmp/[*]", "/tmp/*", True),
    ("/tmp/[*]", "/tmp/a", False),
    ("/tmp/[[]", "/tmp/[", True),
    ("/tmp/[a&&b~~c||d]", "/tmp/|", True),
    ("/tmp/[+-.]", "/tmp/,", True),
    ("/tmp/[+-0]", "/tmp//", False),
    ("/tmp/\\*", "/tmp/\\a", True),
    ("/tmp/a.b", "/tmp/axb", False),
    ("/tmp/(a|b)$", "/tmp/(a|b)$", True),
    ("/tmp/A", "/tmp/a", False),
    ("/srv/**", "/srv/a", True),
    ("/srv/**", "/srv/a/b/c", True),
    ("/srv/**", "/srv", False),
    ("/srv/**/log", "/srv/log", True),
    ("/srv/**/log", "/srv/a/b/log", True),
    ("/srv/**/log", "/srv/a/blog", False),
    ("/srv/**/log/*", "/srv/log/log/log/x", True),
    ("/srv/**/**/x", "/srv/x", True),
    ("/", "/", True),
    ("/**", "/a", True),
    ("**/x", "/x", True),
]


def _means(pattern: str, path: str) -> bool:
    expression = Pattern.parse(pattern).expression
    return re.fullmatch(f"/{expression}", path, re.DOTALL) is not None


@pytest.mark.parametrize(("pattern", "path", "expected"), MEANT)
def test_pattern_means_a_path(pattern: str, path: str, expected: bool) -> None:
    """Stars, marks and sets stay within a name, ``**`` is any depth, the rest is itself."""
    assert expected == _means(pattern, path)


@pytest.mark.parametrize(
    ("pattern", "sentence"),
    [
        ("/tmp/a**", "** alone between slashes, found 'a**'"),
        ("/tmp/**.log", "** alone between slashes, found '**.log'"),
        ("/tmp/***", "** alone between slashes, found '***'"),
        ("/tmp/[ab", "] after each ["),
        ("/tmp/[a/b]", "] after each ["),
        ("/tmp/[]", "characters between [ and ], found '[]'"),
        ("/tmp/[!]", "characters between [ and ], found '[!]'"),
        ("/tmp/[+--]", "a set such as [a-z], found '[+--]'"),
        ("/tmp/[z-a]", "a set such as [a-z]"),
    ],
)
def test_slip_is_refused(pattern: str, sentence: str) -> None:
    """What a shell would take for ordinary characters is refused, for it was meant otherwise."""
    with pytest.raises(ValueError, match=re.escape(sentence)):
        Pattern.parse(pattern)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("/tmp/x/*.hash", ("tmp", "x")),
        ("/tmp/x", ("tmp", "x")),
        ("/tmp/[[]x/?", ("tmp", "[x")),
        ("/**/x", ()),
        ("/*", ()),
        ("/", ()),
    ],
)
def test_fixed_names_come_before_any_pattern(pattern: str, expected: tuple[str, ...]) -> None:
    """The fixed names are those before the first that can differ."""
    assert expected == Pattern.parse(pattern).fixed


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("/a", "/a", True),
        ("/a", "/b", False),
        ("/a*", "/*b", True),
        ("/a*b", "/a*c", False),
        ("/*.log", "/*.gz", False),
        ("/*.log", "/app-*", True),
        ("/?", "/ab", False),
        ("/[ab]", "/b", True),
        ("/[ab]", "/c", False),
        ("/[ab]", "/[cd]", True),
        ("/**", "/a/b/c", True),
        ("/**", "/", False),
        ("/a/**/z", "/*/b/*", True),
        ("/a/**/z", "/b/**", False),
        ("/a/**", "/a", False),
        ("/**/a", "/**/b", False),
    ],
)
def test_patterns_meet(one: str, other: str, expected: bool) -> None:
    """Two patterns meet when some path is meant by both; two sets are taken to."""
    assert expected == Pattern.parse(one).meets(Pattern.parse(other))
    assert expected == Pattern.parse(other).meets(Pattern.parse(one))


_NAMES = st.sampled_from(["a", "b", "ab", "*", "a*", "*b", "?", "[ab]", "[!a]", "**"])
_PATTERNS = st.lists(_NAMES, min_size=1, max_size=4).map(lambda names: "/" + "/".join(names))
_PATHS = st.lists(st.text("ab", min_size=1, max_size=2), min_size=1, max_size=4)


@given(one=_PATTERNS, other=_PATTERNS, path=_PATHS.map(lambda names: "/" + "/".join(names)))
def test_patterns_of_one_path_meet(one: str, other: str, path: str) -> None:
    """What means the same path is never said not to meet."""
    if _means(one, path) and _means(other, path):
        assert Pattern.parse(one).meets(Pattern.parse(other))


_STARRED = st.text("ab*?", min_size=1, max_size=8).filter(lambda name: "**" not in name)
_DEEP = st.lists(_STARRED | st.just("**"), min_size=1, max_size=6).map("/".join)
_LONG_PATHS = st.lists(st.text("ab", min_size=1, max_size=6), min_size=1, max_size=6).map("/".join)


@settings(max_examples=200, deadline=None)
@given(pattern=_DEEP, path=_LONG_PATHS)
def test_expression_means_what_the_pattern_meets(pattern: str, path: str) -> None:
    """However many stars a pattern has, its expression says the same of a path as ``meets``."""
    assert _means(f"/{pattern}", f"/{path}") == Pattern.parse(pattern).meets(Pattern.parse(path))


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("/" + "*-" * 20 + ".log", "/" + "-" * 255),
        ("/**" + "/a/**" * 20 + "/b", "/a" * 2000),
        ("/**" + "/*a*a/**" * 10 + "/b", "/aaa" * 1000),
    ],
)
def test_no_path_takes_for_ever(pattern: str, path: str) -> None:
    """Whoever may choose names cannot choose one that is compared until the deadline."""
    assert not _means(pattern, path)


@given(st.text(st.characters(blacklist_characters="/\0"), min_size=1))
def test_any_name_can_be_meant_alone(name: str) -> None:
    """Any name can be written so that it means itself and nothing else."""
    pattern = literally(f"/{name}")

    assert (name,) == Pattern.parse(pattern).fixed
    assert _means(pattern, f"/{name}")
