"""Queries: the instance in their strings, escaped as each of them wants it."""

from __future__ import annotations

import pytest

from supervisor_maint.monitoring import promql


@pytest.mark.parametrize(
    ("query", "instance", "expected"),
    [
        ('up{instance="{instance}"} == 0', "web01", 'up{instance="web01"} == 0'),
        ('up{instance="{instance}"}', "web.1", 'up{instance="web.1"}'),
        ('up{instance=~"{instance}(:.*)?"}', "web.1", r'up{instance=~"web\\.1(:.*)?"}'),
        ('up{instance !~ "{instance}"}', "web.1", r'up{instance !~ "web\\.1"}'),
        ("up{instance=~'{instance}:.+'}", "web.1", r"up{instance=~'web\\.1:.+'}"),
        ("up{instance=~`{instance}\\d`}", "web.1", r'up{instance=~"web\\.1\\d"}'),
        ('up{instance="{instance}"}', 'a"b\\c', r'up{instance="a\"b\\c"}'),
        ("up{instance='{instance}'}", "a'b\"c", r"""up{instance='a\'b"c'}"""),
        ("up{instance=`{instance}`}", 'a`b"', r'up{instance="a`b\""}'),
        ('up{instance=~"{instance}"}', 'a"b', r'up{instance=~"a\"b"}'),
        (
            'up{instance="{instance}"} or y{host="{instance}"}',
            "w",
            'up{instance="w"} or y{host="w"}',
        ),
        ('up{path="/{{id}}"}', "w", 'up{path="/{id}"}'),
        ('up{z=~"[a-z]{2,3}"} # not "{instance}"', "w", 'up{z=~"[a-z]{2,3}"} # not "{instance}"'),
        (r'up{z=~"\\p{Greek}"}', "w", r'up{z=~"\\p{Greek}"}'),
        (r'up{z="\"{instance}\""}', "w", r'up{z="\"w\""}'),
        ("count(up == 0) by (instance) > 1", "w", "count(up == 0) by (instance) > 1"),
    ],
)
def test_instance_is_put_in(query: str, instance: str, expected: str) -> None:
    """In an expression its characters mean themselves, and no quote of it ends a string."""
    assert expected == promql.of_instance(promql.parse(query), instance)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("", "expected a query of Prometheus, found none"),
        ('up{instance="{host}"}', r"other name in braces than \{instance\}, found \{host\}"),
        ("up{instance=~`{host}`}", r"found \{host\}"),
        ("up{instance}", r"expected names in braces within quotes, such as up\{instance="),
    ],
)
def test_unusable_query_is_refused(query: str, message: str) -> None:
    """A name that stands for nothing, or in no string, would be Prometheus' complaint at 03:00."""
    with pytest.raises(ValueError, match=message):
        promql.parse(query)
