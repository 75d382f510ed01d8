"""A planned restart that is asked for and watched through supervisorctl, with both plug-ins."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from tests.e2e.harness import RealSupervisord
from tests.e2e.observed import Observed
from tests.e2e.planned import LOGS_STOPS, Runs, Webs, outcome, plan

PLUGINS = """\
[rpcinterface:maint]
supervisor.rpcinterface_factory=supervisor_maint.supervisord.rpcinterface:make_interface
state_dir={folder}/state

[ctlplugin:maint]
supervisor.ctl_factory=supervisor_maint.supervisord.ctlplugin:make_plugin
"""


def test_run_from_supervisorctl(
    start_supervisord: Callable[..., RealSupervisord], tmp_path: Path
) -> None:
    """``supervisorctl maint`` begins the run, shows it, holds the next, and lets it go again."""
    webs = Webs(3)
    observed = Observed(
        tmp_path, sinks=plan("nightly", programs="web:*", rotate_logs="true") + webs.readiness()
    )
    supervisord = start_supervisord(
        PLUGINS.format(folder=observed.folder), observed.stanza(), webs.stanzas(), **LOGS_STOPS
    )
    observed.under(supervisord).settled()
    runs = Runs(observed)
    asked = supervisord.ctl("maint", "run", "nightly")
    run_id = re.search(r"run ([0-9a-f]{8}) ", asked.stdout)
    assert run_id is not None, asked.stdout
    record = runs.finish(run_id[1])
    observed.wait_until(
        lambda: "succeeded" in supervisord.ctl("maint", "status").stdout, "status shows the run"
    )
    held = supervisord.ctl("maint", "hold", "nightly", "--for", "1h")
    shown = supervisord.ctl("maint", "status")
    resumed = supervisord.ctl("maint", "resume", "nightly")

    assert 0 == asked.returncode
    assert ("succeeded", "") == outcome(record)
    assert {*webs.namespecs} == runs.replaced()
    assert 1 == runs.transitions().most_away(webs.names)
    assert [("rotate-logs", "succeeded")] == [
        (each["name"], each["outcome"]) for each in record["run"]["steps"]
    ]
    # through the plug-in, and no signal that every program's log would need
    assert "SIGUSR2" not in supervisord.log()
    assert (0, 0) == (held.returncode, resumed.returncode), held.stdout + resumed.stdout
    assert "held" in shown.stdout
