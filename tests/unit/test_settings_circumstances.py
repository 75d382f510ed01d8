"""What the machine tells for the defaults."""

from __future__ import annotations

import pytest

from supervisor_maint.settings import circumstances


@pytest.mark.parametrize(
    ("variable", "link", "expected"),
    [
        ("Asia/Tokyo", "zoneinfo/Europe/Paris", "Asia/Tokyo"),
        (":Asia/Tokyo", None, "Asia/Tokyo"),
        ("", "zoneinfo/Europe/Paris", "Europe/Paris"),
        ("CET-1CEST,M3.5.0,M10.5.0/3", "zoneinfo/Europe/Paris", "Europe/Paris"),
        ("", "elsewhere/localtime", "UTC"),
        ("", "zoneinfo/Nowhere/City", "UTC"),
        ("", None, "UTC"),
    ],
)
def test_local_zone(tmp_path, variable, link, expected):
    """The zone is TZ's, else that of /etc/localtime, else UTC."""
    localtime = tmp_path / "localtime"
    if link:
        localtime.symlink_to(tmp_path / "share" / link)

    assert expected == circumstances.local_zone(variable, localtime)


def test_instance_is_the_short_name():
    """The instance has no domain."""
    seen = circumstances.observe({})

    assert seen.host_name.startswith(seen.instance)
    assert "." not in seen.instance
