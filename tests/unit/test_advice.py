"""The rules of check-config: facts in, advice out."""

from __future__ import annotations

import attrs
import pytest

from supervisor_maint.advice import Severity, Surroundings, advise
from supervisor_maint.advice.listeners import OUR_EVENTS
from supervisor_maint.errors import Problem
from supervisor_maint.settings import Settings
from supervisor_maint.settings.inputs import Sources
from supervisor_maint.settings.maint import MaintSettings
from supervisor_maint.settings.sinks import HttpSection, PushgatewaySection
from supervisor_maint.settings.words import zone
from supervisor_maint.supervisord.configured import (
    Configuration,
    ConfiguredProcess,
    Group,
    InetServer,
    ListenerPool,
    RpcInterface,
    UnixServer,
)

PROCESS = ConfiguredProcess(
    name="maint",
    command="/opt/maint/bin/supervisor-maint listen --config /etc/supervisor/maint.conf",
    autostart=True,
    autorestart="true",
    stdout_logfile=None,
    stderr_logfile="AUTO",
    redirect_stderr=False,
    environment_names=frozenset(),
)
OURS = ListenerPool(
    name="maint",
    priority=-100,
    events=OUR_EVENTS,
    buffer_size=4096,
    unknown_events=(),
    redirect_stderr=False,
    file="/etc/supervisor/maint.conf",
    processes=(PROCESS,),
)
CONFIGURATION = Configuration(
    files=("/etc/supervisor/supervisord.conf",),
    identifier="supervisor",
    logfile="/var/log/supervisord.log",
    groups=(Group(name="web", priority=999, processes=(attrs.evolve(PROCESS, name="web"),) * 3),),
    pools=(OURS,),
    unix_servers=(UnixServer(path="/run/supervisor.sock", chmod=0o700, has_password=False),),
    inet_servers=(),
    rpcinterfaces=(
        RpcInterface(name="supervisor", factory="supervisor.rpcinterface:make_main_rpcinterface"),
    ),
)
MAINT = MaintSettings(instance="web01", timezone=zone("UTC"), serverurl=None, username=None)
SETTINGS = Settings(
    sources=Sources(path="/etc/supervisor/maint.conf"),
    loaded_at=0.0,
    maint=MAINT,
    sections=(HttpSection(),),
)
WELL = Surroundings(settings=SETTINGS, configuration=CONFIGURATION)


def ours(**changes):
    return attrs.evolve(CONFIGURATION, pools=(attrs.evolve(OURS, **changes),))


def our_process(**changes):
    return ours(processes=(attrs.evolve(PROCESS, **changes),))


def beside(name="other", command="/bin/other", **changes):
    process = attrs.evolve(PROCESS, name=name, command=command)
    other = attrs.evolve(OURS, name=name, priority=-50, processes=(process,), **changes)
    return attrs.evolve(CONFIGURATION, pools=(OURS, other))


def servers(*, unix=(), inet=(), **changes):
    return attrs.evolve(CONFIGURATION, unix_servers=unix, inet_servers=inet, **changes)


def unix(chmod=0o700, *, has_password=False):
    return UnixServer(path="/run/supervisor.sock", chmod=chmod, has_password=has_password)


def inet(host, *, has_password=False):
    return InetServer(host=host, port=9001, has_password=has_password)


def said(configuration, **changes):
    found = advise(attrs.evolve(WELL, configuration=configuration, **changes))
    return [(advice.severity, advice.subject, advice.message) for advice in found]


def test_nothing_is_said_when_all_is_well():
    """A sound configuration gets no advice."""
    assert () == advise(WELL)


