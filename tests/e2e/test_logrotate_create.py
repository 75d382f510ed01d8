"""What is read of logrotate's files is what Debian's logrotate makes of them."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from supervisor_maint.advice.permission_files import stanzas_of
from tests import servers

pytestmark = pytest.mark.needs_server("logrotate")

MAIN = """
create 0600
{logs}/a.log {{
}}
# not this: create 0666
{logs}/b.log
{logs}/c.log
{{
  daily
  create 0640 daemon daemon
  postrotate
    create 0666 root root
  endscript
}}
"{logs}/d.log" {{
  copytruncate
}}
{logs}/e.log {{
  create 0604
  create 0611
}}
{logs}/f.log {{
  nocreate
}}
include {folder}/more
{logs}/g.log {{
  create 0444 daemon
}}
{logs}/j.log {{
}}
{logs}/k.log {{ daily }}
{logs}/l.log {{ nocreate }}
{logs}/m.log {{ daily create 0601
}}
{logs}/n.log {{ # not this: }}
  rotate 3
  missingok create 0602
  postrotate true
  endscript create 0603
}}
{logs}/o.log {{ postrotate
  create 0666
  endscript }}
daily create 0605
{logs}/p.log{{
}}
"""
INCLUDED = "{logs}/h.log {{\n}}\ncreate 0620\n{logs}/i.log {{\n}}\n"


def test_logrotate_creates_what_is_read(tmp_path: Path) -> None:
    """Each log gets the mode and owner that the stanzas are read to have; the rest gets none."""
    logs, folder = tmp_path / "logs", tmp_path / "etc"
    for path in (logs, folder, folder / "more"):
        path.mkdir(mode=0o755)
    for name in "abcdefghijklmnop":
        (logs / f"{name}.log").write_text("a line\n")
    (folder / "more" / "included").write_text(INCLUDED.format(logs=logs))
    (folder / "more" / "passed-over.dpkg-old").write_text(f"{logs}/a.log {{\n create 0777\n}}\n")
    main = folder / "main"
    main.write_text(MAIN.format(logs=logs, folder=folder))

    assert _made_by_logrotate(main, tmp_path / "state") == {
        pattern: stanza.create.mode
        for stanza in stanzas_of([main])
        for pattern in stanza.patterns
        if stanza.create is not None
    }


def _made_by_logrotate(config: Path, state: Path) -> dict[str, int]:
    """Return the mode of each log that logrotate says it would create."""
    done = subprocess.run(
        [str(servers.path_of("logrotate")), "-d", "-f", "-s", str(state), str(config)],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
        env={**os.environ, "PATH": "/usr/bin:/bin"},
    )
    assert "error:" not in done.stderr
    found = re.findall(r"creating new (\S+) mode = 0?(\d+) uid", done.stderr)
    return {path: int(mode, 8) for path, mode in found}
