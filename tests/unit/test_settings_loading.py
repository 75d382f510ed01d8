"""Loading settings from real files."""

from __future__ import annotations

import os
from pathlib import Path

import attrs
import pytest

from supervisor_maint.settings import SettingsRefused, changed, load
from supervisor_maint.settings.options import Circumstances
from supervisor_maint.settings.sinks import HttpSection, PushgatewaySection, TextfileSection
from supervisor_maint.settings.words import Address

NOW = 1_700_000_000.0
ORDINARY = Circumstances(
    environ={"SUPERVISOR_SERVER_URL": "unix:///run/supervisor.sock"},
    host_name="web01.example",
    instance="web01",
    zone_name="Asia/Tokyo",
)


@pytest.fixture
def write(tmp_path):
    def write_file(text, name="maint.conf", mode=0o644):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(mode)
        return path

    return write_file


def load_ordinary(path, **changes):
    seen = attrs.evolve(ORDINARY, **changes)
    return load(path, environ=seen.environ, now=NOW, circumstances=seen)


def refused(path, **changes):
    with pytest.raises(SettingsRefused) as caught:
        load_ordinary(path, **changes)
    return caught.value


def complaints(path, **changes):
    return [
        (problem.line, problem.section, problem.key, problem.message)
        for problem in refused(path, **changes).problems
    ]


def test_empty_file_means_the_defaults(write):
    """Every key of [maint] may be left out, and the section too."""
    settings = load_ordinary(write(""))

    assert Path("/var/lib/supervisor-maint") == settings.maint.state_dir
    assert "web01" == settings.maint.instance
    assert "Asia/Tokyo" == settings.maint.timezone.key
    assert "unix:///run/supervisor.sock" == settings.maint.serverurl
    assert (5.0, 60.0, 10.0, 60.0) == (
        settings.maint.rpc_timeout_seconds,
        settings.maint.push_interval_seconds,
        settings.maint.settle_seconds,
        settings.maint.settle_max_seconds,
    )
    assert (90 * 86400.0, 50 * 1024 * 1024) == (
        settings.maint.history_keep_seconds,
        settings.maint.history_size_bytes,
    )
    assert ("INFO", True, None) == (
        settings.maint.log_level,
        settings.maint.memory,
        settings.maint.supervisord_config,
    )
    assert () == settings.sinks
    assert NOW == settings.loaded_at


def test_sections_become_values(write):
    """Our sections are understood, and supervisord's in the same file are left alone."""
    path = write(
        """
[supervisord]
nodaemon = true
[program:web]
command = /bin/web --format=%(nope)d
[maint]
instance = web02   ; as node_exporter says
settle = 5s
[sink:pushgateway]
url = http://gateway:9091
[sink:pushgateway:backup]
url = http://backup:9091
instance = other
[sink:textfile]
path = %(here)s/supervisor.prom
[sink:http]
"""
    )
    settings = load_ordinary(path)

    assert ("web02", 5.0) == (settings.maint.instance, settings.maint.settle_seconds)
    assert (
        PushgatewaySection(name="pushgateway", url="http://gateway:9091", instance="web02"),
        PushgatewaySection(name="pushgateway:backup", url="http://backup:9091", instance="other"),
        TextfileSection(name="textfile", path=path.parent / "supervisor.prom"),
        HttpSection(name="http", listen=Address("127.0.0.1", 9910)),
    ) == settings.sinks
    assert settings.sinks[:2] == settings.of(PushgatewaySection)


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("[maintt]", (1, "maintt", None), "did you mean [maint]?"),
        ("[Maint]", (1, "Maint", None), "did you mean [maint]?"),
        ("[maint:x]", (1, "maint:x", None), "expected [maint], found [maint:x]"),
        ("[sinks:http]", (1, "sinks:http", None), "did you mean [sink:http[:NAME]]?"),
        ("[sink:pushgatway]", (1, "sink:pushgatway", None), "[sink:pushgateway[:NAME]]?"),
        ("[sink:zzz]", (1, "sink:zzz", None), "expected one of [sink:pushgateway[:NAME]], "),
        ("[sink]", (1, "sink", None), "unknown section"),
        ("[sink:http:]", (1, "sink:http:", None), "expected a name"),
        ("[maint]\nstatedir=/x", (2, "maint", "statedir"), "did you mean 'state_dir'?"),
        ("[maint]\npassword=x", (2, "maint", "password"), "did you mean 'password_file'?"),
        ("[maint]\nzzz=x", (2, "maint", "zzz"), "known are state_dir, instance"),
        ("[maint]\nsettle=x", (2, "maint", "settle"), "expected a duration"),
        ("[maint]\n\n;\nsettle=x", (4, "maint", "settle"), "expected a duration"),
        ("[maint]\nmemory=x\n  y", (2, "maint", "memory"), "found 'x\\ny'"),
        ("[maint]\nsettle=", (2, "maint", "settle"), "found ''"),
        ("[maint]\nsettle=1s\nsettle=2s", (3, "maint", "settle"), "found it in line 2 too"),
        ("[maint]\nsettle=60s", (2, "maint", "settle"), "less than settle_max (60s), found 60s"),
        ("[maint]\nsettle_max=5s", (1, "maint", "settle"), "less than settle_max (5s), found 10s"),
        ("[maint]\npush_interval=4s", (2, "maint", "push_interval"), "at least 5s"),
        ("[maint]\n[maint]", (2, "maint", None), "maint.conf:1 too"),
        ("[maint]\nstate_dir=%(ENV_NO)s/x", (2, "maint", "state_dir"), "environment variable NO"),
        ("[maint]\nstate_dir=%(nope)s/x", (2, "maint", "state_dir"), "found %(nope)s"),
        ("[maint]\nstate_dir=/50%s", (2, "maint", "state_dir"), "found a lone '%'"),
        ("[sink:textfile]", (1, "sink:textfile", "path"), "expected a value such as"),
        ("[sink:textfile]\npath=/x/y.txt", (2, "sink:textfile", "path"), "ends in .prom"),
        ("[sink:http]\nlisten=x", (2, "sink:http", "listen"), "expected HOST:PORT"),
        ("[sink:http]\n[sink:http:b]", (2, "sink:http:b", None), "found that of [sink:http]"),
        ("[maint]\nstray", (2, None, None), "expected [SECTION] or KEY = VALUE"),
        ("stray=1", (1, None, None), "expected [SECTION] or KEY = VALUE"),
        (
            "[maint]\npassword_file=%(here)s/maint.conf",
            (2, "maint", "password_file"),
            "expected username beside it",
        ),
        (
            "[maint]\nsupervisord_config=/nowhere/x",
            (2, "maint", "supervisord_config"),
            "found '/nowhere/x': No such file",
        ),
    ],
)
def test_problem_is_placed_and_explained(write, text, place, message):
    """A problem has its line, section and key, what was expected and what was found."""
    ((*found_place, found_message),) = complaints(write(text))

    assert place == tuple(found_place)
    assert message in found_message


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("username=u\n", [("username", "expected password_file beside it, found none")]),
        (
            "username=u\npassword_file=%(here)s/secret\nbearer_token_file=%(here)s/secret\n",
            [("bearer_token_file", "found both")],
        ),
        ("client_key=%(here)s/secret\n", [("client_key", "expected client_cert beside it")]),
    ],
)
def test_pushgateway_credentials_fit_together(write, keys, expected):
    """Half a pair of credentials, or two kinds at once, is a problem."""
    write("x", name="secret", mode=0o600)
    found = complaints(write(f"[sink:pushgateway]\nurl=http://gateway:9091\n{keys}"))

    assert [key for key, _ in expected] == [key for _, _, key, _ in found]
    for (_, message), (*_, found_message) in zip(expected, found):
        assert message in found_message


