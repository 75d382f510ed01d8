"""The words of the configuration."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor_maint.settings import words
from supervisor_maint.settings.words import Address


@pytest.mark.parametrize(
    ("convert", "text", "expected"),
    [
        (words.boolean, "Yes", True),
        (words.boolean, "off", False),
        (words.byte_size, "512", 512),
        (words.byte_size, "50MB", 50 * 1024 * 1024),
        (words.byte_size, "1gb", 1024**3),
        (words.duration, "10", 10.0),
        (words.duration, "0.5s", 0.5),
        (words.duration, "5m", 300.0),
        (words.duration, "2 h", 7200.0),
        (words.duration, "90d", 90 * 86400.0),
        (words.duration, "1W", 7 * 86400.0),
        (words.choice({"info": 20, "debug": 10}), "Debug", 10),
        (words.label, "web01.example", "web01.example"),
        (words.label, "büro", "büro"),
        (words.name, "nightly-2", "nightly-2"),
        (words.path, "/var/lib/x", Path("/var/lib/x")),
        (words.url, "https://gateway.example:9091/prefix", "https://gateway.example:9091/prefix"),
        (words.server_url, "unix:///run/supervisor.sock", "unix:///run/supervisor.sock"),
        (words.server_url, "http://127.0.0.1:9001", "http://127.0.0.1:9001"),
        (words.address, "127.0.0.1:9910", Address("127.0.0.1", 9910)),
        (words.address, "LOCALHOST:80", Address("localhost", 80)),
        (words.address, "*:9910", Address("0.0.0.0", 9910)),
        (words.address, ":9910", Address("0.0.0.0", 9910)),
        (words.address, "[::1]:9910", Address("::1", 9910)),
        (words.patterns, "web:*, worker\n cron", ("web:*", "worker", "cron")),
        (words.patterns, "a,a", ("a",)),
        (words.text, "x y", "x y"),
    ],
)
def test_word_is_understood(convert, text, expected):
    """Each word means what the reference page says."""
    assert expected == convert(text)


@pytest.mark.parametrize(
    ("convert", "text", "expected"),
    [
        (words.boolean, "maybe", "expected true or false"),
        (words.boolean, "", "expected true or false"),
        (words.byte_size, "5 parsecs", "expected a number of bytes"),
        (words.byte_size, "-5MB", "expected a number of bytes"),
        (partial(words.byte_size, minimum=1024), "1", "of at least 1024"),
        (words.duration, "10 parsecs", "expected a duration such as 10s"),
        (words.duration, "", "expected a duration such as 10s"),
        (words.duration, "-5s", "expected a duration such as 10s"),
        (words.duration, "nan", "expected a duration such as 10s"),
        (words.duration, "٣s", "expected a duration such as 10s"),
        (partial(words.duration, minimum=5.0), "4s", "expected a duration of at least 5s, found"),
        (partial(words.duration, minimum=1.0, maximum=9.0), "1m", "at least 1s and at most 9s"),
        (words.choice({"info": 20, "debug": 10}), "chatty", "expected one of info, debug"),
        (words.label, "..", "other than '.' and '..'"),
        (words.label, "a\nb", "printable"),
        (words.label, "", "expected 1 to 200"),
        (words.name, "-x", "expected a name"),
        (words.name, "a b", "expected a name"),
        (words.path, "relative/x", "expected an absolute path"),
        (words.path, "", "expected an absolute path"),
        (words.path, "/a\0b", "expected an absolute path"),
        (words.zone, "Asia/Tokio", "Asia/Tokyo'?"),
        (words.zone, "America", "expected an IANA time zone"),
        (words.zone, "../../etc/passwd", "expected an IANA time zone"),
        (words.zone, "", "expected an IANA time zone"),
        (words.url, "gateway:9091", "expected a URL such as"),
        (words.url, "ftp://gateway", "expected a URL such as"),
        (words.url, "http://:9091", "expected a URL such as"),
        (words.url, "http://gateway:port", "expected a URL such as"),
        (words.url, "http://gate way", "expected a URL such as"),
        (words.url, "http://gateway/?a=b", "expected a URL such as"),
        (words.server_url, "unix://relative.sock", "expected an absolute path"),
        (words.server_url, "supervisor.sock", "expected unix:///"),
        (words.address, "9910", "expected HOST:PORT"),
        (words.address, "localhost:0", "expected HOST:PORT"),
        (words.address, "localhost:70000", "expected HOST:PORT"),
        (words.address, "::1:9910", "expected HOST:PORT"),
        (words.address, "localhost:", "expected HOST:PORT"),
        (words.patterns, " , ", "expected names or patterns"),
        (words.text, "", "expected a value"),
    ],
)
def test_other_text_is_refused(convert, text, expected):
    """What is no such word is refused with what was expected and what was found."""
    with pytest.raises(ValueError) as caught:
        convert(text)

    assert expected in str(caught.value)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "http://user:hunter2@gateway:9091",
        "http://user:hunter2/and/more@gateway:9091",
        "http://user:12/hunter2@gateway:9091",
        "user:hunter2@gateway:9091",
    ],
)
def test_password_in_url_is_not_repeated(text):
    """A URL with a password is refused without showing it, however it is mistyped."""
    with pytest.raises(ValueError) as caught:
        words.url(text)

    assert "hunter2" not in str(caught.value)
    assert "password_file" in str(caught.value)


@given(st.integers(0, 10**9), st.sampled_from(["s", "m", "h", "d", "w"]))
def test_durations_scale_by_their_unit(count, unit):
    """A duration is its count times its unit."""
    seconds = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}[unit]

    assert count * seconds == words.duration(f"{count}{unit}")


@given(
    st.sampled_from(["127.0.0.1", "localhost", "0.0.0.0", "::1", "2001:db8::2"]),
    st.integers(1, 65535),
)
def test_address_written_is_read_back(host, port):
    """An address comes back from its text, with brackets where IPv6 needs them."""
    found = Address(host, port)

    assert found == words.address(str(found))


@pytest.mark.parametrize("name", ["Asia/Tokyo", "UTC", "Asia/Kathmandu", "Etc/GMT+5"])
def test_zone_keeps_its_name(name):
    """A zone is read by its IANA name."""
    assert name == words.zone(name).key


@given(st.text())
def test_any_text_is_converted_or_refused(text):
    """No converter raises anything but ValueError, whatever it is given."""
    converters = [
        words.boolean,
        words.byte_size,
        words.duration,
        words.label,
        words.name,
        words.path,
        words.url,
        words.server_url,
        words.address,
        words.patterns,
        words.text,
    ]
    for convert in converters:
        try:
            convert(text)
        except ValueError as error:
            assert str(error)
