"""Requests as text: strict when read, and too late when expired."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor_maint.store import requests
from supervisor_maint.store.requests import Rejected, Request, Verb

GOOD = {"id": "a1", "verb": "hold", "args": {"plan": "n"}, "asked_by": "kim", "expires_at": 30.0}


def changed(**fields):
    return json.dumps({**GOOD, **fields})


def test_decodes_request():
    """The text of a request becomes the request."""
    request = requests.decode(json.dumps(GOOD))

    assert (
        Request(id="a1", verb=Verb.HOLD, args={"plan": "n"}, asked_by="kim", expires_at=30.0)
        == request
    )


@given(
    verb=st.sampled_from(Verb),
    args=st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | st.text()),
    asked_by=st.text(min_size=1),
    expires_at=st.floats(allow_nan=False, allow_infinity=False),
)
def test_encoding_is_read_back(verb, args, asked_by, expires_at):
    """What is encoded is decoded to the same, whatever text is in it."""
    request = Request(id="x", verb=verb, args=args, asked_by=asked_by, expires_at=expires_at)

    assert request == requests.decode(requests.encode(request))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "Expecting value"),
        ("[]", "expected a JSON object, found list"),
        ("[" * 60000, "nested too deep"),
        ("{}", "missing id, verb, args, asked_by, expires_at"),
        (changed(urgent=True), "found also 'urgent'"),
        (changed(verb="restart"), "one of run, hold, resume, cancel, accept, reload"),
        (changed(verb=["run"]), "one of run"),
        (changed(id="../../etc/passwd"), "expected as id"),
        (changed(id="a" * 65), "expected as id"),
        (changed(id="a\n"), "expected as id"),
        (changed(id=7), "expected as id"),
        (changed(args=["n"]), "expected as args a JSON object"),
        (changed(asked_by=""), "expected as asked_by a text"),
        (changed(asked_by=None), "expected as asked_by a text"),
        (changed(expires_at="soon"), "expected as expires_at seconds"),
        (changed(expires_at=True), "expected as expires_at seconds"),
        (changed(expires_at=10**400), "expected as expires_at seconds"),
        (json.dumps(GOOD).replace("30.0", "NaN"), "NaN"),
        (json.dumps(GOOD).replace("30.0", "1e999"), "expected as expires_at seconds"),
    ],
)
def test_rejects_what_is_no_request(text, words):
    """What is no request comes back with the reason, and nothing is raised."""
    rejected = requests.decode(text, source="a1.json")

    assert isinstance(rejected, Rejected)
    assert rejected.reason.startswith("a1.json holds no request: ")
    assert words in rejected.reason


@given(st.text())
def test_never_raises(text):
    """No text makes the reader raise."""
    assert isinstance(requests.decode(text), (Request, Rejected))


@pytest.mark.parametrize(("now", "expected"), [(29.9, False), (30.0, False), (30.1, True)])
def test_expires(now, expected):
    """A request is too late past its time."""
    request = requests.decode(json.dumps(GOOD))

    assert expected is request.expired(now)


def test_refuses_args_that_are_not_json():
    """A request whose args are not JSON is not written."""
    request = Request(id="a", verb="run", args={"when": {1}}, asked_by="kim", expires_at=1)

    with pytest.raises(ValueError, match="expected a JSON value"):
        requests.encode(request)