def test_all_problems_are_shown_together(write):
    """Nothing stops at the first problem, and they come in the order of the file."""
    path = write("[maint]\nsettle=x\nmemory=y\n[sinks:http]\n[sink:http]\nlisten=z\nstray\n")

    assert [2, 3, 4, 6, 7] == [line for line, *_ in complaints(path)]


@pytest.mark.parametrize("header", ["program:maint", "eventlistener:maint", "memmon", "supvisors"])
def test_sections_of_others_are_left_alone(write, header):
    """supervisord's sections and those of other tools are none of our business."""
    settings = load_ordinary(write(f"[{header}]\nanything = goes %(here)x\n"))

    assert () == settings.sections


def test_includes_are_followed_as_supervisord_does(write):
    """Patterns are sorted, relative to the including file, and only one level deep."""
    write("[sink:http]\n[include]\nfiles=deeper/*.conf", name="conf.d/b.conf")
    write("[maint]\ninstance=%(ENV_NAME)s", name="conf.d/a.conf")
    write("[sink:zzz]", name="conf.d/deeper/c.conf")
    main = write("[include]\nfiles = conf.d/*.conf none/*.conf\n  maint.conf\n")
    settings = load_ordinary(main, environ={"NAME": "from-environ"})

    assert "from-environ" == settings.maint.instance
    assert ["http"] == [sink.name for sink in settings.sinks]
    assert [main.name, "a.conf", "b.conf"] == [Path(file).name for file in settings.files]


def test_here_is_the_folder_of_each_file(write):
    """%(here)s in an included file is that file's folder."""
    included = write("[maint]\nstate_dir=%(here)s/state", name="conf.d/a.conf")
    settings = load_ordinary(write("[include]\nfiles=%(here)s/conf.d/*.conf"))

    assert included.parent / "state" == settings.maint.state_dir


def test_section_in_two_files_names_both(write):
    """The same section in another file is a problem that names the first place."""
    first = write("\n[maint]", name="a.conf")
    main = write("[include]\nfiles=*.conf\n[sink:http]", name="main.ini")
    write("[maint]", name="b.conf")
    ((line, section, _, message),) = complaints(main)

    assert (1, "maint") == (line, section)
    assert f"{first}:2" in message


