"""The files for supervisord are what supervisord, superlance and our own settings understand."""

from __future__ import annotations

import importlib.resources
import os
import re
import shlex
from collections.abc import Callable, Mapping
from importlib.metadata import distribution
from pathlib import Path

import attrs
import pytest
from supervisor.events import getEventNameByType
from supervisor.options import EventListenerPoolConfig, ServerOptions

from supervisor_maint import settings
from supervisor_maint.maintenance.schedule import Schedule
from supervisor_maint.permissions.policy import overlaps
from supervisor_maint.processes import Namespec
from supervisor_maint.settings.maint import PermissionPass
from supervisor_maint.settings.maintenance import MaintenanceSection
from supervisor_maint.settings.permissions import PermissionsSection

CONF_D = Path(__file__).resolve().parents[2] / "conf.d"
MAINT = CONF_D / "supervisor" / "maint.conf"
NEIGHBOURS = {"memmon", "httpok", "crashmail", "fatalmailbatch"}
DEFAULT_PRIORITY = -1
EVENTS = {
    "PROCESS_STATE",
    "PROCESS_GROUP",
    "SUPERVISOR_STATE_CHANGE",
    "REMOTE_COMMUNICATION",
    "TICK_5",
    "TICK_3600",
}


@pytest.fixture
def pools(tmp_path: Path) -> Mapping[str, EventListenerPoolConfig]:
    """Supervisor's own reading of a configuration that includes our files, by name."""
    main = tmp_path / "supervisord.conf"
    main.write_text(
        f"[supervisord]\nlogfile={tmp_path}/log\n[include]\nfiles={CONF_D}/supervisor/*.conf\n",
        encoding="utf-8",
    )
    options = ServerOptions()
    options.realize(["-c", str(main)], doc="")
    return {pool.name: pool for pool in options.process_group_configs}


def test_supervisor_takes_every_stanza(pools: Mapping[str, EventListenerPoolConfig]) -> None:
    """All stanzas are listener pools, ours and superlance's."""
    assert {"maint", *NEIGHBOURS} == set(pools)
    assert all(isinstance(pool, EventListenerPoolConfig) for pool in pools.values())


def test_priorities_are_nobody_elses(pools: Mapping[str, EventListenerPoolConfig]) -> None:
    """No two pools share a priority, and none has the one of a stanza without any."""
    priorities = [pool.priority for pool in pools.values()]

    assert len(pools) == len(set(priorities))
    assert DEFAULT_PRIORITY not in priorities


def test_pools_are_safe_listeners(pools: Mapping[str, EventListenerPoolConfig]) -> None:
    """Each buffers enough, is restarted always, and has its stdout to itself."""
    for pool in pools.values():
        (process,) = pool.process_configs

        assert pool.buffer_size >= 1024
        assert not process.redirect_stderr
        assert process.stdout_logfile is None
        assert process.autorestart.__name__ == "RestartUnconditionally"


def test_ours_asks_for_what_it_needs(pools: Mapping[str, EventListenerPoolConfig]) -> None:
    """Our pool has the six kinds of event and a buffer for a thousand processes."""
    maint = pools["maint"]

    assert EVENTS == {getEventNameByType(kind) for kind in maint.pool_events}
    assert 4096 == maint.buffer_size


def test_command_names_the_file_itself(pools: Mapping[str, EventListenerPoolConfig]) -> None:
    """``%(here)s`` is the folder of the included file, so that the listener reads that file."""
    (process,) = pools["maint"].process_configs

    assert ["supervisor-maint", "listen", "--config", str(MAINT)] == shlex.split(process.command)


@pytest.mark.parametrize("name", sorted(NEIGHBOURS))
def test_neighbour_is_a_command_of_superlance(
    pools: Mapping[str, EventListenerPoolConfig], name: str
) -> None:
    """The command of each neighbour is one that superlance installs."""
    (process,) = pools[name].process_configs
    commands = {entry.name for entry in distribution("superlance").entry_points}

    assert shlex.split(process.command)[0] in commands


def test_settings_take_it_as_it_is(tmp_path: Path) -> None:
    """Our own settings read the file without a word, and serve metrics on loopback."""
    loaded = _load(tmp_path, MAINT.read_text(encoding="utf-8"))

    assert Path("/var/lib/supervisor-maint") == loaded.maint.state_dir
    assert ["127.0.0.1:9910"] == [str(sink.listen) for sink in loaded.sections]
    assert () == loaded.plans