@pytest.mark.parametrize(
    ("configuration", "severity", "subject", "message"),
    [
        pytest.param(
            attrs.evolve(CONFIGURATION, pools=()),
            Severity.WARNING,
            "[eventlistener:maint]",
            "no stanza runs 'supervisor-maint listen'",
            id="no stanza",
        ),
        pytest.param(
            ours(processes=(PROCESS, attrs.evolve(PROCESS, name="maint_1"))),
            Severity.ERROR,
            "[eventlistener:maint]",
            "more than one process runs the listener",
            id="numprocs",
        ),
        pytest.param(
            ours(redirect_stderr=True),
            Severity.ERROR,
            "[eventlistener:maint]",
            "redirect_stderr=true",
            id="our redirect_stderr",
        ),
        pytest.param(
            beside(redirect_stderr=True),
            Severity.ERROR,
            "[eventlistener:other]",
            "redirect_stderr=true",
            id="their redirect_stderr",
        ),
        pytest.param(
            ours(buffer_size=15),
            Severity.WARNING,
            "[eventlistener:maint]",
            "buffer_size=15 is less than 4 for each process",
            id="buffer_size",
        ),
        pytest.param(
            ours(events=OUR_EVENTS[:-1]),
            Severity.WARNING,
            "[eventlistener:maint]",
            "events= lacks TICK_3600",
            id="missing event",
        ),
        pytest.param(
            ours(events=("PROCESS_STATE_EXITED", *OUR_EVENTS[1:])),
            Severity.WARNING,
            "[eventlistener:maint]",
            "events= lacks PROCESS_STATE",
            id="part of an event",
        ),
        pytest.param(
            beside(unknown_events=("TICK_7",)),
            Severity.ERROR,
            "[eventlistener:other]",
            "supervisord has no events TICK_7",
            id="unknown event",
        ),
        pytest.param(
            our_process(autorestart="unexpected"),
            Severity.WARNING,
            "[eventlistener:maint]",
            "autorestart=unexpected",
            id="autorestart",
        ),
        pytest.param(
            servers(unix=(unix(0o777),)),
            Severity.WARNING,
            "[unix_http_server]",
            "chmod=0777 without a password",
            id="open socket",
        ),
        pytest.param(
            servers(inet=(inet(""),)),
            Severity.WARNING,
            "[inet_http_server]",
            "port=*:9001 without a password",
            id="every interface",
        ),
        pytest.param(
            servers(inet=(inet("10.0.0.1"),)),
            Severity.WARNING,
            "[inet_http_server]",
            "port=10.0.0.1:9001 without a password",
            id="network address",
        ),
        pytest.param(
            servers(), Severity.ERROR, "[unix_http_server]", "has no server", id="no server"
        ),
        pytest.param(
            attrs.evolve(CONFIGURATION, rpcinterfaces=()),
            Severity.ERROR,
            "[rpcinterface:supervisor]",
            "it is missing",
            id="no rpcinterface",
        ),
        pytest.param(
            servers(unix=(unix(has_password=True),)),
            Severity.ERROR,
            "[maint]",
            "has a password, and the listener is not given it",
            id="no credentials",
        ),
        pytest.param(
            beside(command="memmon -a 200MB"),
            Severity.WARNING,
            "[eventlistener:other]",
            "memmon -a watches every process",
            id="memmon -a",
        ),
        pytest.param(
            beside(command="python -m superlance.memmon --any=200MB"),
            Severity.WARNING,
            "[eventlistener:other]",
            "memmon -a watches every process",
            id="memmon --any",
        ),
        pytest.param(
            beside(command="/usr/bin/crashmail -p web -m root"),
            Severity.NOTE,
            "[eventlistener:other]",
            "crashmail ignores -p",
            id="crashmail -p",
        ),
        pytest.param(
            None, Severity.NOTE, "supervisord's configuration", "it is not known", id="unknown"
        ),
    ],
)
def test_fault_is_named(configuration, severity, subject, message):
    """Each fault gets one piece of advice that names its place."""
    ((found_severity, found_subject, found_message),) = said(configuration)

    assert (severity, subject) == (found_severity, found_subject)
    assert message in found_message


@pytest.mark.parametrize(
    "configuration",
    [
        pytest.param(ours(events=("EVENT",)), id="every event"),
        pytest.param(ours(events=(*OUR_EVENTS[:4], "TICK")), id="every tick"),
        pytest.param(ours(buffer_size=16), id="buffer just large enough"),
        pytest.param(our_process(command="python -m supervisor_maint listen"), id="as a module"),
        pytest.param(
            our_process(command="/bin/supervisor-maint listen --config '/odd"), id="odd quotes"
        ),
        pytest.param(servers(unix=(unix(0o770),)), id="group socket"),
        pytest.param(servers(inet=(inet("127.0.0.1"),)), id="loopback"),
        pytest.param(servers(inet=(inet("localhost"),)), id="localhost"),
        pytest.param(beside(command="memmon -p web=200MB"), id="memmon by name"),
        pytest.param(beside(command="memmon -p a=1MB -m any@example"), id="memmon mail"),
        pytest.param(beside(command="crashmail -a -m root"), id="crashmail for all"),
        pytest.param(beside(command="httpok http://localhost/"), id="httpok without TLS"),
        pytest.param(
            servers(
                unix=(unix(has_password=True),),
                pools=our_process(
                    environment_names=frozenset({"SUPERVISOR_USERNAME", "SUPERVISOR_PASSWORD"})
                ).pools,
            ),
            id="credentials in the stanza",
        ),
    ],
)
def test_what_is_right_is_not_blamed(configuration):
    """What only looks like a fault gets no advice."""
    assert [] == said(configuration)


@pytest.mark.parametrize(
    ("python", "expected"),
    [
        ((3, 11), None),
        ((3, 12), (Severity.ERROR, "https:// on Python 3.12:")),
        ((3, 13), (Severity.ERROR, "https:// on Python 3.13:")),
        (None, (Severity.WARNING, "https:// on Python 3.12 and later, which it may run on:")),
    ],
)
def test_httpok_over_tls_depends_on_its_python(python, expected):
    """httpok https:// is broken from Python 3.12 on, and a doubt is said as one."""
    command = "/usr/bin/httpok -p web https://localhost/"
    pythons = {command: python} if python else {}
    found = said(beside(command=command), pythons=pythons)

    assert (expected is not None) is bool(found)
    for severity, _, message in found:
        assert expected[0] is severity
        assert expected[1] in message


