"""A label more on every sample of a report."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from supervisor_maint.monitoring.exposition import with_label

REPORT = (
    b"# HELP a_total up{x} and down\n# TYPE a_total counter\n"
    b'a_total{name="{a \\" b\\nup 1",group="g"} 3.0\n'
    b"# HELP up Up.\n# TYPE up gauge\nup 1.0\n"
)


def test_every_sample_has_the_label() -> None:
    """With other labels and without; comments and values stay as they are."""
    expected = REPORT.replace(b"a_total{", b'a_total{supervisor="x",')
    expected = expected.replace(b"\nup 1.0", b'\nup{supervisor="x"} 1.0')

    assert expected == with_label(REPORT, "supervisor", "x")


def test_any_value_is_read_back() -> None:
    """The library's own parser finds the value that was given."""
    value = 'a "b" \\ c\nd {e} é'
    text = with_label(REPORT, "supervisor", value).decode()
    samples = [each for family in text_string_to_metric_families(text) for each in family.samples]

    assert 2 == len(samples)
    assert {value} == {each.labels["supervisor"] for each in samples}