def test_settings_take_everything_it_shows(tmp_path: Path) -> None:
    """Each key and section that is shown behind a ``;`` is known, and its value is taken."""
    loaded = _load(tmp_path, _uncommented(tmp_path))

    assert 3 == len(loaded.sinks)
    assert "web01" == loaded.maint.instance
    assert "maint" == loaded.maint.username


def test_plan_is_complete_once_it_is_uncommented(tmp_path: Path) -> None:
    """The plan, its steps and its check fit together, and are what the comments say."""
    loaded = _load(tmp_path, _uncommented(tmp_path))
    (plan,) = loaded.plans
    (check,) = plan.readiness

    assert "nightly" == plan.name
    assert Schedule.parse("0 3 * * *", "Asia/Tokyo") == plan.schedule
    assert ["no-deploy", "drain", "warm-cache"] == [
        step.name for step in (*plan.checks, *plan.pre, *plan.post)
    ]
    assert "http://127.0.0.1:8001/healthz" == check.probe(Namespec("web", "web_1")).address


def test_defaults_of_a_plan_are_shown_as_they_are(tmp_path: Path) -> None:
    """Keys that are shown with their default have it."""
    (shown,) = _load(tmp_path, _uncommented(tmp_path)).of(MaintenanceSection)
    defaults = MaintenanceSection(timezone=shown.timezone)
    examples = {"schedule", "max_groups", "exclude", "check", "pre", "post", "rotate_logs"}
    examples |= {"lead_seconds", "block_on_alerts", "block_on_query"}
    examples |= {"name", "timezone", "logrotate_config", "restart_log"}

    assert attrs.asdict(defaults, filter=_other_than(examples)) == attrs.asdict(
        shown, filter=_other_than(examples)
    )


def test_permissions_are_complete_once_they_are_uncommented(tmp_path: Path) -> None:
    """The rules are what the comments say, and none is in the way of another."""
    rules = _load(tmp_path, _uncommented(tmp_path)).permissions
    logs = rules[2]

    assert ["tmux-state", "tmux-hashes", "logs", "program-logs"] == [rule.name for rule in rules]
    assert ("/var/log/supervisor", True) == (logs.path, logs.recursive)
    assert "u=rw,g=r,o=" == str(logs.mode_for(is_directory=False))
    assert rules[3].is_for_logs
    assert [] == list(overlaps(rules))


def test_defaults_of_permissions_are_shown_as_they_are(tmp_path: Path) -> None:
    """What is shown of the rules with its default has it, in [maint] too."""
    shown = _load(tmp_path, _uncommented(tmp_path))
    section = shown.of(PermissionsSection)[0]
    defaults = PermissionsSection(path=section.path, mode=section.mode)

    assert shown.maint.permissions is PermissionPass.APPLY
    assert 3000.0 == shown.maint.permissions_timeout_seconds
    assert (defaults.missing, defaults.enabled) == (section.missing, section.enabled)


def _other_than(names: set[str]) -> Callable[[attrs.Attribute[object], object], bool]:
    return lambda attribute, _value: attribute.name not in names


def _uncommented(folder: Path) -> str:
    """Return the file with everything that is behind a ``;``, and the files it names."""
    for name in ("maint.password", "gateway.password", "internal-ca.pem"):
        (folder / name).write_text("s3cret\n", encoding="utf-8")
        (folder / name).chmod(0o600)
    text = re.sub(r"^;(?=\[|\w+=)", "", MAINT.read_text(encoding="utf-8"), flags=re.MULTILINE)
    secrets = r"/etc/(supervisor|ssl/certs)/(?=\S+$)"
    return re.sub(secrets, f"{folder}/", text, flags=re.MULTILINE)


def _load(folder: Path, text: str) -> settings.Settings:
    file = folder / "maint.conf"
    file.write_text(text, encoding="utf-8")
    file.chmod(0o600)
    return settings.load(file, environ=os.environ, now=0.0)


def test_files_come_with_the_package() -> None:
    """What an operator deploys is found beside the package's modules."""
    deployed = importlib.resources.files("supervisor_maint").joinpath("conf_d")

    assert MAINT.read_bytes() == deployed.joinpath("supervisor", "maint.conf").read_bytes()