@pytest.mark.parametrize(
    ("content", "expected"),
    [(b"[maint]\ninstance=\xff\n", "expected UTF-8, found another byte at 17")],
)
def test_other_bytes_are_refused(tmp_path, content, expected):
    """A file that is not UTF-8 is one problem."""
    path = tmp_path / "maint.conf"
    path.write_bytes(content)

    assert [(None, None, None, expected)] == complaints(path)


def test_missing_file_is_refused(tmp_path):
    """A file that is not there is a problem that names it, and its coming is a change."""
    path = tmp_path / "maint.conf"
    error = refused(path)

    assert f"{path}: expected a file that can be read, found: No such file or directory" == (
        error.msg
    )
    assert not changed(error)


def test_unknown_variable_in_include_is_a_problem(write):
    """An include that cannot be expanded is placed at its key."""
    ((line, section, key, message),) = complaints(write("[include]\nfiles=%(ENV_NO)s/*.conf"))

    assert (2, "include", "files") == (line, section, key)
    assert "environment variable NO" in message


def test_default_from_the_environment_is_checked_too(write):
    """A bad SUPERVISOR_SERVER_URL is refused, without a place in a file."""
    (problem,) = refused(write(""), environ={"SUPERVISOR_SERVER_URL": "nonsense"}).problems

    assert (None, "serverurl") == (problem.file, problem.key)


def test_password_is_the_first_line_of_its_file(write):
    """The password comes from its file and is never shown."""
    write("hunter2\nremark\n", name="secret", mode=0o600)
    settings = load_ordinary(write("[maint]\nusername=u\npassword_file=%(here)s/secret"))

    assert "hunter2" == settings.maint.password
    assert "hunter2" not in repr(settings)


def test_password_may_come_from_the_environment(write):
    """supervisord's own names for the credentials are used when the file names none."""
    environ = {"SUPERVISOR_USERNAME": "u", "SUPERVISOR_PASSWORD": "hunter2"}
    maint = load_ordinary(write(""), environ=environ).maint

    assert ("u", "hunter2") == (maint.username, maint.password)


def test_empty_secret_is_refused(write):
    """A password file without a first line is a problem."""
    write("\n", name="secret", mode=0o600)
    ((line, _, key, message),) = complaints(
        write("[maint]\nusername=u\npassword_file=%(here)s/secret")
    )

    assert (3, "password_file") == (line, key)
    assert "expected the secret on the first line" in message


@pytest.mark.parametrize(("is_root", "expected"), [(True, 1), (False, 0)])
def test_secret_open_to_others_is_refused_as_root(write, is_root, expected):
    """As root, a secret that others can read is a problem that names the command to mend it."""
    secret = write("hunter2", name="secret", mode=0o640)
    path = write("[maint]\nusername=u\npassword_file=%(here)s/secret")
    problems = complaints(path, is_root=True) if is_root else []
    if not is_root:
        load_ordinary(path)

    assert expected == len(problems)
    assert all(f"mode 0640: chmod 0600 {secret}" in message for *_, message in problems)


def test_file_others_can_write_is_refused_as_root(write):
    """As root, a configuration that everyone can write to is refused with the reason."""
    path = write("[include]\nfiles=conf.d/*.conf")
    loose = write("[maint]", name="conf.d/a.conf", mode=0o666)
    (problem,) = refused(path, is_root=True).problems

    assert str(loose) == problem.file
    assert f"everyone can write to {loose} (mode 0666)" in problem.message


def test_settings_unchanged_while_files_are(write):
    """Nothing has changed when nothing was touched."""
    write("[maint]", name="conf.d/a.conf")
    settings = load_ordinary(write("[include]\nfiles=conf.d/*.conf"))

    assert not changed(settings)


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: os.utime(folder / "maint.conf", ns=(1, 1)),
        lambda folder: os.utime(folder / "conf.d" / "a.conf", ns=(1, 1)),
        lambda folder: (folder / "conf.d" / "b.conf").write_text(""),
        lambda folder: (folder / "conf.d" / "a.conf").unlink(),
        lambda folder: (folder / "maint.conf").unlink(),
        lambda folder: (folder / "secret").write_text("another"),
    ],
    ids=["main", "included", "added", "removed", "gone", "secret"],
)
def test_any_change_of_files_is_seen(write, change):
    """A changed, added, removed or replaced file, or a new secret, is a change."""
    write("hunter2", name="secret", mode=0o600)
    write("[maint]\nusername=u\npassword_file=%(here)s/../secret", name="conf.d/a.conf")
    path = write("[include]\nfiles=conf.d/*.conf")
    settings = load_ordinary(path)
    change(path.parent)

    assert changed(settings)


def test_refused_settings_are_tried_again_only_after_a_change(write):
    """What was refused is not refused at each look, but when it was edited."""
    path = write("[maint]\nsettle=x")
    error = refused(path)
    before = changed(error)
    path.write_text("[maint]\nsettle=10s")

    assert (False, True) == (before, changed(error))


def test_machine_is_looked_at_when_circumstances_are_not_given(write):
    """Without circumstances, the machine's own name and zone are the defaults."""
    settings = load(write("[sink:http]"), environ={"TZ": "Asia/Tokyo"}, now=NOW)

    assert "Asia/Tokyo" == settings.maint.timezone.key
    assert settings.maint.instance