def test_equal_priorities_are_named_together():
    """All pools of one priority are in one piece of advice."""
    pools = tuple(
        attrs.evolve(OURS, name=name, priority=-1, processes=(attrs.evolve(PROCESS, command=name),))
        for name in ("a", "b", "c")
    )
    found = said(attrs.evolve(CONFIGURATION, pools=(OURS, *pools)))

    assert ["[eventlistener:a], [eventlistener:b], [eventlistener:c]"] == [
        subject for _, subject, _ in found
    ]


@pytest.mark.parametrize(
    ("maint", "expected"),
    [
        (attrs.evolve(MAINT, username="u", password="p"), 0),
        (attrs.evolve(MAINT, username="u"), 1),
        (attrs.evolve(MAINT, serverurl="http://127.0.0.1:9001"), 0),
        (attrs.evolve(MAINT, serverurl="unix:///elsewhere.sock"), 1),
    ],
)
def test_credentials_are_for_the_server_that_is_asked(maint, expected):
    """A password is needed only for the server the listener asks."""
    configuration = servers(unix=(unix(has_password=True),), inet=(inet("127.0.0.1"),))
    found = said(configuration, settings=attrs.evolve(SETTINGS, maint=maint))

    assert expected == len(found)


def test_no_sink_is_noted():
    """Without a sink the metrics go nowhere."""
    found = said(CONFIGURATION, settings=attrs.evolve(SETTINGS, sections=()))

    assert [(Severity.NOTE, "[sink:...]")] == [entry[:2] for entry in found]


@pytest.mark.parametrize(
    ("instance", "delete_on_stop", "expected"),
    [("web01", False, 0), ("0123456789ab", False, 1), ("0123456789ab", True, 0)],
)
def test_random_instance_is_blamed_unless_deleted(instance, delete_on_stop, expected):
    """A container's name as instance leaves groups behind, unless they are deleted."""
    sink = PushgatewaySection(url="http://g:9091", instance=instance, delete_on_stop=delete_on_stop)
    found = said(CONFIGURATION, settings=attrs.evolve(SETTINGS, sections=(sink,)))

    assert expected == len(found)


def test_refused_configuration_is_reported_whole():
    """What supervisord would refuse is said for each problem, and nothing else is guessed."""
    problems = (Problem(message="one"), Problem(message="two"))
    found = said(None, problems=problems)

    assert [(Severity.ERROR, "settings: one"), (Severity.ERROR, "settings: two")] == [
        (severity, message) for severity, _, message in found
    ]


def test_supervisords_own_warnings_are_repeated():
    """What supervisord only writes into its log as it starts is shown."""
    found = said(attrs.evolve(CONFIGURATION, warnings=("No file matches via include",)))

    assert [(Severity.NOTE, "supervisord's configuration", "No file matches via include")] == found


def test_password_that_others_can_read_is_named():
    """A password in a file that is not its owner's alone is named, and what to do about it."""
    (advice,) = advise(attrs.evolve(WELL, exposed={"/etc/x.conf": "mode 0644"}))

    assert (
        "warning: /etc/x.conf: serverurl holds a password, and others than the owner can read the "
        "file (mode 0644); put the password into a file of its own and name that with username "
        "and password_file, or chmod 0600 /etc/x.conf"
    ) == str(advice)


def test_file_that_others_can_write_is_named():
    """A configuration that others can write is named with the reason."""
    ((severity, subject, message),) = said(
        CONFIGURATION, writers={"/etc/x.conf": "everyone can write to /etc (mode 0777)"}
    )

    assert (Severity.WARNING, "/etc/x.conf") == (severity, subject)
    assert "everyone can write to /etc (mode 0777)" in message


def test_worst_comes_first():
    """Errors come before warnings, and those before notes."""
    configuration = attrs.evolve(
        ours(redirect_stderr=True, buffer_size=1), inet_servers=(inet(""),)
    )
    found = advise(
        attrs.evolve(
            WELL,
            configuration=configuration,
            settings=attrs.evolve(SETTINGS, sections=()),
        )
    )
    severities = [advice.severity for advice in found]

    assert sorted(severities, key=list(Severity).index) == severities
    assert set(Severity) == set(severities)


def test_advice_is_one_line_for_people():
    """A piece of advice says how bad, what about, what is wrong and what to do."""
    (advice,) = advise(attrs.evolve(WELL, configuration=our_process(autorestart="false")))

    assert (
        "warning: [eventlistener:maint]: autorestart=false: a listener that ended is not started "
        "again; set autorestart=true"
    ) == str(advice)
