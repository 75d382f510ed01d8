"""Matchers: read, shown, and refused when they would mute the rest of the world."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor_maint.monitoring import placeholders
from supervisor_maint.monitoring.matchers import (
    Matcher,
    check_narrow,
    of_instance,
    parse,
)

MINE = 'instance=~"{instance}(:.*)?"'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('severity="critical"', [Matcher("severity", "critical")]),
        ("severity=critical", [Matcher("severity", "critical")]),
        ('{severity="critical"}', [Matcher("severity", "critical")]),
        ('a="x,y" , b!="z"', [Matcher("a", "x,y"), Matcher("b", "z", is_equal=False)]),
        (
            '\n  a=~"x|y"\n  b!~"z.*"',
            [Matcher("a", "x|y", is_regex=True), Matcher("b", "z.*", True, False)],
        ),
        (r'path="a\"b\\c\nd\.e"', [Matcher("path", 'a"b\\c\nd\\.e')]),
        ('empty=""', [Matcher("empty", "")]),
        (MINE, [Matcher("instance", "{instance}(:.*)?", is_regex=True)]),
    ],
)
def test_matchers_are_read_as_alertmanager_reads_them(text: str, expected: list[Matcher]) -> None:
    """With and without quotes and braces, parted by commas or lines."""
    assert tuple(expected) == parse(text)


@pytest.mark.parametrize("text", ["", "{}", "severity", "=x", 'a="b', 'a="b"c="d"', "1a=b", "a==b"])
def test_what_is_no_matcher_is_refused(text: str) -> None:
    """With an example of one."""
    with pytest.raises(ValueError, match="expected matchers such as"):
        parse(text)


def test_broken_expression_is_refused() -> None:
    """The label and what is wrong are named."""
    with pytest.raises(ValueError, match=r"regular expression for a, found 'x\('"):
        parse('a=~"x("')


@pytest.mark.parametrize(
    "expression", ["web(?=01)", "(?!web).*", "(?<=web)01", "(?<!web)01", r"(a)\1", "(?P<n>a)(?P=n)"]
)
def test_expression_that_alertmanager_has_not_is_refused(expression: str) -> None:
    """It would be rejected at three in the morning: nothing looks around or back in RE2."""
    with pytest.raises(ValueError, match="no look-around or back-reference, for a"):
        Matcher("a", expression, is_regex=True)


@pytest.mark.parametrize(
    "expression", [r"web\\1", r"(?i)web(?:01)?", r"\(?=x", r"10\.0\.1\.5", "(?P<n>a)"]
)
def test_expression_that_alertmanager_has_is_taken(expression: str) -> None:
    """What only looks like one is none."""
    assert expression == Matcher("a", expression, is_regex=True).value


@given(st.from_regex(r"[A-Za-z_]\w{0,5}", fullmatch=True), st.text(), st.booleans())
def test_what_is_shown_can_be_read(name: str, value: str, is_equal: bool) -> None:
    """Any value survives being written."""
    if not name.isascii() or placeholders.are_in(value):
        return
    matcher = Matcher(name, value, is_equal=is_equal)

    assert (matcher,) == parse(str(matcher))


@pytest.mark.parametrize(
    "text",
    [
        'a!="b"',
        'a!~"b.*"',
        'a=""',
        'a=~".*"',
        'a=~".+"',
        'a=~"b?"',
        'a=~"|b"',
        'a=~"[^x]+"',
        'a!="b", c=~".+"',
    ],
)
def test_matchers_that_mute_everything_are_refused(text: str) -> None:
    """Negative ones alone, and expressions that fit anything."""
    with pytest.raises(ValueError, match="which mutes everything else"):
        check_narrow(parse(text))


@pytest.mark.parametrize(
    "text", ['a="b"', 'a=~"b.+"', 'a="b", c!="d"', 'a=~"web|db", c=~".*"', MINE]
)
def test_matchers_that_name_something_are_taken(text: str) -> None:
    """One that names something is enough."""
    check_narrow(parse(text))


@pytest.mark.parametrize(
    ("instance", "value", "fits"),
    [
        ("web01", "web01", True),
        ("web01", "web01:9100", True),
        ("web01", "web011", False),
        ("web.1", "web.1:9", True),
        ("web.1", "webx1", False),
        ("a+b", "a+b", True),
        ("10.0.0.5:9910", "10.0.0.5:9910", True),
    ],
)
def test_instance_is_put_in_as_it_is(instance: str, value: str, fits: bool) -> None:
    """Its characters mean themselves, also in an expression."""
    (matcher,) = of_instance(parse(MINE), instance)

    assert fits is matcher.fits(value)


def test_instance_of_an_equal_matcher_is_not_escaped() -> None:
    """Nothing is escaped where nothing is an expression."""
    assert (Matcher("host", "web.1"),) == of_instance(parse('host="{instance}"'), "web.1")


def test_unknown_name_in_braces_is_refused() -> None:
    """A name that stands for nothing would match nothing, and mute or block nothing."""
    with pytest.raises(ValueError, match=r"in braces than \{instance\}, found \{host\} in"):
        parse('instance=~"{host}:.*"')


def test_braces_of_a_label_and_of_an_expression_are_left() -> None:
    """Two braces are one, and a repetition is no name."""
    found = of_instance(parse('path="/users/{{id}}", zone=~"eu-[a-z]{2}"'), "web01")

    assert (Matcher("path", "/users/{id}"), Matcher("zone", "eu-[a-z]{2}", True)) == found


@pytest.mark.parametrize("matcher", parse('a="b", c!="d", e=~"f|g", h!~"i"'))
def test_document_is_read_back(matcher: Matcher) -> None:
    """What API v2 is given is what it returns."""
    assert matcher == Matcher.from_document(matcher.to_document())
